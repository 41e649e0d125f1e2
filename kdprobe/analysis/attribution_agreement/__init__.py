"""Attribution agreement: do teacher and student give the same answer for the same reasons?

Does: agreement of word scores by method, over all sentences and apart for those on which the models
agree and disagree, between a ceiling and a floor; what trivial explainers explain of it; sentences
right for other reasons. Does not: explain, or say whether an explanation is faithful
(`faithfulness` does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.attribution_agreement.explained import (
    SECOND_RUN,
    TRIVIAL,
    Attributed,
    attributed,
    skip_reason,
)
from kdprobe.analysis.attribution_agreement.highlights import explained_sentences, top_words
from kdprobe.analysis.attribution_agreement.metrics import AGREEMENT
from kdprobe.analysis.attribution_agreement.pairs import (
    NO_ROOM,
    NOT_BOTH_RIGHT,
    UNRANKED,
    ExplainedPair,
    ceiling_draws,
    mean_estimate,
    normalised_draws,
    subsets,
    threshold,
    unlike,
)
from kdprobe.analysis.attribution_agreement.slices import slice_charts, slice_estimates, slices
from kdprobe.analysis.attribution_agreement.spread import spread_charts
from kdprobe.analysis.estimates import EstimateKey, estimate
from kdprobe.analysis.gold import labelled_note
from kdprobe.analysis.protocol import Gold, described
from kdprobe.config.base import Options
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Column, Estimate, Table
from kdprobe.stats.rank_agreement import MEASURES, spearman


class AttributionAgreementOptions(Options):
    """`shown`: sentences laid out with their word scores; `listed`: of those right otherwise."""

    shown: int = 8
    listed: int = 20


def _agreement(pair: ExplainedPair) -> list[Estimate]:
    estimates = []
    teacher, student = pair.scores(pair.explained.teacher), pair.scores(pair.student)
    for name, measure in MEASURES.items():
        values = (
            pair.rho if name == "spearman" else pair.explained.compare(teacher, student, measure)
        )
        estimates += [
            mean_estimate(pair.at(name, subset), pair.explained, values, mask)
            for subset, mask in subsets(pair).items()
        ]
    return estimates


def _bounds(pair: ExplainedPair) -> list[Estimate]:
    """Ceiling and floors of the pair, and the agreement between them."""
    explained, estimates = pair.explained, []
    shuffled = pair.shuffled()
    estimates.append(mean_estimate(pair.at("floor_shuffled"), explained, shuffled))
    for subset, mask in subsets(pair).items():
        rho, floor = explained.draws(pair.rho, mask), explained.draws(pair.floor, mask)
        top, placed = ceiling_draws(pair, mask), normalised_draws(pair, mask)
        n = explained.count(pair.rho, mask)
        estimates += [
            estimate(pair.at("ceiling", subset), top, n=n, undefined=UNRANKED),
            estimate(pair.at("floor", subset), floor, n=n, undefined=UNRANKED),
            estimate(pair.at("normalised", subset), placed, n=n, undefined=NO_ROOM),
            estimate(pair.at("disattenuated", subset), rho / top, n=n, undefined=NO_ROOM),
        ]
    return estimates


def _own(explained: Attributed, method: str) -> list[Estimate]:
    """Numbers of each model alone: its ceiling, and how far trivial explainers explain it."""
    estimates = []
    for model in explained.models:
        scores = explained.scores(model.name, method)
        again = explained.with_itself(model.name, method)
        estimates.append(
            mean_estimate(EstimateKey("ceiling", model.name, method=method), explained, again)
        )
        for column, name in enumerate(TRIVIAL):
            plain = [
                explained.trivial(row)[:, column] for row in range(len(explained.attributions.ids))
            ]
            values = explained.compare(scores, plain, lambda a, b: spearman(np.abs(a), b))
            estimates.append(
                mean_estimate(
                    EstimateKey("trivial", model.name, subset=name, method=method),
                    explained,
                    values,
                )
            )
    second = explained.scores(explained.teacher.name, method, SECOND_RUN)
    if second is not None:
        values = explained.compare(
            explained.scores(explained.teacher.name, method), second, spearman
        )
        at = EstimateKey("ceiling", explained.teacher.name, subset="between seeds", method=method)
        estimates.append(mean_estimate(at, explained, values))
    return estimates


@dataclass(frozen=True)
class _Others:
    """Sentences both get right, for other reasons: the estimate, and rows for the list."""

    estimates: list[Estimate]
    rows: list[tuple[str, str, str, float, float]]


def _others(pair: ExplainedPair) -> _Others:
    least = threshold(pair)
    low = Estimate(**vars(pair.at("low_agreement")), value=least, n=len(pair.rho))
    pair = pair.labelled  # the limit is the explainer's noise, on all; who is right needs labels
    others = unlike(pair, least)
    if others is None:
        return _Others([low], [])
    below, right = others
    share = estimate(
        pair.at("other_reasons"),
        pair.explained.draws(below, right),
        n=pair.explained.count(below, right),
        undefined=NOT_BOTH_RIGHT,
        share=True,
    )
    order = np.argsort(pair.rho, kind="stable")
    rows = [
        (
            pair.student.name,
            pair.method,
            pair.explained.attributions.ids[row],
            float(pair.rho[row]),
            least,
        )
        for row in order
        if right[row] and below[row] == 1
    ]
    return _Others([low, share], rows)


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


def _notes(explained: Attributed) -> tuple[str, ...]:
    notes = list(explained.attributions.notes)
    for method in explained.attributions.methods:
        for model in explained.models:
            drawn = int(explained.attributions.sampled[model.name, method].sum())
            if drawn:
                notes.append(
                    f"{method} of {model.name}: {drawn} of {len(explained.attributions.ids)} "
                    "sentences are too long for exact values and were sampled"
                    f"{_how_drawn(explained.attributions, model.name, method)}."
                )
    return tuple(notes)


def _how_drawn(attributions: Attributions, model: str, method: str) -> str:
    """Say how many draws sampled sentences took, and what their ceiling is measured by.

    Documents keep it as text: a reader of an old one sees that its ceilings are of two seeds.
    """
    drawn = attributions.drawn.get((model, method))
    own = attributions.itself.get((model, method))
    if drawn is None or own is None or not np.isfinite(drawn).any():
        return ""
    known = drawn[np.isfinite(drawn)]
    by = "the errors of their own draws" if np.isfinite(own).any() else "a second seed"
    return (
        f", with {known.mean():.0%} of the draws allowed on average ({int((known < 1).sum())} "
        f"stopped early); their ceiling is from {by}"
    )


@dataclass(frozen=True)
class AttributionAgreementAnalysis:
    """Agreement of word scores between teacher and students, with ceiling and floor."""

    name: str = "attribution_agreement"
    version: int = 2
    title: str = "Attribution agreement"
    after: tuple[str, ...] = ()
    gold: Gold = "both"
    reads: tuple[type, ...] = (Attributions,)
    defines: tuple[str, ...] = tuple(metric.name for metric in AGREEMENT)
    options: type[AttributionAgreementOptions] = AttributionAgreementOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies whose words were not explained."""
        return skip_reason(study)

    def run(
        self,
        study: Study,
        options: AttributionAgreementOptions,
        done: Mapping[str, AnalysisResult],
    ) -> AnalysisResult:
        """Measure agreement by method and student."""
        explained = attributed(study)
        estimates: list[Estimate] = []
        rows: list[tuple[str, str, str, float, float]] = []
        parts = slices(explained.study)
        pairs = [
            ExplainedPair(explained, s, method)
            for method in explained.attributions.methods
            for s in explained.students
        ]
        for pair in pairs:
            others = _others(pair)
            estimates += [*_agreement(pair), *_bounds(pair), *slice_estimates(pair, parts)]
            estimates.append(mean_estimate(pair.at("partial"), explained, pair.partial()))
            estimates += others.estimates
            rows += others.rows[: options.listed]
        for method in explained.attributions.methods:
            estimates += _own(explained, method)
        rhos = {(pair.student.name, pair.method): pair.rho for pair in pairs}
        return AnalysisResult(
            **described(self, options),
            caption="Spearman's correlation of the word scores of teacher and student, sentence by "
            "sentence, averaged. Sentences with fewer than three words in common, or without any "
            "difference between words, are left out and not counted in n.",
            metrics=AGREEMENT,
            estimates=tuple(estimates),
            tables=(
                explained_sentences(explained, rhos, options.shown),
                top_words(explained, options.shown),
                _list(rows),
            ),
            curves=(*spread_charts(pairs, estimates), *slice_charts(estimates, parts)),
            notes=(
                *_notes(explained),
                *labelled_note(
                    explained.study, "Right for other reasons, and slices of a gold label"
                ),
            ),
        )


ANALYSIS = AttributionAgreementAnalysis()
