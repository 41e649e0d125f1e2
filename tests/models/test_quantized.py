"""Folders whose weights are quantised already: opened where package and device allow."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf

from kdprobe.errors import CheckpointError, ConfigError, MissingExtraError
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.hf import HfModel
from kdprobe.models.hidden import LayerReader
from kdprobe.models.open import open_model
from kdprobe.models.path_options import parse_path
from kdprobe.tasks.task import Split
from tests.contracts.families import FAMILIES, OUTPUTS, SINGLE, build

TEXTS = ("the dog sleeps in the garden", "an", "she likes a funny film .", "they saw him today")
SPLIT = Split(SINGLE, "dev", tuple("0123"), TEXTS)
PLACES = [OUTPUTS.index(label) for label in SINGLE.labels]


WIDE = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 128, "max_position_embeddings": 40}  # fmt: skip
"""Blocks of 64 numbers share a scale: kernels for single texts take no narrower maps."""


def plain(folder: Path) -> Path:
    model, tokenizer = build(FAMILIES["BERT"]._replace(config=("BertConfig", WIDE)))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def opened(given: Path | str) -> HfModel:
    handle = open_model(parse_path(str(given)), name="m", task=SINGLE, device="cpu")
    assert isinstance(handle, HfModel)
    return handle


@pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="needs bitsandbytes (extra quantized)"
)
@pytest.mark.parametrize("bits", [8, 4])
def test_weights_of_bitsandbytes(bits: int, tmp_path: Path) -> None:
    """Guards a folder of quantised weights that is opened as other weights than it holds."""
    source, folder = plain(tmp_path / "plain"), tmp_path / "quantised"
    kept = ["classifier"]  # of three outputs: too few for the kernels of single texts
    config = hf.BitsAndBytesConfig(**{f"load_in_{bits}bit": True}, llm_int8_skip_modules=kept)
    settings = {"quantization_config": config, "dtype": torch.float32, "device_map": {"": "cpu"}}
    own = hf.AutoModelForSequenceClassification.from_pretrained(source, **settings).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(source)
    own.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    handle = opened(folder)
    with torch.no_grad():
        right = np.stack(
            [
                own(**tokenizer(text, return_tensors="pt")).logits[0].double().numpy()
                for text in TEXTS
            ]
        )[:, PLACES]
    values = handle.outputs(SPLIT, batch_size=64, advance=lambda done: None).values
    np.testing.assert_allclose(values, right, atol=1e-5)
    assert handle.precision == f"bitsandbytes {bits} bit"
    assert handle.parameters == opened(source).parameters
    assert "gradients" not in handle.capabilities
    assert "have no gradients" in handle.lacks["gradients"]
    assert LayerReader(handle, ["mean"]).cells[0].layer == "0"
    with pytest.raises(ConfigError, match="the option quantize=int8 of a folder of quantised"):
        opened(f"{folder}?quantize=int8")
    with pytest.raises(CheckpointError, match="`compare` and `attribute` take them"):
        load_classifier(str(folder), task=SINGLE)


@pytest.mark.parametrize(
    ("method", "install"),
    [
        ("gptq", "pip install gptqmodel"), ("awq", "pip install gptqmodel"),
        ("compressed-tensors", "pip install compressed-tensors"), ("hqq", "pip install hqq"),
        ("torchao", "pip install torchao"), ("bitsandbytes", "pip install 'kdprobe[quantized]'"),
    ],
)  # fmt: skip
def test_a_package_that_is_not_installed(
    method: str, install: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the ImportError of a library, or a remedy that nobody can follow."""
    folder = plain(tmp_path / "model")
    written = json.loads((folder / "config.json").read_text())
    written["quantization_config"] = {"quant_method": method, "bits": 4}
    (folder / "config.json").write_text(json.dumps(written))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    with pytest.raises(MissingExtraError) as caught:
        opened(folder)
    assert install in str(caught.value)
    assert f"its weights are quantised ({method} 4 bit)" in str(caught.value)


def test_a_way_of_quantising_that_cannot_be_run_here(tmp_path: Path) -> None:
    """Guards a traceback where only the library knows what it lacks."""
    folder = plain(tmp_path / "model")
    written = json.loads((folder / "config.json").read_text())
    written["quantization_config"] = {"quant_method": "of_tomorrow"}
    (folder / "config.json").write_text(json.dumps(written))
    with pytest.raises(CheckpointError) as caught:
        opened(folder)
    assert "its weights are quantised (of_tomorrow) and cannot be opened on cpu" in str(
        caught.value
    )
    assert "dequantize()" in str(caught.value)
