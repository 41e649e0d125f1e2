"""Tests of heat maps: cells, tints, stacks of students, and what is said of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.report.chart_heat import tint
from kdprobe.report.chart_heat_findings import LAYERS, comparison
from kdprobe.results.schema import Matrix
from tests.report.charting import charts, matrix, of_class, one, panel, places, words


def test_a_heat_map_has_a_cell_a_value_and_tells_undefined_apart() -> None:
    """An undefined share shown as zero would be read as a measurement."""
    chart = one(matrix((0.5, None), (1.0, 0.25)))
    cells = of_class(panel(chart), "cell")
    assert len(of_class(panel(chart), "undefined")) == 1
    assert [node[0].text for node in cells] == [
        "r0 × c0: 0.500",
        "r0 × c1: –",
        "r1 × c0: 1.000",
        "r1 × c1: 0.250",
    ]
    assert "1 cells are undefined: no mistakes." in chart.description
    assert chart.numbers.rows == (("r0", 0.5, None), ("r1", 1.0, 0.25))
    assert chart.finding == "Most: 1.000 (row r1, column c0)."


def test_a_diverging_heat_map_tells_the_signs_apart() -> None:
    """A student's gain must not have the colour of its loss."""
    cells = of_class(panel(one(matrix((-1.0, 0.0, 0.5), scale="diverging"))), "cell")
    assert [(node.get("class") or "").split()[1] for node in cells] == ["m5", "p0", "p2"]


def test_a_matrix_without_any_value_says_why() -> None:
    """All cells undefined must not crash the page."""
    assert one(matrix((None,))).description == "No cell is defined: no mistakes."


def test_a_number_of_few_examples_does_not_outshine_the_others() -> None:
    """The largest gap of a heat map was that of twenty sentences, whose interval includes 0."""
    shown = matrix((-0.4, -0.1), (0.0, 0.2), scale="diverging").model_copy(
        update={"sure": ((0.0, -0.06), (0.0, 0.03))}
    )
    chart = one(shown)
    assert chart.description == (
        "2 of 4 cells differ from 0 by more than noise; surely highest: 0.200 at r1, c1 (0.030 of "
        "it beyond noise); surely lowest: −0.100 at r0, c1 (−0.060 of it beyond noise)."
    )
    assert chart.finding == "Beyond noise: 2 of 4 cells, most at r0, c1 (−0.100)."
    cells = [node.get("class") for node in panel(chart).iter("rect")]
    assert cells == ["blank", "cell p0", "cell m5", "cell p0", "cell p2"]
    nothing = shown.model_copy(update={"sure": ((0.0, 0.0), (0.0, 0.0))})
    assert one(nothing).description == "0 of 4 cells differ from 0 by more than noise."


def test_differences_of_students_are_stacked_in_each_row_on_one_scale() -> None:
    """Two heat maps, each of its own tints, cannot be compared cell by cell."""
    gaps = [
        matrix(*rows, scale="diverging", title=f"{name} minus t by task", labels=())
        for name, rows in (
            ("s", ((-0.1, 0.2), (0.0, -0.2))),
            ("control", ((-0.4, 0.0), (0.1, 0.2))),
        )
    ]
    (chart,) = charts(*gaps, models=("t", "s", "control"))
    assert chart.title == "Each student minus t by task"
    root = panel(chart)
    cells = of_class(root, "cell")
    shown = [(node[0].text or "", node.get("y"), node.get("class")) for node in cells]
    at = {text: (float(y or 0), kind) for text, y, kind in shown}
    first, second = at["s, r0 × c0: −0.100"], at["control, r0 × c0: −0.400"]
    assert second[0] - first[0] == 19
    assert at["s, r1 × c0: 0.000"][0] - first[0] == 38
    # One scale: -.4 is the end, -.1 a quarter of it.
    assert (first[1], second[1]) == ("cell m1", "cell m5")
    assert len(of_class(root, "s0")) == len(of_class(root, "s1")) == 2
    assert chart.numbers.rows[0] == ("s", "r0", -0.1, 0.2)


def test_many_stacked_rows_stand_in_two_panels_that_lose_none() -> None:
    """Ten tasks of two students below each other are a screen; half of them would be a loss."""
    values = [(-0.01 * i, 0.2) for i in range(9)]
    gaps = [matrix(*values, scale="diverging", title=f"{name} minus t") for name in "sc"]
    (chart,) = charts(*gaps, models=("t", "s", "c"))
    roots = [panel(chart, at) for at in range(2)]
    assert [len(of_class(root, "cell")) for root in roots] == [2 * 2 * 5, 2 * 2 * 4]
    rows = [node[0].text.split(" ×")[0] for root in roots for node in of_class(root, "cell")]
    assert len(set(rows)) == 2 * 9
    assert len(chart.numbers.rows) == 2 * 9
    few = charts(*[one_.model_copy(update={"rows": one_.rows[:7], "values": one_.values[:7]})
                   for one_ in gaps], models=("t", "s", "c"))  # fmt: skip
    assert len(few[0].panels) == 1


def test_a_long_name_of_a_row_is_broken_where_it_has_an_underscore() -> None:
    """A name that is cut in the middle names two tasks at once."""
    gaps = [
        matrix((-0.1, 0.2), (0.0, 0.1), scale="diverging", title=f"{name} minus t").model_copy(
            update={"rows": ("coordination_inversion", "short")}
        )
        for name in "sc"
    ]
    (chart,) = charts(*gaps, models=("t", "s", "c"))
    assert {"coordination_", "inversion", "short"} <= set(words(panel(chart)))


def test_gaps_of_other_layers_are_panels_of_their_own() -> None:
    """A student of three layers must not stand under the columns of one of six."""
    one_ = matrix((-0.1, 0.2), scale="diverging", title="s minus t")
    two = matrix((-0.1, 0.2, 0.1), scale="diverging", title="control minus t")
    (chart,) = charts(one_, two, models=("t", "s", "control"))
    assert [part.title for part in chart.panels] == ["s", "control"]


def confusion(name: str, *rows: tuple[float, ...]) -> Matrix:
    labels = ("no", "yes", "maybe")[: len(rows)]
    return matrix(*rows, title=f"What t and {name} predict", labels=labels, column_title=name)


def test_confusions_of_students_are_panels_with_both_names_readable() -> None:
    """A column title over a row title is neither; a long model name ends in its neighbour."""
    long = "distilbert-6L-from-hub-very-long-name-of-a-run-2024-05-01"
    (chart,) = charts(
        confusion("s", (8, 2), (1, 9)), confusion(long, (5, 5), (0, 10)), models=("t", "s", long)
    )
    assert len(chart.panels) == 2
    root = panel(chart, 1)
    texts = [node for node in root.iter() if node.tag == "text"]
    title = next(node for node in texts if len(node) and node[0].text == long)
    row = next(node for node in texts if node.text == "row")
    assert title.get("y") != row.get("y")
    assert chart.finding.startswith(
        "The same label: s 17 of 20, most often apart no → yes (2); distilbert-6L-from-hub-very"
    )
    assert {"no", "yes"} <= set(words(root))
    assert max(places(of_class(root, "cell"), "x")) < chart.panels[1].width - 40


@given(st.floats(0, 100), st.floats(0, 100))
def test_tints_grow_with_the_value(one_: float, other: float) -> None:
    """A larger count must not look paler than a smaller one."""
    steps = [int(tint(v, 0, 100, diverging=False)[1:]) for v in sorted((one_, other))]
    assert steps == sorted(steps)
    assert 0 <= steps[0] <= steps[1] <= 10


def alike(name: str, title: str, *rows: tuple[float | None, ...]) -> Matrix:
    return Matrix(
        name=f"cka-{name}", title=title.format(name), row_title=LAYERS,
        column_title=f"layer of {name}", rows=tuple(str(i) for i in range(len(rows))),
        columns=tuple(str(i) for i in range(len(rows[0]))), values=rows, undefined="one text",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("title", "students", "said"),
    [
        ("CKA of the teacher's layers and {}'s", ((0.9, 0.2), (0.8, 0.5), (0.7, 0.4)),
         "s is nearer to the teacher than c from layer 1 on, by up to 0.200 (best match of each "
         "teacher layer)."),
        # Of a distance the smallest is the best match.
        ("Procrustes distance of the teacher's layers and {}'s", ((0.1, 0.9), (0.8, 0.5), (0.6, 1)),
         "s is nearer to the teacher than c at 1 of 3 layers, by up to 0.100; c at 1, by up to "
         "0.300 (best match of each teacher layer)."),
        ("CKA of the teacher's layers and {}'s", ((0.1, 0.9), (0.6, 0.2), (0.5, None)),
         "s and c are equally near to the teacher at every layer."),
        ("CKA of the teacher's layers and {}'s", ((None, None), (0.3, 0.2), (0.1, 0.2)),
         "c is nearer to the teacher than s throughout, by up to 0.300 (best match of each "
         "teacher layer)."),
    ],
)  # fmt: skip
def test_heat_maps_of_layers_say_who_is_nearer(
    title: str, students: tuple[tuple[float | None, ...], ...], said: str
) -> None:
    """The mean of all cells mixes the layers that match with those that never should."""
    control = ((0.9, 0.1), (0.6, 0.6), (0.5, 0.3))
    family = [("s", alike("s", title, *students)), ("c", alike("c", title, *control))]
    assert comparison(family) == said


def test_of_many_students_the_nearest_layers_come_first() -> None:
    """Guards pairs of thirty students in a sentence, and an order that is not that of nearness."""
    title = "CKA of the teacher's layers and {}'s"
    family = [(n, alike(n, title, (low, 0.1), (low, low))) for n, low in
              (("a", 0.3), ("b", 0.9), ("c", 0.5))]  # fmt: skip
    assert comparison(family) == (
        "Best match of each teacher layer, on average: b 0.900; c 0.500; a 0.300."
    )
    distances = [(n, m.model_copy(update={"title": "Divergence"})) for n, m in family]
    assert comparison(distances).endswith("on average: a 0.200; c 0.300; b 0.500.")
