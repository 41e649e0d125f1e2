"""Examples that a model known by its answers alone did not answer.

Does: count them by reason, and put the count into words or into a refusal. Does not: leave any out;
`collectors/examples.py` does, for all models, where a person wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from kdprobe.errors import MisalignedError
from kdprobe.models.predictions.answers import Lack, counted
from kdprobe.stats.arrays import Bools
from kdprobe.tasks.task import Split

DROP = "`missing=drop` leaves them out for all models"


@dataclass(frozen=True)
class Unanswered:
    """Which examples of a split a model did not answer, and why.

    Args:
        mask: bool `[n]` in the split's order.
        lacks: of each such example, in order, why its row holds no answer; None: it has no row.
        first: the first such example, for messages.

    >>> import numpy as np
    >>> lacks = (None, Lack(), Lack("I cannot"), Lack("I cannot"))
    >>> Unanswered(np.array([True] * 4 + [False]), lacks, "1").reasons
    "1 without a row, 1 empty, 2 no label ('I cannot' 2)"
    """

    mask: Bools
    lacks: Sequence[Lack | None]
    first: str = ""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.lacks)

    @property
    def reasons(self) -> str:
        """How many there are of each reason."""
        answers = [lack.answer for lack in self.lacks if lack is not None]
        words = [answer for answer in answers if answer]
        parts = [
            f"{self.count - len(answers)} without a row" if len(answers) < self.count else "",
            f"{len(answers) - len(words)} empty" if len(words) < len(answers) else "",
            f"{len(words)} no label ({counted(words)})" if words else "",
        ]
        return ", ".join(filter(None, parts))

    def refusal(self, where: str, split: Split, *, option: str = "split") -> MisalignedError:
        """Return the error where all examples have to be answered; `option` names the split."""
        rows = [lack for lack in self.lacks if lack is not None]
        what = f"no row for {self.count}" if not rows else f"no answer to {self.count}"
        why = f" ({self.reasons})" if rows else ""
        word = next((lack.answer for lack in rows if lack.answer), "")
        remedies = [
            f"if it is of another split, say which (`{option}`)" if len(rows) < self.count else "",
            f"`label_map` says which label an answer means ({word}=LABEL)" if word else "",
            DROP,
        ]
        return MisalignedError(
            where,
            found=f"{what} of {len(split)} examples{why}, the first is {self.first}",
            expected=f"one for every example of {split.task.name} {split.name}",
            remedy="; ".join(filter(None, remedies)),
        )


@runtime_checkable
class Recorded(Protocol):
    """A model that is known by its answers alone, and need not have answered everything."""

    @property
    def name(self) -> str:
        """The name people gave it."""

    @property
    def shown(self) -> str:
        """Its name and where its answers are, for messages."""

    def unanswered(self, split: Split) -> Unanswered:
        """Return the examples that it did not answer."""
