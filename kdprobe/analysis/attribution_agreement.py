"""Attribution agreement: do teacher and student give the same answer for the same reasons?

Does: agreement of word scores by method, over all sentences and apart for those on which the models
agree and disagree, between a ceiling and a floor; what trivial explainers explain of it; sentences
right for other reasons. Does not: explain, or say whether an explanation is faithful
(`faithfulness` does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kdprobe.analysis._attributed import (
    RANDOM_WEIGHTS,
    RESEEDED,
    SECOND_RUN,
    TRIVIAL,
    Attributed,
    attributed,
    unmet,
)
from kdprobe.analysis._attribution_metrics import AGREEMENT
from kdprobe.analysis._bootstrap import At, estimate
from kdprobe.analysis._highlights import highlights, rho_distribution
from kdprobe.analysis._rank_agreement import MEASURES, comparable, partial_spearman, spearman
from kdprobe.config.base import Options
from kdprobe.observations import Bools, Floats, Population, Study
from kdprobe.results.schema import AnalysisResult, Column, Estimate, Table
from kdprobe.seeds import derive_generator

_UNRANKED = "no sentence has three words with differing scores for both models"
_NO_ROOM = "the ceiling is not above the floor, or one of them is undefined"
_SHUFFLES = 10


class AttributionAgreementOptions(Options):
    """`shown`: sentences laid out with their word scores; `listed`: of those right otherwise."""

    shown: int = 8
    listed: int = 20


def _mean(at: At, seen: Attributed, values: Floats, mask: Bools | None = None) -> Estimate:
    return estimate(at, seen.draws(values, mask), n=seen.count(values, mask), undefined=_UNRANKED)


@dataclass(frozen=True)
class _Pair:
    """Teacher and one student by one method, with the per-sentence numbers all others use."""

    seen: Attributed
    student: Population
    method: str

    def at(self, metric: str, subset: str = "all") -> At:
        return At(
            metric, self.seen.teacher.name, self.student.name, subset=subset, method=self.method
        )

    def scores(self, model: Population, kind: str = "") -> tuple[Floats, ...] | None:
        return self.seen.scores(model.name, self.method, kind)

    @cached_property
    def rho(self) -> Floats:
        """Spearman's correlation of each sentence, `[m]`."""
        return self.seen.compare(
            self.scores(self.seen.teacher), self.scores(self.student), spearman
        )

    @cached_property
    def floor(self) -> Floats:
        """The teacher against a model of the student's shape and random weights, `[m]`."""
        return self.seen.compare(
            self.scores(self.seen.teacher), self.scores(self.student, RANDOM_WEIGHTS), spearman
        )

    def shuffled(self) -> Floats:
        """The teacher against the student's shuffled words, averaged over shuffles, `[m]`."""
        total = np.zeros(len(self.seen.seen.ids))
        own = self.scores(self.student) or ()
        for number in range(_SHUFFLES):
            mixed = []
            for key, scores in zip(self.seen.seen.ids, own, strict=True):
                generator = derive_generator(
                    self.seen.study.seed, "shuffled words", self.student.name, key, str(number)
                )
                mixed.append(generator.permutation(scores))
            total += self.seen.compare(self.scores(self.seen.teacher), mixed, spearman)
        return total / _SHUFFLES

    def ceiling(self, model: Population) -> Floats:
        """A model against its own explanations by another seed, `[m]`."""
        return self.seen.compare(self.scores(model), self.scores(model, RESEEDED), spearman)

    def partial(self) -> Floats:
        """The correlation of each sentence without length, rarity and place, `[m]`."""
        values: Floats = np.full(len(self.seen.seen.ids), np.nan)
        left, right = self.scores(self.seen.teacher) or (), self.scores(self.student) or ()
        for row, (a, b) in enumerate(zip(left, right, strict=True)):
            both = comparable(a, b)
            if both is not None:
                read = np.isfinite(a) & np.isfinite(b)
                values[row] = partial_spearman(*both, self.seen.trivial(row)[read])
        return values


def _subsets(pair: _Pair) -> dict[str, Bools]:
    """All sentences, and those on which the two predict the same or not."""
    subsets = {"all": np.ones(len(pair.seen.seen.ids), dtype=np.bool_)}
    if pair.seen.study.split.task.kind == "classification":
        same = pair.seen.agree(pair.student)
        subsets |= {"agree": same, "disagree": ~same}
    return subsets


def _agreement(pair: _Pair) -> list[Estimate]:
    made = []
    teacher, student = pair.scores(pair.seen.teacher), pair.scores(pair.student)
    for name, measure in MEASURES.items():
        values = pair.rho if name == "spearman" else pair.seen.compare(teacher, student, measure)
        made += [
            _mean(pair.at(name, subset), pair.seen, values, mask)
            for subset, mask in _subsets(pair).items()
        ]
    return made


def _bounds(pair: _Pair) -> list[Estimate]:
    """Ceiling and floors of the pair, and the agreement between them."""
    seen, made = pair.seen, []
    own, other = pair.ceiling(seen.teacher), pair.ceiling(pair.student)
    shuffled = pair.shuffled()
    made.append(_mean(pair.at("floor_shuffled"), seen, shuffled))
    for subset, mask in _subsets(pair).items():
        rho, floor = seen.draws(pair.rho, mask), seen.draws(pair.floor, mask)
        product = seen.draws(own, mask) * seen.draws(other, mask)
        top = np.sqrt(np.where(product > 0, product, np.nan))
        room = np.where(top - floor > 1e-9, top - floor, np.nan)
        n = seen.count(pair.rho, mask)
        made += [
            estimate(pair.at("ceiling", subset), top, n=n, undefined=_UNRANKED),
            estimate(pair.at("floor", subset), floor, n=n, undefined=_UNRANKED),
            estimate(pair.at("normalised", subset), (rho - floor) / room, n=n, undefined=_NO_ROOM),
            estimate(pair.at("disattenuated", subset), rho / top, n=n, undefined=_NO_ROOM),
        ]
    return made


def _own(seen: Attributed, method: str) -> list[Estimate]:
    """Numbers of each model alone: its ceiling, and how far trivial explainers explain it."""
    made = []
    for model in seen.models:
        scores = seen.scores(model.name, method)
        again = seen.compare(scores, seen.scores(model.name, method, RESEEDED), spearman)
        made.append(_mean(At("ceiling", model.name, method=method), seen, again))
        for column, name in enumerate(TRIVIAL):
            plain = [seen.trivial(row)[:, column] for row in range(len(seen.seen.ids))]
            values = seen.compare(scores, plain, lambda a, b: spearman(np.abs(a), b))
            made.append(_mean(At("trivial", model.name, subset=name, method=method), seen, values))
    second = seen.scores(seen.teacher.name, method, SECOND_RUN)
    if second is not None:
        values = seen.compare(seen.scores(seen.teacher.name, method), second, spearman)
        at = At("ceiling", seen.teacher.name, subset="between seeds", method=method)
        made.append(_mean(at, seen, values))
    return made


def _threshold(pair: _Pair) -> float:
    """Give the correlation below which the reasons are others; see the metric's definition."""
    second = pair.scores(pair.seen.teacher, SECOND_RUN)
    own = pair.ceiling(pair.seen.teacher)
    if second is not None:
        own = pair.seen.compare(pair.scores(pair.seen.teacher), second, spearman)
    known = own[np.isfinite(own)]
    if not len(known) or float(known.min()) > 1 - 1e-9:
        return 0.0
    return float(np.quantile(known, 0.05))


@dataclass(frozen=True)
class _Others:
    """Sentences both get right, for other reasons: the estimate, and rows for the list."""

    estimates: list[Estimate]
    rows: list[tuple[str, str, str, float, float]]


def _others(pair: _Pair) -> _Others:
    right = pair.seen.both_right(pair.student)
    if right is None:
        return _Others([], [])
    least = _threshold(pair)
    below = np.where(np.isfinite(pair.rho), (pair.rho < least).astype(np.float64), np.nan)
    made = estimate(
        pair.at("other_reasons"),
        pair.seen.draws(below, right),
        n=pair.seen.count(below, right),
        undefined="no sentence that both get right can be ranked",
        share=True,
    )
    order = np.argsort(pair.rho, kind="stable")
    rows = [
        (pair.student.name, pair.method, pair.seen.seen.ids[row], float(pair.rho[row]), least)
        for row in order
        if right[row] and below[row] == 1
    ]
    return _Others([made], rows)


def _list(rows: list[tuple[str, str, str, float, float]]) -> Table:
    return Table(
        name="other_reasons",
        title="Right for other reasons",
        caption="Sentences that both models get right and whose word scores agree least.",
        columns=(
            Column(name="student", label="student"),
            Column(name="method", label="method"),
            Column(name="example", label="example", kind="example"),
            Column(name="spearman", label="rank correlation", kind="number"),
            Column(name="threshold", label="below", kind="number"),
        ),
        rows=tuple(rows),
    )


def _notes(seen: Attributed) -> tuple[str, ...]:
    notes = list(seen.seen.notes)
    for method in seen.seen.methods:
        for model in seen.models:
            drawn = int(seen.seen.sampled[model.name, method].sum())
            if drawn:
                notes.append(
                    f"{method} of {model.name}: {drawn} of {len(seen.seen.ids)} sentences are too "
                    "long for exact values and were sampled."
                )
    return tuple(notes)


@dataclass(frozen=True)
class AttributionAgreementAnalysis:
    """Agreement of word scores between teacher and students, with ceiling and floor."""

    name: str = "attribution_agreement"
    version: int = 1
    title: str = "Attribution agreement"
    after: tuple[str, ...] = ()
    options: type[AttributionAgreementOptions] = AttributionAgreementOptions

    def unmet(self, study: Study) -> str | None:
        """Refuse studies whose words were not explained."""
        return unmet(study)

    def run(
        self,
        study: Study,
        options: AttributionAgreementOptions,
        done: Mapping[str, AnalysisResult],
    ) -> AnalysisResult:
        """Measure agreement by method and student."""
        seen = attributed(study)
        estimates: list[Estimate] = []
        rows: list[tuple[str, str, str, float, float]] = []
        rhos: dict[tuple[str, str], Floats] = {}
        for method in seen.seen.methods:
            for student in seen.students:
                pair = _Pair(seen, student, method)
                rhos[student.name, method] = pair.rho
                others = _others(pair)
                estimates += [*_agreement(pair), *_bounds(pair)]
                estimates.append(_mean(pair.at("partial"), seen, pair.partial()))
                estimates += others.estimates
                rows += others.rows[: options.listed]
            estimates += _own(seen, method)
        return AnalysisResult(
            name=self.name,
            version=self.version,
            title=self.title,
            caption="Spearman's correlation of the word scores of teacher and student, sentence by "
            "sentence, averaged. Sentences with fewer than three words in common, or without any "
            "difference between words, are left out and not counted in n.",
            options=options.model_dump(mode="json"),
            metrics=AGREEMENT,
            estimates=tuple(estimates),
            tables=(highlights(seen, rhos, options.shown), _list(rows)),
            curves=rho_distribution(rhos),
            notes=_notes(seen),
        )


ANALYSIS = AttributionAgreementAnalysis()
