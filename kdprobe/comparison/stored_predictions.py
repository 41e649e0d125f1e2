"""The outputs behind a results document, read from the `predictions.parquet` beside it.

Does: make a study of it again, whose numbers are those of the document. Does not: open a model, or
hold what no predictions tell (hidden states, attributions).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kdprobe.errors import ResultsFormatError
from kdprobe.foreign import said
from kdprobe.observations.predictions import Population, Predictions, Scale
from kdprobe.observations.study import Study
from kdprobe.results.schema import ResultsDocument
from kdprobe.tasks.task import NO_LABEL, Split, Task

PREDICTIONS = "predictions.parquet"
_COLUMNS = {"id", "text", "text_pair", "model", "run", "label", "predicted", "score",
            "probabilities"}  # fmt: skip
_LEAST = 1e-300  # a probability that was too small to be written


class NotStored(Exception):
    """Why there is no study behind a document, in words."""


def stored_study(document: ResultsDocument, folder: Path, *, seed: int, resamples: int) -> Study:
    """Return the study behind a document: its examples, and every model with its runs.

    Args:
        document: the results.
        folder: where they lie.
        seed: of the study that is made.
        resamples: of the study that is made.

    Raises:
        NotStored: the file is not there, or is not of this document.
        ResultsFormatError: it is no such table.
    """
    rows = _rows(folder / PREDICTIONS)
    by_run: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        by_run.setdefault((row["model"], row["run"]), []).append(row)
    names = [model.name for model in document.models]
    if set(names) != {model for model, _ in by_run}:
        raise NotStored(f"{PREDICTIONS} is of other models than results.json")
    examples = by_run[names[0], 0]
    ids = tuple(row["id"] for row in examples)
    if len(ids) != document.task.n:
        raise NotStored(
            f"{PREDICTIONS} holds {len(ids):,} examples, results.json {document.task.n:,}"
        )
    for run, held in by_run.items():
        places = {row["id"]: row for row in held}
        if len(held) != len(ids) or places.keys() != set(ids):
            raise NotStored(f"the models of {PREDICTIONS} are of different examples")
        by_run[run] = [places[key] for key in ids]
    split = _split(document, ids, examples)
    models = tuple(
        Population(
            name,
            "student" if place else "teacher",
            tuple(_runs(split.task, name, ids, by_run)),
        )
        for place, name in enumerate(sorted(names, key=lambda name: name != document.teacher.name))
    )
    return Study(split, models, seed=seed, resamples=resamples)


def _rows(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        raise NotStored(f"no {PREDICTIONS} lies beside its results.json")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, f"cannot be read ({said(error)})") from error
    lacking = _COLUMNS - set(table.column_names)
    if lacking:
        raise _unreadable(file, f"has no column {sorted(lacking)[0]}")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _unreadable(file: Path, found: str) -> ResultsFormatError:
    return ResultsFormatError(
        str(file), found=found, expected=f"the {PREDICTIONS} that `kdprobe compare` wrote",
        remedy="take it out of the folder: what changed is then told without paired intervals",
    )  # fmt: skip


def _split(
    document: ResultsDocument, ids: tuple[str, ...], examples: list[dict[str, Any]]
) -> Split:
    info = document.task
    task = Task(
        info.name, info.version, info.kind, info.labels, info.primary_score,
        has_pairs=any(row["text_pair"] is not None for row in examples),
    )  # fmt: skip
    clusters = [row.get("cluster") for row in examples]
    if info.clusters not in (None, info.n) and None in clusters:
        raise NotStored(f"{PREDICTIONS} does not hold the clusters of equal {info.clustered_by}")
    known = None not in clusters
    return Split(
        task=task, name=info.split, ids=ids, texts=tuple(row["text"] for row in examples),
        pairs=tuple(row["text_pair"] or "" for row in examples) if task.has_pairs else None,
        labels=_gold(task, examples),
        clusters=np.array(clusters, dtype=np.int64) if known else None,
        clustered_by=info.clustered_by if known else "",
    )  # fmt: skip


def _gold(task: Task, examples: list[dict[str, Any]]) -> Any:
    if all(row["label"] is None for row in examples):
        return None
    if task.kind == "regression":
        return np.array(
            [np.nan if row["label"] is None else float(row["label"]) for row in examples]
        )
    places = {name: place for place, name in enumerate(task.labels)}
    return np.array([places.get(row["label"], NO_LABEL) for row in examples], dtype=np.int64)


def _runs(
    task: Task, name: str, ids: tuple[str, ...], by_run: dict[tuple[str, int], list[dict[str, Any]]]
) -> Iterator[Predictions]:
    places = {label: place for place, label in enumerate(task.labels)}
    scale: Scale
    for number in sorted(run for model, run in by_run if model == name):
        rows = by_run[name, number]
        if task.kind == "regression":
            values, scale = np.array([[row["score"]] for row in rows], dtype=np.float64), "scores"
        elif rows[0]["probabilities"] is not None:
            shares = np.array([row["probabilities"] for row in rows], dtype=np.float64)
            values, scale = np.log(np.maximum(shares, _LEAST)), "log-probabilities"
        else:
            values = np.array([[places[row["predicted"]]] for row in rows], dtype=np.float64)
            scale = "labels"
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
