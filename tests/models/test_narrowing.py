"""Tests of students that begin with a wide model's weights: exact where they can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AlbertConfig, AutoModelForSequenceClassification

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.architectures import EMBEDDING_TABLES, PARTS, layer_part, layers_of
from kdprobe.models.checkpoint import Loaded, load_classifier
from kdprobe.models.narrowing import student_of
from kdprobe.models.shapes import CopyShape, parse_student
from kdprobe.models.text_model import TextModel
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, WORDS, Architecture, tiny_checkpoint

TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")
ARCHITECTURES: tuple[Architecture, ...] = ("bert", "roberta", "distilbert")
TEXTS = [*SENTENCES, *(" ".join(WORDS[at : at + 9]) for at in range(0, 90, 3))]


def opened(folder: Path, arch: Architecture = "bert", *, width: int = 8, layers: int = 2) -> Loaded:
    tiny_checkpoint(folder, labels=("good", "bad"), layers=layers, width=width, arch=arch)
    return load_classifier(str(folder), task=TASK)


def made(words: str, loaded: Loaded, *, columns: Any = "own", texts: Any = TEXTS) -> Any:
    shape = parse_student(words)
    assert isinstance(shape, CopyShape)
    columns = loaded.columns if columns == "own" else columns
    return student_of(shape, loaded.model, loaded.tokenizer, TASK, columns=columns, texts=texts)


def logits(model: Any, loaded: Loaded) -> Tensor:
    batch = loaded.tokenizer(list(SENTENCES), padding=True, return_tensors="pt")
    with torch.no_grad():
        given: Tensor = model(**batch).logits
    return given


def doubled(loaded: Loaded, task: Task = TASK) -> Any:
    """A model of twice the width that computes the same, by construction.

    Every column of the stream stands there twice, so that means and variances stay; maps read half
    of each; heads, inner neurons and head units have as many zeros besides.
    """
    narrow = loaded.model
    config = type(narrow.config)(**narrow.config.to_dict())
    config.hidden_size *= 2
    inner = "hidden_dim" if config.model_type == "distilbert" else "intermediate_size"
    setattr(config, inner, 2 * getattr(config, inner))
    wide = AutoModelForSequenceClassification.from_config(config).eval()
    names, heads = PARTS[config.model_type], config.num_attention_heads

    def reads(weight: Tensor) -> Tensor:
        return torch.cat([weight, weight], 1) / 2

    def spaced(values: Tensor) -> Tensor:  # rows of each head, then as many zeros
        parts = values.view(heads, -1, *values.shape[1:])
        return torch.cat([parts, torch.zeros_like(parts)], 1).flatten(0, 1)

    def put(ours: Any, weight: Tensor, bias: Tensor) -> None:
        ours.weight.copy_(weight)
        ours.bias.copy_(bias)

    with torch.no_grad():
        for place in EMBEDDING_TABLES:
            parts = [m.base_model.get_submodule("embeddings") for m in (wide, narrow)]
            if hasattr(parts[0], place):
                table = getattr(parts[1], place).weight
                getattr(parts[0], place).weight.copy_(torch.cat([table, table], 1))
        norms: list[tuple[str, int | None]] = [("embeddings.LayerNorm", None)]
        norms += [
            (n, at)
            for at in range(len(layers_of(wide)))
            for n in (names.attention_norm, names.norm)
        ]
        for name, at in norms:
            ours, theirs = (
                m.base_model.get_submodule(name) if at is None else layer_part(m, at, name)
                for m in (wide, narrow)
            )
            put(ours, theirs.weight.repeat(2), theirs.bias.repeat(2))
        for at in range(len(layers_of(wide))):
            for name in (names.query, names.key, names.value):
                theirs = layer_part(narrow, at, name)
                grow = 2**0.25 if name != names.value else 1.0
                put(layer_part(wide, at, name), spaced(reads(theirs.weight)) * grow,
                    spaced(theirs.bias) * grow)  # fmt: skip
            theirs = layer_part(narrow, at, names.joined)
            put(layer_part(wide, at, names.joined), spaced(theirs.weight.T).T.repeat(2, 1),
                theirs.bias.repeat(2))  # fmt: skip
            theirs = layer_part(narrow, at, names.inner)
            put(layer_part(wide, at, names.inner), torch.cat([reads(theirs.weight)] * 2) * 1.0,
                theirs.bias.repeat(2))  # fmt: skip
            theirs = layer_part(narrow, at, names.outer)
            put(layer_part(wide, at, names.outer), reads(theirs.weight).repeat(2, 1),
                theirs.bias.repeat(2))  # fmt: skip
        theirs = narrow.get_submodule(names.dense)
        put(wide.get_submodule(names.dense), torch.cat([reads(theirs.weight)] * 2),
            theirs.bias.repeat(2))  # fmt: skip
        theirs = narrow.get_submodule(names.output)
        put(wide.get_submodule(names.output), reads(theirs.weight), theirs.bias)
    return wide


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_full_size_is_the_identity(tmp_path: Path, arch: Architecture) -> None:
    """Guards the cut: with nothing to cut every logit must be the teacher's, by name."""
    loaded = opened(tmp_path, arch)
    student = made("hidden=8,init=truncated", loaded)
    assert loaded.columns == (1, 0)
    assert torch.allclose(
        logits(student.model, loaded), logits(loaded.model, loaded)[:, [1, 0]], atol=1e-6
    )
    assert student.layers == (0, 1)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_model_of_low_rank_is_cut_exactly(tmp_path: Path, arch: Architecture) -> None:
    """Guards every part at once: a wide model that a narrow one equals must give the narrow one."""
    loaded = opened(tmp_path, arch)
    wide = doubled(loaded)
    assert torch.allclose(logits(wide, loaded), logits(loaded.model, loaded), atol=1e-5)
    source = loaded._replace(model=wide)
    inner = 16  # of 32
    student = made(f"hidden=8,intermediate={inner},init=truncated", source)
    assert student.model.config.hidden_size == 8
    found, wanted = logits(student.model, loaded), logits(wide, loaded)[:, [1, 0]]
    assert torch.allclose(found, wanted, atol=2e-3 * float(wanted.abs().max()))
    assert student.notes == (
        "cut to 8 of 16 columns: embeddings, layers 0 1 of 2, the classifier head too",
    )


def test_cut_is_nearer_than_chance(tmp_path: Path) -> None:
    """Guards the approximation: three quarters of the width must say more than random weights.

    Squared difference of the centred logits, against random starts of the same shape.
    """
    loaded = opened(tmp_path, "bert", width=32)
    wanted = logits(loaded.model, loaded)[:, [1, 0]]

    def gap(words: str) -> float:
        found = logits(made(words, loaded).model, loaded)
        difference = (found - found.mean(1, keepdim=True)) - (wanted - wanted.mean(1, keepdim=True))
        return float(difference.square().mean())

    torch.manual_seed(0)
    chance = min(gap("hidden=24,intermediate=48,init=random") for _ in range(5))
    assert gap("hidden=24,intermediate=48,init=truncated") < chance / 2


def test_the_idle_head_goes(tmp_path: Path) -> None:
    """Guards the choice of heads: where one adds a constant only, the function must stay."""
    loaded = opened(tmp_path, "bert", width=32)
    with torch.no_grad():
        for layer in layers_of(loaded.model):
            layer.attention.self.value.weight[:16] = 0.0  # type: ignore[union-attr, operator]
    student = made("heads=1,init=truncated", loaded)
    assert student.model.config.num_attention_heads == 1
    wanted = logits(loaded.model, loaded)[:, [1, 0]]
    assert torch.allclose(logits(student.model, loaded), wanted, atol=1e-5)


def test_combinations(tmp_path: Path) -> None:
    """Guards layers=1,hidden=...: the layer's own weights, read through its own columns."""
    loaded = opened(tmp_path, layers=3)
    student = made("layers=2:last,hidden=4,heads=2,intermediate=8,init=truncated", loaded)
    assert student.layers == (1, 2)
    config = student.model.config
    assert (config.num_hidden_layers, config.hidden_size, config.intermediate_size) == (2, 4, 8)
    assert torch.isfinite(logits(student.model, loaded)).all()
    torch.manual_seed(1)
    headless = made("hidden=4,init=truncated", loaded, columns=None)
    torch.manual_seed(2)
    other = made("hidden=4,init=truncated", loaded, columns=None)
    assert headless.notes[0].endswith("the classifier head at random")
    assert not torch.equal(headless.model.classifier.weight, other.model.classifier.weight)
    same = [layers_of(each.model)[0].attention.output.dense.weight for each in (headless, other)]  # type: ignore[union-attr]
    assert torch.equal(*same)  # type: ignore[arg-type]


def test_principal(tmp_path: Path) -> None:
    """Guards fewer directions: distances between words stay, and in full size all of it."""
    loaded = opened(tmp_path, width=32)
    torch.manual_seed(0)
    student = made("layers=1,hidden=24,heads=2,init=principal", loaded)
    tables = [
        model.get_input_embeddings().weight.detach() for model in (student.model, loaded.model)
    ]
    used = loaded.tokenizer(" ".join(WORDS[:40]))["input_ids"]
    near, far = (torch.cdist(table[used], table[used]).flatten() for table in tables)
    assert float(torch.corrcoef(torch.stack([near, far]))[0, 1]) > 0.9
    assert student.layers is None
    assert student.notes[0].startswith("its embeddings are the other model's in their 24 directio")
    full = made("layers=1,init=principal", loaded).model
    ours, theirs = (m.base_model.embeddings for m in (full, loaded.model))
    for name, weight in ours.state_dict().items():
        assert torch.equal(weight, theirs.state_dict()[name])


def test_random_on_purpose(tmp_path: Path) -> None:
    """Guards the control: init=random of the teacher's own shape copies nothing, and says so."""
    loaded = opened(tmp_path)
    torch.manual_seed(5)
    student = made("layers=2,init=random", loaded)
    assert student.layers is None
    assert student.notes == ("all its weights start at random",)
    first = [model.get_input_embeddings().weight for model in (student.model, loaded.model)]
    assert not torch.equal(*first)


def test_hooks_are_gone_and_the_source_is_left(tmp_path: Path) -> None:
    """Guards the teacher: a hook left behind, or a changed weight, would change every target."""
    loaded = opened(tmp_path)
    before = {name: weight.clone() for name, weight in loaded.model.state_dict().items()}
    text = TextModel(loaded.model, loaded.tokenizer, name="m")
    assert text.together == "right"  # transformers' own hooks for hidden states stay
    hooks = [len(module._forward_hooks) for module in loaded.model.modules()]
    made("hidden=4,init=truncated", loaded)
    assert [len(module._forward_hooks) for module in loaded.model.modules()] == hooks
    assert all(torch.equal(before[n], w) for n, w in loaded.model.state_dict().items())


def test_mistakes(tmp_path: Path) -> None:
    """Guards every message: larger sizes, unknown architectures, no texts."""
    loaded = opened(tmp_path)
    for words, message in (
        ("hidden=16,init=truncated", "16 columns cut from 8, expected at most 8; init=random"),
        ("hidden=8,heads=4,init=truncated", "4 heads cut from 2, expected at most 2; init=random"),
        (
            "intermediate=99,init=truncated",
            "99 inner neurons cut from 16, expected at most 16; init=random",
        ),
    ):
        with pytest.raises(ConfigError) as caught:
            made(words, loaded)
        assert str(caught.value) == f"`student`: {message}"
    with pytest.raises(ValueError, match="no texts to narrow a model by"):
        made("hidden=4,init=truncated", loaded, texts=())
    albert = AutoModelForSequenceClassification.from_config(
        AlbertConfig(vocab_size=50, embedding_size=8, hidden_size=8, num_attention_heads=2,
                     intermediate_size=8)
    )  # fmt: skip
    with pytest.raises(CapabilityError) as refused:
        student_of(
            CopyShape(hidden=4, init="truncated"), albert, loaded.tokenizer, TASK, columns=None,
            texts=TEXTS,
        )  # fmt: skip
    assert str(refused.value) == (
        "AlbertForSequenceClassification: the weights of the architecture 'albert' cannot be "
        "taken, expected one of bert, camembert, distilbert, roberta, xlm-roberta; init=random"
    )
