"""Compression-identified exemplars: examples on which seeds of teacher and student settle apart.

Does: compare the label most teacher runs give with the label most student runs give, tell how
stable those labels are over seeds, and how hard the exemplars are for both. Does not: mean anything
with one run a model, where it would be plain disagreement; it then does not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.estimates import (
    EstimateKey,
    draws_of,
    estimate,
    resamples_of,
    undefined_estimate,
)
from kdprobe.analysis.gold import gold_classes, hits_of, labelled_note, several_runs
from kdprobe.analysis.protocol import Gold, described
from kdprobe.config.base import Options
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Column, Estimate, Metric, Table
from kdprobe.stats.arrays import Bools, Floats, Ints
from kdprobe.stats.bootstrap import mean_within

_METRICS = (
    Metric(
        name="exemplars",
        label="compression-identified exemplars",
        definition="Share of examples to which most teacher runs give one label and most student "
        "runs another. Runs are held fixed; the interval is over examples.",
        minimum=0,
        maximum=1,
        higher_is_better=False,
        source="Hooker et al. 2019, 2020",
    ),
    Metric(
        name="seed_disagreement",
        label="disagreement between seeds",
        definition="Share of equal-chance pairs of a model's own runs that give an example "
        "different labels, averaged over examples: what changing the seed alone does.",
        minimum=0,
        maximum=1,
        higher_is_better=False,
    ),
    Metric(
        name="seed_stability",
        label="stability over seeds",
        definition="Share of a model's runs that give its most frequent label, averaged over "
        "examples; 1: all runs always agree. On the exemplars of a pair and on the other examples.",
        minimum=0,
        maximum=1,
        higher_is_better=True,
    ),
    Metric(
        name="accuracy",
        label="accuracy",
        definition="Share of examples labelled rightly, averaged over runs, on the exemplars of a "
        "pair and on the other examples: whether the two models part on what is hard for both.",
        minimum=0,
        maximum=1,
        higher_is_better=True,
    ),
)


class ExemplarOptions(Options):
    """`shown`: how many exemplars of each student are listed."""

    shown: int = 20


@dataclass(frozen=True)
class _Votes:
    """What the runs of one model say together.

    Args:
        counts: int64 `[n, classes]`, how many runs give each label.
        runs: the number of runs.
    """

    counts: Ints
    runs: int

    @property
    def modal(self) -> Ints:
        """The most frequent label, int64 `[n]`; ties go to the lowest index."""
        return np.asarray(np.argmax(self.counts, axis=1), dtype=np.int64)

    @property
    def stability(self) -> Floats:
        """The share of runs that give the modal label, float64 `[n]` in (0, 1]."""
        return np.asarray(self.counts.max(axis=1) / self.runs, dtype=np.float64)

    @property
    def tied(self) -> Bools:
        """Where two labels are equally frequent, bool `[n]`."""
        return np.asarray((self.counts == self.counts.max(axis=1, keepdims=True)).sum(axis=1) > 1)

    @property
    def disagreement(self) -> Floats:
        """The share of pairs of runs with different labels, float64 `[n]`; needs two runs."""
        equal = (self.counts * (self.counts - 1)).sum(axis=1)
        return np.asarray(1.0 - equal / (self.runs * (self.runs - 1)), dtype=np.float64)


def _votes(study: Study, model: Population) -> _Votes:
    counts = np.zeros((study.n, study.classes), dtype=np.int64)
    for run in model.runs:
        counts[np.arange(study.n), run.predicted] += 1
    return _Votes(counts, len(model.runs))


def _share(study: Study, t: Population, s: Population, apart: Bools) -> Estimate:
    at = EstimateKey("exemplars", t.name, s.name)
    if len(t.runs) == 1 and len(s.runs) == 1:
        return undefined_estimate(
            at, "both models have one run, so these would be their plain disagreements", n=study.n
        )
    draws = resamples_of(study).mean(apart)
    return estimate(at, draws, n=study.n, undefined="", share=True)


def _of_model(study: Study, model: Population, votes: _Votes) -> list[Estimate]:
    """Estimate how far the runs of one model agree among themselves."""
    one_run = f"{model.name} has one run; agreement between runs needs two"
    estimates = []
    for metric in ("seed_disagreement", "seed_stability"):
        at = EstimateKey(metric, model.name)
        if votes.runs < 2:
            estimates.append(undefined_estimate(at, one_run, n=study.n))
            continue
        values = votes.disagreement if metric == "seed_disagreement" else votes.stability
        draws = resamples_of(study).mean(values)
        estimates.append(estimate(at, draws, n=study.n, undefined="", share=True))
    return estimates


def _by_part(
    study: Study, pair: tuple[Population, Population], votes: Mapping[str, _Votes], apart: Bools
) -> list[Estimate]:
    """Estimate accuracy and stability on the exemplars of a pair and on the other examples."""
    known, resamples = study.with_gold(), resamples_of(study)
    gold = gold_classes(known)
    estimates = []
    for model, other in (pair, pair[::-1]):
        for subset, mask in (("exemplars", apart), ("others", ~apart)):
            n = int(mask.sum())
            empty = f"there are no {subset} of this pair"
            if gold is not None:
                inside = mask[study.split.gold_rows]
                at = EstimateKey("accuracy", model.name, other.name, subset=subset)
                bare = f"none of the {n} {subset} of this pair has a gold label" if n else empty
                estimates.append(_accuracy(known, at, gold, inside, bare))
            if votes[model.name].runs > 1:
                draws = mean_within(resamples, mask, votes[model.name].stability)
                at = EstimateKey("seed_stability", model.name, other.name, subset=subset)
                estimates.append(estimate(at, draws, n=n, undefined=empty, share=True))
    return estimates


def _accuracy(study: Study, at: EstimateKey, gold: Ints, inside: Bools, empty: str) -> Estimate:
    """Estimate the accuracy of `at.model_a` on some of the labelled examples."""
    model = next(model for model in study.models if model.name == at.model_a)
    resamples = resamples_of(study)
    draws = draws_of(study, model, lambda run: mean_within(resamples, inside, hits_of(run, gold)))
    return estimate(at, draws, n=int(inside.sum()), undefined=empty, share=True)


def _examples(
    study: Study, student: Population, votes: Mapping[str, _Votes], apart: Bools, shown: int
) -> list[tuple[str, str, str | None, str, float | None, str, float | None]]:
    """List the exemplars on which both models' runs are most of one mind."""
    labels, gold = study.split.task.labels, gold_classes(study)
    t, s = votes[study.teacher.name], votes[student.name]
    rows = np.flatnonzero(apart)
    order = rows[np.argsort(-(t.stability * s.stability)[rows], kind="stable")][:shown]
    return [
        (
            student.name,
            study.split.ids[row],
            labels[gold[row]] if gold is not None and study.split.has_gold[row] else None,
            labels[t.modal[row]],
            float(t.stability[row]) if t.runs > 1 else None,
            labels[s.modal[row]],
            float(s.stability[row]) if s.runs > 1 else None,
        )
        for row in order.tolist()
    ]


def _table(rows: list[tuple[str, str, str | None, str, float | None, str, float | None]]) -> Table:
    return Table(
        name="exemplars",
        title="Compression-identified exemplars",
        caption="Those first on which the runs of both models are most of one mind; an empty "
        "share means the model has one run, an empty gold label that it is unknown.",
        columns=(
            Column(name="student", label="student"),
            Column(name="example", label="example", kind="example"),
            Column(name="gold", label="gold label"),
            Column(name="teacher_label", label="most teacher runs"),
            Column(name="teacher_stability", label="share of teacher runs", kind="share"),
            Column(name="student_label", label="most student runs"),
            Column(name="student_stability", label="share of student runs", kind="share"),
        ),
        rows=tuple(rows),
    )


def _notes(study: Study, votes: Mapping[str, _Votes]) -> tuple[str, ...]:
    single = [model.name for model in study.models if len(model.runs) == 1]
    notes = [
        f"{name} has one run: its single label stands for what most runs would say, so some of its "
        "exemplars are one seed's accident."
        for name in single
    ]
    for name, vote in votes.items():
        ties = int(vote.tied.sum())
        if ties:
            notes.append(
                f"On {ties} of {study.n} examples two labels are equally frequent among the "
                f"{vote.runs} runs of {name}; the one that stands first in the task counts."
            )
    return (*notes, *labelled_note(study, "Accuracy"))


@dataclass(frozen=True)
class Exemplars:
    """Examples on which the runs of teacher and student settle on different labels."""

    name: str = "exemplars"
    version: int = 1
    title: str = "Compression-identified exemplars"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = tuple(metric.name for metric in _METRICS)
    options: type[ExemplarOptions] = ExemplarOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse regressions, studies without students, and studies with one run a model."""
        if study.split.task.kind == "regression":
            return "a regression has no labels that most runs could agree on"
        if not study.students:
            return "there is no student to compare the teacher with"
        if not several_runs(study):
            return (
                "every model has one run; with one run a side, compression-identified exemplars "
                "are just the disagreements. Give several seeds of the teacher or a student"
            )
        return None

    def run(
        self, study: Study, options: ExemplarOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Find the exemplars of every student."""
        votes = {model.name: _votes(study, model) for model in study.models}
        teacher = study.teacher
        estimates = [e for m in study.models for e in _of_model(study, m, votes[m.name])]
        rows = []
        for student in study.students:
            apart = np.asarray(votes[teacher.name].modal != votes[student.name].modal)
            estimates.append(_share(study, teacher, student, apart))
            if len(teacher.runs) > 1 or len(student.runs) > 1:
                estimates += _by_part(study, (teacher, student), votes, apart)
                rows += _examples(study, student, votes, apart, options.shown)
        used = {number.metric for number in estimates}
        return AnalysisResult(
            **described(self, options),
            caption="Examples on which most teacher runs and most student runs give different "
            "labels: what compression changes beyond the accident of a seed. Compare their share "
            "with the disagreement between seeds of one model.",
            metrics=tuple(metric for metric in _METRICS if metric.name in used),
            estimates=tuple(estimates),
            tables=(_table(rows),) if rows else (),
            notes=_notes(study, votes),
        )


ANALYSIS = Exemplars()
