"""The texts that an augmenter learns from, and those that it must not give back.

Does: load a task's training split and every other split that models are scored on. Does not:
compare texts; `deduplicate.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdprobe.augmenters.deduplicate import Deduplicator, keys_of
from kdprobe.config.task import TaskFile
from kdprobe.errors import DataNotFoundError
from kdprobe.tasks.build import EmptyShareError
from kdprobe.tasks.sources import load_split, split_names
from kdprobe.tasks.task import Split


@dataclass(frozen=True)
class Texts:
    """What is learnt from and what must not come out.

    Args:
        train: the texts that are learnt from.
        whole: the split they are a sample of.
        held_out: the other splits that were found.
        missing: the names of those that were not.
    """

    train: Split
    whole: Split
    held_out: Mapping[str, Split]
    missing: tuple[str, ...]

    @classmethod
    def load(
        cls,
        task_file: TaskFile,
        split: str,
        *,
        data_dir: str | Path | None,
        limit: int | None,
        seed: int,
        offline: bool,
    ) -> Texts:
        """Load a split and all others; one that is nowhere is told of, not refused."""
        place = None if data_dir is None else Path(data_dir)
        whole = load_split(task_file, split, data_dir=place, offline=offline)
        train = whole
        if limit is not None:
            train = load_split(
                task_file, split, data_dir=place, offline=offline, limit=limit, seed=seed
            )
        held_out, missing = {}, []
        for name in split_names(task_file):
            if name in (split, "all"):  # `all` holds the rows of the others
                continue
            try:
                held_out[name] = load_split(task_file, name, data_dir=place, offline=offline)
            except (DataNotFoundError, EmptyShareError):
                missing.append(name)
        return cls(train, whole, held_out, tuple(missing))

    def plan(self) -> dict[str, Any]:
        """Return what names them by content."""
        return {
            "task": self.train.task.name,
            "train": {"split": self.train.name, "fingerprint": self.train.fingerprint},
            "held_out": {name: split.fingerprint for name, split in self.held_out.items()},
        }

    def deduplicator(self) -> Deduplicator:
        """Return what lets new texts through."""
        return Deduplicator(
            train=keys_of(self.whole),
            held_out={name: keys_of(split) for name, split in self.held_out.items()},
            has_pairs=self.train.pairs is not None,
        )

    def notes(self) -> tuple[str, ...]:
        """Return which splits could not be checked."""
        if not self.missing:
            return ()
        return (f"not checked for leaks, as they were not found: {', '.join(self.missing)}",)
