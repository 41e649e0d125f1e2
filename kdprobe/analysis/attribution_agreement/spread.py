"""How the agreement of single sentences is spread, between its floor and its ceiling.

Does: bin the rank correlations of each method and mark their mean, floor and ceiling. Does not:
draw, or estimate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdprobe.analysis.attribution_agreement.pairs import ExplainedPair
from kdprobe.results.schema import Curve, Estimate, Series

_BINS = np.linspace(-1, 1, 21)
_MARKED = {"spearman": "mean", "floor": "floor", "ceiling": "ceiling"}


def _series(pair: ExplainedPair, estimates: Sequence[Estimate]) -> Series | None:
    known = pair.rho[np.isfinite(pair.rho)]
    if not len(known):
        return None
    # Rounded, so that a correlation at the edge of a bin falls into the same one on every machine.
    counts = np.histogram(np.round(known, 9), bins=_BINS)[0]
    marks = {
        _MARKED[one.metric]: one.value
        for one in estimates
        if one.metric in _MARKED
        and (one.method, one.model_b, one.subset) == (pair.method, pair.student.name, "all")
        and one.value is not None
    }
    return Series(
        name=pair.method,
        x=tuple(float(round(at, 6)) for at in (_BINS[:-1] + _BINS[1:]) / 2),
        y=tuple((counts / len(known)).tolist()),
        counts=tuple(counts.tolist()),
        marks=marks,
    )


def spread_charts(
    pairs: Sequence[ExplainedPair], estimates: Sequence[Estimate]
) -> tuple[Curve, ...]:
    """Draw how the rank correlations of sentences are spread: a chart a student, a row a method."""
    curves = []
    for place, student in enumerate(dict.fromkeys(pair.student.name for pair in pairs), start=1):
        drawn = [_series(pair, estimates) for pair in pairs if pair.student.name == student]
        series = tuple(one for one in drawn if one is not None)
        if series:
            curves.append(
                Curve(
                    name=f"rho-{place}",
                    title=f"Word agreement with {student}, sentence by sentence",
                    caption="Share of sentences by the rank correlation of their word scores. The "
                    "floor is a student of random weights, the ceiling each explainer against "
                    "itself with other draws.",
                    kind="spread",
                    x_title="rank correlation of word scores",
                    y_title="method",
                    series=series,
                )
            )
    return tuple(curves)
