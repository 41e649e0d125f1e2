"""What is counted otherwise of very many examples, against the way of fewer ones."""

import numpy as np
import pytest

from kdprobe.stats import calibration, selective, temperature
from kdprobe.stats.bootstrap import draw_resamples, whole_sample


def _generator() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(11))


def test_temperatures_around_the_sample_are_those_of_the_whole_grid(monkeypatch):
    """Guards against a span that leaves resamples out, or a best temperature of another loss."""
    generator = _generator()
    values = 2.0 * generator.normal(size=(3000, 3))
    chances = np.exp(values / 1.5) / np.exp(values / 1.5).sum(axis=1, keepdims=True)
    gold = (generator.random((3000, 1)) > np.cumsum(chances, axis=1)).sum(axis=1)
    resamples = draw_resamples(0, 3000, 200)
    whole = temperature.fit_temperatures(resamples, values, gold)
    monkeypatch.setattr(temperature, "_MANY_FITTED", 1)
    near = temperature.fit_temperatures(resamples, values, gold)
    assert near.temperature[0] == pytest.approx(whole.temperature[0], abs=1e-9)
    assert near.nll[0] == pytest.approx(whole.nll[0], abs=1e-12)
    assert near.temperature == pytest.approx(whole.temperature, abs=0.02 * whole.temperature.std())
    assert near.nll == pytest.approx(whole.nll, abs=1e-5)


@pytest.mark.parametrize("good", [True, False])
def test_no_temperature_is_best_of_many_examples_either(monkeypatch, good: bool):
    """Guards against the end of the range given as the best temperature."""
    values = np.abs(_generator().normal(size=(300, 1))) * np.array([[1.0, -1.0]])
    gold = np.full(300, 0 if good else 1)
    monkeypatch.setattr(temperature, "_MANY_FITTED", 1)
    fit = temperature.fit_temperatures(draw_resamples(0, 300, 20), values, gold)
    assert np.isnan(fit.temperature).all()


def test_areas_in_groups_lie_around_the_exact_one(monkeypatch):
    """Guards against the area of the groups in place of that of the examples."""
    generator = _generator()
    sure = generator.random(4000).round(3)
    good = generator.random(4000) < sure
    resamples = draw_resamples(0, 4000, 300)
    exact = selective.area_draws(resamples, sure, good)
    monkeypatch.setattr(selective, "_MANY", 1)
    near = selective.area_draws(resamples, sure, good)
    assert near.area[0] == pytest.approx(exact.area[0], abs=1e-12)
    assert near.chance == pytest.approx(exact.chance, abs=1e-12)
    assert near.oracle == pytest.approx(exact.oracle, abs=1e-12)
    assert np.corrcoef(near.area[1:], exact.area[1:])[0, 1] > 0.999
    assert near.area[1:].std() == pytest.approx(exact.area[1:].std(), rel=0.02)


def test_hits_of_full_bins_are_as_spread_as_drawn_ones(monkeypatch):
    """Guards against a variance of the bin's mean confidence in place of its examples'."""
    generator = _generator()
    sure = np.where(np.arange(8000) % 2 == 0, 0.51, 0.99)
    members = np.zeros(8000, dtype=np.int64)
    asked = {"bins": 2, "simulations": 4000}
    normal = calibration.simulate_null(sure, members, generator=generator, **asked)
    monkeypatch.setattr(calibration, "_MANY", 10**9)
    drawn = calibration.simulate_null(sure, members, generator=generator, **asked)
    assert normal.mean() == pytest.approx(drawn.mean(), rel=0.05)
    assert np.quantile(normal, 0.95) == pytest.approx(np.quantile(drawn, 0.95), rel=0.05)


def test_the_whole_sample_of_many_examples_has_an_area():
    """Guards against groups that need resamples: a sample alone is counted too."""
    sure = _generator().random(30_000)
    areas = selective.area_draws(whole_sample(30_000), sure, sure > 0.5)
    assert areas.area[0] == pytest.approx(areas.oracle[0], abs=1e-12)
