"""Tests of the page of a sweep: its marks, its escapes, its bytes, and how it behaves."""

from __future__ import annotations

import re
from typing import Literal
from xml.etree import ElementTree

import pytest

from kdprobe.report.chart_pareto import Picture, Spot, draw_pareto
from kdprobe.report.svg import Chart
from kdprobe.report.sweep import render_sweep
from kdprobe.report.sweep_fronts import sweep_charts, sweep_figures
from kdprobe.report.sweep_names import (
    at_chance,
    chance_level,
    chance_sentence,
    common_beginning,
    shortened,
)
from kdprobe.results.sweep import SweepDocument
from tests.report import swept
from tests.report.browsing import Reader

PICTURE = Picture("p", "Title", "Finding.", "How.", "cost", "gain", cost_falls=True)


def parsed(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(str(chart.svg()))


def by_class(drawn: ElementTree.Element, word: str) -> list[ElementTree.Element]:
    return [part for part in drawn.iter() if word in part.get("class", "").split()]


def corners(spots: list[Spot], *, falls: bool) -> list[tuple[float, float]]:
    chart = draw_pareto(Picture("p", "T", "F", "", "cost", "gain", cost_falls=falls), spots)
    (group,) = by_class(parsed(chart), "front")
    points = group[0].get("points", "").split()
    return [(float(x), float(y)) for x, y in (point.split(",") for point in points)]


def test_marks_are_counted() -> None:
    """Guards against a student that is left out of a chart, or drawn without its interval."""
    for chart in sweep_charts(swept.document()):
        drawn = parsed(chart)
        shown = 4 if chart.name != "closeness-parameters" else 3
        marks = [part for part in by_class(drawn, "mark") if "single" not in part.get("class", "")]
        assert len(marks) == shown + len({row[2] for row in chart.numbers.rows})  # and the legend
        assert len(by_class(drawn, "single")) == 3 * 2 + 1
        both = 2 if chart.name == "score-throughput" else 1
        assert len(by_class(drawn, "whisker")) == shown * both
        assert drawn.get("role") == "img"
        assert drawn.findtext("title")
        assert drawn.findtext("desc", "").startswith("Nobody beats layers=1, ")
        assert len(chart.numbers.rows) == shown


def test_the_front_is_a_staircase_on_the_right_side() -> None:
    """Guards a line that promises students nobody has: it steps along what is reached."""
    spots = [Spot("1", "a", 1, 1, group=0), Spot("2", "b", 3, 2, group=0), Spot("3", "c", 2, 1)]
    start, corner, end = corners(spots, falls=True)
    assert corner == (end[0], start[1])  # one gains nothing before paying b's price
    flipped = [Spot("1", "a", 1, 2, group=0), Spot("2", "b", 3, 1, group=0)]
    start, corner, end = corners(flipped, falls=False)
    assert corner == (start[0], end[1])  # faster than a, one has no more than b
    lone = draw_pareto(PICTURE, spots[:1])
    assert not by_class(parsed(lone), "front")


def test_the_same_document_gives_the_same_page() -> None:
    """Guards the page against clocks and orders, and every chart against sharing a name."""
    made = swept.document()
    assert render_sweep(made) == render_sweep(SweepDocument.model_validate(made.model_dump()))
    drawn = sweep_figures(made)
    assert sorted(drawn) == ["closeness-parameters", "score-parameters", "score-throughput"]
    for text in drawn.values():
        assert "<style>" in text
        ElementTree.fromstring(text)


def test_numbers_on_the_page() -> None:
    """Guards units: millions of parameters, megabytes, reasons instead of numbers."""
    page = render_sweep(swept.document())
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("<body>")[1]))
    for piece in (
        "cola: 3 students of teacher", "Parameters millions", "17.4", "Weights MB", "69.6",
        "0.380 [0.320, 0.440]", "115.0 [106.0, 124.0]", "– not timed",
        "size, speed, closeness",
        "more than noise", "within noise", "Agreement of the first minus that of the second",
        "layers-9_seed-1: 9 layers, expected at most 6",
        "understates how far other seeds would lie", "sweep.json holds the same numbers",
        "sweep.layers 1, 2, 3, 9",
    ):  # fmt: skip
        assert piece in text, piece
    assert "http" not in page.split("</title>")[1].split("<style>")[0]


def test_a_sweep_without_a_student() -> None:
    """Guards the page of a sweep in which every run failed: reasons, no empty charts."""
    made = swept.document()
    bare = made.model_copy(
        update={
            "students": (), "runs": made.runs[-1:], "differences": (), "sentences": (),
            "closeness_differences": (),
            "fronts": tuple(front.model_copy(update={"students": ()}) for front in made.fronts),
        }
    )  # fmt: skip
    page = render_sweep(bare)
    assert sweep_charts(bare) == []
    for piece in ("0 students", "No run gave a student.", "9 layers", "There is no pair"):
        assert piece in page


def test_hostile_names_are_text() -> None:
    """Guards the reader of a mailed page: no name becomes an element or an attribute."""
    page = render_sweep(swept.hostile())
    assert "<script>window" not in page
    assert "<svg onload" not in page
    assert "<img" not in page
    assert page.count("<script") == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser(reader: Reader, width: int, scheme: Literal["light", "dark"]) -> None:
    """Guards the policy, the phone and hostile names together: no script, no request, no scroll."""
    for name, made in (("usual", swept.document()), ("hostile", swept.hostile())):
        visit = reader.open(f"sweep-{name}", text=render_sweep(made), width=width, scheme=scheme)
        assert visit.faults == []
        assert visit.page.evaluate("window.ran") is None
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.page.locator("figure svg[role=img]").count() == 3


def test_names_are_cut_where_all_begin_alike() -> None:
    """Guards a column of names that differ at their ends only, and a name cut to nothing."""
    made = swept.document()
    whole = {model.name: f"student=bilstm:{model.name},fc=32" for model in made.students}
    text = made.model_dump_json()
    for name, long in whole.items():
        text = text.replace(name, long)
    page = render_sweep(SweepDocument.model_validate_json(text))
    assert "student=bilstm:layers" not in page.split("<h3>")[0]
    assert all(f">{name}</th>" in page.replace("<span", "</th>") or name in page for name in whole)
    assert "fc=32" not in page.split("<h3>")[0].replace("All students: student=bilstm, fc=32.", "")
    assert common_beginning(["a, b", "a, c"]) == "a, "
    assert common_beginning(["a:", "a:b"]) == ""
    assert shortened(made) == made


def test_what_is_at_chance_is_said_before_anything_else() -> None:
    """Guards a front of students that have learnt nothing: small, fast, and useless."""
    made = swept.document()
    assert at_chance(made) == ()
    assert chance_sentence(made) == ""
    low = tuple(
        e.model_copy(update={"low": -0.01}) if (e.metric, e.model_a) == ("mcc", "layers=1") else e
        for e in made.estimates
    )
    one = made.model_copy(update={"estimates": low})
    assert at_chance(one) == ("layers=1",)
    assert chance_sentence(one) == (
        "layers=1 is at chance by MCC: the interval does not lie above 0."
    )
    page = render_sweep(one)
    assert page.index("layers=1 is at chance") < page.index("<figure")
    assert "at chance, 2 seeds" in page
    counts = made.task.model_copy(update={"label_counts": {"a": 75, "b": 25}})
    other = made.model_copy(update={"score": "accuracy", "task": counts})
    assert chance_level(other) == 0.75
    assert chance_level(made.model_copy(update={"score": "f1"})) is None


def test_no_student_has_no_parameters() -> None:
    """Guards 0.0 millions: 48,370 parameters are 48.4 thousand, beside a teacher of millions."""
    made = swept.document()
    small = tuple(
        e.model_copy(update={"value": 48370.0})
        if (e.metric, e.model_a) == ("parameters", "layers=1")
        else e
        for e in made.estimates
    )
    page = render_sweep(made.model_copy(update={"estimates": small}))
    assert "48.4" in page
    assert "thousands" in page
    assert "Parameters, thousands" in page


def test_an_older_sweep_no_longer_says_beats() -> None:
    """Guards a claim of one seed: intervals that overlap are no victory."""
    made = swept.document()
    old = "For MCC against parameters, layers=1 (MCC 0.21) beats every other student."
    front = made.fronts[0].model_copy(update={"finding": old})
    page = render_sweep(made.model_copy(update={"fronts": (front, *made.fronts[1:])}))
    assert "layers=1 (MCC 0.21) alone stands on the front." in page
    assert "beats every" not in page
