"""The training texts, hashed, where they are at hand.

Does: load them without asking the hub, and hash them. Does not: look for examples among them; the
analysis of sanity checks does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.collectors.protocol import WithoutOptions
from kdprobe.collectors.session import Session
from kdprobe.models.handle import Capability
from kdprobe.observations.train_texts import TrainTexts
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split, text_hash


@dataclass(frozen=True)
class TrainTextsCollector:
    """Hashes of the training texts, to find examples that stand in both splits."""

    name: str = "train_texts"
    kind: type[TrainTexts] = TrainTexts
    options: type[WithoutOptions] = WithoutOptions
    needs: frozenset[Capability] = frozenset()
    after: tuple[str, ...] = ("predictions",)
    by_default: bool = True

    def prepare(self, session: Session, options: WithoutOptions) -> Split | None:
        """Load the training examples; the embedded task's splits share no lexical frame."""
        train = None if session.is_generated else session.training_split()
        return train if train is not None and len(train) else None

    def collect(self, session: Session, prepared: Split, progress: Progress) -> TrainTexts:
        """Hash every text, or both of a pair."""
        second: Sequence[str | None] = prepared.pairs or [None] * len(prepared)
        texts = zip(prepared.texts, second, strict=True)
        return TrainTexts(frozenset(text_hash(text, pair) for text, pair in texts))


COLLECTOR = TrainTextsCollector()
