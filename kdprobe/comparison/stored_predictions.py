"""The outputs behind a results document, read from the `predictions.parquet` beside it.

Does: make a study of it again, whose numbers are those of the document. Does not: open a model, or
hold what no predictions tell (hidden states, attributions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdprobe.config.kinds import NO_LABELS, SEPARATOR
from kdprobe.errors import ResultsFormatError
from kdprobe.foreign import said
from kdprobe.observations.predictions import Population, Predictions, Scale
from kdprobe.observations.study import Study
from kdprobe.results.schema import ResultsDocument
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.tasks.task import NO_LABEL, Split, Task

PREDICTIONS = "predictions.parquet"
_KINDS = {"id": "string", "text": "string", "text_pair": "string", "model": "string",
          "run": "int32", "label": "string", "predicted": "string", "score": "double",
          "probabilities": "list"}  # fmt: skip
_NEVER_EMPTY = ("id", "text", "model", "run")
_LEAST = 1e-300  # a probability that was too small to be written


class NotStored(Exception):
    """Why there is no study behind a document, in words."""


def stored_study(document: ResultsDocument, folder: Path, *, seed: int, resamples: int) -> Study:
    """Return the study behind a document: its examples, and every model with its runs.

    Of several labels at once it holds gold labels and outputs as they were given, of each label;
    `label_sets.observed` makes a study of sets of them.

    Args:
        document: the results.
        folder: where they lie.
        seed: of the study that is made.
        resamples: of the study that is made.

    Raises:
        NotStored: the file is not there, or is not of this document.
        ResultsFormatError: it is no such table.
    """
    file = folder / PREDICTIONS
    table = _table(file)
    names = [model.name for model in document.models]
    if set(names) != set(table["model"].unique().to_pylist()):
        raise NotStored(f"{PREDICTIONS} is of other models than results.json")
    tables = {name: table.filter(_equal(table["model"], name)) for name in names}
    runs = {
        (name, run): tables[name].filter(_equal(tables[name]["run"], run))
        for name in names
        for run in sorted(tables[name]["run"].unique().to_pylist())
    }
    examples = next(iter(runs.values()))
    ids = tuple(examples["id"].to_pylist())
    if len(ids) != document.task.n:
        raise NotStored(
            f"{PREDICTIONS} holds {len(ids):,} examples, results.json {document.task.n:,}"
        )
    for key, held in runs.items():
        places = {name: row for row, name in enumerate(held["id"].to_pylist())}
        if len(held) != len(ids) or places.keys() != set(ids):
            raise NotStored(f"the models of {PREDICTIONS} are of different examples")
        runs[key] = held.take([places[name] for name in ids])
    split = _split(document, file, ids, examples)
    models = tuple(
        Population(
            name, "student" if place else "teacher", tuple(_runs(split.task, name, file, runs))
        )
        for place, name in enumerate(sorted(names, key=lambda name: name != document.teacher.name))
    )
    return Study(split, models, seed=seed, resamples=resamples)


def _equal(column: Any, value: object) -> Any:
    import pyarrow.compute as pc

    return pc.equal(column, value)


def _table(file: Path) -> Any:
    """Read the table with the types it was written with.

    Raises:
        NotStored: there is none.
        ResultsFormatError: it is damaged, lacks a column, or holds what is not of its type.
    """
    if not file.is_file():
        raise NotStored(f"no {PREDICTIONS} lies beside its results.json")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, f"cannot be read ({said(error)})") from error
    lacking = sorted(_KINDS.keys() - set(table.column_names))
    if lacking:
        raise _unreadable(file, f"has no column {lacking[0]}")
    kinds = _KINDS | ({"cluster": "int64"} if "cluster" in table.column_names else {})
    columns = {}
    for name, kind in kinds.items():
        to = pa.list_(pa.float64()) if kind == "list" else pa.type_for_alias(kind)
        try:
            columns[name] = table[name].cast(to)
        except pa.ArrowException as error:
            raise _unreadable(file, f"column {name} holds {table[name].type}") from error
        if name in _NEVER_EMPTY and table[name].null_count:
            raise _unreadable(file, f"column {name} has an empty field")
    if not len(table):
        raise _unreadable(file, "has no rows")
    return pa.table(columns)


def _unreadable(file: Path, found: str) -> ResultsFormatError:
    return ResultsFormatError(
        str(file), found=found, expected=f"the {PREDICTIONS} that `kdprobe compare` wrote",
        remedy="take it out of the folder: what changed is then told without paired intervals",
    )  # fmt: skip


def _split(document: ResultsDocument, file: Path, ids: tuple[str, ...], examples: Any) -> Split:
    info = document.task
    pairs = examples["text_pair"].to_pylist()
    task = Task(
        info.name, info.version, info.kind, info.labels, info.primary_score,
        has_pairs=any(pair is not None for pair in pairs),
    )  # fmt: skip
    clusters = examples["cluster"].to_pylist() if "cluster" in examples.column_names else [None]
    if info.clusters not in (None, info.n) and None in clusters:
        raise NotStored(f"{PREDICTIONS} does not hold the clusters of equal {info.clustered_by}")
    known = None not in clusters
    return Split(
        task=task, name=info.split, ids=ids, texts=tuple(examples["text"].to_pylist()),
        pairs=tuple(pair or "" for pair in pairs) if task.has_pairs else None,
        labels=_gold(task, file, examples["label"].to_pylist()),
        clusters=np.array(clusters, dtype=np.int64) if known else None,
        clustered_by=info.clustered_by if known else "",
    )  # fmt: skip


def _gold(task: Task, file: Path, written: Sequence[str | None]) -> Floats | Ints | None:
    if all(label is None for label in written):
        return None
    if task.kind == "regression":
        return _numbers(file, "label", [np.nan if label is None else label for label in written])
    return _classes(task, file, "label", written)


def _numbers(file: Path, column: str, written: object) -> Floats:
    """Return float64 numbers, of equally long rows where the column holds rows."""
    try:
        return np.array(written, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise _unreadable(
            file, f"column {column} is not full of numbers ({said(error)})"
        ) from error


def _classes(task: Task, file: Path, column: str, written: Sequence[str | None]) -> Ints:
    """Return class indices `[n]`, of several labels at once 0 or 1 for each `[n, L]`."""
    places = {label: place for place, label in enumerate(task.labels)}
    several = task.kind == "multilabel"
    classes = np.full((len(written), len(places) if several else 1), NO_LABEL, dtype=np.int64)
    for row, text in enumerate(written):
        if text is None:
            continue
        names = [text] if not several else [] if text == NO_LABELS[0] else text.split(SEPARATOR)
        try:
            at = [places[name] for name in names]
        except KeyError as error:
            raise _unreadable(
                file, f"column {column} says {text!r}, no label of results.json"
            ) from error
        if several:
            classes[row] = 0
            classes[row, at] = 1
        else:
            classes[row] = at
    return classes if several else classes[:, 0]


def _runs(
    task: Task, name: str, file: Path, runs: Mapping[tuple[str, int], Any]
) -> Iterator[Predictions]:
    """Return the outputs of every run of a model, as far as they are written."""
    scale: Scale
    for (model, _), rows in runs.items():
        if model != name:
            continue
        ids = tuple(rows["id"].to_pylist())
        if task.kind == "regression":
            values, scale = _numbers(file, "score", rows["score"].to_pylist())[:, None], "scores"
        elif rows["probabilities"].null_count:
            written = rows["predicted"].to_pylist()
            if None in written:
                raise _unreadable(file, "has neither probabilities nor a label in a row")
            values = _classes(task, file, "predicted", written).astype(np.float64)
            several = task.kind == "multilabel"
            values, scale = (values, "label sets") if several else (values[:, None], "labels")
        else:
            shares = _numbers(file, "probabilities", rows["probabilities"].to_pylist())
            if shares.ndim != 2 or shares.shape[1] != len(task.labels):
                raise _unreadable(
                    file, f"column probabilities has no {len(task.labels)} numbers a row"
                )
            values, scale = np.log(np.maximum(shares, _LEAST)), "log-probabilities"
            if task.kind == "multilabel":
                rest = np.log(np.maximum(1.0 - shares, _LEAST))
                values, scale = values - rest, "label logits"
        yield Predictions(name, ids, values, scale)


def same_examples(one: Study, other: Study) -> Study | None:
    """Return the other study in the order of the one; None where its examples are others."""
    rows = {key: row for row, key in enumerate(other.split.ids)}
    if rows.keys() != set(one.split.ids):
        return None
    ordered = other.take(np.array([rows[key] for key in one.split.ids], dtype=np.int64))
    ours, theirs = one.split, ordered.split
    same = ours.texts == theirs.texts and (ours.pairs or ()) == (theirs.pairs or ())
    gold = (ours.labels is None) == (theirs.labels is None) and (
        ours.labels is None
        or theirs.labels is None
        or np.array_equal(ours.labels, theirs.labels, equal_nan=ours.task.kind == "regression")
    )
    return ordered if same and gold else None
