"""Training on texts without gold labels.

Does: put a transfer set beside the training examples or in their place, and refuse objectives that
read gold labels then. Does not: make texts (`kdprobe augment` does), or run the teacher on them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kdprobe.distillers.data import TrainingData
from kdprobe.distillers.objective import ModelPair
from kdprobe.distillers.weighted_loss import WeightedLoss
from kdprobe.errors import ConfigError, TaskError
from kdprobe.plain_files import expanded
from kdprobe.seeds import derive_generator
from kdprobe.tasks.build import join_columns
from kdprobe.tasks.readers import read_table
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Split

ALONE = "transfer"  # the name of a split that holds the texts of a transfer set alone
_TEXT = ("text", "sentence")


def with_transfer_set(
    data: TrainingData, path: str | Path, *, limit: int | None, seed: int
) -> TrainingData:
    """Return the data with further texts to learn from.

    The gold labels of the training examples are left out too: an objective would otherwise read
    them for some examples of a batch and not for others.

    Args:
        data: the examples of a training, all of them.
        path: a table with a column `text` (or `sentence`), of pairs `text_a` and `text_b`; other
            columns, labels among them, are not read.
        limit: learn from a random sample of so many of both together.
        seed: of that sample.

    Raises:
        TaskError: the file cannot be read, lacks a column, or has no rows.
    """
    more = _read(expanded(path), data.train)
    train = data.train
    joined = replace(
        train,
        ids=(*train.ids, *more.ids),
        texts=(*train.texts, *more.texts),
        pairs=None if train.pairs is None else (*train.pairs, *(more.pairs or ())),
        labels=None,
        columns={},
        origin=f"{train.origin} ({len(train):,}) and {more.origin} ({len(more):,}), no labels",
    )
    return replace(data, train=_sample(joined, limit, seed))


def transfer_set_alone(
    evaluation: Split, path: str | Path, *, limit: int | None, seed: int
) -> TrainingData:
    """Return a transfer set as all there is to learn from: the task's own texts are not read.

    Args:
        evaluation: what is scored; it says whether texts come in pairs.
        path: as `with_transfer_set` takes it.
        limit: learn from a random sample of so many.
        seed: of that sample.

    Raises:
        TaskError: the file cannot be read, lacks a column, or has no rows.
    """
    texts = replace(_read(expanded(path), evaluation), name=ALONE)
    texts = replace(texts, origin=f"{texts.origin}, no labels")
    return TrainingData(evaluation.task, _sample(texts, limit, seed), evaluation)


def _sample(split: Split, limit: int | None, seed: int) -> Split:
    if limit is None:
        return split
    return split.sample(limit, derive_generator(seed, "limit", "transfer set"))


def _read(path: Path, like: Split) -> Split:
    """Read a transfer set as a split of the task, without labels."""
    table = read_table(path)
    if not table.lines:
        raise TaskError(str(path), found="has no rows", expected="at least one text")
    if like.pairs is None:
        names = [name for name in _TEXT if name in table.columns] or [_TEXT[0]]
        texts, pairs = _column(table, names[0]), None
    else:
        texts, pairs = _column(table, "text_a"), _column(table, "text_b")
    ids = tuple(f"transfer-{row:06d}" for row in range(1, len(texts) + 1))
    return Split(like.task, like.name, ids, texts, pairs, origin=path.name)


def _column(table: ColumnTable, name: str) -> tuple[str, ...]:
    if name not in table.columns:
        raise TaskError(
            table.shown,
            found=f"no column {name!r}, only {', '.join(map(repr, list(table.columns)[:12]))}",
            expected="a transfer set: text, or text_a and text_b in a task of pairs",
            remedy="`kdprobe augment` writes one",
        )
    return join_columns(table, name, role="text")


def refuse_unlabelled(weighted_loss: WeightedLoss, models: ModelPair, train: Split) -> None:
    """Refuse an objective that reads gold labels where there are none.

    Raises:
        ConfigError: the texts have none, and an objective reads them.
    """
    if train.labels is not None or not weighted_loss.needs(models).labels:
        return
    readers = [
        term.name
        for term in weighted_loss.terms
        if term.objective.needs(models, term.options).labels
    ]
    raise ConfigError(
        f"objective {readers[0]}",
        found=f"reads gold labels, and the texts to learn from have none ({train.origin})",
        expected="objectives that learn from the teacher alone",
        remedy="say "
        + " ".join(f"`settings={name}.weight=0`" for name in readers)
        + ", or another recipe",
    )
