"""Tests of the charts of whole documents: many students, one, hostile names, no intervals."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kdprobe.report.build import figures, render
from kdprobe.report.charts import analysis_charts
from kdprobe.report.numbering import numbered
from kdprobe.report.svg import Chart
from kdprobe.results.io import read_document
from kdprobe.results.schema import Curve, ResultsDocument, Series
from tests.report import documents
from tests.report.browsing import Reader
from tests.report.charting import of_class

MANY = ("teacher", *(f"student-{i}" for i in range(30)))


def without_intervals(document: ResultsDocument) -> ResultsDocument:
    bare = {"low": (), "high": ()}

    def plain(curve: Curve) -> Curve:
        series = tuple(one.model_copy(update=bare) for one in curve.series)
        return curve.model_copy(update={"series": series})

    results = tuple(
        result.model_copy(update={"curves": tuple(plain(curve) for curve in result.curves)})
        for result in document.analyses
    )
    return document.model_copy(update={"analyses": results})


DOCUMENTS = {
    "three": documents.build(n=60),
    "thirty": documents.build(n=60, names=MANY),
    "one student": documents.build(n=60, names=MANY[:2]),
    "teacher alone": documents.build(n=60, names=MANY[:1]),
    "57 labels": documents.many_labels(60),
    "no intervals": without_intervals(documents.build(n=60)),
    "hostile": documents.hostile(30),
    "regression": documents.regression(30),
}


def drawn(document: ResultsDocument) -> list[Chart]:
    return [
        chart for result in document.analyses for chart in analysis_charts(result, {}, document)
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_mark_and_letter_lies_inside_its_panel(name: str) -> None:
    """What is drawn outside its panel is cut off on the page, without a word."""
    for chart in drawn(DOCUMENTS[name]):
        for part in chart.panels:
            root = ElementTree.fromstring(part.svg("k"))
            for node in root.iter():
                for key, most in (("x", part.width), ("cx", part.width), ("x1", part.width),
                                  ("x2", part.width), ("y", part.height), ("cy", part.height),
                                  ("y1", part.height), ("y2", part.height)):  # fmt: skip
                    at = float(node.get(key) or 0)
                    assert -1 <= at <= most + 1, (chart.name, node.tag, key, at)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_chart_is_a_file_and_says_something_to_who_cannot_see_it(name: str) -> None:
    """An image without a description is not there for a screen reader."""
    document = DOCUMENTS[name]
    files = figures(document)
    charts = drawn(document)
    assert {chart.name for chart in charts} <= set(files)
    assert len({chart.name for chart in charts}) == len(charts)
    for chart in charts:
        root = ElementTree.fromstring(files[chart.name])
        assert root.tag.endswith("svg")
        assert all(part.description for part in chart.panels), chart.name
        assert len(chart.finding) < 420, chart.finding


def test_a_model_has_one_look_in_every_chart() -> None:
    """A colour that means another model in the next chart makes both unreadable."""
    document = DOCUMENTS["three"]
    names = [model.name for model in document.models]
    looks: dict[str, set[str]] = {name: set() for name in names}
    for chart in drawn(document):
        for key in chart.keys:
            if key.name in looks:
                looks[key.name].add(re.findall(r'class="(\w+)', key.mark)[0])
        for part in chart.panels:
            if part.title in looks and 'class="mark' in part.marks:
                looks[part.title].add(re.findall(r'<g class="(?:points )?(\w+)', part.marks)[0])
    assert looks == {names[0]: {"ink"}, names[1]: {"s0"}, names[2]: {"s1"}}


def test_thirty_students_stay_one_chart_each_question() -> None:
    """A chart a student makes ninety charts, and no comparison."""
    document = DOCUMENTS["thirty"]
    few, many = drawn(DOCUMENTS["three"]), drawn(document)
    assert [chart.name.split("-")[0] for chart in few] == [
        chart.name.split("-")[0] for chart in many
    ]
    forest = next(chart for chart in many if chart.name.startswith("slices"))
    panel = ElementTree.fromstring(forest.panels[0].svg("k"))
    marks = of_class(panel, "mark")
    assert len(marks) >= 30 * 3
    assert "more panels</summary>" in render(document)


def test_figures_are_numbered_in_the_order_of_the_page_and_linked() -> None:
    """A figure without a number cannot be cited; a number given twice cites two."""
    page = render(DOCUMENTS["three"])
    links = re.findall(r'class="numbered" href="#figure-[^"]+">Figure (\d+)', page)
    numbers = [int(number) for number in links]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == page.count("<figure ")
    for name in re.findall(r'href="#(figure-[^"]+)"', page):
        assert page.count(f'id="{name}"') == 1
    assert "<!-- figure -->" not in page


def test_a_foreign_text_cannot_take_a_number() -> None:
    """A model called like the place of a number would shift all that follow."""
    document = documents.build(n=20, names=("t", "<!-- figure -->"))
    page = render(document)
    assert numbered("&lt;!--figure--&gt;") == "&lt;!--figure--&gt;"
    numbers = re.findall(r">Figure (\d+)<", page)
    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))


def test_ten_panels_fit_one_screen_and_stand_below_each_other_on_a_phone(reader: Reader) -> None:
    """Ten probing charts filled four screens; on a phone five in a row have letters of 4 px."""
    lines = tuple(Series(name=n, x=(0, 0.5, 1), y=(0.5, 0.6, 0.7)) for n in documents.NAMES[:3])
    tasks = tuple(
        Curve(
            name=f"task-{i}", title=f"task {i}", x_title="depth", y_title="accuracy",
            series=lines,
        )
        for i in range(10)
    )  # fmt: skip
    document = documents.build(n=20)
    probing = document.analyses[0].model_copy(
        update={"name": "probing", "title": "Probing", "curves": tasks, "matrices": (),
                "tables": (), "estimates": ()}
    )  # fmt: skip
    text = render(document.model_copy(update={"analyses": (probing,)}))
    for width, columns in ((1280, 5), (390, 1)):
        page = reader.open("panels", text=text, width=width).page
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        boxes = page.evaluate(
            "[...document.querySelectorAll('#figure-probing-task-0 .panels svg')].map(s => {"
            " const b = s.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })"
        )
        assert len(boxes) == 10
        assert len({round(x) for x, _, _, _ in boxes}) == columns
        scale = min(w for _, _, w, _ in boxes) / 184
        assert 12 * scale >= 11
        if columns == 5:
            assert max(y + h for _, y, _, h in boxes) - min(y for _, y, _, _ in boxes) <= 900
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_pages_other_styles_leave_charts_alone(reader: Reader) -> None:
    """A rule of another part of the page made ticks bold, and panels stand below each other."""
    page = reader.open("styles", text=render(DOCUMENTS["three"]), width=1280).page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    weights = page.evaluate(
        "[...document.querySelectorAll('svg.chart .tick')].map(t => getComputedStyle(t).fontWeight)"
    )
    assert set(weights) == {"400"}
    heights = page.evaluate(
        "[...document.querySelectorAll('#figure-calibration-reliability .panels svg')]"
        ".map(s => Math.round(s.getBoundingClientRect().y))"
    )
    assert len(heights) == 3
    assert len(set(heights)) == 1


@pytest.mark.parametrize("name", ["v1", "v1-names", "v2", "v2-highlights"])
def test_documents_of_every_version_are_drawn(name: str) -> None:
    """A document of last year that no longer opens is lost work."""
    golden = Path(__file__).parents[1] / "golden" / f"results-{name}.json"
    document = read_document(golden)
    page = render(document)
    assert "</html>" in page
    for text in figures(document).values():
        ElementTree.fromstring(text)
