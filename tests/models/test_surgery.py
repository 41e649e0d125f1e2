"""Tests of smaller models made from larger ones."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    MPNetConfig,
    SqueezeBertConfig,
    XLNetConfig,
)

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.architectures import ARCHITECTURES, layers_of
from kdprobe.models.checkpoint import Loaded, load_classifier
from kdprobe.models.shapes import CopyShape
from kdprobe.models.surgery import make_student
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, Architecture, tiny_checkpoint

TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")


def opened(
    folder: Path, arch: Architecture, *, labels: tuple[str, ...] = ("bad", "good")
) -> Loaded:
    tiny_checkpoint(folder, labels=labels, layers=4, arch=arch)
    return load_classifier(str(folder), task=TASK)


def logits(model: torch.nn.Module, loaded: Loaded) -> torch.Tensor:
    batch = loaded.tokenizer(list(SENTENCES), padding=True, return_tensors="pt")
    with torch.no_grad():
        given: torch.Tensor = model(**batch).logits
    return given


@pytest.mark.parametrize("arch", get_args(Architecture))
def test_all_layers_give_the_same_logits(tmp_path: Path, arch: Architecture) -> None:
    """Guards the copy: one weight left at random would quietly be another model."""
    loaded = opened(tmp_path, arch)
    student = make_student(CopyShape(), loaded.model, TASK, columns=loaded.columns)
    assert student.layers == (0, 1, 2, 3)
    assert torch.equal(logits(student.model, loaded), logits(loaded.model, loaded))
    assert not student.model.training


@pytest.mark.parametrize("arch", get_args(Architecture))
def test_chosen_layers_are_exact_copies(tmp_path: Path, arch: Architecture) -> None:
    """Guards the order of the layers: layer 1 of the student is layer 3 of the teacher."""
    loaded = opened(tmp_path, arch)
    before = logits(loaded.model, loaded)
    made = make_student(CopyShape(2, (0, 3)), loaded.model, TASK, columns=loaded.columns)
    ours, theirs = layers_of(made.model), layers_of(loaded.model)
    assert len(ours) == made.model.config.num_hidden_layers == 2
    for new, old in enumerate((0, 3)):
        for name, weight in ours[new].state_dict().items():
            assert torch.equal(weight, theirs[old].state_dict()[name])
    with torch.no_grad():
        for weight in made.model.parameters():
            weight.zero_()
    assert torch.equal(logits(loaded.model, loaded), before)  # nothing is shared


def test_head_follows_the_tasks_labels(tmp_path: Path) -> None:
    """Guards label order: a teacher whose outputs are swapped must not hand on swapped labels."""
    loaded = opened(tmp_path, "bert", labels=("good", "bad"))
    assert loaded.columns == (1, 0)
    made = make_student(CopyShape(), loaded.model, TASK, columns=loaded.columns)
    assert torch.equal(logits(made.model, loaded), logits(loaded.model, loaded)[:, [1, 0]])
    assert made.model.config.id2label == {0: "bad", 1: "good"}


def test_notes_tell_what_was_copied(tmp_path: Path) -> None:
    """Guards what the model card says of a student's beginnings."""
    loaded = opened(tmp_path, "bert")
    cut = make_student(CopyShape(2), loaded.model, TASK, columns=None)
    assert cut.notes == (
        "copied: embeddings, layers 0 3 of 4, counted from 0",
        "its classifier head starts at random",
    )
    heads = make_student(CopyShape(4, heads=4), loaded.model, TASK, columns=(0, 1))
    assert heads.notes[2] == "its 4 heads split the copied weights anew; the function changes"
    assert heads.model.num_parameters() == loaded.model.num_parameters()
    assert not torch.equal(logits(heads.model, loaded), logits(loaded.model, loaded))


def test_other_widths_start_at_random(tmp_path: Path) -> None:
    """Guards the claim of a copy: with another width nothing is copied, and the note says so."""
    loaded = opened(tmp_path, "distilbert")
    shape = CopyShape(2, hidden=16, intermediate=24)
    made = make_student(shape, loaded.model, TASK, columns=loaded.columns)
    assert made.layers is None
    assert made.notes == (
        "its width differs from the other model's, so all its weights start at random",
    )
    layer = layers_of(made.model)[0]
    assert layer.get_submodule("ffn.lin1").weight.numel() == 24 * 16  # type: ignore[operator]


def test_layers_that_are_not_there(tmp_path: Path) -> None:
    """Guards an index beyond the last layer, and heads that do not divide the width."""
    loaded = opened(tmp_path, "bert")
    with pytest.raises(ConfigError) as caught:
        make_student(CopyShape(2, (0, 9)), loaded.model, TASK, columns=None)
    assert str(caught.value) == "`student`: layer 9, expected layers from 0 to 3"
    with pytest.raises(ConfigError) as caught:
        make_student(CopyShape(heads=5), loaded.model, TASK, columns=None)
    assert str(caught.value) == (
        "`student`: 5 heads for a width of 32, expected heads that divide it"
    )


def test_layers_of_an_unknown_family_cannot_be_cut() -> None:
    """Guards a family that the table does not know: its layers may be anywhere."""
    config = SqueezeBertConfig(vocab_size=50, embedding_size=768, num_hidden_layers=1)
    model = AutoModelForSequenceClassification.from_config(config)
    with pytest.raises(CapabilityError) as caught:
        layers_of(model)
    assert str(caught.value) == (
        "SqueezeBertForSequenceClassification: the layers of the architecture 'squeezebert' cannot "
        f"be copied one by one, expected one of {', '.join(ARCHITECTURES)}; start the student from "
        "scratch (bert:L4,H128) or from a folder"
    )


def test_tables_of_heads_are_divided_anew() -> None:
    """Guards the heads of MPNet: its table of distances has a column for each, and stopped here."""
    torch.manual_seed(0)
    config = MPNetConfig(
        vocab_size=30, hidden_size=24, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=32, max_position_embeddings=20, num_labels=2,
    )  # fmt: skip
    source = AutoModelForSequenceClassification.from_config(config).eval()
    table = source.base_model.encoder.relative_attention_bias.weight
    with torch.no_grad():
        table.normal_()
    made = make_student(CopyShape(2, heads=2), source, TASK, columns=(0, 1)).model
    new = made.base_model.encoder.relative_attention_bias.weight
    assert torch.allclose(new, torch.stack([table[:, :2].mean(1), table[:, 2:].mean(1)], dim=1))
    three = make_student(CopyShape(2, heads=3), source, TASK, columns=(0, 1)).model
    new = three.base_model.encoder.relative_attention_bias.weight
    # A third of the width: all of the first head, and a third of the second.
    assert torch.allclose(new[:, 0], 0.75 * table[:, 0] + 0.25 * table[:, 1])
    layer = layers_of(made)[1]
    assert torch.equal(
        layer.get_submodule("attention.attn.q").weight,  # type: ignore[arg-type]
        layers_of(source)[1].get_submodule("attention.attn.q").weight,  # type: ignore[arg-type]
    )


def test_heads_that_cannot_be_divided_anew() -> None:
    """Guards a traceback: XLNet keeps vectors of each head, of another width then."""
    config = XLNetConfig(vocab_size=30, d_model=24, n_layer=2, n_head=4, d_inner=32, num_labels=2)
    source = AutoModelForSequenceClassification.from_config(config).eval()
    with pytest.raises(CapabilityError, match="for each of its heads, expected as many heads"):
        make_student(CopyShape(2, heads=2), source, TASK, columns=(0, 1))
