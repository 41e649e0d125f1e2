"""How often the intervals of each kind of number hold the truth, over many simulated studies.

The truth is the number on a very large sample of the same population. `KDPROBE_STUDIES` sets how
many studies are drawn; at 1,000 a coverage of .95 is known to .007.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import norm

from kdprobe.analysis.agreement import ANALYSIS as AGREEMENT
from kdprobe.analysis.confidence import ANALYSIS as CONFIDENCE
from kdprobe.analysis.overlap import ANALYSIS as OVERLAP
from kdprobe.analysis.protocol import Analysis
from kdprobe.analysis.task_scores import ANALYSIS as SCORES
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from tests.analysis.studies import classification_task, ids_of, regression_task, split_of

STUDIES = int(os.environ.get("KDPROBE_STUDIES", "60"))
LARGE, QUADRATURE, DRAWS = 60_000, 9, 1000
LABELS = ("a", "b", "c")
CERTAIN: tuple[str, ...] = (
    "accuracy", "accuracy_difference", "agreement", "churn", "cohens_kappa", "jensen_shannon",
    "spearman", "pearson", "negative_flips", "positive_flips",
)  # fmt: skip


class Kind(NamedTuple):
    """A population of studies: a teacher and a student.

    `spread` is the standard deviation of the skill of a model's runs.
    """

    name: str
    n: int = 300
    classes: int = 2
    skills: tuple[float, float] = (2.5, 1.8)
    first: float = 0.5
    runs: int = 1
    spread: float = 0.0
    regression: bool = False


KINDS = (
    Kind("binary"),
    Kind("binary, n = 1,000", n=1000),
    Kind("skewed 9 : 1", first=0.9),
    Kind("three classes", classes=3),
    Kind("agreement near 1", skills=(6.0, 5.0)),
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


def numbers(study: Study) -> dict[tuple[str, ...], Estimate]:
    """The numbers of the analyses that hold every kind of statistic."""
    analyses: tuple[Analysis, ...] = (SCORES,)
    if study.split.task.kind != "regression":
        analyses = (SCORES, AGREEMENT, OVERLAP, CONFIDENCE)
    estimates: dict[tuple[str, ...], Estimate] = {}
    for analysis in analyses:
        for each in analysis.run(study, analysis.options(), {}).estimates:
            place = (each.metric, each.model_a, each.model_b, each.subset, each.method)
            if each.subset != "between seeds":
                estimates[(analysis.name, *place)] = each
    return estimates


def coverage(kind: Kind) -> dict[tuple[str, ...], tuple[float, int]]:
    """Return the share of intervals that hold the truth, and how many there are, by number."""
    large = np.zeros((2, 1))
    if kind.spread:
        places = (np.arange(QUADRATURE) + 0.5) / QUADRATURE
        large = np.tile(kind.spread * norm.ppf(places), (2, 1))
    size = LARGE if not kind.spread else LARGE // 3
    truth = numbers(study_of(kind, size, np.random.default_rng(99), large))
    held: dict[tuple[str, ...], list[bool]] = {}
    for number in range(STUDIES):
        generator = np.random.default_rng(number)
        shifts = kind.spread * generator.normal(size=(2, kind.runs))
        for place, each in numbers(study_of(kind, kind.n, generator, shifts)).items():
            true = truth[place].value if place in truth else None
            if true is not None and each.low is not None and each.high is not None:
                held.setdefault(place, []).append(each.low <= true <= each.high)
    return {place: (float(np.mean(each)), len(each)) for place, each in held.items()}


@pytest.mark.bench
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_coverage(kind: Kind, capsys: pytest.CaptureFixture[str]):
    """Guards intervals that miss the truth oftener than they say, kind by kind of number."""
    started = time.perf_counter()
    held = coverage(kind)
    known = {place: share for place, (share, count) in held.items() if count >= 0.9 * STUDIES}
    outside = {place: share for place, share in known.items() if not 0.93 <= share <= 0.97}
    lines = [
        f"\n{kind.name}, n = {kind.n:,}: {len(known)} intervals in {STUDIES:,} studies, "
        f"{len(known) - len(outside)} cover .93 to .97 ({time.perf_counter() - started:.0f} s)"
    ]
    lines += [f"  {share:.3f}  {' '.join(filter(None, place))}"
              for place, share in sorted(outside.items(), key=lambda row: row[1])]  # fmt: skip
    with capsys.disabled():
        print("\n".join(lines))
    usual = [share for place, share in known.items() if place[1] in CERTAIN]
    assert usual
    assert min(usual) > 0.95 - 4 * np.sqrt(0.95 * 0.05 / STUDIES)
