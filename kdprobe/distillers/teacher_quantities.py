"""What a recipe reads of the teacher beside its logits, and whether it can be kept.

Does: list the quantities, estimate their size, and say why a teacher must run at every step. Does
not: compute or store any; `teacher_memory.py` does.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.distillers.objective import LOGITS, Batch, Need, Situation, View
from kdprobe.distillers.weighted_loss import Mixture, Term

LIMIT = 2**29  # bytes; 8,500 sentences of 11 tokens: three layers' hidden states of 384
_FLOAT = 4
_PER_TOKEN = ("hidden", "query", "key", "value")


@runtime_checkable
class Lasting(Protocol):
    """An objective that reads of the teacher what is the same for an example at every step."""

    def channels(self, situation: Situation, options: Any) -> int:
        """Give the number of values a token has in `lasting`."""

    def lasting(self, teacher: View, batch: Batch, options: Any) -> Tensor:
        """Give all that it reads of the teacher: float32 `[B, channels, L]`, 0 at padding."""


class Quantity(NamedTuple):
    """One thing to keep: a need of the models, or what an objective makes of the teacher."""

    need: Need | None = None
    term: Term | None = None

    @property
    def name(self) -> str:
        """Its name in the cache; a term's options are part of it."""
        if self.term is not None:
            options = json.dumps(self.term.options.model_dump(mode="json"), sort_keys=True)
            return f"{self.term.name} {self.term.objective.version} {options}"
        assert self.need is not None
        return f"{self.need.quantity} {self.need.layer}"

    @property
    def told(self) -> str:
        """Its name for people."""
        if self.need is not None:
            return f"{self.need.quantity} {self.need.layer}"
        return "" if self.term is None else f"{self.term.name} maps"


class Wanted(NamedTuple):
    """What a recipe would have kept: the quantities and their bytes; `live` is why nothing is."""

    quantities: tuple[Quantity, ...]
    bytes: int
    live: str | None = None

    @property
    def told(self) -> str:
        """For people: how the teacher is asked."""
        names = ", ".join(quantity.told for quantity in self.quantities)
        if self.live:
            return f"at every step: {self.live}"
        more = f", {names} ({show_size(self.bytes)})" if names else ""
        return f"once, before the first step: logits{more}"


def show_size(count: int) -> str:
    """Give bytes for people.

    >>> show_size(3_400_000), show_size(511_000_000_000)
    ('3.4 MB', '511.0 GB')
    """
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.1f} {unit}" if unit != "B" else f"{count} B"
        value /= 1000
    return f"{value:.1f} GB"


def wanted(
    mixture: Mixture, situation: Situation, lengths: NDArray[np.int64], *, limit: int = LIMIT
) -> Wanted:
    """List what a recipe reads of the teacher beside its logits, and say whether it can be kept.

    Args:
        mixture: the recipe's objectives.
        situation: gives the sizes of the teacher.
        lengths: the tokens of each example as the teacher reads it, `[n]`.
        limit: bytes; more are not kept.
    """
    needs: set[Need] = set()
    terms: list[Term] = []
    for term in mixture.terms:
        read_here = term.objective.needs(situation, term.options)
        if read_here.words:
            return Wanted((), 0, f"{term.name} compares words")
        needs |= read_here.teacher - {LOGITS}
        if isinstance(term.objective, Lasting):
            terms.append(term)
        elif read_here.teacher_model:
            return Wanted((), 0, f"{term.name} reads the teacher itself")
    for need in sorted(needs):
        if need.quantity not in (*_PER_TOKEN, "first"):
            return Wanted((), 0, f"{need.quantity} probabilities are not kept")
    quantities = (
        *(Quantity(need=need) for need in sorted(needs)),
        *(Quantity(term=term) for term in terms),
    )
    total = sum(_bytes(quantity, situation, lengths) for quantity in quantities)
    if total > limit:
        names = ", ".join(quantity.told for quantity in quantities)
        why = (
            f"{names} of {len(lengths):,} examples would take {show_size(total)}, more than "
            f"{show_size(limit)}"
        )
        return Wanted((), total, why)
    return Wanted(quantities, total)


def _bytes(quantity: Quantity, situation: Situation, lengths: NDArray[np.int64]) -> int:
    """Estimate the size of a quantity."""
    if situation.teacher is None:
        raise ValueError("a teacher's memory without a teacher")
    if quantity.term is not None:
        objective: Any = quantity.term.objective
        channels: int = objective.channels(situation, quantity.term.options)
        return _FLOAT * int(lengths.sum()) * channels
    assert quantity.need is not None
    rows = len(lengths) if quantity.need.quantity == "first" else int(lengths.sum())
    return _FLOAT * rows * situation.teacher.width
