"""Normalised comprehensiveness and sufficiency: by recounting, and what cannot be normalised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kdprobe.analysis import faithfulness
from kdprobe.observations.attributions import Attributions
from kdprobe.stats.arrays import Floats
from tests.analysis.attributed import attributed_study
from tests.analysis.test_attributions import value


@pytest.mark.parametrize("subset", ["all", "estimated, beam 5"])
def test_normalised_orders_lie_between_the_limits_of_their_model(subset: str):
    """Guards limits of the other model, sides mixed up, and a text without limits counted as 0.

    Estimated limits are not exact ones: what they give must not be mixed with the rest.
    """
    study = attributed_study()
    seen = study.get(Attributions)
    analysis = faithfulness.ANALYSIS
    result = analysis.run(study, analysis.options(), {})
    shares = {}
    for model in study.models:
        name = model.name
        low, high = seen.order_limits[name].T
        of_subset = seen.estimated[name] == (subset != "all")
        known = (high - low > 1e-6) & of_subset
        assert 0 < known.sum() < len(known)
        areas = seen.orders[name, "shap"]
        shares[name] = np.full(areas.shape, np.nan)
        for row in np.flatnonzero(known):
            shares[name][row] = (areas[row] - low[row]) / (high[row] - low[row])
        for side, metric in enumerate(("comprehensiveness", "sufficiency")):
            one = value(result, f"normalised_{metric}", model_a=name, method="shap", subset=subset)
            assert one.value == pytest.approx(np.nanmean(shares[name][:, side]))
            assert one.n == known.sum()
        lowest = value(result, "aopc_low", model_a=name, subset=subset)
        assert lowest.value == pytest.approx(np.nanmean(low[of_subset]))
    for student in study.students:
        gaps = shares[study.teacher.name] - shares[student.name]
        metric = "normalised_sufficiency_difference"
        one = value(result, metric, student.name, method="shap", subset=subset)
        assert one.value == pytest.approx(np.nanmean(gaps[:, 1]))
        assert one.low is not None
    (note,) = (note for note in result.notes if note.startswith("Normalised numbers are of the "))
    assert "longer ones the limits are estimated, by a beam of 5" in note


def test_what_cannot_be_normalised_says_why():
    """Guards 0, 1 or NaN where no order differs, no subset is known, or there is no probability."""
    study = attributed_study()
    seen = study.get(Attributions)
    analysis = faithfulness.ANALYSIS

    def reason(limits: dict[str, Floats], orders: dict[tuple[str, str], Floats]) -> str:
        made = study.with_observations(replace(seen, order_limits=limits, orders=orders))
        result = analysis.run(made, analysis.options(), {})
        name = "normalised_comprehensiveness"
        return value(result, name, model_a=study.teacher.name, method="shap").undefined

    assert "of every subset of words is known of no text" in reason({}, {})
    flat = {name: np.full(held.shape, 0.25) for name, held in seen.order_limits.items()}
    assert reason(flat, dict(seen.orders)).startswith("no order of deletions differs")
