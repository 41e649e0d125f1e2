"""Tests of the flips: what a student broke lies to the left, what it mended to the right."""

from __future__ import annotations

import pytest

from kdprobe.results.schema import Estimate
from tests.report.charting import charts, of_class, panel, places


def flip(metric: str, student: str, value: float | None, teacher: str = "t") -> Estimate:
    ends = {} if value is None else {"low": value - 0.01, "high": value + 0.01}
    return Estimate(
        metric=f"{metric}_flips", model_a=teacher, model_b=student, value=value,
        undefined="" if value is not None else "no gold", **ends,
    )  # fmt: skip


FLIPS = (
    flip("negative", "s", 0.1), flip("positive", "s", 0.04),
    flip("negative", "control", 0.19), flip("positive", "control", 0.05),
    flip("negative", "control", 0.9, teacher="s"), flip("positive", "control", 0.9, teacher="s"),
)  # fmt: skip


def test_bars_grow_from_zero_to_either_side_on_one_axis() -> None:
    """A student that broke much and mended as much looks like the teacher by its accuracy.

    The furthest end is .2, so that the axis reaches .21 either side of pixel 150: .1 is
    138 * .1 / .21 = 65.7 pixels, .04 is 26.3, .19 is 124.9.
    """
    (chart,) = charts(models=("t", "s", "control"), estimates=FLIPS)
    root = panel(chart)
    bars = of_class(root, "bar")
    assert places(bars, "width") == [65.7, 26.3, 124.9, 32.9]
    assert places(bars, "x") == [84.3, 150, 25.1, 150]
    assert len(of_class(root, "whisker")) == 4
    assert len(of_class(root, "s0")) == len(of_class(root, "s1")) == 1
    assert chart.finding == (
        "Of the teacher's answers s broke 0.100 and mended 0.040; "
        "control broke 0.190 and mended 0.050."
    )
    assert chart.numbers.rows[1][:3] == ("control", 0.19, 0.05)
    assert chart.numbers.rows[1][3] == pytest.approx(-0.14)


def test_a_student_without_flips_has_no_row() -> None:
    """An undefined share drawn as 0 says that a student broke nothing."""
    undefined = (*FLIPS[:2], flip("negative", "control", None), flip("positive", "control", 0.1))
    (chart,) = charts(models=("t", "s", "control"), estimates=undefined)
    assert [row[0] for row in chart.numbers.rows] == ["s"]
    assert charts(models=("t", "s"), estimates=FLIPS[4:]) == []
