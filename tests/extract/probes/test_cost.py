"""The estimate told before probes are fitted."""

import pytest

from kdprobe.extract.probes import cost
from kdprobe.extract.probes.cost import fit_seconds
from kdprobe.extract.probes.fits import ProbeOptions


class _Clock:
    """A clock that goes on by one second a look: every timed piece takes one second."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1.0
        return self.now


def test_an_estimate_by_hand(monkeypatch: pytest.MonkeyPatch):
    """Guards against an estimate that forgets cells, the control task, looks or halving."""
    monkeypatch.setattr(cost, "time", _Clock())
    widths = (4, 4, 6)
    # one second a pass over 256 of 512 sentences, four passes a look, ten looks
    exact = ProbeOptions("senteval", control=False)
    assert fit_seconds(512, 2, widths, exact) == pytest.approx(3 * 2 * 40)
    fast = ProbeOptions("fast", linear=True, control=False)
    assert fit_seconds(512, 2, widths, fast) == pytest.approx(0.4 * 3 * 2 * 40)
    assert fit_seconds(100, 2, (4,), exact) == pytest.approx(40)
    # three seeds and the control task, which has one
    several = ProbeOptions("senteval", seeds=3)
    assert fit_seconds(512, 2, widths, several) == pytest.approx(4 * 3 * 2 * 40)


def test_what_a_fit_does_once_is_not_scaled(monkeypatch: pytest.MonkeyPatch):
    """Guards against hours told for minutes: the principal axes of wide layers are found once."""
    clock = _Clock()

    def fit(data: object, *, iterations: int) -> None:
        clock.now += 1.0 + iterations

    monkeypatch.setattr(cost, "time", clock)
    monkeypatch.setattr(cost, "fit_logistic", fit)
    widths = (4, 4, 6)
    # two seconds once, one an iteration on 256 of 512 sentences, 30 iterations, three cells
    cell = 3 + 29 * 2
    assert fit_seconds(512, 2, widths, ProbeOptions("logistic", control=False)) == 3 * cell
    assert fit_seconds(512, 2, widths, ProbeOptions("logistic")) == 2 * 3 * cell
    coded = ProbeOptions("logistic", control=False, mdl=True)
    assert fit_seconds(512, 2, widths, coded) == 4 * 3 * cell
