"""Properties of how model folders are opened: nothing depends on what else is installed."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    GPT2Config,
)

from kdprobe.errors import CheckpointError, ConfigError
from kdprobe.models import capacity
from kdprobe.models.building import build_fresh, described
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.folder import fingerprint
from kdprobe.models.weights import wrapper_of
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, tiny_checkpoint

TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "model", labels=TASK.labels)


def renamed(folder: Path, prefix: str) -> None:
    place = folder / "model.safetensors"
    held = {prefix + name: weight for name, weight in load_file(place).items()}
    save_file(held, place, metadata={"format": "pt"})


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod."])
def test_wrapped_weights_are_those_weights(folder: Path, prefix: str) -> None:
    """Guards a compiled model's weights drawn at random, and the reader not told of the prefix."""
    before = load_classifier(str(folder), task=TASK)
    renamed(folder, prefix)
    after = load_classifier(str(folder), task=TASK)
    weights = after.model.state_dict()
    assert weights.keys() == before.model.state_dict().keys()
    for name, weight in before.model.state_dict().items():
        assert torch.equal(weights[name], weight), name
    assert before.notes == ()
    assert any(prefix in note for note in after.notes)


def test_a_prefix_of_some_weights_is_none() -> None:
    """Guards a model whose own module is called `module` losing its name."""
    assert wrapper_of(["module.a", "other.b"]) == ""
    assert wrapper_of([]) == ""


def test_an_adapter_is_part_of_the_fingerprint(folder: Path) -> None:
    """Guards one cache entry for a model with and without its adapter."""
    before = fingerprint(folder)
    (folder / "adapter_config.json").write_text("{}")
    middle = fingerprint(folder)
    (folder / "adapter_model.safetensors").write_bytes(b"x")
    assert len({before, middle, fingerprint(folder)}) == 3


def test_the_answer_does_not_depend_on_peft(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a folder that answers as base model without peft and as adapter with it."""
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    for present in (True, False):
        monkeypatch.setattr("transformers.utils.is_peft_available", lambda held=present: held)
        with pytest.raises(CheckpointError, match=r"holds an adapter .*merge_and_unload"):
            load_classifier(str(folder), task=TASK)


def write_sentencepiece(folder: Path) -> Path:
    """Save a DeBERTa-v3 as its authors publish it: spm.model, no tokenizer.json."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4), model_writer=model, vocab_size=60,
        bos_id=1, eos_id=2, unk_id=3, pad_id=0, pad_piece="[PAD]", bos_piece="[CLS]",
        eos_piece="[SEP]", unk_piece="[UNK]", hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    config = DebertaV2Config(
        vocab_size=100, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, relative_attention=True,
        pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0,
        id2label=dict(enumerate(TASK.labels)), label2id={"bad": 0, "good": 1},
    )  # fmt: skip
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    (folder / "spm.model").write_bytes(model.getvalue())
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "DebertaV2Tokenizer", "model_max_length": 64})
    )
    return folder


def test_sentencepiece_alone_is_enough(tmp_path: Path) -> None:
    """Guards microsoft/deberta-v3-*, which ship spm.model and nothing else."""
    folder = write_sentencepiece(tmp_path / "deberta")
    tokenizer = load_classifier(str(folder), task=TASK).tokenizer
    ids = tokenizer("the dog sleeps")["input_ids"]
    assert len(ids) > 3
    assert tokenizer.unk_token_id not in ids


def test_a_missing_sentencepiece_is_named(tmp_path: Path) -> None:
    """Guards the message about tiktoken, whose installation gives another error."""
    folder = write_sentencepiece(tmp_path / "deberta")
    code = (
        "import sys; sys.modules['sentencepiece'] = None; sys.modules['google.protobuf'] = None\n"
        "from kdprobe.models.opening import open_tokenizer; from pathlib import Path\n"
        "from kdprobe.errors import CheckpointError\n"
        f"try: open_tokenizer(Path({str(folder)!r}), 'm')\n"
        "except CheckpointError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "spm.model" in done.stdout, done.stderr
    assert "pip install sentencepiece protobuf" in done.stdout


def small(kind: str) -> tuple[Any, Any]:
    if kind == "gpt2":
        config = GPT2Config(vocab_size=50, n_embd=8, n_layer=2, n_head=2, n_positions=16)
        return partial(AutoModelForSequenceClassification.from_config), config
    config = BertConfig(vocab_size=50, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=16)  # fmt: skip
    return BertForSequenceClassification, config


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_looking_at_sizes_changes_no_weight(kind: str) -> None:
    """Guards a student that another seed would give, as its sizes were looked at first."""
    make, config = small(kind)
    torch.manual_seed(3)
    plain = make(config)
    torch.manual_seed(3)
    built = build_fresh(make, config, where="x")
    for one, other in zip(plain.parameters(), built.parameters(), strict=True):
        assert torch.equal(one, other)
    sizes = described(make, config)
    assert sizes is not None
    assert sizes.total == sum(weight.numel() for weight in built.parameters())


def test_memory_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a model that fits being refused, or one that does not begun: 16 bytes a weight."""
    make, config = small("bert")
    sizes = described(make, config)
    assert sizes is not None
    monkeypatch.setattr("kdprobe.models.building.torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(capacity, "available_memory", lambda: 16 * sizes.total)
    build_fresh(make, config, where="x")
    monkeypatch.setattr(capacity, "available_memory", lambda: 16 * sizes.total - 1)
    with pytest.raises(ConfigError, match="GB of memory, expected at most the"):
        build_fresh(make, config, where="x")


def test_a_checkpoint_larger_than_memory_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a process killed by the system in the middle of a comparison."""
    monkeypatch.setattr(capacity, "available_memory", lambda: 1000)
    with pytest.raises(CheckpointError, match=r"GB of memory, expected at most the .* free"):
        load_classifier(str(folder), task=TASK)


def test_available_memory_is_a_size() -> None:
    """Guards a bound of zero, or of a whole machine for a process that may take a part."""
    free = capacity.available_memory()
    assert 2**20 < free < 2**50
