"""The attribution gap on train and dev: by hand, with its reasons."""

from __future__ import annotations

import numpy as np
import pytest

from kdprobe.analysis import attribution_gap
from kdprobe.observations.attribution_maps import MapGaps
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis.studies import binary


def result_of(study: Study) -> AnalysisResult:
    analysis = attribution_gap.ANALYSIS
    assert analysis.skip_reason(study) is None
    return analysis.run(study, analysis.options(), {})


def found(result: AnalysisResult, student: str, subset: str) -> Estimate:
    (one,) = (e for e in result.estimates if (e.model_b, e.subset) == (student, subset))
    return one


def test_train_and_dev_by_hand():
    """Guards against the splits swapped, and an interval of one split on the other's mean."""
    study = binary()
    names = [model.name for model in study.students]
    gaps = {
        (name, split): place + values
        for place, name in enumerate(names)
        for split, values in (("train", np.array([0.1, 0.3])), ("dev", np.array([0.4, 0.6, 0.8])))
    }
    study = study.with_observations(MapGaps(gaps, {}, {"train": 2, "dev": 3}, classes=2))
    result = result_of(study)
    for place, name in enumerate(names):
        train, dev = found(result, name, "train"), found(result, name, "dev")
        assert train.value == pytest.approx(place + 0.2)
        assert dev.value == pytest.approx(place + 0.6)
        assert (train.n, dev.n) == (2, 3)
        assert dev.low is not None
        assert dev.high is not None
        assert place + 0.399 <= dev.low < dev.high <= place + 0.801
        assert found(result, name, "dev minus train").value == pytest.approx(0.4)
    first, second = (found(result, name, "dev") for name in names[:2])
    # the same resamples for all students: the interval of one is the other's, moved
    assert first.low is not None
    assert second.low == pytest.approx(first.low + 1)
    assert result.notes[0].startswith("Examples: 2 of train, 3 of dev, a seeded choice.")
    assert "gradient times input" in result.notes[0]


def test_what_cannot_be_compared_says_why():
    """Guards against a gap of 0 where the maps have no common places."""
    study = binary()
    names = [model.name for model in study.students]
    reasons = dict.fromkeys(names, "other tokens")
    study = study.with_observations(MapGaps({}, reasons, {"dev": 5}, classes=2))
    result = result_of(study)
    assert {one.undefined for one in result.estimates} == {"other tokens"}
    assert len(result.estimates) == len(names)


def test_without_the_option_nothing_is_measured():
    """Guards against a default comparison that differentiates every model."""
    assert attribution_gap.ANALYSIS.skip_reason(binary()) == attribution_gap.NOT_ASKED
