"""How well word scores say what leaving out single words does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kdprobe.analysis import faithfulness
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from tests.analysis.attributed import two_models, with_scores

TEXTS = ("one two three four", "five six seven eight", "nine ten eleven twelve", "alone")
UP, SWAP, TIED = [1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 4.0], [1.0, 1.0, 3.0, 4.0]


def study_of(methods: dict[str, list[list[float]]]) -> Study:
    study = two_models([1, 1, 0, 1], [1, 1, 0, 1], [1, 0, 0, 1])
    names = [model.name for model in study.models]
    return with_scores(
        study,
        {(name, method, ""): rows for name in names for method, rows in methods.items()},
        TEXTS,
    )


def found(study: Study) -> dict[str, Estimate]:
    analysis = faithfulness.ANALYSIS
    result = analysis.run(study, analysis.options(), {})
    return {
        one.method: one
        for one in result.estimates
        if one.metric == "leave_one_out" and one.model_a == study.teacher.name
    }


def test_by_hand_and_by_scipy():
    """Guards against occlusion compared with itself, and sentences of one word that count."""
    study = study_of({"lime": [UP, SWAP, TIED, [1.0]], "occlusion": [UP, UP, UP, [1.0]]})
    told = found(study)
    assert set(told) == {"lime"}
    tau = [stats.kendalltau(rows, UP).statistic for rows in (UP, SWAP, TIED)]
    assert tau[:2] == pytest.approx([1.0, 4 / 6])  # one of six pairs turned round
    assert told["lime"].value == pytest.approx(np.mean(tau))
    assert told["lime"].n == 3


def test_without_occlusion_there_is_nothing_to_compare_with():
    """Guards against a correlation with scores that nobody asked for."""
    assert found(study_of({"lime": [UP, SWAP, TIED, [1.0]]})) == {}
