"""Folders as they come: no padding token, no limit or one too large, weights of half precision.

Each is held against plain transformers that open the same folder and run each text alone.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf

from kdprobe.distillers.data import encode_for
from kdprobe.distillers.own_reading import OwnReading
from kdprobe.extract.own_outputs import require_own_outputs
from kdprobe.models.hf import open_hf
from tests.contracts.families import FAMILIES, LIMIT, SINGLE, build
from tests.contracts.test_families import TEXTS, gap, outputs, put, split_of

FOLDERS: Mapping[str, tuple[str, dict[str, object], str]] = {
    "no padding token": ("GPT-2", {"pad_token": None}, ""),
    "padding known to the model alone": ("Llama", {"pad_token": None}, ""),
    "no limit, learnt positions": ("OPT", {"model_max_length": None}, ""),
    "no limit, reserved positions": ("RoBERTa", {"model_max_length": None}, ""),
    "limit above the positions": ("MPNet", {"model_max_length": 100}, ""),
    "limit above the positions of an encoder-decoder": ("BART", {"model_max_length": 100}, ""),
    "no limit at all": ("BLOOM", {"model_max_length": None}, ""),
    "float16": ("BERT", {}, "float16"),
    "bfloat16": ("Llama", {}, "bfloat16"),
}
"""Family, what of the tokenizer's settings is changed (None: left out), type of the weights."""
BOUNDLESS = ("no limit at all",)


def write(folder: Path, kind: str) -> Path:
    family, changes, dtype = FOLDERS[kind]
    model, tokenizer = build(FAMILIES[family])
    if kind == "no padding token":
        model.config.pad_token_id = None
    if dtype:
        model = model.to(getattr(torch, dtype))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    place = folder / "tokenizer_config.json"
    settings = json.loads(place.read_text(encoding="utf-8"))
    settings |= {name: value for name, value in changes.items() if value is not None}
    for name in (name for name, value in changes.items() if value is None):
        del settings[name]
    place.write_text(json.dumps(settings), encoding="utf-8")
    return folder


def plain(folder: Path, limit: int) -> np.ndarray:
    """Outputs of each text alone by plain transformers, in float32."""
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    model = hf.AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    takes = inspect.signature(model.eval().forward).parameters
    rows = []
    for text in TEXTS:
        given = tokenizer(text, truncation=True, max_length=limit, return_tensors="pt")
        inputs = {name: given[name] for name in given if name in takes}
        if "token_type_ids" in inputs and model.config.type_vocab_size < 2:
            del inputs["token_type_ids"]
        with torch.no_grad():
            rows.append(model(**inputs).logits[0].double().numpy())
    return np.stack(rows)


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_gives_what_plain_transformers_give(kind: str, tmp_path: Path) -> None:
    """Guards batches padded with a token the model reads, positions it has no rows for, halves."""
    folder = write(tmp_path / "model", kind)
    handle = open_hf(str(folder), name=kind, task=SINGLE, device="cpu")
    assert (handle.text.limit == LIMIT) == (kind not in BOUNDLESS)
    right = plain(folder, handle.text.limit)[:, list(handle.columns)]
    for size in (1, 64):
        assert gap(outputs(handle, split_of(SINGLE), size), right) <= 1e-6
    assert not handle.alarms
    told = [note for note in handle.notes if "names a padding token" in note]
    assert len(told) == (kind == "no padding token")
    assert all("to '</s>' for one" in note for note in told)
    require_own_outputs([put(handle, text).game for text in TEXTS])
    split = split_of(SINGLE)
    encoded = encode_for(handle.model, handle.tokenizer, split, max_length=LIMIT)
    OwnReading(handle.text, split, encoded, LIMIT).require_student()
