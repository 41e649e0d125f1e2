"""Tests of the charts of few named points: distributions by row, and names on two axes."""

import pytest

from kdprobe.report.charts import draw_curve
from kdprobe.results.schema import Series
from tests.report.test_charts import curve, of_class, parsed


def spread(*, mean: float = 0.5) -> Series:
    return Series(name="lime", x=(-0.5, 0.5), y=(0.25, 0.75), counts=(1, 3),
                  marks={"ceiling": 0.9, "floor": 0.0, "mean": mean})  # fmt: skip


def test_a_row_has_its_bins_and_its_marked_places():
    """A ceiling drawn at the floor's place turns the finding round."""
    (chart,) = draw_curve(curve("spread", spread(), Series(name="shap", x=(-0.5, 0.5),
                                y=(1.0, 0.0), marks={"mean": -0.5})), "c", {})  # fmt: skip
    root = parsed(chart)
    bars = of_class(root, "bar")
    assert len(bars) == 3
    tall = [float(bar.get("height") or 0) for bar in bars]
    assert tall[1] == pytest.approx(3 * tall[0], abs=0.2)
    whiskers = [float(node.get("x1") or 0) for node in of_class(root, "whisker")]
    assert len(whiskers) == 4
    ceiling, floor, mean, other = whiskers
    assert floor < mean < ceiling
    assert other < floor
    assert chart.description == ("lime: ceiling 0.900, floor 0.000, mean 0.500. shap: mean −0.500.")
    assert ("lime", "floor", 0.0, None) in chart.numbers.rows
    assert ("lime", "share from 0.000 to 1.000", 0.75, 3) in chart.numbers.rows
    assert chart.numbers_total == 4 + 4


def test_a_mark_beyond_the_bins_stays_on_the_paper():
    """A corrected value above 1 would be drawn over the neighbour chart."""
    (chart,) = draw_curve(curve("spread", spread(mean=1.7)), "c", {})
    places = [float(node.get("x1") or 0) for node in of_class(parsed(chart), "whisker")]
    assert max(places) <= chart.width - 16


def points() -> tuple[Series, Series]:
    names = ("lime", "shap")
    return (
        Series(name="s6", x=(0.1, 0.3), y=(0.5, 0.7), low=(0.4, None), high=(0.6, None),
               labels=names),
        Series(name="s4", x=(0.1, 0.3), y=(0.2, 0.4), labels=names),
    )  # fmt: skip


def test_each_name_is_written_once_above_its_points():
    """Methods that are no examples must not be told as such, nor their names overlap."""
    (chart,) = draw_curve(curve("points", *points()), "c", {"lime": "#ex-lime"})
    root = parsed(chart)
    texts = ["".join(node.itertext()) for node in root.iter("text")]
    assert texts.count("lime") == texts.count("shap") == 1
    heights = {"".join(node.itertext()): float(node.get("y") or 0) for node in root.iter("text")}
    assert abs(heights["lime"] - heights["shap"]) >= 15
    assert len(of_class(root, "mark")) == 4 + 2  # and two in the legend
    assert len(of_class(root, "whisker")) == 1
    assert not list(root.iter("a"))
    assert chart.description == (
        "Up against across. s6: highest at shap (0.700), furthest right shap (0.300). "
        "s4: highest at shap (0.400), furthest right shap (0.300)."
    )
    assert chart.numbers.rows[0] == ("s6", "lime", 0.1, 0.5, 0.4, 0.6)


def test_a_student_without_points_leaves_the_others():
    """One method that failed for one student must not take the chart down."""
    (chart,) = draw_curve(curve("points", points()[1], Series(name="none", x=())), "c", {})
    assert "none" in chart.svg()
    assert len(chart.numbers.rows) == 2
