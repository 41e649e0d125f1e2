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


def test_normalised_orders_lie_between_the_limits_of_their_model():
    """Guards limits of the other model, sides mixed up, and a text without limits counted as 0."""
    study = attributed_study()
    seen = study.get(Attributions)
    analysis = faithfulness.ANALYSIS
    result = analysis.run(study, analysis.options(), {})
    shares = {}
    for model in study.models:
        low, high = seen.order_limits[model.name].T
        known = high - low > 1e-6
        assert 0 < known.sum() < len(known)
        areas = seen.orders[model.name, "shap"]
        shares[model.name] = np.full(areas.shape, np.nan)
        for row in np.flatnonzero(known):
            shares[model.name][row] = (areas[row] - low[row]) / (high[row] - low[row])
        for side, name in enumerate(("comprehensiveness", "sufficiency")):
            one = value(result, f"normalised_{name}", model_a=model.name, method="shap")
            assert one.value == pytest.approx(np.nanmean(shares[model.name][:, side]))
            assert one.n == known.sum()
        assert value(result, "aopc_low", model_a=model.name).value == pytest.approx(np.nanmean(low))
    for student in study.students:
        gaps = shares[study.teacher.name] - shares[student.name]
        one = value(result, "normalised_sufficiency_difference", student.name, method="shap")
        assert one.value == pytest.approx(np.nanmean(gaps[:, 1]))
        assert one.low is not None
    assert any(note.startswith("Normalised numbers are of the ") for note in result.notes)


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
