"""The threshold above which a student may answer for its teacher, and how it does on the rest.

Does: halve the examples, choose the threshold on one half, check it on the other, and say what it
means in a sentence. Does not: draw curves.

The thresholds tested are quantiles of the confidences of the half that checks, so they depend on
nothing of the half they are tested on, and the bound holds whatever the models do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from kdprobe.analysis.estimates import (
    EstimateKey,
    draws_of,
    estimate,
    resamples_of,
    undefined_estimate,
)
from kdprobe.analysis.examples import confidence_of
from kdprobe.config.base import Options
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.numbers import show_number, show_share
from kdprobe.results.schema import Cell, Column, Estimate, Table
from kdprobe.seeds import derive_generator
from kdprobe.stats import selective
from kdprobe.stats.arrays import Bools
from kdprobe.stats.bootstrap import LEVEL, mean_within
from kdprobe.stats.hypothesis_tests import clopper_pearson, fewest_trials

NAMES = ("selective_threshold", "selective_coverage", "selective_agreement")
_DEPENDENT = (
    "no threshold is chosen: its guarantee counts independent examples, and these come in clusters "
    "(`cluster=none` takes them as independent)"
)
_EXACT = "Clopper and Pearson's exact interval"


class SelectiveAgreementOptions(Options):
    """What is to be guaranteed, and how finely thresholds are tried."""

    target: float = Field(
        default=0.95, gt=0, lt=1, description="agreement with the teacher to be guaranteed"
    )
    delta: float = Field(
        default=0.05, gt=0, lt=1, description="the chance that the guarantee does not hold"
    )
    steps: int = Field(default=50, ge=1, le=1000, description="thresholds tried at most")
    top: int = Field(default=20, ge=1, le=1000, description="suspects in each list")


def choosing_half(study: Study) -> Bools:
    """Return which examples choose the threshold, bool `[n]`; the others check it.

    Definition: of each label of the teacher every second example in a random order of the run's
    seed, whatever the order of the rows.
    """
    ids = study.split.ids
    rows = np.array(sorted(range(study.n), key=ids.__getitem__), dtype=np.int64)
    chance = derive_generator(study.seed, "selective_agreement", "halves").random(study.n)
    order = rows[np.lexsort((chance, study.teacher.first.predicted[rows]))]
    chosen: Bools = np.zeros(study.n, dtype=np.bool_)
    chosen[order[::2]] = True
    return chosen


@dataclass(frozen=True)
class ChosenThreshold:
    """What the choosing half says of one run of a student, and the checking half of the choice.

    Args:
        tests: the sequence of tests on the choosing half, of `size` examples.
        threshold: the last that passed, or None; `reason` then says why there is none.
        answered, good: of the checking half, bool `[n]`: at or above the threshold (or the
            teacher's answer), False elsewhere.
        checked: how many examples check.
    """

    tests: selective.Sequence
    size: int
    threshold: float | None
    reason: str
    answered: Bools
    good: Bools
    checked: int

    @property
    def counts(self) -> tuple[int, int]:
        """How many the checking half answers, and how many of them as the teacher."""
        return int(self.answered.sum()), int((self.answered & self.good).sum())


def choose(
    study: Study, run: Predictions, half: Bools, options: SelectiveAgreementOptions
) -> ChosenThreshold:
    """Choose the threshold of one run against the teacher's first."""
    sure, good = confidence_of(run), run.predicted == study.teacher.first.predicted
    size = int(half.sum())
    first = selective.first_size(study.n - size, options.target, options.delta)
    grid = selective.threshold_grid(sure[~half], first, options.steps)
    tests = selective.fixed_sequence(
        grid, sure[half], good[half], target=options.target, delta=options.delta
    )
    reason = "" if tests.passed else _reason(tests, size, options)
    if study.split.clusters is not None:
        reason = _DEPENDENT
    threshold = None if reason else float(grid[tests.passed - 1])
    answered = np.zeros(study.n, dtype=np.bool_) if threshold is None else sure >= threshold
    return ChosenThreshold(
        tests, size, threshold, reason,
        answered & ~half, good & ~half, study.n - size,
    )  # fmt: skip


def _reason(tests: selective.Sequence, size: int, options: SelectiveAgreementOptions) -> str:
    """Say why no threshold meets the target, and which is the nearest."""
    fewest = fewest_trials(options.target, options.delta)
    goal = f"no threshold guarantees {show_share(options.target)}"
    if fewest > size:
        return (
            f"{goal}: even without a disagreement {fewest:,} answers would be needed, and the half "
            f"that chooses holds {size:,}"
        )
    best = int(np.argmax(tests.bounds)) if tests.bounds.any() else len(tests.bounds) - 1
    late = "; a threshold before it missed, so it cannot be chosen"
    return (
        f"{goal}: the nearest is {shown(tests.thresholds[best])}, where {tests.answered[best]:,} "
        f"of {size:,} are answered, {show_share(tests.good[best] / tests.answered[best])} as the "
        f"teacher would, and the bound is {show_share(tests.bounds[best])}"
        f"{late if tests.bounds[best] >= options.target else ''}"
    )


def shown(threshold: float) -> str:
    """Write a threshold with as many digits as tell it from 1.

    >>> shown(0.91234), shown(0.99996), shown(0.0)
    ('0.912', '0.99996', '0 (all)')
    """
    if threshold == 0:
        return "0 (all)"
    digits = next((d for d in range(3, 12) if round(threshold, d) < 1), 12)
    return show_number(threshold, digits=digits)


def estimates(
    study: Study, student: Population, chosen: Sequence[ChosenThreshold]
) -> list[Estimate]:
    """Estimate threshold, coverage and agreement of a student, averaged over its runs."""
    keys = [EstimateKey(name, study.teacher.name, student.name) for name in NAMES]
    failed = [one for one in chosen if one.threshold is None]
    if failed:
        some = f"in {len(failed)} of {len(chosen)} runs " if len(chosen) > 1 else ""
        return [undefined_estimate(at, f"{some}{failed[0].reason}") for at in keys]
    thresholds = [one.threshold for one in chosen if one.threshold is not None]
    note = f"no interval: the choice of a sequence of {len(chosen[0].tests.thresholds)} tests"
    if len(chosen) > 1:
        note = f"the average of {len(chosen)} runs, {shown(min(thresholds))} to "
        note += f"{shown(max(thresholds))}; each run has its own"
    threshold = Estimate(
        **vars(keys[0]), value=float(np.mean(thresholds)), n=chosen[0].size, note=note
    )
    return [threshold, *(_checked(study, student, chosen, at) for at in keys[1:])]


def _checked(
    study: Study, student: Population, chosen: Sequence[ChosenThreshold], at: EstimateKey
) -> Estimate:
    """Estimate coverage or agreement on the half that checks."""
    coverage = at.metric == NAMES[1]
    if len(chosen) == 1:
        answered, good = chosen[0].counts
        part, of = (answered, chosen[0].checked) if coverage else (good, answered)
        low, high = clopper_pearson(np.array([part]), np.array([of]))
        return Estimate(
            **vars(at), value=part / of, low=float(low[0]), high=float(high[0]), level=LEVEL,
            interval=_EXACT, n=of,
        )  # fmt: skip
    resamples = resamples_of(study)
    by_run = dict(zip(map(id, student.runs), chosen, strict=True))
    checking = ~choosing_half(study)

    def statistic(run: Predictions) -> np.ndarray:
        one = by_run[id(run)]
        within, values = (checking, one.answered) if coverage else (one.answered, one.good)
        return mean_within(resamples, within, values)

    sizes = [one.checked if coverage else one.counts[0] for one in chosen]
    return estimate(
        at, draws_of(study, student, statistic), n=round(float(np.mean(sizes))),
        undefined="no example is answered",
    )  # fmt: skip


def sentence(
    student: str, chosen: Sequence[ChosenThreshold], options: SelectiveAgreementOptions
) -> str:
    """Say what a student's threshold is good for."""
    if any(one.threshold is None for one in chosen):
        reasons = [one.reason for one in chosen if one.reason]
        some = f" ({len(reasons)} of {len(chosen)} runs)" if len(chosen) > 1 else ""
        return f"{student}: hand everything on{some}; {reasons[0]}."
    thresholds = [one.threshold for one in chosen if one.threshold is not None]
    promise = (
        f"at least {100 * options.target:g} % as the teacher would "
        f"({100 * (1 - options.delta):g} % confidence)"
    )
    if not any(thresholds):
        return f"{student}: answer every text yourself, {promise}."
    shares = [one.counts[0] / one.checked for one in chosen]
    low, high = (f"{100 * share:.0f}" for share in (min(shares), max(shares)))
    least, most = shown(min(thresholds)), shown(max(thresholds))
    much = low if low == high else f"{low} to {high}"
    where = least if least == most else f"{least} to {most}, each run its own"
    return (
        f"{student}: answer {much} % of the texts yourself, {promise}, hand on the rest: those of "
        f"a confidence below {where}."
    )


def thresholds_table(
    study: Study, chosen: dict[str, list[ChosenThreshold]], options: SelectiveAgreementOptions
) -> Table:
    """Lay out the choice of every run, and how it does on the half that checks."""
    rows: list[tuple[Cell, ...]] = []
    for student in study.students:
        for place, one in enumerate(chosen.get(student.name, ())):
            rows.append((student.name, place + 1, *_row(study, student.runs[place], one)))
    heads = (
        ("threshold", "text"), ("answered when chosen", "count"), ("bound", "number"),
        ("answered", "number"), ("as the teacher", "number"), ("low", "number"),
        ("high", "number"), ("right", "number"), ("remark", "text"),
    )  # fmt: skip
    return Table(
        name="thresholds",
        title="The threshold of every run",
        caption=f"Chosen on half of the examples: the bound is what at least so many answers are "
        f"the teacher's, with {100 * (1 - options.delta):g} % confidence. Checked on the other "
        "half: share answered, share of these as the teacher with its 95 % interval, and right "
        "where labels are known.",
        columns=(
            Column(name="student", label="student"),
            Column(name="run", label="run", kind="count"),
            *(Column(name=name.replace(" ", "_"), label=name, kind=kind) for name, kind in heads),
        ),
        rows=tuple(rows),
    )


def _row(study: Study, run: Predictions, one: ChosenThreshold) -> tuple[Cell, ...]:
    if one.threshold is None:
        return (None,) * 8 + (one.reason,)
    last, (answered, good) = one.tests.passed - 1, one.counts
    low, high = clopper_pearson(np.array([good]), np.array([answered]))
    right: float | None = None
    if study.split.labels is not None:
        known = one.answered & study.split.has_gold
        if known.any():
            right = float((run.predicted == study.split.labels)[known].mean())
    return (
        shown(one.threshold), int(one.tests.answered[last]), float(one.tests.bounds[last]),
        answered / one.checked, good / answered, float(low[0]), float(high[0]), right, "",
    )  # fmt: skip
