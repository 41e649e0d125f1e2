"""How long the steps of a suite may take, and how much memory, before any is run.

Does: count multiplications from models' sizes, examples and passes, and divide by the speed of a
matrix product measured here and now. Does not: open a model; `distill` and `finetune` with
`dry_run` measure a single training more closely.

These are estimates to plan a day by: within a factor of two or three.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kdprobe.collectors.probes.options import ProbingRequest
from kdprobe.config.probing import open_probing_tasks
from kdprobe.config.recipe import Recipe, open_recipe
from kdprobe.errors import KdprobeError
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.shapes import CopyShape, NewShape, parse_student
from kdprobe.plain_files import expanded, read_json
from kdprobe.suites_run.evidence import part_evidence
from kdprobe.suites_run.plan import Step, SuitePlan
from kdprobe.suites_run.sizes import ModelSize, public_size

PIECES = 1.3
"""Word pieces a word of English text, and two for its ends."""
SHARE = 0.7
"""Of a matrix product's speed that a training reaches."""
_MOST_TOKENS = 512
"""Of a text, for most encoders."""
START = 4.0
"""Seconds that a step takes beside its products: opening, tokenising, writing."""
QUESTIONS: Mapping[str, int] = {"lime": 1000, "shap": 600, "integrated_gradients": 150}
"""Forward passes that explain one text, by method, unless its `samples` say; others: 300."""
_FEW = 10
"""Sentences of a person's own file, which is not read."""
_BASE, _TRAINED, _READ = 500_000_000, 16, 4
"""Bytes of the libraries, and of each weight that is trained, or only read."""
_ACTIVATIONS = 34
"""Bytes of a token in a layer for each number of its width (Korthikanti et al. 2022)."""
_OUTPUTS_ALONE = frozenset({"hard_labels", "soft_targets", "logit_mse"})


@dataclass(frozen=True)
class Cost:
    """What a step may take: seconds on one core, and bytes; None: not known."""

    seconds: float | None = None
    memory: int | None = None


@cache
def products_per_second() -> float:
    """Return how many multiply-adds a second a product of float32 matrices reaches here."""
    a = np.ones((512, 512), dtype=np.float32)
    best = float("inf")
    for _ in range(4):
        started = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - started)
    return float(512.0**3 / best)


class CostEstimator:
    """The costs of the steps of one plan.

    Args:
        plan: the steps.
    """

    def __init__(self, plan: SuitePlan) -> None:
        self._plan = plan
        self._sizes: dict[str, ModelSize | None] = {}

    def cost(self, step: Step) -> Cost:
        """Return what a step may take."""
        if step.failed:
            return Cost()
        if step.kind in ("finetune", "distill"):
            return self._training(step)
        if step.kind == "compare":
            return self._comparison(step)
        if step.keywords.get("method") == "rules":
            return Cost(START, _BASE)
        return Cost(None, _BASE)

    def _training(self, step: Step) -> Cost:
        size = self._size(step.name)
        teachers = [n for one in step.inputs if one.role == "teacher" for n in one.steps]
        teacher = self._size(teachers[0]) if teachers else None
        if size is None or (teachers and teacher is None):
            return Cost()
        learnt = self._learnt_like(step)
        recipe = self._recipe(learnt)
        epochs, batch = _budget(learnt, recipe)
        tokens = _examples(learnt) * _tokens(step)
        work = 3.0 * size.inner * tokens * epochs
        if teacher is not None:
            work += teacher.inner * tokens * (epochs if _reads_inside(recipe) else 1.0)
        memory = (
            _BASE
            + size.whole * _TRAINED
            + int(batch * _longest(step) * size.layers * size.hidden * _ACTIVATIONS)
        )
        return Cost(_seconds(work), memory + (teacher.whole * _READ if teacher else 0))

    def _comparison(self, step: Step) -> Cost:
        sizes = [self._size(name) for one in step.inputs for name in one.steps]
        sizes += [_named_size(name) for one in step.inputs for name in one.outside]
        known = [size for size in sizes if size is not None]
        if len(known) < len(sizes):
            return Cost()
        inner = sum(size.inner for size in known)
        texts = step.data.evaluation_examples + _explained(step.keywords) + _probed(step.keywords)
        seconds = _seconds(float(inner) * texts * _tokens(step))
        return Cost(seconds, _BASE + max(size.whole for size in known) * _READ)

    def _learnt_like(self, step: Step) -> Step:
        """Return the step whose examples and passes a training has: a control's is its student."""
        student = next((one.steps[0] for one in step.inputs if one.role == "like"), None)
        if student is None:
            return step
        other = self._plan.steps[student]
        return replace(step, kind=other.kind, keywords={**other.keywords, **step.keywords})

    def _recipe(self, step: Step) -> Recipe | None:
        return open_recipe(str(step.keywords["recipe"])) if step.kind == "distill" else None

    def _size(self, name: str) -> ModelSize | None:
        """Return the size of a step's model; None: not known."""
        if name not in self._sizes:
            self._sizes[name] = None
            with contextlib.suppress(KdprobeError):  # the step itself says what is wrong with it
                self._sizes[name] = self._made_size(self._plan.steps[name])
        return self._sizes[name]

    def _made_size(self, step: Step) -> ModelSize | None:
        places = {one.role: one for one in step.inputs}
        base: ModelSize | None = None
        if "teacher" in places:
            held = places["teacher"]
            base = self._size(held.steps[0]) if held.steps else _named_size(held.outside[0])
        elif step.keywords.get("model"):
            base = _named_size(str(step.keywords["model"]))
        student = step.keywords.get("student")
        if student is None and step.kind == "distill":
            student = open_recipe(str(step.keywords["recipe"])).student
        if student is None and "like" in places:
            return self._size(places["like"].steps[0])
        return base if student is None else _cut(str(student), base)


def _named_size(name: str) -> ModelSize | None:
    """Return the size of a folder's model, a shape or a public encoder; None: not known."""
    place = expanded(name) / "config.json"
    if place.is_file():
        return _of_config(read_json(place))
    return _cut(name, None)


def _of_config(config: Mapping[str, Any]) -> ModelSize | None:
    hidden = config.get("hidden_size") or config.get("dim")
    layers = config.get("num_hidden_layers") or config.get("n_layers")
    if not isinstance(hidden, int) or not isinstance(layers, int):
        return None
    inner = config.get("intermediate_size") or config.get("hidden_dim") or 4 * hidden
    return ModelSize(layers, hidden, int(inner), int(config.get("vocab_size", 30_000)))


def _cut(student: str, base: ModelSize | None) -> ModelSize | None:
    """Return the size of a student, as a person names it."""
    shape = parse_student(student)
    if isinstance(shape, NewShape):
        vocabulary = base.vocabulary if base else shape.vocabulary or 8000
        return ModelSize(shape.layers, shape.hidden, shape.intermediate, vocabulary)
    if isinstance(shape, LstmShape):
        # Two directions of four gates each read their input and their own state.
        width = 2 * shape.hidden
        return ModelSize(shape.layers, width, width, base.vocabulary if base else 8000)
    if isinstance(shape, CopyShape):
        if base is None:
            return None
        count = len(shape.which) if isinstance(shape.which, tuple) else shape.layers
        hidden = shape.hidden or base.hidden
        inner = shape.intermediate or (4 * hidden if shape.hidden else base.intermediate)
        return ModelSize(count or base.layers, hidden, inner, base.vocabulary)
    place = Path(shape.path) / "config.json"
    return _of_config(read_json(place)) if place.is_file() else public_size(shape.path)


def _budget(step: Step, recipe: Recipe | None) -> tuple[float, int]:
    """Return the passes over the examples and the batch size of a training."""
    named = step.keywords
    usual = recipe.training if recipe else open_recipe("vanilla").training
    epochs = 3.0
    if recipe is not None:
        own = [stage.training.get("epochs", usual.epochs) for stage in recipe.stages]
        epochs = sum(float(str(one)) for one in own) if own else usual.epochs
    elif named.get("student") or ":" in str(named.get("model") or ""):
        epochs = usual.epochs
    return float(named.get("epochs", epochs)), int(named.get("batch_size", usual.batch_size))


def _reads_inside(recipe: Recipe | None) -> bool:
    """Whether the teacher is run in every pass, not once for its outputs."""
    names = {one.name for one in recipe.all_objectives} if recipe else set()
    return not names <= _OUTPUTS_ALONE


def _examples(step: Step) -> int:
    """Return how many examples are learnt from; a training may take fewer than its task has."""
    limit = step.keywords.get("limit")
    count = step.data.train_examples
    return min(count, limit) if isinstance(limit, int) else count


def _tokens(step: Step) -> float:
    return step.data.words * PIECES + 2


def _longest(step: Step) -> float:
    """Return the tokens of the longest text: a batch of such texts decides the memory."""
    return min(step.data.longest * PIECES + 2, _MOST_TOKENS)


def _explained(keywords: Mapping[str, Any]) -> int:
    """Return how many forward passes explanations ask of each model."""
    held = keywords.get("attributions")
    if not isinstance(held, Mapping):
        return 0
    texts = _FEW if "file" in held else int(held.get("sentences", 200))
    options = held.get("options", {})
    return texts * sum(
        int(options.get(method, {}).get("samples", QUESTIONS.get(method, 300)))
        for method in held.get("methods", ("integrated_gradients", "lime", "shap"))
    )


def _probed(keywords: Mapping[str, Any]) -> int:
    """Return how many probing sentences each model reads; the probes' own fits are not counted."""
    if not isinstance(keywords.get("probing"), Mapping):
        return 0
    own = part_evidence(keywords)[1]["probes"]
    assert isinstance(own, ProbingRequest)
    # Half as many again for dev and for test, and all of it with random weights once more.
    return 4 * own.sentences * len(open_probing_tasks(own.with_sentences))


def _seconds(work: float) -> float:
    return START + work / (SHARE * products_per_second())
