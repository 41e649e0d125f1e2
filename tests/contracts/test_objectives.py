"""What every file of `distillers/objectives/` must keep, on tiny models."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from kdprobe.distillers.data import encode_for
from kdprobe.distillers.forward import prepare, read, shape_of
from kdprobe.distillers.objective import (
    LOGITS,
    OBJECTIVES,
    Batch,
    ModelPair,
    ModelShape,
    Needs,
    View,
)
from kdprobe.distillers.weighted_loss import Remarking
from kdprobe.models.shapes import NewShape, build_new
from kdprobe.tasks.task import Task
from tests.distillers.builders import RATING, TASK, toy_split
from tests.models.tiny import tiny_tokenizer

NAMES = OBJECTIVES.names()
SPLIT = toy_split(24)
ROWS = tuple(range(6))
TAUGHT, HELD_OUT = tuple(range(14)), tuple(range(14, 24))
PAIRS = ((0, 0), (1, 1), (2, 3))
# Options that fit models of 16 dimensions.
OPTIONS: dict[str, dict[str, Any]] = {
    "attention_relations": {"relation_heads": 2},
    "attention_probs": {"divergence": "kl"},
    "granular_relations": {"heads": 2, "corners": 4},
    "token_relations": {"window": 5},
    "noisy_teacher": {"deviation": 0.0},
}
NOT_ZERO_AT_THE_TEACHER = {"hard_labels", "teacher_argmax"}
each_name = pytest.mark.parametrize("name", NAMES)


class TinyPair(NamedTuple):
    """A student, a teacher and how they stand to each other."""

    student: Any
    teacher: Any
    models: ModelPair


def tiny(
    layers: int,
    seed: int,
    *,
    width: int = 16,
    heads: int = 2,
    sharp: float = 8.0,
    task: Task = TASK,
) -> Any:
    """A BERT without dropout, its weights wide enough that outputs differ."""
    torch.manual_seed(seed)
    model = build_new(
        NewShape(layers, width, 2 * width, heads), task, tokenizer=tiny_tokenizer("bert")
    ).eval()
    prepare(model, frozenset(), gradients=True)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(sharp)
    return model


def tiny_pair(*, width: int = 16, heads: int = 2, task: Task = TASK) -> TinyPair:
    student, teacher = tiny(2, 1, width=width, heads=heads, task=task), tiny(3, 2, task=task)
    teacher.requires_grad_(False)
    shapes = shape_of(student), shape_of(teacher)
    return TinyPair(student, teacher, ModelPair(task, *shapes, PAIRS, same_tokens=True))


@functools.cache
def encoded() -> Any:
    return encode_for(tiny(1, 0), tiny_tokenizer("bert"), SPLIT, max_length=16)


def inputs_of(rows: tuple[int, ...], more: int = 0) -> dict[str, Tensor]:
    batch = encoded().batch(rows)
    return {name: nn.functional.pad(ids, (0, more)) for name, ids in batch.items()}


def setting(name: str, **more: Any) -> tuple[Any, Any]:
    objective = OBJECTIVES.load(name)
    return objective, objective.options(**(OPTIONS.get(name, {}) | more))


def views(
    objective: Any, options: Any, at: TinyPair, inputs: dict[str, Tensor]
) -> tuple[View, View]:
    needs: Needs = objective.needs(at.models, options)
    with torch.no_grad():
        said = read(at.teacher, inputs, needs.teacher)
    teacher = View(said, inputs, at.teacher if needs.teacher_model else None)
    shown = at.student if needs.student_model else None
    return View(read(at.student, inputs, needs.student), inputs, shown), teacher


def values(
    name: str,
    at: TinyPair,
    rows: tuple[int, ...] = ROWS,
    *,
    more: int = 0,
    trained: nn.Module | None = None,
    labels: Tensor | None = None,
    **changed: Any,
) -> Tensor:
    """Each example's value, loss_sum / loss_count; labels are the split's where not given."""
    objective, options = setting(name, **changed)
    inputs = inputs_of(rows, more)
    if labels is None:
        labels = torch.tensor([int(SPLIT.labels[row]) for row in rows])  # type: ignore[index]
    batch = Batch(inputs["attention_mask"].bool(), labels, models=at.models)
    student, teacher = views(objective, options, at, inputs)
    torch.manual_seed(0)
    student = replace(student, projection=trained)
    given: Tensor = objective.loss_sum(student, teacher, batch, options)
    assert given.shape == (len(rows),)
    return given / objective.loss_count(batch, options)


def projection_of(name: str, at: TinyPair) -> nn.Module | None:
    objective, options = setting(name)
    torch.manual_seed(3)
    module: nn.Module | None = objective.projection(at.models, options)
    return module


@each_name
def test_it_says_what_it_is(name: str) -> None:
    """Guards the folder: a definition, a version, a title, options with defaults."""
    objective, _ = setting(name)
    assert objective.name == name
    assert objective.version >= 1
    assert objective.title
    assert "Definition" in (type(objective).__doc__ or "")
    assert objective.options() == objective.options()
    assert objective.skip_reason(tiny_pair().models, setting(name)[1]) is None
    if isinstance(objective, Remarking):
        remark = objective.remark(tiny_pair(heads=4).models, setting(name)[1])
        assert remark is None or len(remark.split()) > 8


@each_name
def test_padding_changes_nothing(name: str) -> None:
    """Guards length groups: a longer neighbour must not change an example's loss."""
    at = tiny_pair()
    assert torch.allclose(values(name, at), values(name, at, more=7), rtol=1e-4, atol=1e-6)


@each_name
def test_order_and_micro_batches_change_nothing(name: str) -> None:
    """Guards batches: each example's value is its own, wherever it stands."""
    at = tiny_pair()
    alone: Any = {"lower": 9} if name == "granular_relations" else {}
    whole = values(name, at, **alone)
    turned = values(name, at, ROWS[::-1], **alone)
    assert torch.allclose(whole, turned.flip(0), rtol=1e-4, atol=1e-6)
    parts = [values(name, at, ROWS[:2], **alone), values(name, at, ROWS[2:], **alone)]
    assert torch.allclose(whole, torch.cat(parts), rtol=1e-4, atol=1e-6)


def test_texts_of_a_batch_are_related_whatever_their_order() -> None:
    """Guards relations among texts: they depend on who is there, not on the order."""
    at = tiny_pair()
    whole = values("granular_relations", at, lower=0)
    turned = values("granular_relations", at, ROWS[::-1], lower=0)
    assert torch.allclose(whole, turned.flip(0), rtol=1e-4, atol=1e-6)
    assert whole.min() > 0


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_ZERO_AT_THE_TEACHER])
def test_nothing_pulls_at_the_teacher(name: str) -> None:
    """Guards a perfect student: its loss and its gradient are zero."""
    first = tiny_pair()
    twin = copy.deepcopy(first.teacher).requires_grad_(True)
    shape = shape_of(twin)
    at = TinyPair(
        twin, first.teacher, ModelPair(TASK, shape, shape, ((1, 1), (2, 2), (3, 3)), True)
    )
    losses = values(name, at)
    assert losses.abs().max().item() < 1e-5
    losses.sum().backward()
    slopes = [
        weight.grad.abs().max().item() for weight in twin.parameters() if weight.grad is not None
    ]
    assert max(slopes, default=0.0) < 1e-4
    away = values(name, first, trained=projection_of(name, first))
    assert away.min().item() > 1e-6  # and it is not zero elsewhere


OTHER_OPTIONS: Mapping[str, dict[str, Any]] = {
    "attribution": {"steps": 2, "baseline": "pad", "of": "log_probability",
                    "distance": "squared", "layer": "uniform", "top_dimensions": 5},
    "jacobian": {"classes": "teacher", "normalise": True, "of": "probability"},
    "attention_relations": {"relations": "v1"},
    "attention_probs": {"divergence": "mse", "layers": "map"},
    "attention_scores": {"layers": "last"},
    "patience": {"over_width": "sum", "normalise": False},
    "logit_mse": {"over_classes": "sum", "temperature": 2.0},
    "soft_targets": {"anneal": True, "divergence": "symmetric"},
    "token_relations": {"distance": "cosine", "ends": "repeated", "average": "batch"},
    "layer_relations": {"distance": "squared", "selves": True},
    "granular_relations": {"average": "batch", "lower": 1},
}  # fmt: skip
DERIVATIVES = [(name, "default") for name in NAMES] + [(name, "other") for name in OTHER_OPTIONS]


@pytest.mark.parametrize(("name", "case"), DERIVATIVES)
def test_derivative(name: str, case: str) -> None:
    """Guards the gradient, through both backward passes where there are two, by differences."""
    first = tiny_pair()
    at = TinyPair(first.student.double(), first.teacher.double(), first.models)
    objective, options = setting(name, **(OTHER_OPTIONS[name] if case == "other" else {}))
    inputs = inputs_of(ROWS[:3])
    labels = torch.tensor([0, 1, 0])
    batch = Batch(inputs["attention_mask"].bool(), labels, models=at.models)
    with torch.no_grad():
        _, teacher = views(objective, options, at, inputs)

    def value() -> Tensor:
        needs = objective.needs(at.models, options)
        # in float64 from end to end, where `read` gives float32
        student = _precise_view(at.student, inputs, needs)
        torch.manual_seed(0)
        total: Tensor = objective.loss_sum(student, teacher, batch, options).sum()
        return total

    weights = [w for w in at.student.parameters() if w.requires_grad]
    slopes = torch.autograd.grad(value(), weights, allow_unused=True)
    torch.manual_seed(5)
    moves = [torch.randn_like(weight) for weight in weights]
    moves[0][0] = 0.0  # torch gives the embedding of [PAD] no gradient, on purpose
    along = sum((s * m).sum() for s, m in zip(slopes, moves, strict=True) if s is not None)
    step = 1e-6
    ends = []
    for sign in (1.0, -2.0):
        with torch.no_grad():
            for weight, move in zip(weights, moves, strict=True):
                weight.add_(move, alpha=sign * step)
        ends.append(value().item())
    expected = (ends[0] - ends[1]) / (2 * step)
    assert float(along) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def _precise_view(model: Any, inputs: dict[str, Tensor], needs: Needs) -> View:
    keep = torch.Tensor.float
    torch.Tensor.float = lambda tensor: tensor  # type: ignore[method-assign, assignment, return-value]
    try:
        said = read(model, inputs, needs.student)
    finally:
        torch.Tensor.float = keep  # type: ignore[method-assign]
    return View(said, inputs, model if needs.student_model else None)


@each_name
def test_it_can_be_learnt(name: str) -> None:
    """Guards direction and sign: alone, in 200 steps, it falls fivefold, and helps new texts."""
    torch.manual_seed(0)
    at = tiny_pair()
    projection = projection_of(name, at)
    weights = [*at.student.parameters(), *(projection.parameters() if projection else ())]
    optimiser = torch.optim.Adam(weights, lr=5e-3)
    begun = lowest = values(name, at, TAUGHT, trained=projection).mean().item()
    unseen = best = values(name, at, HELD_OUT, trained=projection).mean().item()
    for step in range(200):
        loss = values(name, at, TAUGHT, trained=projection).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        lowest = min(lowest, loss.item())
        if step % 10 == 9:
            best = min(best, values(name, at, HELD_OUT, trained=projection).mean().item())
            if lowest < begun / 5 and best < unseen / 2:
                break
    assert lowest < begun / 5
    assert best < unseen / 2


@each_name
def test_models_are_left_as_they_were(name: str) -> None:
    """Guards hooks and modes: one left behind would change every later step."""
    at = tiny_pair()
    at.student.train()
    inputs = inputs_of(ROWS)
    kept = {key: ids.clone() for key, ids in inputs.items()}
    values(name, at)
    # transformers leaves hooks of its own that gather hidden states; ours must not add up
    models = (at.student, at.teacher)
    hooks = [len(module._forward_hooks) for model in models for module in model.modules()]
    values(name, at)
    assert at.student.training
    assert not at.teacher.training
    assert hooks == [len(module._forward_hooks) for model in models for module in model.modules()]
    assert all(torch.equal(kept[key], ids) for key, ids in inputs.items())
    assert all(weight.grad is None for weight in at.teacher.parameters())


@each_name
def test_other_widths_and_heads(name: str) -> None:
    """Guards students of another shape: a value, or a reason in words; never a crash."""
    at = tiny_pair(width=8, heads=1)
    objective, options = setting(name)
    reason = objective.skip_reason(at.models, options)
    if reason is not None:
        assert "8 wide and the teacher" in reason
        return
    losses = values(name, at, trained=projection_of(name, at))
    assert bool(torch.isfinite(losses).all())
    assert (losses > 0).all()


@each_name
def test_without_a_teacher_or_equal_tokens(name: str) -> None:
    """Guards the reasons: told before training, in words."""
    objective, options = setting(name)
    shape = ModelShape(2, 16, 2)
    alone = objective.skip_reason(ModelPair(TASK, shape), options)
    assert alone == (None if name == "hard_labels" else "there is no teacher")
    apart = objective.skip_reason(ModelPair(TASK, shape, shape, ((1, 1), (2, 2))), options)
    by_logits = {
        "hard_labels", "logit_mse", "noisy_teacher", "patience", "soft_targets", "teacher_argmax"
    }  # fmt: skip
    if name in by_logits:
        assert apart is None
    else:
        assert apart == (
            "student and teacher cut texts into different tokens, so that their positions cannot "
            'be matched; hidden_states, cosine and attribution compare words with level = "word", '
            "and soft_targets, logit_mse and patience do not look at positions"
        )


def test_reasons_in_words() -> None:
    """Guards every other reason for which an objective has no value."""
    shape, lstm = ModelShape(2, 16, 2), ModelShape(2, 16, 0, projections=False)
    both = ModelPair(TASK, shape, shape, (), same_tokens=True)

    def reason_of(name: str, models: ModelPair, **options: Any) -> Any:
        objective, checked = setting(name, **options)
        return objective.skip_reason(models, checked)

    assert reason_of("hidden_states", both) == "the layer map matches 0 layers, and it needs 1"
    assert reason_of("layer_relations", both) == (
        "the layer map matches 0, and relations need three layers: of two the distance over its "
        "mean is always 1"
    )
    narrow = ModelShape(2, 16, 0, projections=False, inner=8)
    uneven = ModelPair(TASK, narrow, shape, ((0, 0), (1, 1), (2, 2)), same_tokens=True)
    assert reason_of("layer_relations", uneven) == (
        "the student's embeddings are 8 wide and its layers 16; a layer map without emb leaves the "
        "embeddings out"
    )
    assert reason_of("patience", both) == "no layer of the student before its last is matched"
    assert reason_of("teacher_argmax", ModelPair(RATING, shape, shape)) == (
        "the task is a regression and has no classes"
    )
    blind = ModelPair(TASK, lstm, shape, ((1, 1),), same_tokens=True)
    assert reason_of("attention_probs", blind) == (
        "the queries and keys of the student's architecture cannot be read (they can of BERT, "
        "CamemBERT, DistilBERT, ELECTRA, MPNet, RoBERTa and XLM-RoBERTa)"
    )
    assert reason_of("attention_relations", both, relation_heads=5) == (
        "relation_heads = 5 does not divide the student's width of 16"
    )
    assert reason_of("attention_relations", both, teacher_layer=7) == (
        "teacher_layer = 7, and it has 2 layers"
    )
    paired = ModelPair(TASK, shape, shape, ((1, 1),), same_tokens=True)
    assert reason_of("granular_relations", paired, heads=5) == (
        "heads = 5 does not divide a width of 16; 4 does"
    )
    assert reason_of("token_relations", paired, window=4) == "window = 4 is even and has no middle"


def test_faults_of_a_caller() -> None:
    """Guards batches that lack what an objective asked for: a fault, told, not a wrong number."""
    at = tiny_pair()
    inputs = inputs_of(ROWS)
    bare = Batch(inputs["attention_mask"].bool())
    with pytest.raises(ValueError, match="a batch without its models"):
        _ = bare.pair
    objective, options = setting("attribution", views="gold")
    view = View({}, inputs, at.student)
    known = Batch(bare.mask, models=at.models)
    with pytest.raises(ValueError, match="attribution got a batch without labels"):
        objective.loss_sum(view, view, known, options)
    with pytest.raises(ValueError, match="gradients of a model that was not shown"):
        objective.loss_sum(View({}, inputs), view, known, setting("attribution")[1])


def test_stored_logits_suffice_for_logits() -> None:
    """Guards speed: objectives on logits must not make the teacher run at every step."""
    models = tiny_pair().models
    for name in ("logit_mse", "noisy_teacher", "soft_targets", "teacher_argmax"):
        objective, options = setting(name)
        assert objective.needs(models, options).teacher == frozenset({LOGITS})
        assert not objective.needs(models, options).teacher_model
