"""Tests of what the charts draw: marks are counted in the parsed SVG."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.report import chart_scatter
from kdprobe.report.axes import Scale, padded, ticks
from kdprobe.report.chart_heat import tint
from kdprobe.report.charts import analysis_charts, draw_curve
from kdprobe.report.svg import Chart
from kdprobe.results.schema import AnalysisResult, Curve, Matrix, Series


def parsed(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(chart.svg())


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [node for node in root.iter() if name in (node.get("class") or "").split()]


def curve(kind: str, *series: Series, reference: float | None = None) -> Curve:
    return Curve.model_validate(
        {
            "name": "c",
            "title": "Title",
            "kind": kind,
            "x_title": "across",
            "y_title": "up",
            "series": series,
            "reference": reference,
        }
    )


def matrix(*rows: tuple[float | None, ...], scale: str = "sequential") -> Matrix:
    names = tuple(f"r{i}" for i in range(len(rows)))
    columns = tuple(f"c{i}" for i in range(len(rows[0])))
    return Matrix.model_validate(
        {
            "name": "m",
            "title": "M",
            "row_title": "row",
            "column_title": "column",
            "rows": names,
            "columns": columns,
            "values": rows,
            "scale": scale,
            "undefined": "no mistakes",
        }
    )


def drawn(result_part: Matrix | Curve) -> list[Chart]:
    parts = {"matrices" if isinstance(result_part, Matrix) else "curves": (result_part,)}
    result = AnalysisResult.model_validate({"name": "a", "version": 1, "title": "A", **parts})
    return analysis_charts(result, {})


def test_a_line_has_a_marker_a_point_and_a_band():
    """A point lost on the way to the paper would look like a measurement never made."""
    series = Series(name="s", x=(0, 1, 2), y=(1, 2, 4), low=(0.5, 1, 3), high=(2, 3, 5))
    root = parsed(draw_curve(curve("line", series, Series(name="t", x=(1,), y=(2,))), "c", {})[0])
    assert len(of_class(root, "band")) == 1
    assert len(of_class(root, "mark")) == 3 + 1 + 2  # points, and one in the legend of each
    heights = [float(node.get("cy") or 0) for node in root.iter("circle")]
    assert heights[-3] > heights[-2] > heights[-1]


def test_a_marked_place_of_a_line_is_drawn_and_named():
    """Guards a threshold that is in the document and not on the page, or at another place."""
    places = {"threshold <0.9>": 0.75, "early": 0.0}
    marked = Series(name="a", x=(0.0, 1.0), y=(1.0, 0.5), marks=places)
    root = parsed(draw_curve(curve("line", marked), "c", {})[0])
    lines = of_class(root, "whisker")
    assert [line.get("x1") for line in lines] == [line.get("x2") for line in lines]
    assert len(lines) == 2
    assert float(lines[0].get("x1") or 0) > float(lines[1].get("x1") or 0)
    words = [node.text for node in root.iter() if node.tag.endswith("text")]
    assert {"threshold <0.9>", "early"} <= set(words)
    plain = Series(name="a", x=(0.0, 1.0), y=(1.0, 0.5))
    assert not of_class(parsed(draw_curve(curve("line", plain), "c", {})[0]), "whisker")


def test_a_level_line_is_said_to_be_level():
    """A highest and a lowest point of a constant are noise that reads like a finding."""
    level, one = Series(name="s", x=(0, 1), y=(2, 2)), Series(name="t", x=(1,), y=(3,))
    text = " ".join(parsed(draw_curve(curve("line", level, one), "c", {})[0]).itertext())
    assert "s: 2.000 throughout. t: highest 3.000 at 1, lowest 3.000 at 1." in text


def test_bars_grow_from_zero_and_negative_ones_downwards():
    """A bar drawn from the axis end would make a small difference look large."""
    series = Series(name="s", x=(0, 1), y=(2, -1), low=(1, -2), high=(3, 0), labels=("a", "b"))
    root = parsed(draw_curve(curve("bars", series), "c", {})[0])
    first, second = of_class(root, "bar")
    assert len(of_class(root, "whisker")) == 2
    bottom = float(first.get("y") or 0) + float(first.get("height") or 0)
    assert bottom == pytest.approx(float(second.get("y") or 0), abs=0.15)
    assert float(first.get("height") or 0) == pytest.approx(
        2 * float(second.get("height") or 0), abs=0.3
    )


def test_a_forest_has_a_row_a_label_and_keeps_missing_intervals_missing():
    """A slice without an interval must not show one of zero width."""
    one = Series(name="s", x=(0.1, 0.2), low=(0.05, None), high=(0.15, None), labels=("a", "b"))
    two = Series(name="t", x=(0.3,), low=(-0.1,), high=(0.4,), labels=("b",), counts=(12,))
    chart = draw_curve(curve("forest", one, two, reference=0.0), "c", {})[0]
    root = parsed(chart)
    assert len(of_class(root, "whisker")) == 2
    assert len(of_class(root, "mark")) == 3 + 2
    assert len(of_class(root, "reference")) == 1
    assert chart.numbers.rows == (
        ("a", "s", 0.1, 0.05, 0.15, None),
        ("b", "s", 0.2, None, None, None),
        ("b", "t", 0.3, -0.1, 0.4, 12),
    )
    assert chart.description == (
        "s: largest at b (0.200); 1 of 2 intervals do not hold 0.000. "
        "t: largest at b (0.300); 0 of 1 intervals do not hold 0.000."
    )


def test_a_reliability_diagram_is_one_chart_a_model_with_counts():
    """Empty bins drawn at accuracy 0 would show a model as worse than it is."""
    one = Series(name="s", x=(0.6, 0.7, 0.9), y=(0.5, 0.0, 0.95), counts=(10, 0, 40))
    charts = draw_curve(curve("reliability", one, one), "c", {})
    assert [chart.name for chart in charts] == ["c-1", "c-2"]
    root = parsed(charts[0])
    assert len(of_class(root, "mark")) == 2
    tall = [float(node.get("height") or 0) for node in of_class(root, "bar")]
    assert tall[1] == pytest.approx(4 * tall[0], abs=0.3)
    assert charts[0].description == (
        "In 1 of 2 filled bins accuracy is below confidence; the fullest bin holds 40 of 50 "
        "examples at confidence 0.900 and accuracy 0.950."
    )


def test_a_scatter_links_the_examples_that_are_on_the_page():
    """A link to an example that was cut would lead nowhere."""
    series = Series(name="s", x=(0.1, 0.5, 0.9), y=(0.2, 0.5, 0.1), labels=("1", "2", "<3>"))
    chart = draw_curve(curve("scatter", series), "c", {"1": "#ex-1", "<3>": "#ex-%3C3%3E"})[0]
    root = parsed(chart)
    assert [node.get("href") for node in root.iter("a")] == ["#ex-1", "#ex-%3C3%3E"]
    assert len(of_class(root, "mark")) == 3
    assert "of 3 examples 1 lie above the diagonal and 1 below it" in chart.description


def test_a_crowded_scatter_becomes_a_histogram_that_loses_no_point(
    monkeypatch: pytest.MonkeyPatch,
):
    """Ten thousand marks stall a browser and hide each other."""
    monkeypatch.setattr(chart_scatter, "POINTS", 50)
    values = tuple(i / 100 for i in range(101))
    chart = draw_curve(curve("scatter", Series(name="s", x=values, y=values)), "c", {})[0]
    cells = of_class(parsed(chart), "cell")
    counted = [int((node[0].text or "").split()[0]) for node in cells]
    assert sum(counted) == 101
    assert "101 points, drawn as counts per cell." in chart.caption


def test_a_heat_map_has_a_cell_a_value_and_tells_undefined_apart():
    """An undefined share shown as zero would be read as a measurement."""
    chart = drawn(matrix((0.5, None), (1.0, 0.25)))[0]
    cells = of_class(parsed(chart), "cell")
    assert len(cells) == 4
    assert len(of_class(parsed(chart), "undefined")) == 1
    assert [node[0].text for node in cells] == [
        "r0 × c0: 0.500",
        "r0 × c1: –",
        "r1 × c0: 1.000",
        "r1 × c1: 0.250",
    ]
    assert "1 cells are undefined: no mistakes." in chart.description
    assert chart.numbers.rows == (("r0", 0.5, None), ("r1", 1.0, 0.25))


def test_a_diverging_heat_map_tells_the_signs_apart():
    """A student's gain must not have the colour of its loss."""
    cells = of_class(parsed(drawn(matrix((-1.0, 0.0, 0.5), scale="diverging"))[0]), "cell")
    assert [(node.get("class") or "").split()[1] for node in cells] == ["m5", "p0", "p2"]


def test_a_matrix_without_any_value_says_why():
    """All cells undefined must not crash the page."""
    assert drawn(matrix((None,)))[0].description == "No cell is defined: no mistakes."


def test_a_matrix_of_57_labels_draws_every_count_above_zero():
    """A task of many labels must not lose a confusion."""
    rows = tuple(tuple(float(i == j or (i, j) == (3, 9)) for j in range(57)) for i in range(57))
    chart = drawn(matrix(*rows))[0]
    assert len(of_class(parsed(chart), "cell")) == 58
    assert len(chart.numbers.rows) == 57


def test_two_charts_of_one_name_get_names_of_their_own():
    """The second figure would overwrite the first one's file, and ids would clash."""
    one = curve("line", Series(name="s", x=(0, 1), y=(1, 2)))
    result = AnalysisResult(name="a", version=1, title="A", curves=(one, one))
    assert [chart.name for chart in analysis_charts(result, {})] == ["a-c", "a-c-2"]


def test_a_chart_without_points_is_not_drawn():
    """An empty frame would look like a failure of the browser."""
    assert drawn(curve("line", Series(name="s", x=(), y=()))) == []


@given(
    st.floats(-1e6, 1e6).flatmap(lambda low: st.tuples(st.just(low), st.floats(1e-3, 1e6))),
)
def test_ticks_stay_inside_and_are_few(case: tuple[float, float]):
    """A tick outside the axis, or thousands of them, would cover the chart."""
    low, high = case[0], case[0] + case[1]
    found = ticks(low, high)
    room = 1e-6 * (high - low) + 1e-9 * max(abs(low), abs(high))
    assert len(found) <= 11
    assert all(low - room <= tick <= high + room for tick in found)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_every_value_falls_on_the_paper(values: list[float]):
    """A range of zero width would divide by zero; a tight one would cut marks off."""
    low, high = padded(values)
    scale = Scale(low, high, 50, 500)
    assert all(49 <= scale(value) <= 501 for value in values)


def test_a_number_of_few_examples_does_not_outshine_the_others():
    """The largest gap of a heat map was that of twenty sentences, whose interval includes 0."""
    shown = matrix((-0.4, -0.1), (0.0, 0.2), scale="diverging").model_copy(
        update={"sure": ((0.0, -0.06), (0.0, 0.03))}
    )
    chart = drawn(shown)[0]
    assert chart.description == (
        "2 of 4 cells differ from 0 by more than noise; surely highest: 0.200 at r1, c1 (0.030 of "
        "it beyond noise); surely lowest: −0.100 at r0, c1 (−0.060 of it beyond noise)."
    )
    cells = [node.get("class") for node in parsed(chart).iter("rect")]
    assert cells == ["blank", "cell p0", "cell m5", "cell p0", "cell p2"]
    nothing = shown.model_copy(update={"sure": ((0.0, 0.0), (0.0, 0.0))})
    assert drawn(nothing)[0].description == "0 of 4 cells differ from 0 by more than noise."


@given(st.floats(0, 100), st.floats(0, 100))
def test_tints_grow_with_the_value(one: float, other: float):
    """A larger count must not look paler than a smaller one."""
    steps = [int(tint(v, 0, 100, diverging=False)[1:]) for v in sorted((one, other))]
    assert steps == sorted(steps)
    assert 0 <= steps[0] <= steps[1] <= 10
