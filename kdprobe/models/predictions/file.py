"""A model known only by its answers: a predictions file as a `ModelHandle`.

Does: look up the answers to a task's examples, tell those without one, and make examples of a file
when a task's data are nowhere. Does not: answer about texts that are not in it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import CheckpointError
from kdprobe.models.handle import Capability, Outputs, ProgressCall
from kdprobe.models.predictions.joining import (
    compare_labels,
    example_of,
    join_rows,
    quoted_texts,
    shares_ids,
    text_of,
)
from kdprobe.models.predictions.table import (
    PredictionsTable,
    is_output,
    is_predictions_file,
    read_predictions,
)
from kdprobe.models.predictions.unanswered import Unanswered
from kdprobe.plain_files import expanded
from kdprobe.tasks.packed import stem
from kdprobe.tasks.task import Split, Task, text_hash

__all__ = ["PredictionsFile", "is_predictions_file", "split_from_file"]


class PredictionsFile:
    """What a file says a model answered; see `models.handle.ModelHandle` for the properties.

    Args:
        path: a .tsv, .csv, .jsonl or .parquet file; see `read_predictions`.
        name: the name people gave it.
        task: what its outputs speak of.
        label_map: what the user said of its labels and answers; see `read_predictions`.
        by_text: join rows to texts, where it has texts, though it has ids too.

    Raises:
        UsageError: the file cannot be read, or a row of it is bad; the line is named.
    """

    source: Literal["predictions file"] = "predictions file"
    architecture: str = ""
    parameters: int | None = None
    disk_bytes: int | None = None
    reading: str = ""
    gives: str = "a predictions file of"
    capabilities: frozenset[Capability] = frozenset()
    lacks: Mapping[Capability, str] = MappingProxyType(
        {
            "logits": "new texts cannot be put to a predictions file",
            "hidden_states": "no layers can be read, as of a predictions file",
            "attentions": "no attention can be read, as of a predictions file",
            "texts": "new texts cannot be put to a predictions file",
            "gradients": "a predictions file has no gradients",
        }
    )
    repeats: bool = False
    alarms: tuple[str, ...] = ()

    def __init__(
        self,
        path: str | Path,
        *,
        name: str,
        task: Task,
        label_map: Mapping[str, str] | None = None,
        by_text: bool = False,
    ) -> None:
        place = expanded(path)
        parsed = read_predictions(place, task, label_map)
        by_id = not (by_text and parsed.texts is not None)
        # What its cells say is read: of a million rows they would be most of the memory.
        parsed = replace(parsed, table=replace(parsed.table, columns={}))
        parsed.values.setflags(write=False)  # so that who asks for them need not copy them
        self._parsed = parsed if by_id else replace(parsed, ids=None)
        self._joined: tuple[Split, NDArray[np.int64]] | None = None
        self.name, self.folder = name, place.name
        self.fingerprint: str = hashlib.sha256(place.read_bytes()).hexdigest()
        self.labels: tuple[str, ...] = task.labels
        self.notes: tuple[str, ...] = self._parsed.notes
        self.shown = f"{name} ({self._parsed.table.shown})"

    def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
        """Look up what the model answered of every example; `batch_size` changes nothing.

        Rows are joined by id when the file shares an id with the split, else by text. Rows of the
        file that are no example of the split are counted in `notes`, which speak of the last split
        that was asked about.

        Raises:
            MisalignedError: an example has no answer, or a text, a label or a second row
                contradicts.
        """
        rows = self._rows(split)
        lacking = self._lacking(split, rows)
        if lacking.count:
            raise lacking.refusal(self.shown, split)
        compare_labels(self._parsed, split, rows, self.name)
        extra = len(self._parsed.table.lines) - len(np.unique(rows))
        extra_note = (
            f"{extra} rows of its file are no examples of {split.name} and were left out",
        )
        unchecked = ("its rows were joined by id alone; it has no texts to check",)
        self.notes = (
            *self._parsed.notes,
            *(extra_note if extra else ()),
            *(unchecked if self._parsed.texts is None else ()),
        )
        advance(len(split))
        in_order = np.array_equal(rows, np.arange(len(self._parsed.values)))
        values = self._parsed.values if in_order else self._parsed.values[rows]
        return Outputs(values, self._parsed.scale, np.zeros(len(split), dtype=np.bool_))

    def unanswered(self, split: Split) -> Unanswered:
        """Return the examples that it did not answer, joined as `outputs` joins them.

        Raises:
            MisalignedError: a text or a second row contradicts.
        """
        return self._lacking(split, self._rows(split))

    def _rows(self, split: Split) -> NDArray[np.int64]:
        """Join its rows to the examples, once for each split; texts that are equal are held once.

        Raises:
            MisalignedError: see `join_rows`.
        """
        if self._joined is None or self._joined[0] is not split:
            self._joined = split, join_rows(self._parsed, split, self.name)
            if (self._parsed.ids, self._parsed.texts) == (split.ids, split.texts):
                self._parsed = replace(self._parsed, ids=split.ids, texts=split.texts)
        return self._joined[1]

    def _lacking(self, split: Split, rows: NDArray[np.int64]) -> Unanswered:
        parsed = self._parsed
        mask = (rows < 0) | np.isin(rows, np.fromiter(parsed.lacking, dtype=np.int64))
        lacks = [parsed.lacking.get(row) for row in rows[mask].tolist()]
        if not lacks:
            return Unanswered(mask, ())
        first = int(np.argmax(mask))
        row = int(rows[first])
        by_id = parsed.texts is None or shares_ids(parsed, split)
        shown = f"id {split.ids[first]!r}" if by_id else quoted_texts(example_of(split, first))
        return Unanswered(mask, lacks, shown if row < 0 else f"{shown} ({parsed.table.where(row)})")


def split_from_file(path: Path, task: Task) -> Split:
    """Make the examples of a task from a predictions file, for when its data are nowhere.

    Ids are the file's, or hashes of text and label, so that two files of the same rows in another
    order give the same ids. Columns that hold neither texts, labels nor outputs are kept for
    slices.

    Raises:
        CheckpointError: the file has no texts, or cannot be used; see `read_predictions`.
    """
    parsed = read_predictions(expanded(path), task)
    if parsed.texts is None:
        raise CheckpointError(
            str(path),
            found=f"no texts, and the data of {task.name} were not found",
            expected="a column text",
            remedy="say where the data are with `data_dir`",
        )
    used = {"id", "text", "sentence", "text_a", "text_b", "label"}
    columns = {
        name: tuple(cell or "" for cell in cells)
        for name, cells in parsed.table.columns.items()
        if name not in used and not is_output(name)
    }
    return Split(
        task=task,
        name=stem(path),
        ids=parsed.ids or _content_ids(parsed),
        texts=parsed.texts,
        pairs=parsed.pairs,
        labels=parsed.labels,
        columns=columns,
        origin=path.name,
    )


def _content_ids(parsed: PredictionsTable) -> tuple[str, ...]:
    counts: Counter[str] = Counter()
    ids = []
    for row in range(len(parsed.table.lines)):
        text, pair = text_of(parsed, row)
        label = "" if parsed.labels is None else str(parsed.labels[row].tolist())
        key = text_hash(f"{label}\x1e{text}", pair)
        counts[key] += 1
        ids.append(key if counts[key] == 1 else f"{key}-{counts[key]}")
    return tuple(ids)
