"""Adapters of the package `peft`: trained here, saved, opened, merged.

Right values are those of `peft` itself, run without merging on each text alone.
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf

import kdprobe
from kdprobe.errors import CheckpointError, ConfigError, MissingExtraError
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.hf import HfModel
from kdprobe.models.open import open_model
from kdprobe.models.path_options import parse_path
from kdprobe.tasks.task import Split, Task
from tests.contracts.families import FAMILIES, OUTPUTS, SINGLE, build

pytest.importorskip("peft", reason="adapters need the extra peft")
import peft

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:peft")

TEXTS = ("the dog sleeps in the garden", "an", "she likes a funny film .", "they saw him today")
SPLIT = Split(SINGLE, "dev", tuple("0123"), TEXTS)
PLACES = [OUTPUTS.index(label) for label in SINGLE.labels]


def train(base: Any, tokenizer: Any, folder: Path, **settings: Any) -> Path:
    """Train an adapter for a few steps, so that none of its weights is what it began with."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(3)
        usual = {"task_type": "SEQ_CLS", "r": 2, "target_modules": ["query", "value"]}
        config = peft.LoraConfig(**{**usual, **settings}, lora_dropout=0.0)
        model = peft.get_peft_model(base, config).train()
        given = tokenizer(list(TEXTS), padding=True, return_tensors="pt")
        wanted = torch.tensor([0, 1, 2, 1])
        steps = torch.optim.AdamW([w for w in model.parameters() if w.requires_grad], lr=0.05)
        for _ in range(3):
            out = model(**given)
            loss = out.logits.logsumexp(1) - out.logits[range(4), wanted] if hasattr(
                out, "logits") else out.last_hidden_state.square().mean()  # fmt: skip
            steps.zero_grad()
            loss.mean().backward()
            steps.step()
        model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`base` and `headless` (no classifier), each with an adapter trained on it."""
    root = tmp_path_factory.mktemp("adapters")
    model, tokenizer = build(FAMILIES["BERT"])
    for name, saved in (("base", model), ("headless", model.bert)):
        saved.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
    written = json.loads((root / "headless" / "config.json").read_text())
    plain = {key: value for key, value in written.items() if "label" not in key}
    (root / "headless" / "config.json").write_text(json.dumps(plain))
    return root


def on_base(place: Path, name: str = "adapter", **settings: Any) -> Path:
    base = hf.AutoModelForSequenceClassification.from_pretrained(place / "base")
    return train(base, hf.AutoTokenizer.from_pretrained(place / "base"), place / name, **settings)


@pytest.fixture(scope="module")
def adapter(place: Path) -> Path:
    return on_base(place)


def opened(given: Path | str, task: Task = SINGLE, **settings: Any) -> HfModel:
    handle = open_model(parse_path(str(given)), name="m", task=task, device="cpu", **settings)
    assert isinstance(handle, HfModel)
    return handle


def values(handle: HfModel) -> np.ndarray:
    return handle.outputs(SPLIT, batch_size=64, advance=lambda done: None).values


def pefts_plain(folder: Path) -> np.ndarray:
    """Logits of a folder by plain transformers."""
    model = hf.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        rows = [model(**tokenizer(text, return_tensors="pt")).logits[0].numpy() for text in TEXTS]
    return np.stack(rows)


def pefts_own(base: Path, adapter: Path, labels: int = 3) -> np.ndarray:
    """Logits of the adapter beside its base, unmerged, for each text alone."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        model = hf.AutoModelForSequenceClassification.from_pretrained(base, num_labels=labels)
        tokenizer = hf.AutoTokenizer.from_pretrained(base)
        whole = peft.PeftModel.from_pretrained(model, str(adapter)).eval()
        rows = [whole(**tokenizer(text, return_tensors="pt")).logits[0].numpy() for text in TEXTS]
    return np.stack(rows).astype(np.float64)


def test_a_merged_adapter_gives_what_peft_gives(place: Path, adapter: Path) -> None:
    """Guards the base compared under the adapter's name, and the head left behind."""
    handle = opened(adapter)
    right = pefts_own(place / "base", adapter)[:, PLACES]
    np.testing.assert_allclose(values(handle), right, atol=1e-5)
    assert np.abs(values(opened(place / "base")) - right).max() > 1e-2
    assert "a LORA adapter of rank 2, merged into its base base" in handle.notes
    assert handle.capabilities >= {"hidden_states", "gradients"}
    files = [place / "base" / "model.safetensors", adapter / "adapter_model.safetensors"]
    assert handle.disk_bytes == sum(file.stat().st_size for file in files)
    assert handle.fingerprint not in (opened(place / "base").fingerprint, "")


def test_an_adapter_compared_with_its_base(place: Path, adapter: Path) -> None:
    """Guards an adapter that changes nothing, or a folder that only opens one by one."""
    labels = [*SINGLE.labels, "bad"]
    table = pd.DataFrame({"text": TEXTS, "label": labels})
    result = kdprobe.compare(
        str(place / "base"), {"lora": str(adapter), "int8": f"{adapter}?quantize=int8"},
        task=table, resamples=100,
    )  # fmt: skip
    base, lora = pefts_plain(place / "base"), pefts_own(place / "base", adapter)
    same = float((base.argmax(1) == lora.argmax(1)).mean())
    assert result.get("agreement", "lora").value == same
    info = {each.name: each for each in result.document.models}
    assert info["int8"].folder == "adapter?quantize=int8"
    assert info["lora"].fingerprint == info["int8"].fingerprint != info["base"].fingerprint


def test_the_base_is_part_of_what_an_adapter_is(place: Path, adapter: Path, tmp_path: Path) -> None:
    """Guards outputs stored for one base that are given for the same adapter on another."""
    other = tmp_path / "other"
    shutil.copytree(place / "base", other)
    model = hf.AutoModelForSequenceClassification.from_pretrained(other)
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight.mul_(1.5)
    model.save_pretrained(other)
    moved = opened(f"{adapter}?base={other}")
    assert moved.fingerprint != opened(adapter).fingerprint
    np.testing.assert_allclose(values(moved), pefts_own(other, adapter)[:, PLACES], atol=1e-5)
    assert load_classifier(str(adapter), task=SINGLE).fingerprint == opened(adapter).fingerprint


def test_a_base_without_a_head_takes_the_adapters(place: Path) -> None:
    """Guards a head of fresh random numbers in a comparison."""
    model = hf.AutoModelForSequenceClassification.from_pretrained(place / "headless", num_labels=3)
    tokenizer = hf.AutoTokenizer.from_pretrained(place / "headless")
    adapter = train(model, tokenizer, place / "with-head")
    handle = opened(adapter, label_map={"*": "*"})
    right = pefts_own(place / "headless", adapter)
    np.testing.assert_allclose(values(handle), right, atol=1e-5)
    assert handle.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    out = kdprobe.attribute(str(adapter), "the dog sleeps", methods="occlusion")
    assert next(iter(out)).explained.startswith("LABEL_")
    bare = train(
        hf.AutoModel.from_pretrained(place / "headless"), tokenizer, place / "no-head",
        task_type="FEATURE_EXTRACTION",
    )  # fmt: skip
    with pytest.raises(CheckpointError) as caught:
        opened(bare, label_map={"*": "*"})
    assert "its head would be random" in str(caught.value)
    assert "classifier." in str(caught.value)
    assert "SEQ_CLS" in str(caught.value)


def test_a_decoder_that_was_trained_to_speak(tmp_path: Path) -> None:
    """Guards the usual adapter of a large model: a base of texts to come, a head of the adapter."""
    _, tokenizer = build(FAMILIES["Llama"])
    kind, sizes = FAMILIES["Llama"].config
    assert kind == "LlamaConfig"
    pad = tokenizer.pad_token_id
    config = hf.LlamaConfig(**sizes, vocab_size=len(tokenizer), pad_token_id=pad)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        hf.LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
        tokenizer.save_pretrained(tmp_path / "base")
        base = hf.AutoModelForSequenceClassification.from_pretrained(
            tmp_path / "base", num_labels=3
        )
    adapter = train(base, tokenizer, tmp_path / "adapter", target_modules=["q_proj", "v_proj"])
    handle = opened(adapter, label_map={"*": "*"})
    np.testing.assert_allclose(values(handle), pefts_own(tmp_path / "base", adapter), atol=1e-5)
    assert handle.architecture.startswith("LlamaForSequenceClassification")


def test_quantised_after_it_was_merged(adapter: Path) -> None:
    """Guards options that are lost for folders of another kind."""
    assert opened(f"{adapter}?quantize=int8").precision == "int8"
    assert opened(f"{adapter}?dtype=bf16").precision == "bfloat16"
    with pytest.raises(CheckpointError, match=r"has no graph x.onnx, expected one of none"):
        opened(f"{adapter}?file=x.onnx")
    with pytest.raises(ConfigError, match="the option base=x of a model folder, expected one of"):
        opened(f"{adapter.parent / 'base'}?base=x")


def test_a_base_that_is_not_where_it_was(place: Path, adapter: Path, tmp_path: Path) -> None:
    """Guards a search that does not say where, and a base beside the adapter overlooked."""
    lost = tmp_path / "lost"
    shutil.copytree(adapter, lost)
    settings = json.loads((lost / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = "/nowhere/at/all/base"
    (lost / "adapter_config.json").write_text(json.dumps(settings))
    with pytest.raises(CheckpointError) as caught:
        opened(lost)
    told = str(caught.value)
    assert (
        f"its base /nowhere/at/all/base is at none of /nowhere/at/all/base, {tmp_path}/base" in told
    )
    assert "`?base=PATH`" in told
    shutil.copytree(place / "base", tmp_path / "base")
    np.testing.assert_allclose(values(opened(lost)), values(opened(adapter)), atol=1e-6)


def test_adapters_that_cannot_be_merged(
    place: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards pickles, prompts, weights that are left over, and a missing package."""
    pickled = tmp_path / "pickled"
    shutil.copytree(adapter, pickled)
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    with pytest.raises(CheckpointError, match=r"holds no adapter_model.safetensors"):
        opened(pickled)
    base = hf.AutoModelForSequenceClassification.from_pretrained(place / "base")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prompt = peft.PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=2)
        peft.get_peft_model(base, prompt).save_pretrained(tmp_path / "prompt")
    with pytest.raises(CheckpointError, match="is a PROMPT_TUNING adapter, which changes no weig"):
        opened(f"{tmp_path / 'prompt'}?base={place / 'base'}")
    shallow = tmp_path / "shallow"
    config = hf.AutoConfig.from_pretrained(place / "base", num_hidden_layers=1)
    hf.AutoModelForSequenceClassification.from_config(config).save_pretrained(shallow)
    hf.AutoTokenizer.from_pretrained(place / "base").save_pretrained(shallow)
    with pytest.raises(CheckpointError, match="its base has no place for, the weight"):
        opened(f"{adapter}?base={shallow}")
    monkeypatch.setitem(sys.modules, "peft", None)  # importing it fails then
    with pytest.raises(MissingExtraError, match=r"pip install 'kdprobe\[peft\]'"):
        opened(adapter)
