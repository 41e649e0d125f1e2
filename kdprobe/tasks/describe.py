"""What `kdprobe tasks` tells of a task's data.

Does: say of each split where it was found or why not, how large it is, what its labels are, how
long its texts are, which texts stand in two splits. Does not: draw; `cli/` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.config.task import TaskFile
from kdprobe.errors import TaskError
from kdprobe.seeds import derive_generator
from kdprobe.segmentation import word_count
from kdprobe.tasks.build import EmptyShareError
from kdprobe.tasks.locate import SplitFiles, find_split
from kdprobe.tasks.open import open_task, task_names
from kdprobe.tasks.readers import read_lines
from kdprobe.tasks.sources import load_split, split_names
from kdprobe.tasks.task import Split, gold_text, text_hash

_EXAMPLES = 3
_CHEAP_BYTES = 64 * 2**20


class Quantiles(NamedTuple):
    """Smallest, quarter, half, three quarters, largest (linear interpolation)."""

    low: float
    quarter: float
    median: float
    three_quarters: float
    high: float


class LabelCount(NamedTuple):
    """How often a label stands in a split, and its share of the split (0 to 1)."""

    label: str
    n: int
    share: float


class ExampleRow(NamedTuple):
    """One example as it is shown; `label` is empty when it is unknown."""

    id: str
    text: str
    pair: str
    label: str


@dataclass(frozen=True)
class SplitDescription:
    """One split.

    Args:
        name: its name.
        origin: where it was found, with the folder as the user gave it; empty when missing.
        missing: why there are no data; empty when there are.
        size: the number of examples.
        labels: counts in label order; empty for a regression or without labels; shares are of the
            examples that have a gold label, and of several labels at once sum to more than 1.
        scores: of a regression's gold scores; None without.
        words: lengths of the texts in words (both texts of a pair together); None when missing.
        examples: a few examples, the same every time.
        missing_gold: how many examples have no gold label; empty when all have one.
        notes: what the reader of the files has to say of them.
    """

    name: str
    origin: str = ""
    missing: str = ""
    size: int = 0
    labels: tuple[LabelCount, ...] = ()
    scores: Quantiles | None = None
    words: Quantiles | None = None
    examples: tuple[ExampleRow, ...] = ()
    missing_gold: str = ""
    notes: tuple[str, ...] = ()


class SharedTexts(NamedTuple):
    """How many examples of `second` have a text (or pair) that stands in `first` too."""

    first: str
    second: str
    n: int


@dataclass(frozen=True)
class TaskDescription:
    """A task and its splits.

    Args:
        task_file: the task.
        splits: in the task file's order.
        shared: for each two splits that were found and share no rows by definition.
    """

    task_file: TaskFile
    splits: tuple[SplitDescription, ...]
    shared: tuple[SharedTexts, ...]


@dataclass(frozen=True)
class TaskOverview:
    """A line of the list of all tasks.

    Args:
        name: the task's name.
        description: what is asked, in a sentence.
        kind: see `config.kinds.TaskKind`.
        labels: the number of labels; 0 for a regression.
        primary_score: the score that ranks models.
        folder: where the first split that exists was found; empty when none was.
        sizes: the splits that are there, and their rows where counting them is cheap.
        missing: the splits that are not on disk.
        generated: whether the examples come from the embedded grammar.
    """

    name: str
    description: str
    kind: str
    labels: int
    primary_score: str
    folder: str
    sizes: tuple[tuple[str, int | None], ...]
    missing: tuple[str, ...]
    generated: bool


def describe(
    task_file: TaskFile, *, data_dir: Path | None = None, offline: bool = False
) -> TaskDescription:
    """Load every split of a task and say what is in it.

    Raises:
        TaskError: a file that was found is malformed. One that is missing is described as missing.
    """
    described, loaded = [], {}
    for name in split_names(task_file):
        files = find_split(task_file, name, data_dir=data_dir).files
        try:
            split = load_split(task_file, name, data_dir=data_dir, offline=offline)
        except TaskError as error:
            if files is not None and not isinstance(error, EmptyShareError):
                raise
            described.append(SplitDescription(name, missing=error.found))
            continue
        loaded[name] = split
        described.append(_describe_split(split, origin=_place(split, files)))
    return TaskDescription(task_file, tuple(described), _shared(loaded))


def overview(*, data_dir: Path | None = None) -> tuple[TaskOverview, ...]:
    """Look for the files of every task that ships with kdprobe; reads none but to count lines.

    Raises:
        TaskError: `data_dir` is no folder.
    """
    return tuple(_overview(open_task(name), data_dir) for name in task_names())


def _overview(task_file: TaskFile, data_dir: Path | None) -> TaskOverview:
    searches = {
        name: find_split(task_file, name, data_dir=data_dir).files
        for name in split_names(task_file)
    }
    there = {name: files for name, files in searches.items() if files is not None}
    folder = next((str(files.folder) for files in there.values() if files.paths), "")
    return TaskOverview(
        name=task_file.name,
        description=task_file.description,
        kind=task_file.kind,
        labels=len(task_file.labels),
        primary_score=task_file.primary_score,
        folder=folder,
        sizes=tuple((name, _cheap_size(files)) for name, files in there.items()),
        missing=tuple(name for name, files in searches.items() if files is None),
        generated=task_file.is_generated,
    )


def _cheap_size(files: SplitFiles) -> int | None:
    """Count rows by lines where a line is a row; None where that would need parsing."""
    if not files.paths:
        return files.split.size
    plain = files.layout.reader == "table" and files.layout.broken_rows == "refuse"
    whole = files.split.share is None and files.split.value is None
    if not (plain and whole and all(path.suffix.lower() == ".tsv" for path in files.paths)):
        return None
    if sum(path.stat().st_size for path in files.paths) > _CHEAP_BYTES:
        return None
    header = not files.layout.columns if files.split.header is None else files.split.header
    return sum(sum(map(bool, read_lines(path))) - header for path in files.paths)


def _place(split: Split, files: SplitFiles | None) -> str:
    if files is None or not files.paths:
        return split.origin
    # What follows the file in the origin is what the reader had to say of broken rows.
    facts = split.origin.removeprefix(f"{files.folder.absolute().name}/{files.split.file}")
    return ", ".join(map(str, files.paths)) + facts


def _describe_split(split: Split, *, origin: str) -> SplitDescription:
    task = split.task
    gold = None if split.labels is None else split.labels[split.gold_rows]
    seconds = split.pairs or ("",) * len(split)
    words = [
        word_count(text) + word_count(pair) for text, pair in zip(split.texts, seconds, strict=True)
    ]
    counts: tuple[LabelCount, ...] = ()
    scores = None
    if gold is not None and len(gold) and task.kind != "regression":
        numbers = (
            (gold == 1).sum(axis=0)
            if task.kind == "multilabel"
            else np.bincount(gold.astype(np.int64), minlength=len(task.labels))
        )
        counts = tuple(
            LabelCount(label, int(n), float(n) / len(gold))
            for label, n in zip(task.labels, numbers, strict=True)
        )
    elif gold is not None and len(gold):
        scores = _quantiles(gold.astype(np.float64))
    return SplitDescription(
        name=split.name,
        origin=origin,
        size=len(split),
        labels=counts,
        scores=scores,
        words=_quantiles(np.array(words, dtype=np.float64)),
        examples=_examples(split),
        missing_gold=split.missing_gold,
        notes=split.notes,
    )


def _quantiles(values: NDArray[np.float64]) -> Quantiles:
    return Quantiles(*(float(q) for q in np.quantile(values, [0, 0.25, 0.5, 0.75, 1])))


def _examples(split: Split) -> tuple[ExampleRow, ...]:
    generator = derive_generator(0, "describe", split.task.name, split.name)
    size = min(_EXAMPLES, len(split))
    rows = sorted(generator.choice(len(split), size=size, replace=False).tolist())
    return tuple(
        ExampleRow(
            id=split.ids[row],
            text=split.texts[row],
            pair="" if split.pairs is None else split.pairs[row],
            label=_label(split, row),
        )
        for row in rows
    )


def _label(split: Split, row: int) -> str:
    if split.labels is None or not split.has_gold[row]:
        return ""
    return gold_text(split.task, split.labels[row])


def _shared(loaded: dict[str, Split]) -> tuple[SharedTexts, ...]:
    """Count texts that stand in two splits; `all` holds the others' rows and is left out."""
    hashes = {
        name: [
            text_hash(text, None if split.pairs is None else split.pairs[row])
            for row, text in enumerate(split.texts)
        ]
        for name, split in loaded.items()
        if name != "all"
    }
    shared = []
    for first, second in combinations(hashes, 2):
        known = set(hashes[first])
        shared.append(SharedTexts(first, second, sum(key in known for key in hashes[second])))
    return tuple(shared)
