"""How often the intervals of each kind of number hold the truth, over many simulated studies.

The truth is the number on a very large sample of the same population. `KDPROBE_STUDIES` sets how
many studies are drawn; at 1,000 a coverage of .95 is known to .007.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np
import pytest
from scipy.stats import norm

from kdprobe.analysis.agreement import ANALYSIS as AGREEMENT
from kdprobe.analysis.attribution_agreement import ANALYSIS as WORDS
from kdprobe.analysis.confidence import ANALYSIS as CONFIDENCE
from kdprobe.analysis.overlap import ANALYSIS as OVERLAP
from kdprobe.analysis.probing import ANALYSIS as PROBING
from kdprobe.analysis.protocol import Analysis
from kdprobe.analysis.selective_agreement import ANALYSIS as SELECTIVE
from kdprobe.analysis.task_scores import ANALYSIS as SCORES
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.probes import ProbeFit, ProbeFits, ProbeTask
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from tests.analysis.attributed import with_scores
from tests.analysis.studies import classification_task, ids_of, regression_task, split_of
from tests.bench.rows import BenchRows

STUDIES = int(os.environ.get("KDPROBE_STUDIES", "60"))
LARGE, QUADRATURE, DRAWS = 60_000, 9, 1000
LABELS = ("a", "b", "c")
CERTAIN: tuple[str, ...] = (
    "accuracy", "accuracy_difference", "agreement", "churn", "cohens_kappa", "jensen_shannon",
    "spearman", "pearson", "negative_flips", "positive_flips",
)  # fmt: skip
Numbers = dict[tuple[str, ...], Estimate]
Held = Mapping[tuple[str, ...], tuple[float, int]]  # the share that holds the truth, of how many


class Kind(NamedTuple):
    """A population of studies: a teacher and a student.

    `spread` is the standard deviation of the skill of a model's runs; `skewed` names numbers whose
    distribution is too skewed for any interval of n examples.
    """

    name: str
    n: int = 300
    classes: int = 2
    skills: tuple[float, float] = (2.5, 1.8)
    first: float = 0.5
    runs: int = 1
    spread: float = 0.0
    regression: bool = False
    skewed: tuple[str, ...] = ()


KINDS = (
    Kind("binary"),
    Kind("binary, n = 1,000", n=1000),
    Kind("skewed 9 : 1", first=0.9),
    Kind("three classes", classes=3),
    Kind("agreement near 1", skills=(6.0, 5.0), skewed=("pearson",)),
    Kind("scores", regression=True),
    Kind("3 seeds", runs=3, spread=0.5),
    Kind("3 seeds, no spread", runs=3),
    Kind("5 seeds", runs=5, spread=0.5),
)


def study_of(kind: Kind, n: int, generator: np.random.Generator, shifts: np.ndarray) -> Study:
    """Draw examples, and runs with these shifts of skill `[2, runs]`."""
    names = ("teacher", "student")
    models = []
    truth: np.ndarray
    if kind.regression:
        truth = generator.uniform(0, 5, size=n)
        shared = generator.normal(0, 0.5, size=n)
    else:
        others = (1 - kind.first) / (kind.classes - 1)
        shares = [kind.first, *[others] * (kind.classes - 1)]
        truth = generator.choice(kind.classes, size=n, p=shares)
        shared = generator.normal(size=(n, kind.classes))
    for place, name in enumerate(names):
        runs = []
        for shift in shifts[place]:
            skill = kind.skills[place] + shift
            if kind.regression:
                values = (truth + shared + generator.normal(0, 1.5 / skill, size=n))[:, None]
                runs.append(Predictions(name, ids_of(n), values, "scores"))
                continue
            logits = shared + generator.normal(size=shared.shape)
            logits[np.arange(n), truth.astype(int)] += skill
            runs.append(Predictions(name, ids_of(n), logits))
        models.append(Population(name, "student" if place else "teacher", tuple(runs)))
    task = regression_task() if kind.regression else classification_task(LABELS[: kind.classes])
    resamples = DRAWS if n < LARGE // 3 else 1
    return Study(split_of(task, truth, n), tuple(models), seed=0, resamples=resamples)


def numbers_of(analysis: Analysis, study: Study) -> Numbers:
    """The numbers of one analysis, by where they stand."""
    result = analysis.run(study, analysis.options(), {})
    return {
        (analysis.name, each.metric, each.model_a, each.model_b, each.subset, each.layer): each
        for each in result.estimates
        if each.subset != "between seeds"
    }


def numbers(study: Study) -> Numbers:
    """The numbers of the analyses that hold every kind of statistic."""
    analyses: tuple[Analysis, ...] = (SCORES,)
    if study.split.task.kind != "regression":
        analyses = (SCORES, AGREEMENT, OVERLAP, CONFIDENCE)
    return {place: each for one in analyses for place, each in numbers_of(one, study).items()}


def held_by(truth: Numbers, study: Callable[[int], Numbers]) -> Held:
    """Return the share of intervals that hold the truth, and how many there are, by number."""
    held: dict[tuple[str, ...], list[bool]] = {}
    for number in range(STUDIES):
        for place, each in study(number).items():
            true = truth[place].value if place in truth else None
            if true is not None and each.low is not None and each.high is not None:
                held.setdefault(place, []).append(each.low <= true <= each.high)
    return {place: (float(np.mean(each)), len(each)) for place, each in held.items()}


def coverage(kind: Kind) -> Held:
    """Return the coverage of every number of a kind of study."""
    large = np.zeros((2, 1))
    if kind.spread:
        places = (np.arange(QUADRATURE) + 0.5) / QUADRATURE
        large = np.tile(kind.spread * norm.ppf(places), (2, 1))
    size = LARGE if not kind.spread else LARGE // 3
    truth = numbers(study_of(kind, size, np.random.default_rng(99), large))

    def study(number: int) -> Numbers:
        generator = np.random.default_rng(number)
        shifts = kind.spread * generator.normal(size=(2, kind.runs))
        return numbers(study_of(kind, kind.n, generator, shifts))

    return held_by(truth, study)


def reported(name: str, held: Held, seconds: float, capsys: pytest.CaptureFixture[str]) -> Mapping[
    tuple[str, ...], float
]:  # fmt: skip
    """Print what covers too little or too much; return the coverage of what mostly is defined."""
    known = {place: share for place, (share, count) in held.items() if count >= 0.9 * STUDIES}
    outside = {place: share for place, share in known.items() if not 0.93 <= share <= 0.97}
    lines = [
        f"\n{name}: {len(known)} intervals in {STUDIES:,} studies, "
        f"{len(known) - len(outside)} cover .93 to .97 ({seconds:.0f} s)"
    ]
    lines += [f"  {share:.3f}  {' '.join(filter(None, place))}"
              for place, share in sorted(outside.items(), key=lambda row: row[1])]  # fmt: skip
    with capsys.disabled():
        print("\n".join(lines))
    assert known
    return known


LEAST = 0.95 - 4 * np.sqrt(0.95 * 0.05 / STUDIES)


@pytest.mark.bench
@pytest.mark.timeout(60 + 5 * STUDIES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_coverage(kind: Kind, capsys: pytest.CaptureFixture[str], bench_row: BenchRows):
    """Guards intervals that miss the truth oftener than they say, kind by kind of number."""
    started = time.perf_counter()
    held = coverage(kind)
    seconds = time.perf_counter() - started
    known = reported(f"{kind.name}, n = {kind.n:,}", held, seconds, capsys)
    certain = set(CERTAIN) - set(kind.skewed)
    usual = [share for place, share in known.items() if place[1] in certain]
    assert usual
    bench_row(
        f"intervals of {kind.name}, n = {kind.n:,}", usual, unit="coverage",
        agreement="nominal .95", must=LEAST,
    )  # fmt: skip
    assert min(usual) > LEAST


def selective_areas(large: bool, number: int) -> Numbers:
    """The areas of agreement and accuracy over coverage, of 300 examples."""
    n, generator = LARGE if large else 300, np.random.default_rng(number)
    drawn = numbers_of(SELECTIVE, study_of(KINDS[0], n, generator, np.zeros((2, 1))))
    return {place: each for place, each in drawn.items() if "_auc" in place[1]}


def word_agreement(large: bool, number: int) -> Numbers:
    """The rank agreement of words, between its floor and ceiling, of 100 sentences."""
    n, generator = 3000 if large else 100, np.random.default_rng(number)
    study = study_of(KINDS[0], n, generator, np.zeros((2, 1)))
    study = Study(study.split, study.models, seed=0, resamples=1 if large else DRAWS)
    sizes = generator.integers(3, 13, size=n)
    teacher = [generator.normal(size=size) for size in sizes]
    noise = {
        ("teacher", "lime", ""): 0.0, ("teacher", "lime", "reseeded"): 0.3,
        ("student", "lime", ""): 1.0, ("student", "lime", "reseeded"): 1.1,
        ("student", "lime", "random weights"): 30.0,
    }  # fmt: skip
    scores = {
        key: [row + size * generator.normal(size=len(row)) for row in teacher]
        for key, size in noise.items()
    }
    texts = [" ".join(f"w{place}" for place in range(size)) for size in sizes]
    return numbers_of(WORDS, with_scores(study, scores, texts))


def probing_gaps(large: bool, number: int) -> Numbers:
    """Accuracies, gaps and retention of probes of three layers, of 300 test sentences."""
    n, generator = LARGE if large else 300, np.random.default_rng(number)
    study = study_of(KINDS[0], 50, generator, np.zeros((2, 1)))
    difficulty, layers = generator.normal(size=n), ("0", "1", "2")
    fits = []
    able_of: dict[tuple[str, Literal["trained", "random"]], tuple[float, float, float]] = {
        ("teacher", "trained"): (0.3, 1.5, 0.9), ("teacher", "random"): (0.1, 0.3, 0.2),
        ("student", "trained"): (0.2, 1.0, 0.6), ("student", "random"): (0.1, 0.2, 0.2),
    }  # fmt: skip
    for (model, weights), able in able_of.items():
        own = generator.normal(size=(3, n))
        hits = (np.array(able)[:, None] + own > difficulty)[None]
        fits.append(
            ProbeFit(model, 0, weights, "t", layers, ("mean",) * 3, np.array([able]), hits,
                     hits[0] & (own > 0))
        )  # fmt: skip
    task = ProbeTask("t", "semantics", ("A", "B"), 400, 200, n, 0.5, 0.5, "toy")
    study = Study(study.split, study.models, seed=0, resamples=1 if large else DRAWS)
    probes = ProbeFits((task,), tuple(fits), "toy probe", ("mean",))
    return numbers_of(PROBING, study.with_observations(probes))


def of_enough(numbers: Numbers) -> Numbers:
    """Leave out the intervals that are known to be too narrow: docs/numbers.md says by how much.

    Those of fewer than 30 examples, and the share of a part whose limit is a number of the study
    too, and is held fixed.
    """
    return {
        place: each
        for place, each in numbers.items()
        if (each.n or 0) >= 30 and place[1] != "other_reasons"
    }


@pytest.mark.bench
@pytest.mark.timeout(120 + 3 * STUDIES)
@pytest.mark.parametrize("of", [selective_areas, word_agreement, probing_gaps])
def test_coverage_of_other_observations(
    of: Callable[[bool, int], Numbers], capsys: pytest.CaptureFixture[str], bench_row: BenchRows
):
    """Guards the intervals of areas, word scores and probes, which rest on other resamples."""
    started = time.perf_counter()
    held = held_by(of(True, 99), lambda number: of_enough(of(False, number)))
    seconds = time.perf_counter() - started
    known = list(reported(of.__name__, held, seconds, capsys).values())
    bench_row(
        f"intervals of {of.__name__}", known, unit="coverage", agreement="nominal .95", must=LEAST
    )
    assert min(known) > LEAST
