"""What kdprobe asks of a model, whatever framework it comes from.

Does: name the protocol and the capabilities. Does not: load anything; `hf.py` and
`predictions/file.py` do, through `open_model`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from kdprobe.observations.predictions import Scale
from kdprobe.results.schema import ModelSource
from kdprobe.tasks.label_names import partners
from kdprobe.tasks.task import Split

Capability = Literal[
    "logits", "tokens", "texts", "hidden_states", "attentions", "embeddings", "gradients",
    "operations",
]  # fmt: skip
"""`logits`: outputs for other texts; `tokens`: and the tokens that it reads of them; `texts`: any
text can be put to it, for labels at least; `operations`: torch runs it, so that its
multiplications can be counted."""


@dataclass(frozen=True)
class Outputs:
    """What a model says of a split, before it is cached.

    Args:
        values: float64 `[n, c]` in the task's label order, rows in the split's order.
        scale: what the values are; see `observations.Predictions`.
        truncated: bool `[n]`; True where the model did not read every word.
    """

    values: NDArray[np.float64]
    scale: Scale
    truncated: NDArray[np.bool_]


class ModelHandle(Protocol):
    """A model that can be asked.

    `fingerprint` is SHA-256 over the bytes of weights, config and tokenizer, never the path, and
    empty where there are none to read;
    `labels` are the model's own label names, in its own order; `notes` are things the reader of the
    report must know (labels were mapped, probabilities instead of logits).
    """

    @property
    def name(self) -> str:
        """The name people gave it."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what it is made of."""

    @property
    def source(self) -> ModelSource:
        """What kind of thing was opened."""

    @property
    def folder(self) -> str:
        """The name of its folder or file, without the way there; of an object, what it is."""

    @property
    def architecture(self) -> str:
        """For people: `BertForSequenceClassification, 6 layers, 384 wide`; may be empty."""

    @property
    def parameters(self) -> int | None:
        """The number of parameters, or None when unknown."""

    @property
    def disk_bytes(self) -> int | None:
        """The size of its weight files in bytes; None: it has none."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in the model's own order; empty for a regression."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What can be asked of it."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of the report must know of it."""

    @property
    def lacks(self) -> Mapping[Capability, str]:
        """Why it has not what it cannot be asked for, where there is more to say than its kind."""

    @property
    def repeats(self) -> bool:
        """Whether its outputs for a text may be kept and given again, as those of weights may."""

    @property
    def alarms(self) -> tuple[str, ...]:
        """What was found wrong with its outputs while it was asked."""

    @property
    def reading(self) -> str:
        """What its outputs depend on beside the fingerprint: dtype, device, order of the labels."""

    def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
        """Ask for the outputs of every example, columns in the task's label order."""


class ProgressCall(Protocol):
    """Called with the number of examples just done."""

    def __call__(self, done: int, /) -> None:
        """Count them."""


def lacking(handle: ModelHandle, needs: frozenset[Capability]) -> str | None:
    """Return why a model lacks one of these capabilities; None: it has all."""
    for capability in sorted(needs - handle.capabilities):
        return handle.lacks.get(capability) or f"it has no {capability.replace('_', ' ')}"
    return None


def label_order(
    where: str, model_labels: Sequence[str], task_labels: Sequence[str]
) -> tuple[int, ...] | None:
    """Return, for each label of the task, the column of the model that speaks of it, or None.

    Names are compared as `tasks.label_names.partners` does. None: at least one has no partner.

    >>> label_order("m", ["Positive", "negative"], ["negative", "positive"])
    (1, 0)
    """
    if len(model_labels) != len(task_labels):
        return None
    return partners(model_labels, task_labels)


def is_rounded(handle: ModelHandle) -> bool:
    """Whether a model is run in bfloat16 or float16 that can be opened in float32, too."""
    opened = handle.source in ("transformers", "loaded model")
    return opened and getattr(handle, "precision", "") in ("bfloat16", "float16")
