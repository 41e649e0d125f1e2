"""Tests of the charts of few named points: distributions by row, dots, and names on two axes."""

from __future__ import annotations

import pytest

from kdprobe.report.charts import analysis_charts
from kdprobe.results.schema import AnalysisResult, Curve, Estimate, Metric, Series
from tests.report.charting import charts, curve, document_of, of_class, one, panel, places, words


def spread(name: str = "lime", *, mean: float = 0.5) -> Series:
    return Series(name=name, x=(-0.5, 0.5), y=(0.25, 0.75), counts=(1, 3),
                  marks={"ceiling": 0.9, "floor": 0.0, "mean": mean})  # fmt: skip


def test_a_row_has_its_bins_and_its_marked_places() -> None:
    """A ceiling drawn at the floor's place turns the finding round."""
    other = Series(name="shap", x=(-0.5, 0.5), y=(1.0, 0.0), marks={"mean": -0.5})
    chart = one(curve("spread", spread(), other))
    root = panel(chart)
    bars = of_class(root, "bar")
    assert len(bars) == 3
    tall = places(bars, "height")
    assert tall[1] == pytest.approx(3 * tall[0], abs=0.2)
    ceiling, floor, mean, last = places(of_class(root, "whisker"), "x1")
    assert last < floor < mean < ceiling
    assert chart.description == "LIME: ceiling 0.900, floor 0.000, mean 0.500. SHAP: mean −0.500."
    assert ("LIME", "floor", 0.0, None) in chart.numbers.rows
    assert ("LIME", "share from 0.000 to 1.000", 0.75, 3) in chart.numbers.rows
    assert chart.numbers_total == 4 + 4


def test_a_mark_beyond_the_bins_stays_on_the_paper() -> None:
    """A corrected value above 1 would be drawn over the neighbour chart."""
    chart = one(curve("spread", spread(mean=1.7)))
    assert max(places(of_class(panel(chart), "whisker"), "x1")) <= chart.panels[0].width - 12


def rho(student: str, *series: Series) -> Curve:
    return curve("spread", *series, title=f"Word agreement with {student}, sentence by sentence")


def test_means_are_dots_between_floor_and_ceiling_with_students_side_by_side() -> None:
    """Twelve histograms do not say who is nearer to the ceiling.

    The axis runs over -0.04 to 0.945 (0 to .9 and a twentieth more each side: .045), on pixels 12
    to 288: the mean .45 of the first student is half of the way, pixel 150.
    """
    first = rho("s", spread(mean=0.45), spread("shap", mean=0.6))
    drawn = charts(first, rho("control", spread(mean=0.18)), models=("t", "s", "control"))
    dots, histograms = drawn
    assert dots.name == "a-c-means"
    assert histograms.folded
    assert not dots.folded
    root = panel(dots)
    (square, _) = (of_class(group, "mark")[0] for group in of_class(root, "s0"))
    assert float(square.get("x") or 0) + 3.24 == pytest.approx(150, abs=0.1)
    assert len(of_class(root, "s1")) == 1
    spans = of_class(root, "span")
    # floor 0 at 12 + 276 * .045 / .99 = 24.5, ceiling .9 at 275.5.
    assert (set(places(spans, "x1")), set(places(spans, "x2"))) == ({24.5}, {275.5})
    assert dots.finding == (
        "Of the way from floor to ceiling: s 0.500 (LIME), 0.667 (SHAP); control 0.200 (LIME)."
    )
    assert dots.numbers.rows[0] == ("LIME", "s", 0.0, 0.45, None, None, 0.9)


def test_a_method_that_says_nothing_of_the_teacher_is_grey_and_compared_with_nobody() -> None:
    """Agreement of explanations that explain nothing reads as the same reasons."""
    bare = document_of("t", "s")
    metric = Metric(name="comprehensiveness", label="c", definition="")
    faithfulness = AnalysisResult(
        name="faithfulness", version=1, title="F", metrics=(metric,),
        estimates=(
            Estimate(metric=metric.name, model_a="t", method="lime", value=0.2, low=-0.1, high=0.3),
            Estimate(metric=metric.name, model_a="t", method="shap", value=0.2, low=0.1, high=0.3),
            Estimate(metric=metric.name, model_a="s", method="shap", value=-1.0),
        ),
    )  # fmt: skip
    result = AnalysisResult(
        name="a", version=1, title="A", curves=(rho("s", spread(), spread("shap")),)
    )
    document = bare.model_copy(update={"analyses": (result, faithfulness)})
    dots = analysis_charts(result, {}, document)[0]
    root = panel(dots)
    assert len(of_class(root, "faded")) == 1
    assert "LIME (not faithful to the teacher)" in words(root)
    assert "LIME" not in dots.finding


def test_the_interval_of_a_mean_is_drawn_from_the_estimates() -> None:
    """A mean without its interval is read as exact."""
    spearman = Estimate(metric="spearman", model_a="t", model_b="s", method="lime", value=0.5,
                        low=0.3, high=0.7)  # fmt: skip
    dots = charts(rho("s", spread()), models=("t", "s"), estimates=(spearman,))[0]
    assert len(of_class(panel(dots), "whisker")) == 1
    assert dots.numbers.rows[0][4:6] == (0.3, 0.7)


def points() -> tuple[Series, Series]:
    names = ("lime", "shap")
    return (
        Series(name="s6", x=(0.1, 0.3), y=(0.5, 0.7), low=(0.4, None), high=(0.6, None),
               labels=names),
        Series(name="s4", x=(0.1, 0.3), y=(0.2, 0.4), labels=names),
    )  # fmt: skip


def test_each_name_is_written_once_above_its_points() -> None:
    """Methods that are no examples must not be told as such, nor their names overlap."""
    chart = one(curve("points", *points()))
    root = panel(chart)
    texts = words(root)
    assert texts.count("LIME") == texts.count("SHAP") == 1
    heights = {"".join(node.itertext()): float(node.get("y") or 0) for node in root.iter("text")}
    assert abs(heights["LIME"] - heights["SHAP"]) >= 15
    assert len(of_class(root, "mark")) == 4
    assert len(of_class(root, "whisker")) == 1
    assert not list(root.iter("a"))
    assert [key.name for key in chart.keys] == ["s6", "s4"]
    assert chart.finding == "Highest: s6 SHAP (0.700); s4 SHAP (0.400)."
    assert chart.numbers.rows[0] == ("s6", "LIME", 0.1, 0.5, 0.4, 0.6)


def test_a_student_without_points_leaves_the_others() -> None:
    """One method that failed for one student must not take the chart down."""
    chart = one(curve("points", points()[1], Series(name="none", x=())))
    assert [key.name for key in chart.keys] == ["s4", "none"]
    assert len(chart.numbers.rows) == 2
