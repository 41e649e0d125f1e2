"""What is classified: a task and one split of its examples.

Does: hold the examples of a split in a frozen type, checked on construction; give `Task`, which is
defined beside the task file. Does not: read files; `sources.py` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdprobe.config.kinds import written_set
from kdprobe.config.task import Task as Task
from kdprobe.errors import TaskError

Labels = NDArray[np.int64] | NDArray[np.float64]

NO_LABEL = -1
"""The class index of an example without a gold label; in a regression the score is NaN."""


@dataclass(frozen=True)
class Split:
    """The examples of one split.

    Args:
        task: what they belong to.
        name: `train`, `dev`, `test` or a name the task file gives (`dev_mismatched`).
        ids: unique ids, `[n]`; stable under shuffling of other splits.
        texts: the (first) text of each example, never empty.
        pairs: the second texts, or None for a task of single texts.
        labels: int64 class indices `[n]`, float64 scores `[n]`, of several labels at once 0 or 1
            for each, int64 `[n, L]`; or None when none is known. An example without a gold label
            has `NO_LABEL` (-1) for its class or for each of its labels, NaN for its score.
        columns: extra columns by name, each `[n]`, as strings (for slices and the browser).
        origin: where the examples come from, for people (`CoLA/dev.tsv`, `embedded grammar`).
        missing_as: how the file writes a missing gold label (`-`, or empty), as it was met.
        notes: what the reader of the file has to say of it, for people; each a sentence.
        clusters: int64 `[n]`, the cluster of each example where examples depend on each other (the
            answers about one passage); None: all are independent.
        clustered_by: the column whose equal values make a cluster.

    Raises:
        TaskError: ids repeat, a text is empty, a label is out of range, lengths differ.

    >>> task = Task("t", 1, "classification", ("no", "yes"), "accuracy")
    >>> split = Split(task, "dev", ("1", "2"), ("a", "b"), labels=np.array([1, NO_LABEL]))
    >>> split.has_gold.tolist(), split.gold_rows.tolist()
    ([True, False], [0])
    """

    task: Task
    name: str
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None = None
    labels: Labels | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    origin: str = ""
    missing_as: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    clusters: NDArray[np.int64] | None = None
    clustered_by: str = ""

    def __post_init__(self) -> None:
        """Check and freeze."""
        where = f"{self.task.name} {self.name}"
        n = len(self.ids)
        lengths = {"texts": len(self.texts)}
        if self.pairs is not None:
            lengths["second texts"] = len(self.pairs)
        if self.labels is not None:
            lengths["labels"] = len(self.labels)
        if self.clusters is not None:
            lengths["clusters"] = len(self.clusters)
        lengths |= {f"column {name}": len(column) for name, column in self.columns.items()}
        for what, length in lengths.items():
            if length != n:
                raise TaskError(
                    where, found=f"{length} {what} for {n} ids", expected="one for each"
                )
        if len(set(self.ids)) != n:
            raise TaskError(where, found="an id stands twice", expected="unique ids")
        for row, text in enumerate(self.texts):
            if not text.strip():
                raise TaskError(
                    where, found=f"the text of {self.ids[row]!r} is empty", expected="text"
                )
        self._check_labels(where)
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    def _check_labels(self, where: str) -> None:
        if self.labels is None:
            return
        kind = np.float64 if self.task.kind == "regression" else np.int64
        labels = np.array(self.labels, dtype=kind)
        if self.task.kind == "multilabel":
            self._check_sets(where, labels)
        elif self.task.kind == "classification":
            bad = ((labels < 0) & (labels != NO_LABEL)) | (labels >= len(self.task.labels))
            if bad.any():
                row = int(np.argmax(bad))
                raise TaskError(
                    where,
                    found=f"the label of {self.ids[row]!r} is {labels[row]}",
                    expected=f"0 to {len(self.task.labels) - 1} ({', '.join(self.task.labels[:5])}"
                    f"{', …' if len(self.task.labels) > 5 else ''}), or {NO_LABEL} for none",
                )
        elif np.isinf(labels).any():
            row = int(np.argmax(np.isinf(labels)))
            raise TaskError(where, found=f"the score of {self.ids[row]!r} is not finite")
        labels.setflags(write=False)
        object.__setattr__(self, "labels", labels)

    def _check_sets(self, where: str, labels: NDArray[np.int64]) -> None:
        """Refuse gold labels of a multi-label task that are no rows of 0 and 1, or of -1."""
        count = len(self.task.labels)
        if labels.shape != (len(self), count):
            raise TaskError(
                where, found=f"gold labels of shape {labels.shape}",
                expected=f"0 or 1 for each of {count} labels, {(len(self), count)}",
            )  # fmt: skip
        good = ((labels == 0) | (labels == 1)).all(axis=1) | (labels == NO_LABEL).all(axis=1)
        if not good.all():
            row = int(np.argmin(good))
            raise TaskError(
                where, found=f"the labels of {self.ids[row]!r} are {labels[row].tolist()}",
                expected=f"0 or 1 for each, or {NO_LABEL} for each where none is known",
            )  # fmt: skip

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.ids)

    @cached_property
    def has_gold(self) -> NDArray[np.bool_]:
        """Whether each example has a gold label, bool `[n]`; all False when `labels` is None."""
        if self.labels is None:
            known = np.zeros(len(self), dtype=np.bool_)
        elif self.task.kind == "regression":
            known = ~np.isnan(self.labels)
        else:
            known = np.asarray(self.labels != NO_LABEL).reshape(len(self), -1).all(axis=1)
        known.setflags(write=False)
        return known

    @cached_property
    def gold_rows(self) -> NDArray[np.int64]:
        """The indices of the examples with a gold label, int64 `[m]`, ascending."""
        rows = np.flatnonzero(self.has_gold).astype(np.int64)
        rows.setflags(write=False)
        return rows

    @property
    def missing_gold(self) -> str:
        """How many examples have no gold label and how the file writes that; empty when all have.

        >>> task = Task("t", 1, "classification", ("no", "yes"), "accuracy")
        >>> gold = np.array([1, NO_LABEL])
        >>> Split(task, "dev", ("1", "2"), ("a", "b"), labels=gold, missing_as=("-",)).missing_gold
        "1 of 2 examples has no gold label (written '-')"
        """
        n, missing = len(self), len(self) - len(self.gold_rows)
        if not missing:
            return ""
        if self.labels is None:
            return f"none of the {n} examples has a gold label"
        ways = " or ".join("as an empty field" if not way else repr(way) for way in self.missing_as)
        return (
            f"{missing} of {n} examples {'has' if missing == 1 else 'have'} no gold label"
            f"{f' (written {ways})' if ways else ''}"
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, texts and labels: equal exactly when the examples are."""
        digest = hashlib.sha256()
        for row, (key, text) in enumerate(zip(self.ids, self.texts, strict=True)):
            pair = "" if self.pairs is None else self.pairs[row]
            label = "" if self.labels is None else repr(self.labels[row].tolist())
            digest.update("\x1f".join((key, text, pair, label)).encode("utf-8", "surrogatepass"))
            digest.update(b"\x1e")
        return digest.hexdigest()

    def take(self, rows: NDArray[np.int64] | list[int]) -> Split:
        """Return the split of these rows, in this order."""
        index = [int(row) for row in rows]
        return Split(
            task=self.task,
            name=self.name,
            ids=tuple(self.ids[i] for i in index),
            texts=tuple(self.texts[i] for i in index),
            pairs=None if self.pairs is None else tuple(self.pairs[i] for i in index),
            labels=None if self.labels is None else self.labels[index],
            columns={
                name: tuple(column[i] for i in index) for name, column in self.columns.items()
            },
            origin=self.origin,
            missing_as=self.missing_as,
            notes=self.notes,
            clusters=None if self.clusters is None else self.clusters[index],
            clustered_by=self.clustered_by,
        )

    def only(self, ids: Iterable[str]) -> Split:
        """Return the split of the examples with these ids, in the order given."""
        rows = {key: row for row, key in enumerate(self.ids)}
        return self.take([rows[key] for key in ids])

    def sample(self, count: int, generator: np.random.Generator) -> Split:
        """Return at most `count` examples, drawn without replacement, in their order here."""
        if count >= len(self):
            return self
        return self.take(np.sort(generator.choice(len(self), size=count, replace=False)))


def text_hash(text: str, pair: str | None = None) -> str:
    """Return a short hash of an example's text, to find duplicates across splits."""
    joined = text if pair is None else f"{text}\x1f{pair}"
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def gold_text(task: Task, value: Any) -> str:
    """Return a gold label as a file writes it: a name, names with | between, or a number.

    Args:
        task: the task.
        value: a class index, a score, or of several labels at once a row of 0 and 1.

    >>> gold_text(Task("t", 1, "multilabel", ("a", "b"), "f1_micro"), np.array([1, 1]))
    'a|b'
    >>> gold_text(Task("t", 1, "classification", ("no", "yes"), "accuracy"), 1)
    'yes'
    """
    if task.kind == "multilabel":
        return written_set(task.labels, np.flatnonzero(np.asarray(value) == 1).tolist())
    return task.labels[int(value)] if task.labels else f"{float(value):g}"
