"""A model of the same shape that has learnt nothing.

Does: draw fresh weights for a loaded model's config, the same on every machine for one seed, and
name them by what they depend on, so that models of one shape share what is computed of them. Does
not: touch the model, or torch's global random state.
"""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from kdprobe.models.checkpoint import Loaded, quiet
from kdprobe.models.hf import HfModel
from kdprobe.seeds import derive_seed

_NAMES = frozenset(
    {"_name_or_path", "architectures", "dtype", "id2label", "label2id", "problem_type",
     "torch_dtype", "transformers_version"}
)  # fmt: skip
"""Settings that neither the weights nor the forward of a model depend on."""


def random_weights(handle: HfModel, *, seed: int) -> PreTrainedModel:
    """Return a model of another's config with weights drawn as a new model's are, in eval mode.

    Args:
        handle: the model whose shape is taken.
        seed: of torch's generator, which is put back afterwards.
    """
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: PreTrainedModel = AutoModelForSequenceClassification.from_config(handle.model.config)
    return model.eval()


def random_fingerprint(handle: HfModel, *, seed: int) -> str:
    """Return SHA-256 over all that the outputs of `random_weights` for a text depend on.

    Definition: the config without the names in it, the number of outputs, the tokenizer, what it
    sends and how many tokens are read, and the seed. Students of one shape have one.

    Args:
        handle: the model whose shape is taken.
        seed: as in `random_weights`.
    """
    config = handle.model.config
    settings = {name: value for name, value in config.to_dict().items() if name not in _NAMES}
    parts = [
        type(handle.model).__name__, settings, config.num_labels, _tokenizer_text(handle),
        handle.text.sent, handle.text.limit, seed,
    ]  # fmt: skip
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(f"random weights\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _tokenizer_text(handle: HfModel) -> str:
    """Return all that a tokenizer does, as text; of one without a backend, whose it is."""
    tokenizer: Any = handle.tokenizer
    if not tokenizer.is_fast:
        return handle.fingerprint
    backend = copy.deepcopy(tokenizer.backend_tokenizer)
    backend.no_truncation()  # both are set by the last call
    backend.no_padding()
    sides = [tokenizer.truncation_side, tokenizer.padding_side, tokenizer.special_tokens_map]
    return f"{backend.to_str()} {sides}"


def random_twin(handle: HfModel, *, seed: int) -> HfModel:
    """Return a classifier with the config and tokenizer of another and random weights, float32.

    Args:
        handle: the model whose shape is taken.
        seed: of the comparison; the weights are drawn from one derived of it.
    """
    drawn = derive_seed(seed, "random twin") % 2**63
    return HfModel(
        Loaded(random_weights(handle, seed=drawn), handle.tokenizer, tuple(handle.columns), ()),
        name=f"random weights of {handle.name}",
        folder=handle.folder,
        fingerprint=random_fingerprint(handle, seed=drawn),
        device=handle.device,
        dtype=torch.float32,
    )
