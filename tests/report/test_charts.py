"""Tests of what lines, bars, reliability diagrams, scatters and forests draw, by coordinates."""

from __future__ import annotations

import functools
import itertools
import operator
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.report import chart_scatter
from kdprobe.report.axes import Scale, padded, ticks
from kdprobe.report.charts import analysis_charts
from kdprobe.results.schema import AnalysisResult, Estimate, Series
from tests.report.charting import charts, curve, of_class, one, panel, parsed, places, words


def test_a_line_falls_where_its_numbers_say() -> None:
    """A point lost or moved on the way to the paper would look like another measurement.

    One series from (0, 0) to (1, 1): padded by .05 the axes run from -.05 to 1.05. The plot is 250
    wide from 42 and 156 high to 184: x(0) = 42 + 250 * .05 / 1.1 = 53.4, x(1) = 280.6,
    y(0) = 184 - 156 * .05 / 1.1 = 176.9, y(1) = 35.1.
    """
    root = panel(one(curve("line", Series(name="s", x=(0, 1), y=(0, 1)))))
    marks = of_class(root, "mark")
    assert list(zip(places(marks, "cx"), places(marks, "cy"), strict=True)) == [
        (53.4, 176.9),
        (280.6, 35.1),
    ]
    assert of_class(root, "line")[0].get("points") == "53.4,176.9 280.6,35.1"


def test_bands_are_of_two_series_and_whiskers_of_more() -> None:
    """Three bands over each other are brown, and no reader sees whose edge is whose."""
    ends = {"low": (0.0, 1.0), "high": (2.0, 3.0)}
    many = [Series(name=f"a series {i}", x=(0, 1), y=(1, 2), **ends) for i in range(3)]
    two = panel(one(curve("line", *many[:2])))
    assert (len(of_class(two, "band")), len(of_class(two, "whisker"))) == (2, 0)
    three = panel(one(curve("line", *many)))
    whiskers = of_class(three, "whisker")
    assert (len(of_class(three, "band")), len(whiskers)) == (0, 6)
    # Side by side: three pixels apart, the middle one at the point's place.
    first = sorted(places(whiskers, "x1"))[:3]
    assert [round(b - a, 1) for a, b in itertools.pairwise(first)] == [3.0, 3.0]
    nine = [many[0].model_copy(update={"name": f"a series {i}"}) for i in range(9)]
    assert not of_class(panel(one(curve("line", *nine))), "whisker")


def test_names_stand_at_the_ends_of_lines_where_there_is_room_and_never_overlap() -> None:
    """Names over each other read as neither; a legend that is cut names nothing."""
    close = [Series(name=name, x=(0, 1), y=(0, 1 - 0.001 * i)) for i, name in enumerate("abc")]
    chart = one(curve("line", *close))
    assert chart.keys == ()
    written = [
        node for node in panel(chart).iter() if node.tag == "text" and (node.text or "-") in "abc"
    ]
    heights = sorted(places(written, "y"))
    assert [node.text for node in written if node.text] == ["a", "b", "c"] or len(written) == 3
    assert min(b - a for a, b in itertools.pairwise(heights)) >= 13 - 1e-9
    assert heights[-1] <= 184 + 4 + 0.1
    long = [s.model_copy(update={"name": f"a very long name of a model {s.name}"}) for s in close]
    assert [key.name for key in one(curve("line", *long)).keys] == [s.name for s in long]


def test_a_marked_place_of_a_line_is_drawn_and_named() -> None:
    """Guards a threshold that is in the document and not on the page, or at another place."""
    spots = {"threshold <0.9>": 0.75, "early": 0.0}
    marked = Series(name="a", x=(0.0, 1.0), y=(1.0, 0.5), marks=spots)
    root = panel(one(curve("line", marked)))
    lines = of_class(root, "whisker")
    # x(.75) = 42 + 250 * .8 / 1.1 = 223.8, x(0) = 53.4.
    assert places(lines, "x1") == places(lines, "x2") == [223.8, 53.4]
    assert {"threshold <0.9>", "early"} <= set(words(root))
    plain = Series(name="a", x=(0.0, 1.0), y=(1.0, 0.5))
    assert not of_class(panel(one(curve("line", plain))), "whisker")


def test_names_of_marked_places_stand_above_each_other_and_many_are_one() -> None:
    """Guards the thresholds of several students, printed over each other."""
    models = [Series(name=f"s{i}", x=(0.0, 1.0), y=(1.0, 0.5), marks={f"threshold 0.{i}": 0.5})
              for i in range(1, 5)]  # fmt: skip

    def named(*series: Series) -> dict[str, str]:
        nodes = panel(one(curve("line", *series))).iter("text")
        return {node.text or "": node.get("y", "") for node in nodes
                if (node.text or "").startswith("threshold")}  # fmt: skip

    heights = named(*models[:3])
    assert list(heights) == ["threshold 0.1", "threshold 0.2", "threshold 0.3"]
    assert len(set(heights.values())) == 3
    assert list(named(*models)) == ["threshold"]
    root = panel(one(curve("line", *models)))
    assert len(of_class(root, "place")) == 4


def test_points_of_crowded_lines_are_in_the_table_alone() -> None:
    """Guards against thirty students' points that hide each other and are a tenth of the page."""
    x = tuple(float(at) for at in range(25))
    students = [
        Series(name=f"s{k}", x=x, y=tuple(at / 25 for at in x), marks={"threshold .5": 0.5})
        for k in range(25)
    ]
    for count, drawn in ((24, 24 * 25), (25, 0)):
        chart = one(curve("line", *students[:count]))
        root = panel(chart)
        assert len(of_class(root, "mark")) == drawn
        assert len(of_class(root, "line")) == count
        assert len(of_class(root, "place")) == count
        assert chart.numbers_total == 25 * count
    named = [node.text for node in root.iter() if node.tag == "title"]
    assert {each.name for each in students} <= set(named)


def test_a_kept_checkpoint_is_a_ring_round_its_point() -> None:
    """A second series beside the first would look like a second training."""
    score = Series(name="accuracy", x=(1, 2), y=(0.5, 0.7))
    kept = Series(name="kept: accuracy", x=(2,), y=(0.7,))
    chart = one(curve("line", score, kept))
    root = panel(chart)
    (ring,) = of_class(root, "ring")
    last = [node for node in of_class(root, "mark") if node is not ring][-1]
    assert (ring.get("cx"), ring.get("cy")) == (last.get("cx"), last.get("cy"))
    assert [key.name for key in chart.keys] == ["accuracy"]
    assert chart.finding == "At the step that was kept (else the last): accuracy 0.700."


def test_learning_curves_are_compared_where_their_checkpoints_were_kept() -> None:
    """The mean over a training compares how two began; what was kept is what is compared."""
    loss = Series(name="loss", x=(1, 2, 3), y=(0.9, 0.2, 0.4))
    kept = Series(name="kept: loss", x=(2,), y=(0.2,))
    other = loss.model_copy(update={"y": (0.9, 0.8, 0.7)})
    first, second = (
        curve("line", *series).model_copy(update={"title": f"{name}: Losses", "name": name})
        for name, series in (("a", (loss, kept)), ("b", (other,)))
    )
    (chart,) = charts(first, second, models=("t", "a", "b"))
    assert chart.finding == "At the step that was kept (else the last): loss: a 0.200, b 0.700."
    # Older documents do not name the only line beside its kept checkpoint.
    bare = first.model_copy(update={"series": (loss, kept.model_copy(update={"name": "kept"}))})
    (old,) = charts(bare, second, models=("t", "a", "b"))
    assert old.finding == chart.finding
    assert old.panels == chart.panels


def test_a_level_line_is_said_to_be_level() -> None:
    """A highest and a lowest point of a constant are noise that reads like a finding."""
    level, single = Series(name="s", x=(0, 1), y=(2, 2)), Series(name="t", x=(1,), y=(3,))
    description = one(curve("line", level, single)).description
    assert description == "s: 2.000 throughout. t: highest 3.000 at 1, lowest 3.000 at 1."


def test_a_line_is_compared_with_the_teachers() -> None:
    """A caption of every extreme says nothing; who lies below whom from where on is the finding."""
    layers = ("layer 0", "layer 1", "layer 2")
    base = Series(name="t", x=(0, 0.5, 1), y=(0.5, 0.7, 0.8), labels=layers)
    student = Series(name="s", x=(0, 0.5, 1), y=(0.5, 0.6, 0.61), labels=layers)
    other = Series(name="u", x=(0, 1), y=(0.6, 0.9), labels=layers[::2])
    chart = one(curve("line", base, student, other), "t", "s", "u")
    assert chart.finding == (
        "Against t: s is below it from layer 1 on, by up to 0.190; "
        "u is above it throughout, by up to 0.100."
    )


def test_bars_grow_from_zero_and_negative_ones_downwards() -> None:
    """A bar drawn from the axis end would make a small difference look large."""
    series = Series(name="s", x=(0, 1), y=(2, -1), low=(1, -2), high=(3, 0), labels=("a", "b"))
    root = panel(one(curve("bars", series)))
    first, second = of_class(root, "bar")
    assert len(of_class(root, "whisker")) == 2
    bottom = float(first.get("y") or 0) + float(first.get("height") or 0)
    assert bottom == pytest.approx(float(second.get("y") or 0), abs=0.15)
    assert float(first.get("height") or 0) == pytest.approx(
        2 * float(second.get("height") or 0), abs=0.3
    )


def test_names_below_bars_never_run_together() -> None:
    """Guards ".50–.55.55–.60", which is no scale; names of methods are cut."""
    ranges = tuple(f".{5 * i:02d}–.{5 * i + 5:02d}" for i in range(10))
    series = Series(name="s", x=tuple(range(10)), y=(0.1,) * 10, labels=ranges)
    root = panel(one(curve("bars", series)))
    ends = [node for node in of_class(root, "tick") if "a-middle" in (node.get("class") or "")]
    # The plot is 252 wide from 42, each range 25.2: an end stands at every second;
    # the last one, at 294, moves left by what would stand beyond the paper of 300.
    assert [node.text for node in ends] == [".00", ".10", ".20", ".30", ".40", ".50"]
    assert places(ends, "x") == [42, 92.4, 142.8, 193.2, 243.6, 288.8]
    methods = ("integrated_gradients_of_the_input", "shap", "lime", "random order")
    named = Series(name="s", x=(0, 1, 2, 3), y=(0.1,) * 4, labels=methods)
    texts = words(panel(one(curve("bars", named))))
    assert any(text.startswith("integrated_grad") and text.endswith("…") for text in texts)
    assert {"SHAP", "LIME", "random order"} <= set(texts)


def test_bars_of_many_series_have_a_panel_each() -> None:
    """Thirty bars side by side are hairs."""
    many = [Series(name=f"m{i}", x=(0, 1), y=(1, 2)) for i in range(6)]
    chart = one(curve("bars", *many))
    assert [part.title for part in chart.panels] == [f"m{i}" for i in range(6)]
    heights = {tuple(places(of_class(panel(chart, i), "bar"), "height")) for i in range(6)}
    assert len(heights) == 1  # one axis for all


def test_a_forest_has_a_row_a_label_and_keeps_missing_intervals_missing() -> None:
    """A slice without an interval must not show one of zero width."""
    first = Series(name="s", x=(0.1, 0.2), low=(0.05, None), high=(0.15, None), labels=("a", "b"))
    two = Series(name="t", x=(0.3,), low=(-0.1,), high=(0.4,), labels=("b",), counts=(12,))
    chart = one(curve("forest", first, two, reference=0.0))
    root = panel(chart)
    assert len(of_class(root, "whisker")) == 2
    assert len(of_class(root, "mark")) == 3
    assert len(of_class(root, "reference")) == 1
    assert chart.numbers.rows == (
        ("a", "s", 0.1, 0.05, 0.15, None),
        ("b", "s", 0.2, None, None, None),
        ("b", "t", 0.3, -0.1, 0.4, 12),
    )
    assert chart.finding == (
        "Intervals that leave out the line at 0: s above in 1 of 2, furthest a (+0.100); t none "
        "of 1."
    )
    # The rows are ordered by the mean of their series: b (.25), a (.1).
    assert [text for text in words(root) if text in ("a", "b")] == ["b", "a"]


def gap(student: str, subset: str, q: float) -> Estimate:
    return Estimate(metric="gap", model_a="t", model_b=student, subset=subset, value=0.1, q_value=q)


def test_students_share_one_forest_and_are_filled_where_q_is_small() -> None:
    """Two forests of their own order and axis hide the difference between students."""
    one_, two = (
        curve("forest", Series(name=name, x=x, low=(0, 0), high=(1, 1), labels=labels),
              title=f"Gap of {name} to t by slice", name=f"forest-{name}", reference=0.0)
        for name, x, labels in (("s", (0.3, 0.1), ("k: a", "k: b")),
                                ("control", (0.5, 0.2), ("k: b", "k: a")))
    )  # fmt: skip
    q = (gap("s", "k: a", 0.01), gap("s", "k: b", 0.2), gap("control", "k: a", 0.05),
         gap("control", "k: b", 0.04))  # fmt: skip
    (chart,) = charts(one_, two, models=("t", "s", "control"), estimates=q)
    assert chart.title == "Gap of each student to t by slice"
    root = panel(chart)
    assert [text for text in words(root) if text.startswith("k:")] == ["k: b", "k: a"]
    assert [len(of_class(group, "hollow")) for group in of_class(root, "s0")] == [1]
    assert [len(of_class(group, "hollow")) for group in of_class(root, "s1")] == [1]
    hollow = ["".join(node.itertext()) for node in of_class(root, "hollow")]
    assert [text.split(":")[0] for text in hollow] == ["s, k", "control, k"]
    assert chart.finding == (
        "Beyond noise (q < .05): s above in 1 of 2, furthest k: a (+0.300); "
        "control above in 1 of 2, furthest k: b (+0.500)."
    )


def test_a_long_forest_stands_in_columns_of_one_axis() -> None:
    """Forty rows below each other are two screens."""
    labels = tuple(f"row {i}" for i in range(21))
    series = Series(name="s", x=tuple(i / 10 for i in range(21)), labels=labels)
    chart = one(curve("forest", series))
    rows = [[w for w in words(panel(chart, i)) if w.startswith("row")] for i in range(3)]
    assert [len(names) for names in rows] == [7, 7, 7]
    assert functools.reduce(operator.iadd, rows, []) == list(labels)
    axis = [of_class(panel(chart, i), "grid")[0].get("x1") for i in range(3)]
    assert len(set(axis)) == 1


def test_rows_that_are_models_have_their_colours() -> None:
    """The teacher blue in one chart and orange in the next cannot be followed."""
    series = Series(name="MCC", x=(0.8, 0.7), labels=("t", "s"))
    chart = one(curve("forest", series, title="MCC of each model"), "t", "s")
    root = panel(chart)
    assert len(of_class(root, "ink")) == len(of_class(root, "s0")) == 1
    assert chart.finding == "Difference to t: s −0.100."


def test_an_axis_is_zoomed_where_scores_are_close() -> None:
    """An axis from 0 hides the difference of .911 and .854."""
    series = Series(name="r", x=(0.911, 0.854), low=(0.9, 0.84), high=(0.92, 0.865),
                    labels=("t", "s"))  # fmt: skip
    marks = of_class(panel(one(curve("forest", series), "t", "s")), "mark")
    at = [float(m.get("cx") or float(m.get("x") or 0) + 3) for m in marks]
    assert abs(at[0] - at[1]) > 150


def test_reliability_is_one_chart_with_a_panel_a_model_and_counts() -> None:
    """Empty bins drawn at accuracy 0 would show a model as worse than it is."""
    bins = Series(name="t", x=(0.6, 0.7, 0.9), y=(0.5, 0.0, 0.95), counts=(10, 0, 40))
    chart = one(curve("reliability", bins, bins.model_copy(update={"name": "s"})), "t", "s")
    assert [part.title for part in chart.panels] == ["t", "s"]
    root = panel(chart)
    assert len(of_class(root, "mark")) == 2
    tall = places(of_class(root, "bar"), "height")
    assert tall[1] == pytest.approx(4 * tall[0], abs=0.3)
    assert of_class(root, "ink")
    assert of_class(panel(chart, 1), "s0")
    assert (
        chart.finding
        == "Surer than right (below the diagonal): t in 1 of 2 bins; s in 1 of 2 bins."
    )


def scatter(name: str, *points: tuple[float, float], labels: tuple[str, ...] = ()) -> Series:
    return Series(
        name=name, x=tuple(x for x, _ in points), y=tuple(y for _, y in points), labels=labels
    )


def test_a_scatter_knows_which_of_its_examples_are_on_the_page() -> None:
    """A point that leads to another example, or to one that was cut, misleads."""
    series = scatter("s", (0.1, 0.2), (0.5, 0.5), (0.9, 0.1), labels=("4", "2", "<3>"))
    result = AnalysisResult(name="a", version=1, title="A", curves=(curve("scatter", series),))
    links = {"1": "#ex-1", "<3>": "#ex-%3C3%3E", "4": "#ex-4"}
    (chart,) = analysis_charts(result, links)
    (path,) = of_class(panel(chart), "points")
    assert path.get("data-rows") == "2 x -1"  # the third, none, and one before: the second
    middles = re.findall(r"M(\S+) ([\d.]+)h0", path.get("d") or "")
    assert [float(x) for x, _ in middles] == sorted(float(x) for x, _ in middles)
    heights = [float(y) for _, y in middles]
    assert heights[1] < heights[0] < heights[2]
    assert "of 3 examples 1 lie above the diagonal and 1 below it" in chart.description
    assert chart.finding == "Above the diagonal: 33 % of 3."


def test_scatters_of_students_are_panels_in_their_colours() -> None:
    """A scatter a student, each as wide as the page, cannot be compared."""
    both = [
        curve("scatter", scatter("agree", (0.6, 0.7)), scatter("disagree", (0.9, 0.6)),
              title=f"Confidence of t and {name}", y_title=f"confidence of {name}", name=name)
        for name in ("s", "control")
    ]  # fmt: skip
    (chart,) = charts(*both, models=("t", "s", "control"))
    assert [part.title for part in chart.panels] == ["s", "control"]
    assert chart.title == "Confidence of t and each student"
    assert "confidence of the student" in words(panel(chart))
    disc, diamond = of_class(panel(chart), "s0")
    assert (disc.get("d") or "").endswith("h0")
    assert (diamond.get("d") or "").endswith("z")
    assert [key.name for key in chart.keys] == ["agree", "disagree"]
    assert chart.finding == "Above the diagonal: s 50 % of 2; control 50 % of 2."


def test_a_crowded_scatter_becomes_a_histogram_that_loses_no_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten thousand marks stall a browser and hide each other."""
    monkeypatch.setattr(chart_scatter, "POINTS", 50)
    values = tuple(i / 100 for i in range(101))
    chart = one(curve("scatter", Series(name="s", x=values, y=values)))
    cells = of_class(panel(chart), "cell")
    assert sum(int((node[0].text or "").split()[0]) for node in cells) == 101
    assert "101 points, drawn as counts per cell." in chart.caption


def test_two_charts_of_one_name_get_names_of_their_own() -> None:
    """The second figure would overwrite the first one's file, and ids would clash."""
    line = curve("line", Series(name="s", x=(0, 1), y=(1, 2)))
    assert [chart.name for chart in charts(line, line)] == ["a-c", "a-c-2"]


def test_a_chart_without_points_is_not_drawn() -> None:
    """An empty frame would look like a failure of the browser."""
    assert charts(curve("line", Series(name="s", x=(), y=()))) == []


def test_no_letter_is_smaller_on_a_phone_than_eleven_pixels() -> None:
    """A chart 560 wide on a phone of 390 had letters of 8 pixels.

    Letters are 12 px; a phone gives a chart 358, so that up to 358 * 12 / 11 = 390 they stay 11.
    """
    wide = Series(name="a name of a row that is long", x=(0.1,), y=(0.2,), labels=("x" * 80,))
    for kind in ("line", "bars", "forest", "reliability", "scatter"):
        chart = one(curve(kind, wide))
        assert max(part.width for part in chart.panels) <= 320


def test_every_long_name_is_cut_inside_its_panel_and_whole_in_a_tooltip() -> None:
    """A name that runs out of its panel stands over the next one's axis."""
    name = "distilbert-6L-from-hub-very-long-name-of-a-run-2024-05-01-and-more"
    row = Series(name="s", x=(0.1,), labels=(name,))
    root = parsed(one(curve("forest", row)))
    cut = next(node for node in root.iter() if node.tag == "text" and len(node))
    assert cut[0].text == name
    assert (cut[0].tail or "").endswith("…")


@given(
    st.floats(-1e6, 1e6).flatmap(lambda low: st.tuples(st.just(low), st.floats(1e-3, 1e6))),
)
def test_ticks_stay_inside_and_are_few(case: tuple[float, float]) -> None:
    """A tick outside the axis, or thousands of them, would cover the chart."""
    low, high = case[0], case[0] + case[1]
    chosen = ticks(low, high)
    room = 1e-6 * (high - low) + 1e-9 * max(abs(low), abs(high))
    assert len(chosen) <= 11
    assert all(low - room <= tick <= high + room for tick in chosen)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_every_value_falls_on_the_paper(values: list[float]) -> None:
    """A range of zero width would divide by zero; a tight one would cut marks off."""
    low, high = padded(values)
    scale = Scale(low, high, 50, 500)
    assert all(49 <= scale(value) <= 501 for value in values)


def test_the_last_tick_and_long_panel_titles_stay_on_the_paper() -> None:
    """An axis that ends in "1,50" instead of 1,500 is off by ten; a cut quantity is a riddle."""
    steps = Series(name="s", x=(500, 1500), y=(0.1, 0.9))
    quantities = ("agreement with the teacher", "loss", "kl", "accuracy")
    scores = [
        curve("line", *(steps.model_copy(update={"name": q}) for q in quantities),
              title=f"{model}: Scores")
        for model in ("s", "control")
    ]  # fmt: skip
    (chart,) = charts(*scores, models=("t", "s", "control"))
    root = panel(chart)
    assert {"agreement with the", "teacher"} <= set(words(root))
    last = next(node for node in root.iter() if node.text == "1,500")
    assert float(last.get("x") or 0) + 5 * 6.8 / 2 <= chart.panels[0].width
    tops = [places(of_class(panel(chart, i), "axis"), "y1")[0] for i in range(4)]
    assert len(set(tops)) == 1


def test_of_many_students_the_nearest_and_the_furthest_are_named() -> None:
    """The first four of thirty students are not those that a reader looks for."""
    names = ("t", *(f"s{i}" for i in range(6)))
    series = Series(name="MCC", x=(0.8, 0.7, 0.75, 0.5, 0.6, 0.81, 0.4), labels=names)
    chart = one(curve("forest", series, title="MCC of each model"), *names)
    assert chart.finding == "Nearest to and furthest from t: s4 +0.010; s5 −0.400."
