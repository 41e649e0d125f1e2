"""Examples that depend on each other: the answers about one passage, the paraphrases of one text.

Does: turn a column into clusters, and refuse or tell of clusters that cannot serve. Does not:
resample or test; `stats/` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import TaskError
from kdprobe.results.schema import Notice
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Split

FEW = 30
"""With fewer clusters, intervals from drawing them are too narrow (Cameron and Miller 2015)."""
_MISSING = "fill it, or say `cluster=none` to take all examples as independent"


def codes_of(values: Sequence[object]) -> NDArray[np.int64]:
    """Number values by their first appearance, int64 `[n]`.

    >>> codes_of(["b", "a", "b"]).tolist()
    [0, 1, 0]
    """
    places: dict[object, int] = {}
    return np.array([places.setdefault(value, len(places)) for value in values], dtype=np.int64)


def table_clusters(table: ColumnTable, column: str) -> NDArray[np.int64]:
    """Return the cluster of each row, by a column of the table.

    Raises:
        TaskError: there is no such column, or a cell of it is empty.
    """
    cells = table.column(column, role="clusters")
    for row, cell in enumerate(cells):
        if cell is None or not cell.strip():
            raise _empty(table.where(row), column)
    return codes_of(cells)


def split_clusters(split: Split, column: str, *, text: object = "") -> Split:
    """Return a split with clusters by one of its columns, or by its texts.

    Args:
        split: the examples.
        column: a column of the split, or what the task calls the texts.
        text: what the task calls the texts.

    Raises:
        TaskError: there is no such column, or a value of it is empty.
    """
    known = {**({text: split.texts} if isinstance(text, str) else {}), **split.columns}
    if column not in known:
        raise TaskError(
            f"`cluster={column}`",
            found=f"{split.task.name} {split.name} has no such column",
            expected="one of " + (", ".join(sorted(known)) or "none: it has no columns"),
        )
    for key, value in zip(split.ids, known[column], strict=True):
        if not value.strip():
            raise _empty(f"example {key!r}", column)
    return replace(split, clusters=codes_of(known[column]), clustered_by=column)


def _empty(where: str, column: str) -> TaskError:
    return TaskError(
        where,
        found=f"column {column!r} is empty, so its cluster is not known",
        expected="a value in every row",
        remedy=_MISSING,
    )


def _check_not_gold(split: Split) -> None:
    """Refuse clusters that are the classes: resampling two of them would draw one class alone."""
    rows = split.gold_rows
    if not split.task.labels or split.labels is None or not len(rows) or split.clusters is None:
        return
    pairs = np.stack([split.clusters[rows], split.labels[rows].astype(np.int64)])
    sizes = {len(np.unique(each, axis=-1).T) for each in (pairs, pairs[0], pairs[1])}
    if len(sizes) == 1 and len(rows) > len(np.unique(pairs[0])):
        raise TaskError(
            f"`cluster={split.clustered_by}`",
            found="its clusters are the gold labels",
            expected="a column of what examples share, such as a passage or an author",
            remedy="name another column, or say `cluster=none`",
        )


def cluster_notices(split: Split) -> tuple[Notice, ...]:
    """State how the examples are clustered, and refuse clusters of which there is one.

    Returns:
        A note for the reader; none without clusters.

    Raises:
        TaskError: all examples, or all with a gold label, are in one cluster, or the clusters are
            the gold labels.
    """
    if split.clusters is None:
        return ()
    counts = [len(np.unique(split.clusters))]
    whose = ["all examples"]
    if len(split.gold_rows):
        counts.append(len(np.unique(split.clusters[split.gold_rows])))
        whose.append("all examples with a gold label")
    for count, who in zip(counts, whose, strict=True):
        if count == 1 < len(split):
            raise TaskError(
                f"`cluster={split.clustered_by}`",
                found=f"{who} are in one cluster, and of one there is no interval",
                expected="two clusters or more",
                remedy="name another column, or say `cluster=none`",
            )
    _check_not_gold(split)
    n, clusters = len(split), counts[0]
    severity: Literal["note", "warning"] = "note"
    where = f"of equal {split.clustered_by!r}"
    if clusters == n:
        severity = "warning"  # something was asked for that changes nothing
        words = (
            f"Each of the {n:,} examples is a cluster {where} of its own (`cluster`): intervals "
            "and tests are those of independent examples."
        )
    else:
        few = " With so few of them intervals are too narrow." if clusters < FEW else ""
        severity = "warning" if few else "note"
        words = (
            f"The {n:,} examples are {clusters:,} clusters {where} (`cluster`): resamples draw "
            f"whole clusters, and tests take a cluster as one.{few} Numbers on other texts "
            "(probing, minimal pairs) and of the similarity of layers are not clustered."
        )
    return (Notice(code="clusters", severity=severity, message=words),)
