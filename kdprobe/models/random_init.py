"""A model of the same shape that has learnt nothing.

Does: draw fresh weights for a loaded model's config, the same on every machine for one seed. Does
not: touch the model, or torch's global random state.
"""

from __future__ import annotations

import hashlib

import torch
from transformers import AutoModelForSequenceClassification

from kdprobe.models.checkpoint import Loaded, quiet
from kdprobe.models.hf import HfModel
from kdprobe.seeds import derive_seed


def random_twin(handle: HfModel, *, seed: int) -> HfModel:
    """Give a classifier with the config and tokenizer of another and random weights.

    Args:
        handle: the model whose shape is taken.
        seed: of the weights, drawn as a new model's are.
    """
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(derive_seed(seed, "random twin") % 2**63)
        model = AutoModelForSequenceClassification.from_config(handle.model.config)
    text = f"{handle.model.config.to_json_string()}\0{handle.fingerprint}\0{seed}"
    return HfModel(
        Loaded(model.eval(), handle.tokenizer, tuple(handle.columns), ()),
        name=f"random weights of {handle.name}",
        folder=handle.folder,
        fingerprint=hashlib.sha256(f"random twin\0{text}".encode()).hexdigest(),
        device=handle.device,
        dtype=torch.float32,
    )
