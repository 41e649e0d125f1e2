"""Synthetic studies that all tests of the analyses share.

Does: build small `Study` objects of every kind (binary, 57 classes, regression, hard labels only,
several seeds, degenerate ones) from a seed, and from labels written by hand. Does not: compute any
expected value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from kdprobe.observations.label_sets import observed
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.observations.predictions import Population, Predictions, Scale
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.tasks.task import Split, Task

RESAMPLES = 200
# For properties: fewer examples than hypothesis's default, and no limit in milliseconds, which a
# busy machine breaks.
quick = settings(max_examples=40, deadline=None)


def classification_task(labels: Sequence[str] = ("bad", "good"), primary: str = "accuracy") -> Task:
    """A task of these labels; a binary one can judge minimal pairs."""
    return Task(
        name="toy",
        version=1,
        kind="classification",
        labels=tuple(labels),
        primary_score=primary,
        acceptable=labels[-1] if len(labels) == 2 else "",
    )


def regression_task() -> Task:
    """A task of scores from 0 to 5."""
    return Task(
        name="toy-scores",
        version=1,
        kind="regression",
        labels=(),
        primary_score="pearson",
        score_range=(0.0, 5.0),
    )


def ids_of(n: int) -> tuple[str, ...]:
    """Ids e0 … e(n-1)."""
    return tuple(f"e{row}" for row in range(n))


def split_of(task: Task, labels: Ints | Floats | None, n: int) -> Split:
    """A split of n texts of 1 to 9 words, with two extra columns: genre (3 values) and hard (2)."""
    return Split(
        task=task,
        name="dev",
        ids=ids_of(n),
        texts=tuple(" ".join(["word"] * (row % 9) + [f"w{row}"]) for row in range(n)),
        labels=labels,
        columns={
            "genre": tuple(("news", "fiction", "letters")[row % 3] for row in range(n)),
            "hard": tuple("yes" if row % 7 == 0 else "no" for row in range(n)),
        },
        origin="synthetic",
    )


def logits_near(
    truth: Ints, classes: int, *, skill: float, generator: np.random.Generator
) -> Floats:
    """Normal noise float64 `[n, classes]` with `skill` added to the true class."""
    logits = generator.normal(size=(len(truth), classes))
    logits[np.arange(len(truth)), truth] += skill
    return logits


def study_of(
    gold: Sequence[int] | None,
    *predicted: Sequence[int],
    labels: Sequence[str] = ("bad", "good"),
    scale: Scale = "logits",
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Study:
    """A study from labels written by hand: the teacher's predictions first, then each student's.

    With scale `logits` the predicted class has logit 2 and the others 0; with `labels` only the
    predicted labels are known. The models are called t, s1, s2 …
    """
    task = classification_task(labels)
    n = len(predicted[0])
    models = []
    for place, row in enumerate(predicted):
        classes = np.array(row, dtype=np.int64)
        values = (
            2.0 * (classes[:, None] == np.arange(len(labels)))
            if scale == "logits"
            else classes[:, None].astype(np.float64)
        )
        role: Literal["teacher", "student"] = "student" if place else "teacher"
        name = f"s{place}" if place else "t"
        models.append(Population(name, role, (Predictions(name, ids_of(n), values, scale),)))
    truth = None if gold is None else np.array(gold, dtype=np.int64)
    return Study(split_of(task, truth, n), tuple(models), seed=seed, resamples=resamples)


def classification(
    n: int = 120,
    *,
    classes: int = 2,
    students: int = 2,
    runs: int = 1,
    skills: Sequence[float] = (2.5, 1.5, 1.0, 0.5),
    scale: Scale = "logits",
    seed: int = 0,
    resamples: int = RESAMPLES,
    primary: str = "accuracy",
) -> Study:
    """A teacher `teacher` and students `student-1` …, ever less able, with shared difficulty."""
    generator = np.random.Generator(np.random.PCG64(seed))
    labels = ("bad", "good") if classes == 2 else tuple(f"intent-{c:02d}" for c in range(classes))
    truth = generator.integers(0, classes, size=n)
    truth[: min(n, classes)] = np.arange(classes)[: min(n, classes)]
    shared = generator.normal(size=(n, classes))  # what is hard for one is hard for the others
    models = []
    for place in range(students + 1):
        name = f"student-{place}" if place else "teacher"
        made = []
        for _ in range(runs):
            logits = shared + logits_near(
                truth, classes, skill=skills[place % len(skills)], generator=generator
            )
            if scale == "labels":
                values = np.argmax(logits, axis=1)[:, None].astype(np.float64)
            elif scale == "log-probabilities":
                values = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            else:
                values = logits
            made.append(Predictions(name, ids_of(n), values, scale))
        models.append(Population(name, "student" if place else "teacher", tuple(made)))
    return Study(
        split_of(classification_task(labels, primary), truth, n),
        tuple(models),
        seed=seed,
        resamples=resamples,
        slice_columns=("genre", "hard"),
    )


def binary(n: int = 120, *, seed: int = 0, resamples: int = RESAMPLES) -> Study:
    """One teacher and two students on a binary task."""
    return classification(n, seed=seed, resamples=resamples)


def many_classes(n: int = 400, *, seed: int = 0, resamples: int = RESAMPLES) -> Study:
    """One teacher and two students on a task of 57 classes."""
    return classification(n, classes=57, skills=(5.0, 4.0, 3.0), seed=seed, resamples=resamples)


def hard_labels(n: int = 120, *, seed: int = 0) -> Study:
    """Models of which only the predicted labels are known."""
    return classification(n, scale="labels", seed=seed)


def mixed_scales(n: int = 120, *, seed: int = 0) -> Study:
    """A teacher with logits, one student with log-probabilities, one with labels only."""
    first, second = classification(n, seed=seed), classification(n, scale="labels", seed=seed)
    probable = classification(n, scale="log-probabilities", seed=seed)
    return replace(first, models=(first.models[0], probable.models[1], second.models[2]))


def several_seeds(n: int = 120, *, runs: int = 3, seed: int = 0) -> Study:
    """Every model trained with several seeds."""
    return classification(n, runs=runs, seed=seed)


def with_minimal_pairs(n: int = 120, *, runs: int = 1, pairs: int = 60, seed: int = 0) -> Study:
    """A binary study whose models also judged minimal pairs of three phenomena in two fields."""
    study = classification(n, runs=runs, seed=seed)
    generator = np.random.Generator(np.random.PCG64(seed + 1))
    fields = {"agreement": "morphology", "islands": "syntax", "binding": "syntax"}
    phenomena = tuple(tuple(fields)[row % 3] for row in range(pairs))
    return study.with_observations(
        MinimalPairs(
            ids=tuple(f"p{row}" for row in range(pairs)),
            phenomena=phenomena,
            fields=tuple(fields[name] for name in phenomena),
            good=tuple(f"good {row}" for row in range(pairs)),
            bad=tuple(f"bad {row}" for row in range(pairs)),
            acceptable=1,
            margins={
                model.name: generator.normal(1.5 - 0.5 * place, 1.0, size=(runs, pairs))
                for place, model in enumerate(study.models)
            },
            origin="synthetic",
        ),
    )


def regression(n: int = 120, *, students: int = 2, runs: int = 1, seed: int = 0) -> Study:
    """Models that predict a score from 0 to 5."""
    generator = np.random.Generator(np.random.PCG64(seed))
    truth = generator.uniform(0, 5, size=n)
    models = []
    for place in range(students + 1):
        name = f"student-{place}" if place else "teacher"
        made = tuple(
            Predictions(
                name,
                ids_of(n),
                (truth + generator.normal(0, 0.5 + 0.4 * place, size=n))[:, None],
                "scores",
            )
            for _ in range(runs)
        )
        models.append(Population(name, "student" if place else "teacher", made))
    return Study(
        split_of(regression_task(), truth, n),
        tuple(models),
        seed=seed,
        resamples=RESAMPLES,
        slice_columns=("genre",),
    )


def several_labels(
    n: int = 120,
    *,
    labels: int = 3,
    students: int = 2,
    runs: int = 1,
    hard: Sequence[int] = (),
    gold: bool = True,
    seed: int = 0,
) -> Study:
    """Models of examples that have any number of labels at once, as the study of their sets.

    Args:
        n: examples.
        labels: how many there are; the later ones are rarer.
        students: how many, ever less able.
        runs: of each model.
        hard: the places of models of which only the sets are known.
        gold: whether examples have gold labels.
        seed: of everything.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    names = tuple(f"topic-{place}" for place in range(labels))
    truth = (generator.random((n, labels)) < np.linspace(0.6, 0.1, labels)).astype(np.int64)
    shared = generator.normal(size=(n, labels))
    models = []
    for place in range(students + 1):
        name = f"student-{place}" if place else "teacher"
        outputs = [
            shared + (truth - 0.5) * (5 - place) + generator.normal(size=(n, labels))
            for _ in range(runs)
        ]
        made = tuple(
            Predictions(name, ids_of(n), values > 0 if place in hard else values,
                        "label sets" if place in hard else "label logits")
            for values in outputs
        )  # fmt: skip
        models.append(Population(name, "student" if place else "teacher", made))
    task = Task("toy-topics", 1, "multilabel", names, "f1_micro")
    split = split_of(task, truth if gold else None, n)
    return observed(
        split, tuple(models), seed=seed, resamples=RESAMPLES, slice_columns=("genre", "hard")
    )


def clustered(study: Study, size: int = 4) -> Study:
    """The same study with its examples in clusters of `size`, neighbours together."""
    clusters = np.arange(study.n, dtype=np.int64) // size
    return replace(study, split=replace(study.split, clusters=clusters, clustered_by="passage"))


def unlabelled(study: Study) -> Study:
    """The same study without gold labels."""
    return replace(study, split=replace(study.split, labels=None))


def identical_models(n: int = 60, *, seed: int = 0) -> Study:
    """A student that says exactly what the teacher says."""
    study = classification(n, students=1, seed=seed)
    copy = Predictions("student-1", study.split.ids, study.teacher.first.values)
    return replace(study, models=(study.teacher, Population("student-1", "student", (copy,))))


def constant_student(n: int = 60, *, seed: int = 0) -> Study:
    """A student that gives the same logits to every example."""
    study = classification(n, students=1, seed=seed)
    flat = Predictions("student-1", study.split.ids, np.tile([0.0, 1.0], (n, 1)))
    return replace(study, models=(study.teacher, Population("student-1", "student", (flat,))))


def constant_regression(n: int = 40, *, seed: int = 0) -> Study:
    """A regression student that predicts the same score for every example."""
    study = regression(n, students=1, seed=seed)
    flat = Predictions("student-1", study.split.ids, np.full((n, 1), 2.5), "scores")
    return replace(study, models=(study.teacher, Population("student-1", "student", (flat,))))


def one_class(n: int = 40, *, seed: int = 0) -> Study:
    """A split in which every gold label is the same."""
    study = classification(n, seed=seed)
    return replace(study, split=replace(study.split, labels=np.ones(n, dtype=np.int64)))


def perfect_models(n: int = 40) -> Study:
    """A teacher and a student that are right on every example."""
    gold = [row % 2 for row in range(n)]
    return study_of(gold, gold, gold)


def teacher_alone(n: int = 40) -> Study:
    """A study without students."""
    return classification(n, students=0)


# name -> builder: what the contract suite runs every analysis on.
STUDIES: dict[str, Callable[[], Study]] = {
    "binary": binary,
    "57 classes": many_classes,
    "three classes": lambda: classification(90, classes=3),
    "hard labels": hard_labels,
    "mixed scales": mixed_scales,
    "several seeds": several_seeds,
    "minimal pairs": with_minimal_pairs,
    "minimal pairs, several seeds": lambda: with_minimal_pairs(runs=2),
    "regression": regression,
    "regression, several seeds": lambda: regression(60, runs=2),
    "clusters": lambda: clustered(binary()),
    "clusters of three classes, several seeds": lambda: clustered(
        classification(60, classes=3, runs=2)
    ),
    "clusters of a regression": lambda: clustered(regression(60)),
    "unlabelled clusters": lambda: clustered(unlabelled(binary(60))),
    "unlabelled": lambda: unlabelled(binary(60)),
    "several labels": several_labels,
    "several labels, several seeds": lambda: several_labels(60, runs=2),
    "several labels, one of hard sets": lambda: several_labels(60, hard=(2,)),
    "several labels, hard sets alone": lambda: several_labels(60, hard=(0, 1, 2)),
    "several labels, more sets than listed": lambda: several_labels(90, labels=9),
    "several labels, unlabelled": lambda: several_labels(60, gold=False),
    "several labels in clusters": lambda: clustered(several_labels(60)),
    "unlabelled regression": lambda: unlabelled(regression(40)),
    "identical models": identical_models,
    "constant student": constant_student,
    "constant regression": constant_regression,
    "one class": one_class,
    "perfect models": perfect_models,
    "one example": lambda: study_of([1], [1], [0]),
    "two examples": lambda: study_of([0, 1], [0, 1], [0, 1]),
    "one regression example": lambda: regression(1),
    "teacher alone": teacher_alone,
}


def permuted(study: Study, *, seed: int = 7) -> Study:
    """The same study with its examples in another order, on all sides."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(study.n)
    split = study.split.take(order)
    models = tuple(
        replace(
            model,
            runs=tuple(replace(run, ids=split.ids, values=run.values[order]) for run in model.runs),
        )
        for model in study.models
    )
    return replace(study, split=split, models=models)


@st.composite
def labels_of_two(
    draw: st.DrawFn, *, max_n: int = 30, max_classes: int = 4
) -> tuple[Ints, Ints, Ints, int]:
    """Gold labels, two models' predictions, and the number of classes (2 to max_classes)."""
    classes = draw(st.integers(2, max_classes))
    n = draw(st.integers(1, max_n))
    column = st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)
    gold, a, b = (np.array(draw(column), dtype=np.int64) for _ in range(3))
    return gold, a, b, classes


@st.composite
def small_studies(draw: st.DrawFn, *, max_n: int = 25, max_classes: int = 4) -> Study:
    """A study of a teacher and one student over arbitrary labels, degenerate ones included."""
    gold, a, b, classes = draw(labels_of_two(max_n=max_n, max_classes=max_classes))
    names = tuple(f"label-{c}" for c in range(classes))
    return study_of(gold.tolist(), a.tolist(), b.tolist(), labels=names, resamples=30)
