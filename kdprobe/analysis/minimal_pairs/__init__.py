"""Minimal pairs: which phenomena the teacher tells right from wrong and the student does not.

Does: accuracy of every model by phenomenon, by field and over all pairs, each student's gap with
interval, test and q-value, the rank correlation of the margins, and the pairs behind the largest
losses. Does not: run a model or make pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kdprobe.analysis.estimates import (
    EstimateKey,
    draws_of,
    estimate,
    pair_draws_of,
    undefined_estimate,
)
from kdprobe.analysis.minimal_pairs.judgements import (
    PairGroup,
    accuracy_sums,
    judged,
    judgements,
    parts_of,
    ranked_draws,
    spearman_tables,
)
from kdprobe.analysis.minimal_pairs.metrics import METRICS
from kdprobe.analysis.protocol import Gold, described
from kdprobe.analysis.student_gaps.gaps import gap_estimate, paired_p, with_q
from kdprobe.analysis.student_gaps.views import forest, gap_table
from kdprobe.config.base import Options
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Column, Estimate, Table
from kdprobe.stats.arrays import Floats
from kdprobe.stats.hypothesis_tests import mcnemar_p

HOW = "bootstrap over pairs within phenomena, percentile"
_UNJUDGED = "the minimal pairs were not put to {}"


class MinimalPairAnalysisOptions(Options):
    """`shown`: how many pairs are shown of each phenomenon that a student loses most on."""

    shown: int = 3


@dataclass(frozen=True)
class _Judged:
    """The pairs, cut into parts, and every run's judgements with their draws."""

    study: Study
    pairs: MinimalPairs
    models: tuple[Population, ...]
    phenomena: tuple[PairGroup, ...]
    wide: tuple[PairGroup, ...]
    scores: Mapping[str, Floats]  # name -> [runs, m]
    draws: Mapping[tuple[str, str], Floats]  # (name, subset) -> [B + 1]

    @property
    def teacher(self) -> Population:
        return self.study.teacher

    @property
    def students(self) -> tuple[Population, ...]:
        """The judged students; none when the teacher was not asked, as no gap exists then."""
        if self.teacher.name not in self.pairs.margins:
            return ()
        return tuple(model for model in self.models if model.role == "student")


def _place(model: Population, run: Predictions) -> int:
    """The row of a run among its model's; runs hold arrays, so they are told by identity."""
    return next(row for row, other in enumerate(model.runs) if other is run)


def _accuracy_draws(
    study: Study,
    models: Sequence[Population],
    scores: Mapping[str, Floats],
    parts: Sequence[PairGroup],
) -> dict[tuple[str, str], Floats]:
    stacked = np.concatenate([scores[model.name] for model in models])
    cells = {cell: rows for part in parts for cell, rows in part.cells.items()}
    sums = accuracy_sums(study, stacked, cells)
    draws, first = {}, 0
    for model in models:
        for part in parts:
            total = np.sum([sums[cell] for cell in part.cells], axis=0) / len(part.rows)
            draws[model.name, part.subset] = draws_of(
                study,
                model,
                lambda run, t=total, f=first, m=model: t[:, f + _place(m, run)],  # type: ignore[misc]
            )
        first += len(model.runs)
    return draws


def _judge(study: Study, pairs: MinimalPairs) -> _Judged:
    models = judged(study, pairs)
    phenomena, wide = parts_of(pairs)
    scores = {model.name: judgements(pairs.margins[model.name]) for model in models}
    draws = _accuracy_draws(study, models, scores, (*wide, *phenomena))
    return _Judged(study, pairs, models, phenomena, wide, scores, draws)


def _accuracies(judged: _Judged) -> list[Estimate]:
    return [
        estimate(
            EstimateKey("accuracy", model.name, subset=part.subset),
            judged.draws[model.name, part.subset],
            n=len(part.rows),
            undefined="no pairs",
            share=True,
            how=HOW,
        )
        for model in judged.models
        for part in (*judged.wide, *judged.phenomena)
    ]


def _p_value(judged: _Judged, student: Population, part: PairGroup) -> float | None:
    t = judged.scores[judged.teacher.name][:, part.rows]
    s = judged.scores[student.name][:, part.rows]
    if len(t) > 1 or len(s) > 1:
        return paired_p(t, s)
    return mcnemar_p(int((t > s).sum()), int((t < s).sum()))


def _gap(judged: _Judged, student: Population, part: PairGroup) -> Estimate:
    draws = judged.draws[judged.teacher.name, part.subset] - judged.draws[student.name, part.subset]
    return gap_estimate(
        EstimateKey("gap", judged.teacher.name, student.name, subset=part.subset),
        draws,
        n=len(part.rows),
        undefined="no pairs",
        share=True,
        p_value=_p_value(judged, student, part),
        how=HOW,
    )


def _margins(judged: _Judged, student: Population, part: PairGroup) -> Estimate:
    """Estimate the rank correlation of margins, averaged over all pairs of runs."""
    teacher, margins = judged.teacher, judged.pairs.margins
    runs = [(t, s) for t in range(len(teacher.runs)) for s in range(len(student.runs))]
    columns = [(margins[teacher.name][t], margins[student.name][s]) for t, s in runs]
    tables = dict(zip(runs, spearman_tables(judged.study, part, columns), strict=True))
    draws = ranked_draws(judged.study, part)
    values = pair_draws_of(
        replace(judged.study, resamples=draws),
        teacher,
        student,
        lambda run, other: tables[_place(teacher, run), _place(student, other)],
    )
    fewer = draws < judged.study.resamples
    return estimate(
        EstimateKey("margin_spearman", teacher.name, student.name, subset=part.subset),
        values,
        n=len(part.rows),
        undefined="a model's margins are the same on all pairs (or there is one pair only)",
        how=f"{HOW}, {draws} resamples" if fewer else HOW,
    )


def _lost_pairs(judged: _Judged, gaps: Sequence[Estimate], shown: int) -> Table:
    """Show pairs that the teacher's first run judges rightly and the student's does not."""
    parts = {part.subset: part for part in judged.phenomena}
    rows = []
    for student in judged.students:
        own = [gap for gap in gaps if gap.model_b == student.name and (gap.low or 0.0) > 0]
        for gap in sorted(own, key=lambda gap: -(gap.low or 0.0))[:5]:
            inside = parts[gap.subset].rows
            t = judged.pairs.margins[judged.teacher.name][0][inside]
            s = judged.pairs.margins[student.name][0][inside]
            lost = np.flatnonzero((t > 0) & (s < 0))
            for at in lost[np.argsort(-(t - s)[lost], kind="stable")][:shown]:
                row = int(inside[at])
                good, bad = judged.pairs.good[row], judged.pairs.bad[row]
                rows.append((student.name, gap.subset, good, bad, float(t[at]), float(s[at])))
    return Table(
        name="lost_pairs",
        title="Pairs the teacher judges rightly and the student does not",
        caption="From up to five phenomena a student with the surest losses (lower end of the "
        "interval above 0), the pairs on which the two margins differ most; first runs.",
        columns=(
            Column(name="student", label="student"),
            Column(name="phenomenon", label="phenomenon"),
            Column(name="good", label="acceptable"),
            Column(name="bad", label="damaged"),
            Column(name="teacher_margin", label="teacher's margin", kind="number", unit="nats"),
            Column(name="student_margin", label="student's margin", kind="number", unit="nats"),
        ),
        rows=tuple(rows),
    )


def _unjudged(judged: _Judged) -> list[Estimate]:
    return [
        undefined_estimate(EstimateKey("accuracy", model.name), _UNJUDGED.format(model.name))
        for model in judged.study.models
        if model.name not in judged.pairs.margins
    ]


def _notes(judged: _Judged) -> tuple[str, ...]:
    ties = {
        model.name: int((judged.scores[model.name] == 0.5).any(axis=0).sum())
        for model in judged.models
    }
    notes = [
        f"{name} ties on {n} of {len(judged.pairs.ids)} pairs." for name, n in ties.items() if n
    ]
    missing = [m.name for m in judged.study.models if m.name not in judged.pairs.margins]
    return (*notes, *(f"No minimal pairs were put to {name}." for name in missing))


@dataclass(frozen=True)
class MinimalPairAnalysis:
    """Accuracy on minimal pairs by phenomenon, teacher and students paired."""

    name: str = "minimal_pairs"
    version: int = 1
    title: str = "Minimal pairs"
    after: tuple[str, ...] = ()
    gold: Gold = "unread"
    reads: tuple[type, ...] = (MinimalPairs,)
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
    options: type[MinimalPairAnalysisOptions] = MinimalPairAnalysisOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies without judged minimal pairs."""
        if not study.has(MinimalPairs) or not study.get(MinimalPairs).ids:
            return "there are no minimal pairs; they need a task of acceptability and the models"
        margins = study.get(MinimalPairs).margins
        if not any(model.name in margins for model in study.models):
            return "the minimal pairs were put to none of the models"
        return None

    def run(
        self, study: Study, options: MinimalPairAnalysisOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Score every model on every phenomenon and measure each student's gap."""
        judged = _judge(study, study.get(MinimalPairs))
        accuracies = _accuracies(judged)
        narrow = with_q(
            [_gap(judged, s, part) for s in judged.students for part in judged.phenomena]
        )
        wide = [_gap(judged, s, part) for s in judged.students for part in judged.wide]
        margins = [
            _margins(judged, student, part)
            for student in judged.students
            for part in (judged.wide[0], *judged.phenomena)
        ]
        tables = (
            gap_table(
                study,
                (*wide, *narrow),
                accuracies,
                score="accuracy",
                title="By phenomenon",
                more=margins,
            ),
            _lost_pairs(judged, narrow, options.shown),
        )
        return AnalysisResult(
            **described(self, options),
            caption=f"{len(judged.pairs.ids)} pairs of {len(judged.phenomena)} phenomena "
            f"({judged.pairs.origin}). Pairs are resampled within phenomena. Fields and the total "
            "count every pair once.",
            metrics=METRICS,
            estimates=(*accuracies, *_unjudged(judged), *wide, *narrow, *margins),
            tables=tables if judged.students else (),
            curves=forest(study, narrow, what="phenomenon", unit="accuracy"),
            notes=_notes(judged),
        )


ALIASES = ("blimp",)
ANALYSIS = MinimalPairAnalysis()
