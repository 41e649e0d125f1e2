"""A task out of a predictions file: its own texts and labels, when no task is named.

Does: take texts, gold labels and classes from the columns that predictions files have, never from
the outputs. Does not: join other files to it; `file.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from kdprobe.config.task import TaskFile
from kdprobe.errors import CheckpointError, TaskError
from kdprobe.models.label_sources import label_names
from kdprobe.models.labels import POSITIONAL
from kdprobe.models.predictions.answers import HARD_NAMES, quoted
from kdprobe.models.predictions.table import TEXT_NAMES, is_output
from kdprobe.plain_files import expanded
from kdprobe.tasks.guess import guess_task_file
from kdprobe.tasks.guess_labels import ShownLabels, require_classes, show_labels
from kdprobe.tasks.readers import read_table
from kdprobe.tasks.table import ColumnTable


def task_of_predictions(
    path: str | Path,
    *,
    labels: Sequence[str] = (),
    label_map: Mapping[str, str] | None = None,
    missing: Literal["refuse", "drop"] = "refuse",
) -> TaskFile:
    """Make a task file of a predictions file: its split `all` holds the file's own examples.

    Definition: texts are `text`, `sentence` or `text_a` (with `text_b`: pairs), ids `id`, gold
    labels `label`, where the file has it. The classes are those that the user names, else those of
    the columns `logit:NAME` or `prob:NAME` in their order, else the values of `label` and
    `prediction`; where answers may be dropped, those of `label` alone. A file with a column `score`
    and no classes is a regression. Columns of outputs are no slices.

    Args:
        path: the file, the teacher's.
        labels: the names of the classes in order; none: as the file shows them.
        label_map: what predicted labels mean.
        missing: `drop` where predictions that are no label are no classes either.

    Raises:
        CheckpointError: the file has no texts.
        TaskError: it cannot be read, ids repeat, fewer than two classes are known, or nothing says
            which of the answers are labels.
    """
    place = expanded(path)
    table = read_table(place)
    text = next((name for name in TEXT_NAMES if name in table.columns), None)
    if text is None:
        raise CheckpointError(
            str(path),
            found=f"no texts, only the columns {', '.join(table.columns)}, and no `task`",
            expected="a column text (or sentence; pairs: text_a and text_b)",
            remedy="name the task that the ids belong to with `task`",
        )
    named = tuple(labels) or label_names(str(path), offline=True) or ()
    guessed = guess_task_file(
        place,
        text=text,
        text_pair="text_b" if "text_b" in table.columns else "",
        label="label" if "label" in table.columns else "",
        labels=named,
        labelled="label" in table.columns,
    )
    extra = tuple(name for name in guessed.extra_columns if not is_output(name))
    note = f"the task is that of the predictions file {place.name}, whose texts"
    notes = (note + (" and labels are used" if "label" in table.columns
                     else " are used; it has no labels"),)  # fmt: skip
    task_file = guessed.model_copy(
        update={"name": "predictions", "extra_columns": extra, "notes": (*notes, *table.notes)}
    )
    if guessed.open_labels:
        mapped = _mapped(table, label_map)
        task_file = task_file.model_copy(update=_answers(mapped, task_file, missing))
    require_classes(task_file)
    return task_file


def _mapped(table: ColumnTable, label_map: Mapping[str, str] | None) -> ColumnTable:
    """Return the table with what its predicted labels mean."""
    if not label_map or label_map == POSITIONAL:
        return table
    columns = {
        name: tuple(label_map.get((cell or "").strip(), cell) for cell in table.columns[name])
        for name in HARD_NAMES
        if name in table.columns
    }
    return replace(table, columns={**table.columns, **columns})


def _answers(
    table: ColumnTable, task_file: TaskFile, missing: Literal["refuse", "drop"]
) -> dict[str, object]:
    """Return what the file's labels and predicted labels are together."""
    hard = next((name for name in HARD_NAMES if name in table.columns), None)
    if hard is None and "score" in table.columns and not task_file.labels:
        return {"kind": "regression", "primary_score": "pearson", "open_labels": False}
    gold = ["label"] if "label" in table.columns else []
    together = _shown(table, [*gold, *([hard] if hard else [])])
    if together.kind == "regression":
        return {
            "kind": "regression", "primary_score": "pearson", "open_labels": False, "labels": (),
        }  # fmt: skip
    known = _shown(table, gold)
    others = [name for name in together.labels if name not in known.labels]
    if missing == "drop" and others:
        if len(known.labels) < 2:
            raise TaskError(
                table.shown,
                found="answers that are no label may be dropped, and no gold labels say which are",
                expected="the classes",
                remedy="name them with `labels=A,B,C`",
            )
        return {"labels": known.labels, "missing": known.missing}
    notes = task_file.notes
    if gold and others:
        notes = (
            *notes,
            f"predicted and never gold, and read as classes: {', '.join(map(quoted, others[:6]))}"
            + ", …" * (len(others) > 6)
            + " (`labels=A,B` names the classes, `missing=drop` takes only those that are gold)",
        )
    return {"labels": together.labels, "missing": together.missing, "notes": notes}


def _shown(table: ColumnTable, names: Sequence[str]) -> ShownLabels:
    cells = tuple(cell for name in names for cell in table.columns[name])
    return show_labels(replace(table, columns={"label": cells}), "label")
