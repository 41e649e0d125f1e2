"""Tests of the first screen on terminals of several widths."""

import io
import itertools

import pytest
from rich.console import Console

from kdprobe.cli.first_screen import tables
from kdprobe.results.headline import headline
from kdprobe.results.schema import ResultsDocument
from kdprobe.results.screen import Screen, screen
from tests.report import documents
from tests.results.test_screen import everything

SIX = tuple(f"student-of-a-run-with-a-long-name-{i}" for i in range(6))


def printed(shown: Screen, width: int) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, markup=False, highlight=False, color_system=None)
    for table in tables("cola dev", shown, width=width):
        console.print(table)
    return file.getvalue()


DOCUMENTS = {
    "two": everything(),
    "six": everything(students=SIX),
    "labels": documents.build(probabilities=False),
    "regression": documents.regression(),
    "thirty": documents.build(n=30, names=("t", *(f"s{i}" for i in range(30)))),
    "hostile": documents.hostile(),
    "alone": documents.build(names=("t",)),
}


@pytest.mark.parametrize("width", [80, 110])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_word_is_cut_at_any_width(name: str, width: int):
    """`confidenc | e` and a name over six lines is what a row of nine columns became."""
    shown = screen(headline(DOCUMENTS[name]))
    text = printed(shown, width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    columns = [list(map(str.strip, line.replace("│", "┃").split("┃"))) for line in lines]
    pieces = {piece for line in columns for piece in line}
    for column in shown.columns:
        assert all(any(word in piece.split() for piece in pieces) for word in column.label.split())
    for cell in itertools.chain(*(row.cells for row in shown.rows)):
        words = " ".join(cell.lines).replace("; ", " ").split()
        assert cell.value == "–" or all(any(w in piece.split() for piece in pieces) for w in words)


def test_few_students_stand_beside_each_other():
    """Two models are compared along a line, not across two tables."""
    shown = screen(headline(DOCUMENTS["two"]))
    assert len(tables("x", shown, width=80)) == 1
    text = printed(shown, 80)
    assert "same reasons" in text
    assert "layers" in text


def test_foreign_text_cannot_reach_the_terminal():
    """An escape code in a model's name would colour or move what follows."""
    text = printed(screen(headline(DOCUMENTS["hostile"])), 80)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_an_empty_document_prints_its_models():
    """A table without columns is an error inside rich."""
    empty: ResultsDocument = documents.build(n=3).model_copy(
        update={"analyses": (), "models": tuple(
            model.model_copy(update={"parameters": None}) for model in documents.build(n=3).models
        )}
    )  # fmt: skip
    assert "student-6l" in printed(screen(headline(empty)), 80)
