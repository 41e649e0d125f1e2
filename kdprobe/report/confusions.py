"""Confusions of many labels as a table: what the teacher said, and what a student said instead.

Does: list the pairs of labels on which students depart from the teacher most often, the count of
each student, the share of gold labels on either side, and an example; lead from a cell or a pair to
its examples in the browser. Does not: count; the matrices of the document hold the counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from kdprobe.report.chart_families import matrix_families
from kdprobe.report.examples import Links, kept_examples, links
from kdprobe.report.palette import Palette
from kdprobe.results.schema import AnalysisResult, Cell, Column, Matrix, ResultsDocument, Table

GRID = 12
"""A grid shows up to so many labels with their names."""
LARGEST, LISTED = 15, 200
CONFUSIONS = "largest_confusions"
CONFUSION = "confusion:"
"""How the name of a matrix of answers begins: the student's follows."""
_COLUMNS = 6
_TO = " → "
_Pair = tuple[str, str]


def too_many_labels(matrix: Matrix) -> bool:
    """Tell whether a matrix is a confusion of more labels than a grid can name."""
    if matrix.rows != matrix.columns or len(matrix.rows) <= GRID:
        return False
    cells = [value for row in matrix.values for value in row]
    return all(value is not None and value >= 0 and float(value).is_integer() for value in cells)


def answers_address(document: ResultsDocument, teacher: str, other: str, student: str = "") -> str:
    """Return the address of the examples on which the teacher and a student gave these labels.

    Args:
        document: whose examples the page has.
        teacher: the label that the teacher gave.
        other: the label that the student gave.
        student: its name; empty: any.

    Returns:
        A filter of the example browser; empty where the page can find no such examples.
    """
    labels, names = document.task.labels, [model.name for model in document.models]
    if not document.examples or not {teacher, other} <= set(labels):
        return ""
    query = f"other={labels.index(teacher)}&predicted={labels.index(other)}"
    return f"#browser?{f'model={names.index(student)}&' if student else ''}{query}"


def cell_addresses(document: ResultsDocument, matrix: Matrix) -> Mapping[tuple[str, str], str]:
    """Return where the cells of a confusion lead, by row and column; nothing for other matrices."""
    student = matrix.name.removeprefix(CONFUSION)
    names = [model.name for model in document.students]
    if not matrix.name.startswith(CONFUSION) or student not in names:
        return {}
    addresses = {
        (row, column): answers_address(document, row, column, student)
        for row, values in zip(matrix.rows, matrix.values, strict=True)
        for column, value in zip(matrix.columns, values, strict=True)
        if value
    }
    return {pair: address for pair, address in addresses.items() if address}


def pair_links(document: ResultsDocument, result: AnalysisResult) -> Links:
    """Return the links of a page with those of the pairs that `confusion_tables` lists."""
    known = links(document)
    for matrix in filter(too_many_labels, result.matrices):
        for pair in _apart(matrix):
            if address := answers_address(document, *pair):
                known[_TO.join(pair)] = address
    return known


def confusion_tables(result: AnalysisResult, document: ResultsDocument) -> list[Table]:
    """Make the table of the largest confusions of each family of confusions of many labels."""
    large = [matrix for matrix in result.matrices if too_many_labels(matrix)]
    return [
        _table(
            family.title, [(m or matrix.title, matrix) for m, matrix in family.members], document
        )
        for family in matrix_families(large, Palette.of(document.models))
    ]


def _apart(matrix: Matrix) -> dict[_Pair, int]:
    return {
        (row, column): int(value)
        for row, values in zip(matrix.rows, matrix.values, strict=True)
        for column, value in zip(matrix.columns, values, strict=True)
        if row != column and value
    }


def _table(title: str, members: list[tuple[str, Matrix]], document: ResultsDocument) -> Table:
    counts = {model: _apart(matrix) for model, matrix in members}
    total: Counter[_Pair] = Counter()
    for held in counts.values():
        total.update(held)
    ranked = sorted(total, key=lambda pair: (-total[pair], pair))
    places = _examples(document, set(counts))
    shown = list(counts) if len(counts) <= _COLUMNS else []
    rows: list[tuple[Cell, ...]] = []
    for pair in ranked[:LISTED]:
        gold, example = places.get(pair, ((None, None), None))
        each = [counts[model].get(pair, 0) for model in shown]
        rows.append(
            (_TO.join(pair), *each, *([] if len(shown) == 1 else [total[pair]]), *gold, example)
        )
    columns = [
        Column(name="pair", label=f"{document.teacher.name} → student", kind="example"),
        *(Column(name=f"n{i}", label=model, kind="count") for i, model in enumerate(shown)),
        *([] if len(shown) == 1 else [Column(name="n", label="All students", kind="count")]),
        Column(name="teacher_right", label="Gold as the teacher", kind="share"),
        Column(name="student_right", label="Gold as the student", kind="share"),
        Column(name="example", label="Example", kind="example"),
    ]
    left = len(ranked) - len(rows)
    more = f" {left} rarer pairs are in results.json." if left else ""
    return Table(
        name=CONFUSIONS,
        title=f"{title}: the largest confusions",
        caption=f"Of {len(members[0][1].rows)} labels, what the teacher said and what a student "
        "said instead, most frequent first; a pair leads to its examples. Shares of gold labels "
        f"are of those of the examples in this document.{more}",
        columns=tuple(columns),
        rows=tuple(rows),
    )


def _examples(
    document: ResultsDocument, students: Iterable[str]
) -> dict[_Pair, tuple[tuple[float | None, float | None], str | None]]:
    """Return for each pair the shares of gold labels on either side, and the first example."""
    labels, names = document.task.labels, set(students)
    golds: dict[_Pair, list[int | None]] = {}
    first: dict[_Pair, str] = {}
    here = {example.id for example in kept_examples(document)}
    for example in document.examples:
        answers = {p.model: p.label for p in example.predictions if p.label is not None}
        teacher = answers.get(document.teacher.name)
        for name in sorted(names & set(answers)):
            if teacher is not None and answers[name] != teacher:
                pair = labels[teacher], labels[answers[name]]
                golds.setdefault(pair, []).append(example.label)
                if example.id in here:
                    first.setdefault(pair, example.id)
    return {
        pair: ((_share(held, labels, pair[0]), _share(held, labels, pair[1])), first.get(pair))
        for pair, held in golds.items()
    }


def _share(golds: list[int | None], labels: tuple[str, ...], label: str) -> float | None:
    known = [gold for gold in golds if gold is not None]
    return sum(labels[gold] == label for gold in known) / len(known) if known else None
