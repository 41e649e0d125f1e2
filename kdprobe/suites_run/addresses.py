"""What decides the result of a step, as one digest: its address.

Does: digest options, parents, data, outside models and the step's code version; name data and
models by content. Does not: run anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from kdprobe.config.base import suites_folder
from kdprobe.config.options import TrainingDataOptions
from kdprobe.config.recipe import open_recipe
from kdprobe.distillers.data import TrainingData, load_data
from kdprobe.errors import UsageError
from kdprobe.models.folder import fingerprint
from kdprobe.models.imported import import_value, is_imported
from kdprobe.plain_files import expanded
from kdprobe.tasks.open import open_task

StepKind = Literal["finetune", "distill", "augment", "compare"]
VERSIONS: Mapping[StepKind, int] = {"finetune": 1, "distill": 1, "augment": 1, "compare": 1}
"""Raised when a step of the same options gives another result than before."""
_PROSE = {"title", "source", "requires", "tasks"}
_LENGTH_SAMPLE = 1000


@dataclass(frozen=True)
class DataFacts:
    """The examples of a task at a scale, by content.

    Args:
        train, evaluation: the splits' fingerprints; empty: they cannot be read.
        train_examples, evaluation_examples: how many.
        words: of a text, the mean over a sample.
        longest: words of the longest text of that sample.
        classes: how many.
        definition: a digest of what a person's own task file or table says beside texts and labels
            (scores, clusters, columns); empty: a task that ships with kdprobe.
        failed: why they cannot be read.
    """

    train: str = ""
    evaluation: str = ""
    train_examples: int = 0
    evaluation_examples: int = 0
    words: float = 0.0
    longest: int = 0
    classes: int = 2
    definition: str = ""
    failed: str = ""


def address_of(kind: StepKind, parts: Mapping[str, Any]) -> str:
    """Return the address of a step: 64 hexadecimal digits.

    Args:
        kind: of the step; its code version counts too.
        parts: everything else that decides the result, as JSON values.

    >>> address_of("finetune", {"a": 1}) == address_of("finetune", {"a": 1})
    True
    >>> address_of("finetune", {"a": 1}) == address_of("distill", {"a": 1})
    False
    """
    held = {"kind": kind, "version": VERSIONS[kind], **parts}
    text = json.dumps(held, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def recipe_content(name: str, task: str) -> dict[str, Any]:
    """Return what a recipe says that trains: not its prose, and of its tasks this one's settings.

    Raises:
        UsageError: there is no such recipe.
    """
    held = open_recipe(name).model_dump(mode="json")
    return {key: value for key, value in held.items() if key not in _PROSE} | {
        "of_task": held["tasks"].get(task, {})
    }


@cache
def model_identity(name: str) -> str:
    """Return a model that no step makes by its content: a folder's fingerprint, else its name.

    A function goes by its name and the content of its module's file. A hub id stands for itself:
    asking for its newest commit would need the network.

    Raises:
        UsageError: a folder that holds no model, or a function that cannot be imported.
    """
    if is_imported(name):
        file = import_value(name).file
        return name if file is None else f"{name} {file_identity(file)}"
    place = expanded(name)
    return fingerprint(place) if place.is_dir() else name


@cache
def file_identity(path: Path) -> str:
    """Return the digest of a file's bytes, or of the names and bytes of a folder's files.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.is_file())
            named = [[file.name, file_identity(file)] for file in files]
            return hashlib.sha256(json.dumps(named).encode()).hexdigest()
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(
            str(path), found=f"cannot be read ({error.strerror or error})", expected="a file"
        ) from error


def forget_contents() -> None:
    """Read folders and files anew from now on: each is read once a plan, and may change between."""
    model_identity.cache_clear()
    file_identity.cache_clear()


class DataIndex:
    """The data of every task of a suite, each read once.

    Args:
        data_dir: where the tasks' files are, or None.
        offline: ask no network.
    """

    def __init__(self, *, data_dir: Path | None, offline: bool) -> None:
        self._data_dir = data_dir
        self._offline = offline
        self._known: dict[str, DataFacts] = {}

    def facts(self, data: Mapping[str, Any]) -> DataFacts:
        """Return the facts of a task's data; a reason where they cannot be read."""
        key = json.dumps(dict(data), sort_keys=True)
        if key not in self._known:
            try:
                self._known[key] = _facts(self._load(data), own=_is_own(str(data["task"])))
            except UsageError as error:
                self._known[key] = DataFacts(failed=str(error))
        return self._known[key]

    def _load(self, data: Mapping[str, Any]) -> TrainingData:
        named = TrainingDataOptions(**data)
        return load_data(
            open_task(named.task, **named.columns), train_split=named.train_split,
            eval_split=named.eval_split, data_dir=self._data_dir, limit=named.limit,
            eval_limit=named.eval_limit, seed=named.sample_seed or 0, offline=self._offline,
        )  # fmt: skip


def _is_own(task: str) -> bool:
    """Whether a task does not ship with kdprobe, but is a person's own file or table."""
    place = Path(task)
    return place.is_file() and not place.resolve().is_relative_to(suites_folder().resolve())


def _definition(data: TrainingData) -> str:
    """Return the digest of what decides numbers of a task beside its texts and labels."""
    task, scored = data.task, data.evaluation
    parts = [
        task.kind, task.labels, task.primary_score, task.positive, task.acceptable,
        task.score_range, dict(scored.columns),
        None if scored.clusters is None else scored.clusters.tolist(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _facts(data: TrainingData, *, own: bool) -> DataFacts:
    sample: Sequence[str] = data.train.texts[:_LENGTH_SAMPLE]
    pairs = (data.train.pairs or ())[:_LENGTH_SAMPLE]
    counts = [
        sum(len(text.split()) for text in texts)
        for texts in (zip(sample, pairs, strict=True) if pairs else zip(sample, strict=True))
    ]
    return DataFacts(
        train=data.train.fingerprint,
        evaluation=data.evaluation.fingerprint,
        train_examples=len(data.train),
        evaluation_examples=len(data.evaluation),
        words=sum(counts) / max(1, len(counts)),
        longest=max(counts, default=0),
        classes=max(1, len(data.task.labels)),
        definition=_definition(data) if own else "",
    )
