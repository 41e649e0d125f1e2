"""Forward passes of a classifier that compute its last layer for the first token only.

Does: decide when no objective loses a quantity by it, and run a block so. Does not: change the
forward; `models.first_token` does.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.forward import predict
from kdprobe.distillers.objective import Needs
from kdprobe.models.first_token import first_token_only, is_enough

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TRIALS, _TRIED_TOKENS = 4, 8


def leaves_last_layer(needs: Needs, layers: int) -> bool:
    """Whether objectives read no token of the student's last layer but through its logits.

    Queries, keys and values of that layer come before what is left out.

    Args:
        needs: what the objectives read.
        layers: of the student.
    """
    last = (need for need in needs.student if need.quantity in ("hidden", "first"))
    return not needs.student_model and all(need.layer < layers for need in last)


def leaves_last_attention(needs: Needs, layers: int) -> bool:
    """Whether objectives read nothing of the attention of the student's last layer; see above."""
    inside = ("query", "key", "value", "attention")
    return not any(n.layer == layers and n.quantity in inside for n in needs.student)


def first_token_suffices(model: PreTrainedModel, encoded: Encoded) -> bool:
    """Whether a model's logits come from the first token of its last layer; tried on some texts.

    Args:
        model: a classifier; in the mode it was in afterwards.
        encoded: texts as it reads them; a few of different lengths are tried, none longer than the
            first with tokens enough to tell (all lengths cost a tenth of the pass over 256 texts).
    """
    order = np.argsort(encoded.lengths, kind="stable")
    ordered = encoded.lengths[order]
    last = int(np.searchsorted(ordered, min(_TRIED_TOKENS, ordered[-1])))
    places = np.linspace(0, last, min(_TRIALS, last + 1)).astype(np.int64)
    device = next(model.parameters()).device
    few = encoded.take([int(row) for row in order[places]])
    batches = [few.batch(range(len(few.lengths))), _one_shorter(few).batch([0])]
    trials = [{name: ids.to(device) for name, ids in batch.items()} for batch in batches]
    training = model.training
    model.eval()
    try:
        return is_enough(
            model, lambda: torch.cat([predict(model, one) for one in trials]), attention=True
        )
    finally:
        model.train(training)


def _one_shorter(encoded: Encoded) -> Encoded:
    """Return the longest of these texts without its second token.

    An architecture that fills texts up to a window cuts its own padding off again, and would cut
    the first token with it: of two neighbouring lengths one is no multiple of the window.
    """
    row = int(encoded.lengths.argmax())
    column = {name: list(ids[row]) for name, ids in encoded.columns.items()}
    shorter = {n: [ids[:1] + ids[2:] if len(ids) > 2 else ids] for n, ids in column.items()}
    return replace(encoded, columns=shorter, words=None)


def first_token_forward(
    model: torch.nn.Module, *, enough: bool, attention: bool = True
) -> contextlib.AbstractContextManager[None]:
    """Compute the last layer for the first token alone inside the block, where that is enough.

    Args:
        model: the classifier.
        enough: see `first_token_suffices`.
        attention: whether nobody reads the layer's attention.
    """
    return first_token_only(model, attention=attention) if enough else contextlib.nullcontext()
