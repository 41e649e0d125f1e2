"""The best temperature: a general optimiser as the reference, scaling, and reasons."""

import numpy as np
import pytest
from scipy import optimize, special

from kdprobe.analysis.estimates import resamples_of
from kdprobe.analysis.gold import gold_of
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.temperature import fit_temperatures
from tests.analysis import studies
from tests.analysis.test_calibration import calibration, ends, found, with_teacher


@pytest.mark.parametrize("build", [studies.binary, studies.many_classes])
def test_temperature_is_that_of_an_optimiser(build):
    """The temperature of the distillation, or its inverse, under this name."""
    study = build()
    gold, rows = gold_of(study), np.arange(study.n)
    result = calibration(study)
    for model in study.models:
        values = model.first.values

        def loss(temperature: float, values: Floats = values) -> float:
            return float(-special.log_softmax(values / temperature, axis=1)[rows, gold].mean())

        best = optimize.minimize_scalar(loss, bounds=(0.05, 20), options={"xatol": 1e-9})
        estimate = found(result, "temperature", model.name)
        assert estimate.value == pytest.approx(best.x, rel=1e-5)
        low, _, high = ends(estimate)
        assert low < best.x < high
        assert found(result, "nll_at_temperature", model.name).value == pytest.approx(best.fun)


def test_temperatures_of_resamples():
    """Interpolated temperatures that drift away from the true optimum of their resample."""
    study = studies.binary(80, resamples=12)
    resamples, gold = resamples_of(study), gold_of(study)
    values = study.teacher.first.values
    fit = fit_temperatures(resamples, values, gold)
    for row, counts in enumerate(resamples.counts):
        drawn = np.repeat(np.arange(80), counts.astype(int))

        def loss(temperature: float, drawn: Ints = drawn) -> float:
            chosen = special.log_softmax(values[drawn] / temperature, axis=1)
            return float(-chosen[np.arange(80), gold[drawn]].mean())

        best = optimize.minimize_scalar(loss, bounds=(0.05, 20), options={"xatol": 1e-9})
        assert fit.temperature[row] == pytest.approx(best.x, rel=1e-3)
        assert fit.nll[row] == pytest.approx(best.fun, rel=1e-5)


def test_scaling_the_logits_scales_the_temperature():
    """A temperature that depends on the unit of the logits in any other way."""
    study = studies.binary()
    doubled = with_teacher(study, 2 * study.teacher.first.values)
    one, two = (ends(found(calibration(s), "temperature", "teacher"))[1] for s in (study, doubled))
    assert two == pytest.approx(2 * one, rel=1e-9)
    best = [found(calibration(s), "nll_at_temperature", "teacher").value for s in (study, doubled)]
    assert best[0] == pytest.approx(best[1])


def test_no_temperature_is_a_reason():
    """The end of the searched range reported as the best temperature."""
    perfect = calibration(studies.perfect_models())
    assert found(perfect, "temperature", "t").undefined == (
        "every prediction is right, so the loss falls as long as the temperature falls"
    )
    assert found(perfect, "nll_at_temperature", "s1").value is None
    wrong = calibration(studies.study_of([0, 1, 0], [1, 0, 1], [1, 0, 1]))
    assert found(wrong, "temperature", "t").undefined == (
        "the loss falls as long as the temperature rises: these probabilities tell no more about "
        "the gold labels than guessing"
    )
