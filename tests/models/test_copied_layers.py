"""Students of every family whose layers can be copied: what they compute is what stands in them.

The reference takes the layers out of the other model by hand: its list of layers is cut down to
those that are kept, and it is run as it is.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import transformers as hf

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.architectures import ARCHITECTURES, layers_of
from kdprobe.models.shapes import CopyShape
from kdprobe.models.surgery import make_student
from kdprobe.tasks.task import Task
from tests.contracts.families import FAMILIES, OUTPUTS, build

TASK = Task("single", 1, "classification", OUTPUTS, "accuracy")
TEXTS = ("the dog sleeps in the garden", "she likes a funny film .", "an")
LAYERS = 4
_COUNTS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")


def _kind(name: str) -> str:
    config = FAMILIES[name].config[0]
    return str(getattr(hf, config).model_type) if config else ""


COPIED = [name for name in FAMILIES if _kind(name) in ARCHITECTURES and name != "ALBERT"]
_PLAIN = ("use_cache", "use_mems_eval")


def deep(name: str, layers: int = LAYERS) -> tuple[Any, Any]:
    """A family's model with more layers, and its tokenizer."""
    family = FAMILIES[name]
    kind, sizes = family.config
    count = next(key for key in _COUNTS if key in sizes)
    return build(family._replace(config=(kind, {**sizes, count: layers})))


def logits(model: Any, tokenizer: Any) -> torch.Tensor:
    """Of each text alone."""
    rows = []
    for text in TEXTS:
        given = tokenizer(text, return_tensors="pt")
        if getattr(model.config, "type_vocab_size", 2) < 2:
            given.pop("token_type_ids", None)
        for setting in _PLAIN:
            if hasattr(model.config, setting):
                setattr(model.config, setting, False)
        with torch.no_grad():
            rows.append(model(**given).logits[0])
    return torch.stack(rows)


def test_the_families_of_the_specification_can_be_copied() -> None:
    """Guards a family that falls out of the table, or of this test."""
    assert {_kind(name) for name in COPIED} | {"albert"} == set(ARCHITECTURES)


@pytest.mark.parametrize("name", COPIED)
def test_copies_compute_what_the_layers_compute(name: str) -> None:
    """Guards positions, relative positions and kinds of attention that belong to another layer."""
    model, tokenizer = deep(name)
    whole = logits(model, tokenizer)
    every = make_student(CopyShape(), model, TASK, columns=(0, 1, 2))
    torch.testing.assert_close(logits(every.model, tokenizer), whole, rtol=0, atol=1e-6)
    which = (0, 3)
    made = make_student(CopyShape(2, which), model, TASK, columns=(0, 1, 2))
    assert made.layers == which
    for new, old in enumerate(which):
        theirs = layers_of(model)[old].state_dict()
        for key, weight in layers_of(made.model)[new].state_dict().items():
            assert torch.equal(weight, theirs[key])
    cut = copy.deepcopy(model)
    listed = layers_of(cut)
    kept = [listed[place] for place in which]
    del listed[:]
    listed.extend(kept)
    cut.config.num_hidden_layers = 2
    if hasattr(cut.base_model, "n_layer"):  # XLNet counts its layers itself
        cut.base_model.n_layer = 2
    right = logits(cut, tokenizer)
    torch.testing.assert_close(logits(made.model, tokenizer), right, rtol=0, atol=1e-6)
    assert (right - whole).abs().max() > 1e-3


def test_albert_runs_its_one_layer_fewer_times() -> None:
    """Guards a student of shared layers that runs them as often as its teacher does."""
    model, tokenizer = deep("ALBERT", 6)
    made = make_student(CopyShape(3), model, TASK, columns=(0, 1, 2))
    runs: list[int] = []
    group: Any = layers_of(made.model)[0]
    group.register_forward_hook(lambda *_: runs.append(1))
    found = logits(made.model, tokenizer)
    assert len(runs) == 3 * len(TEXTS)
    cut = copy.deepcopy(model)
    cut.config.num_hidden_layers = 3
    torch.testing.assert_close(found, logits(cut, tokenizer), rtol=0, atol=1e-6)
    assert made.notes[0] == "copied: embeddings and the shared layer, run 3 times instead of 6"
    config = hf.AlbertConfig(
        num_hidden_layers=4, num_hidden_groups=2, hidden_size=16, num_attention_heads=2,
        intermediate_size=16, embedding_size=8, vocab_size=50, num_labels=3,
    )  # fmt: skip
    grouped = hf.AlbertForSequenceClassification(config)
    with pytest.raises(CapabilityError, match="shares its layers in 2 groups"):
        make_student(CopyShape(2), grouped, TASK, columns=(0, 1, 2))


@pytest.mark.parametrize(
    ("which", "kinds", "words"),
    [
        ((0, 1, 2), ["full", "sliding", "sliding"], "(full sliding sliding), which keeps the per"),
        ((0, 4, 5), ["full", "sliding", "sliding"], "(full sliding sliding), which keeps the per"),
        ((0, 3), ["full", "full"], "(full full), which breaks the period of the other"),
    ],
)
def test_modernbert_keeps_each_layers_attention(
    which: tuple[int, ...], kinds: list[str], words: str
) -> None:
    """Guards a local layer that attends globally in the student because of its new place."""
    model, _ = deep("ModernBERT", 6)
    made = make_student(CopyShape(len(which), which), model, TASK, columns=(0, 1, 2))
    assert made.model.config.layer_types == [f"{kind}_attention" for kind in kinds]
    assert words in made.notes[0]
    with pytest.raises(ConfigError, match="layer 1 as the first of a ModernBertForSequenceClass"):
        make_student(CopyShape(2, (1, 2)), model, TASK, columns=(0, 1, 2))
