"""A diff as Markdown: for a pull request or a wiki.

Does: write the first numbers as a table, and what else changed as a list. Does not: hold anything
that the page does not.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdprobe.results.diff import DiffDocument, NumberChange
from kdprobe.results.diff_view import (
    change_words,
    changed,
    first_changes,
    further_changes,
    label_of,
    model_words,
    other_rows,
    sentence,
    show_side,
    summary_sentence,
    whose,
)
from kdprobe.results.markdown import plain_markdown

_MOST = 20


def diff_markdown(document: DiffDocument) -> str:
    """Return a diff as Markdown.

    Args:
        document: what changed.
    """
    task = document.task
    lines = [f"# {plain_markdown(diff_title(document))}", ""]
    split = f"{task.name}, {task.split} split, n = {task.n:,}{task.in_clusters}."
    lines += [f"{plain_markdown(split)} {summary_sentence(document)}", ""]
    lines += [f"- **{one.severity}**: {plain_markdown(one.message)}" for one in document.notices]
    lines += [""] if document.notices else []
    lines += _table(("Model", "Role", "Weights", "Fingerprint"), model_words(document))
    rows = [_row_of(document, one) for one in changed(first_changes(document))]
    lines += _table(("Number", "Models", "Before", "After", "Change", ""), rows)
    further = further_changes(document)
    lines += [f"- {plain_markdown(sentence(document, one))}" for one in further[:_MOST]]
    if len(further) > _MOST:
        lines.append(f"- {len(further) - _MOST} more: the page and the JSON of the diff list all.")
    lines += ["", *_table(("What", "How it differs", "Before", "After"), other_rows(document))]
    return "\n".join(lines).rstrip() + "\n"


def diff_title(document: DiffDocument) -> str:
    """Return the heading: the task and the two reports."""
    return f"{document.task.name}: from {document.before.name} to {document.after.name}"


def _row_of(document: DiffDocument, one: NumberChange) -> tuple[str, ...]:
    return (label_of(document, one), whose(one), show_side(document, one, one.before),
            show_side(document, one, one.after), change_words(one), one.verdict)  # fmt: skip


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return [*lines, *("| " + " | ".join(map(plain_markdown, row)) + " |" for row in rows), ""]
