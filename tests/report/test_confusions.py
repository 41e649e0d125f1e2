"""Tests of the table of the largest confusions, counted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kdprobe.report.build import render
from kdprobe.report.charts import analysis_charts
from kdprobe.report.confusions import (
    LISTED,
    answers_address,
    cell_addresses,
    confusion_tables,
    too_many_labels,
)
from tests.report import documents
from tests.report.browsing import Reader
from tests.report.charting import matrix

if TYPE_CHECKING:
    from playwright import sync_api


def test_a_grid_is_for_labels_that_it_can_name() -> None:
    """57 labels as a grid of points without names show nothing; 12 with names show all."""
    for size, large in ((12, False), (13, True)):
        rows = tuple(tuple(float(i == j) for j in range(size)) for i in range(size))
        assert too_many_labels(matrix(*rows, labels=tuple(f"l{i}" for i in range(size)))) is large
    shares = tuple(tuple(0.5 for _ in range(13)) for _ in range(13))
    assert not too_many_labels(matrix(*shares, labels=tuple(f"l{i}" for i in range(13))))


def test_the_largest_confusions_are_counted_as_the_examples_say() -> None:
    """A count beside the wrong pair of labels sends a reader to the wrong fault."""
    document = documents.many_labels()
    result = document.analysis("agreement")
    assert result is not None
    (table,) = confusion_tables(result, document)
    labels, (teacher, *students) = document.task.labels, [m.name for m in document.models]
    pairs: dict[tuple[str, str], list[tuple[str, str, int | None]]] = {}
    for example in document.examples:
        answers = {p.model: labels[p.label] for p in example.predictions if p.label is not None}
        for student in students:
            if answers[student] != answers[teacher]:
                pairs.setdefault((answers[teacher], answers[student]), []).append(
                    (student, example.id, example.label)
                )
    totals = [row[3] for row in table.rows]
    assert totals == sorted(totals, reverse=True)  # type: ignore[type-var]
    assert len(table.rows) == min(LISTED, len(pairs))
    for pair, first, second, total, teacher_right, student_right, place in table.rows:
        one, other = str(pair).split(" → ")
        held = pairs[one, other]
        assert total == len(held) == int(first or 0) + int(second or 0)
        assert first == sum(student == students[0] for student, _, _ in held)
        golds = [labels[gold] for _, _, gold in held if gold is not None]
        assert teacher_right == sum(gold == one for gold in golds) / len(golds)
        assert student_right == sum(gold == other for gold in golds) / len(golds)
        assert place == held[0][1]


def test_the_page_shows_fifteen_and_folds_the_rest() -> None:
    """A grid without a name, and no table, left a reader of 57 labels with nothing."""
    document = documents.many_labels()
    result = document.analysis("agreement")
    assert result is not None
    assert analysis_charts(result, {}, document) == []
    page = render(document)
    start = page.index("the largest confusions</p>")
    shown = page[start : page.index("more rows</summary>", start)]
    assert shown.count("<tr>") == 1 + 15
    assert 'href="#ex-' in shown


AFTER_THE_PAGE = """() => {
    window.followed = false;
    const drawn = () => requestAnimationFrame(() => setTimeout(() => { window.followed = true; }));
    addEventListener("hashchange", drawn, {once: true});
}"""
"""The address changes before the page has heard of it: on a busy machine the count is the last."""


def followed(page: sync_api.Page, link: sync_api.Locator) -> int:
    """Follow a link by keyboard, and return how many examples the browser then shows."""
    address = link.get_attribute("href") or ""
    link.focus()
    page.evaluate(AFTER_THE_PAGE)
    page.keyboard.press("Enter")
    page.wait_for_function("(to) => location.hash === to && window.followed", arg=address)
    return int(page.inner_text("#count").split(" of ")[0])


def test_a_cell_leads_to_its_examples(reader: Reader) -> None:
    """A count that leads nowhere, or to other examples than it counts, is taken on trust."""
    page, faults = reader.open("usual")
    cells = page.locator('#agreement svg a[href^="#browser?"]')
    assert cells.count() == 2 * 4  # two students, two labels
    for cell in cells.all():
        assert followed(page, cell) == int(cell.locator("text").text_content() or "")
    assert faults == []


def test_a_pair_leads_to_the_examples_of_any_student(reader: Reader) -> None:
    """The largest confusions of 57 labels, without their texts, say nothing of why."""
    page, faults = reader.open("57")
    pairs = page.locator('#agreement td a[href^="#browser?"], #agreement th a[href^="#browser?"]')
    assert pairs.count() >= 15
    for link in pairs.all()[:5]:
        total = link.locator("xpath=ancestor::tr").locator("td").nth(2).inner_text()
        # An example that both students confuse is counted twice, and listed once.
        assert 0 < followed(page, link) <= int(total)
    assert faults == []


def test_only_what_the_page_can_find_is_a_link() -> None:
    """Guards a link to a filter that shows everything: labels the task lacks, no examples."""
    document = documents.build(n=30)
    teacher, student = (model.name for model in document.models[:2])
    here = answers_address(document, "acceptable", "unacceptable", student)
    assert here == "#browser?model=1&other=1&predicted=0"
    assert answers_address(document, "acceptable", "nobody") == ""
    bare = document.model_copy(update={"examples": ()})
    assert answers_address(bare, "acceptable", "acceptable") == ""
    named = matrix((1.0, 0.0), (2.0, 3.0), labels=document.task.labels)
    known = named.model_copy(update={"name": f"confusion:{student}"})
    assert len(cell_addresses(document, known)) == 3  # a cell of none leads nowhere
    for name in ("shared", f"confusion:{teacher}", "confusion:"):
        assert cell_addresses(document, named.model_copy(update={"name": name})) == {}
