"""Attribution agreement by slice: on which sentences do the reasons part?

Does: average the rank correlation over the slices of `slicing`, and draw them beside those on
which the models agree and disagree. Does not: rank or test slices.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdprobe.analysis.attribution_agreement.pairs import ExplainedPair, mean_estimate
from kdprobe.analysis.estimates import undefined_estimate
from kdprobe.analysis.slicing import Slice, SliceOptions, slices_of
from kdprobe.observations.study import Study
from kdprobe.results.schema import Curve, Estimate, Series

LEAST_SENTENCES = 5
_PREDICTIONS = {"agree": "models agree", "disagree": "models disagree"}


def slices(study: Study) -> tuple[Slice, ...]:
    """Cut the examples as the analysis `slices` does by default."""
    return slices_of(study, SliceOptions())


def slice_estimates(pair: ExplainedPair, parts: Sequence[Slice]) -> list[Estimate]:
    """Average the rank correlation over each slice's explained sentences.

    Below five sentences that can be ranked the mean is undefined: with eight words the standard
    deviation of one correlation under independence is .38.
    """
    estimates = []
    gold_rows = pair.explained.study.split.gold_rows
    for part in parts:
        of_label = part.kind == "label"  # such a slice is of the labelled examples alone
        own = pair.labelled if of_label else pair
        mask = (part.mask[gold_rows] if of_label else part.mask)[own.explained.rows]
        at, n = own.at("spearman", part.subset), own.explained.count(own.rho, mask)
        if n < LEAST_SENTENCES:
            reason = f"only {n} of its explained sentences can be ranked"
            estimates.append(undefined_estimate(at, reason, n=n))
        else:
            estimates.append(mean_estimate(at, own.explained, own.rho, mask))
    return estimates


def slice_charts(estimates: Sequence[Estimate], parts: Sequence[Slice]) -> tuple[Curve, ...]:
    """Draw a forest for each student: a row for each slice, a series for each method."""
    rows = {**_PREDICTIONS, **{part.subset: part.subset for part in parts}}
    shown = [
        one
        for one in estimates
        if one.metric == "spearman" and one.subset in rows and one.value is not None
    ]
    students = list(dict.fromkeys(one.model_b for one in estimates if one.metric == "spearman"))
    curves = []
    for place, student in enumerate(students, start=1):
        own = [one for one in shown if one.model_b == student]
        methods = dict.fromkeys(one.method for one in own)
        if own:
            curves.append(
                Curve(
                    name=f"by-slice-{place}",
                    title=f"Word agreement with {student} by slice",
                    caption="Rank correlation of word scores, with its interval; slices of fewer "
                    f"than {LEAST_SENTENCES} explained sentences are left out.",
                    kind="forest",
                    x_title="rank correlation of word scores",
                    y_title="sentences",
                    series=tuple(
                        _series(method, [one for one in own if one.method == method], rows)
                        for method in methods
                    ),
                )
            )
    return tuple(curves)


def _series(method: str, estimates: Sequence[Estimate], rows: dict[str, str]) -> Series:
    ordered = sorted(estimates, key=lambda one: list(rows).index(one.subset))
    return Series(
        name=method,
        x=tuple(one.value for one in ordered if one.value is not None),
        low=tuple(one.low for one in ordered),
        high=tuple(one.high for one in ordered),
        counts=tuple(one.n or 0 for one in ordered),
        labels=tuple(rows[one.subset] for one in ordered),
    )
