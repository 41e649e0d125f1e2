"""Tests of the table of the largest confusions, counted by hand."""

from __future__ import annotations

from kdprobe.report.build import render
from kdprobe.report.charts import analysis_charts
from kdprobe.report.confusions import LISTED, confusion_tables, too_many_labels
from tests.report import documents
from tests.report.charting import matrix


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
    totals = [row[4] for row in table.rows]
    assert totals == sorted(totals, reverse=True)  # type: ignore[type-var]
    assert len(table.rows) == min(LISTED, len(pairs))
    for one, other, first, second, total, teacher_right, student_right, place in table.rows:
        held = pairs[str(one), str(other)]
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
