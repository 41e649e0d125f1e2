"""The training examples of a comparison, where they are at hand.

Does: load them without asking the hub, and hash their texts. Does not: train or report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdprobe.errors import DataNotFoundError
from kdprobe.tasks.task import Split, text_hash

if TYPE_CHECKING:
    from kdprobe.comparison.inputs import Inputs


def training_split(inputs: Inputs) -> Split | None:
    """Load the training split; None where the compared split contains it or it is not local."""
    from kdprobe.tasks.sources import load_split, split_names

    # `all` of a plain table contains `train`.
    if inputs.split in ("train", "all") or "train" not in split_names(inputs.task_file):
        return None
    try:
        return load_split(inputs.task_file, "train", data_dir=inputs.data_dir, offline=True)
    except DataNotFoundError:
        return None


def train_hashes(inputs: Inputs) -> frozenset[str]:
    """Hash the training texts, to find examples that stand in both splits; empty when not local."""
    # The embedded task's splits share no lexical frame.
    train = None if inputs.task_file.is_generated else training_split(inputs)
    if train is None:
        return frozenset()
    second: Sequence[str | None] = train.pairs or [None] * len(train)
    return frozenset(text_hash(text, pair) for text, pair in zip(train.texts, second, strict=True))
