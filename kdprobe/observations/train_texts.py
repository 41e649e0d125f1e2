"""Fingerprints of the training texts; an observation of a `Study`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainTexts:
    """The training texts, hashed, to find examples that stand in both splits.

    Args:
        hashes: `tasks.task.text_hash` of every training example.
    """

    hashes: frozenset[str]
