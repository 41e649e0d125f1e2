"""A model of the same shape that has learnt nothing.

Does: draw fresh weights for a loaded model's config, the same on every machine for one seed, and
name them by what they depend on, so that models of one shape share them and what is computed of
them, whatever computes it. Does not: touch the model, or torch's global random state.
"""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any
from weakref import WeakValueDictionary

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


_DRAWN: WeakValueDictionary[str, PreTrainedModel] = WeakValueDictionary()
"""The random models that somebody holds: the next of their shape is the same object."""


def twin_seed(seed: int) -> int:
    """Return the seed of all random weights of a comparison.

    One for probing, similarity, attention and the floor of explanations: they speak of one network.

    Args:
        seed: of the comparison.
    """
    return derive_seed(seed, "random weights") % 2**31


def random_weights(handle: HfModel, *, seed: int) -> PreTrainedModel:
    """Return a model of another's config with weights drawn as a new model's are, in eval mode.

    It is drawn in float32 and put where the other runs, in its type. While somebody holds it, it is
    what every model of the shape gets: it is not to be changed.

    Args:
        handle: the model whose shape is taken.
        seed: of torch's generator, which is put back afterwards.
    """
    device, dtype = handle.device, handle.model.dtype
    key = f"{random_fingerprint(handle, seed=seed)} {device} {dtype}"
    held = _DRAWN.get(key)
    if held is not None:
        return held
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = AutoModelForSequenceClassification.from_config(
            handle.model.config, dtype=torch.float32
        )
    placed: PreTrainedModel = model.eval().to(device=device, dtype=dtype)
    _DRAWN[key] = placed
    return placed


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
    """Return a classifier with the config and tokenizer of another and random weights.

    Its outputs are taken in their own order: weights that know no label have none to be sorted by,
    and students that list their labels in another order share it.

    Args:
        handle: the model whose shape, device and type are taken.
        seed: of the comparison; see `twin_seed`.
    """
    drawn = twin_seed(seed)
    weights = random_weights(handle, seed=drawn)
    return HfModel(
        Loaded(weights, handle.tokenizer, tuple(range(len(handle.columns))), ()),
        name=f"random weights of {handle.name}",
        folder=handle.folder,
        fingerprint=random_fingerprint(handle, seed=drawn),
        device=handle.device,
        dtype=weights.dtype,
        together=handle.text.together,
    )
