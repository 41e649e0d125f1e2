"""SuperGLUE's MultiRC: passages with questions with answers, as one row for each answer.

Does: flatten `{"idx", "passage": {"text", "questions": [{"question", "answers": [{"text",
"label"}]}]}}` into columns `paragraph`, `question`, `answer`, `label`, `question_id`. Does not:
score by question; SuperGLUE's exact match needs all answers of a question, which `question_id`
keeps together.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from kdprobe.errors import TaskError
from kdprobe.tasks.readers import parse_json_line, read_lines
from kdprobe.tasks.table import Cells, ColumnTable

_COLUMNS = ("paragraph", "question", "answer", "label", "question_id")


def read_multirc(path: Path) -> ColumnTable:
    """Read one of MultiRC's files (`train.jsonl`, `val.jsonl`, `test.jsonl`).

    Answers without a label (the test file) have an empty one; so have answers without a text.

    Raises:
        TaskError: a line is not JSON or lacks a part; with the line and the part.
    """
    rows: list[tuple[str | None, ...]] = []
    lines: list[int] = []
    for line, text in enumerate(read_lines(path), 1):
        if not text.strip():
            continue
        where = f"{path}:{line}"
        record = parse_json_line(path, line, text)
        flattened = _flatten(record, where, str(record.get("idx", line)))
        rows += flattened
        lines += [line] * len(flattened)
    columns: dict[str, Cells] = {
        name: tuple(row[position] for row in rows) for position, name in enumerate(_COLUMNS)
    }
    return ColumnTable(str(path), columns, tuple(lines))


def _flatten(record: dict[str, object], where: str, passage_id: str) -> list[Cells]:
    passage = cast(dict[str, object], _part(record, "passage", dict, where, "passage"))
    paragraph = cast(str, _part(passage, "text", str, where, "passage.text"))
    rows: list[Cells] = []
    questions = cast(list[object], _part(passage, "questions", list, where, "passage.questions"))
    for number, question in enumerate(questions):
        place = f"passage.questions[{number}]"
        question_text = cast(str, _part(question, "question", str, where, f"{place}.question"))
        answers = cast(list[object], _part(question, "answers", list, where, f"{place}.answers"))
        key = f"{passage_id}-{_number(question, number)}"
        for position, answer in enumerate(answers):
            spot = f"{place}.answers[{position}].text"
            answer_text = _answer(answer, where, spot)
            label = cast(dict[str, object], answer).get("label")
            cell = None if label is None else str(label).casefold()
            rows.append((paragraph, question_text, answer_text, cell, key))
    return rows


def _answer(answer: object, where: str, place: str) -> str | None:
    """Return an answer's text; SuperGLUE's files hold three answers without one."""
    if isinstance(answer, dict) and "text" in answer and answer["text"] is None:
        return None
    return cast(str, _part(answer, "text", str, where, place))


def _number(question: object, otherwise: int) -> object:
    return question.get("idx", otherwise) if isinstance(question, dict) else otherwise


def _part(record: object, key: str, kind: type, where: str, place: str) -> object:
    value = record.get(key) if isinstance(record, dict) else None
    if isinstance(value, kind):
        return value
    expected = "an object" if kind is dict else "a list" if kind is list else "a string"
    raise TaskError(
        where,
        found=f"{place} is missing" if value is None else f"{place} is {value!r:.40}",
        expected=f"{expected} (SuperGLUE MultiRC)",
        remedy="is this the file as it was distributed?",
    )
