"""The outputs of a teacher that a recipe reads beside its logits, and whether they can be kept.

Does: list the quantities, estimate their size, and give the reason where a teacher must run at
every step. Does not: compute or store any; `teacher_memory.py` does.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.distillers.objective import LOGITS, Batch, ModelPair, Need, View
from kdprobe.distillers.weighted_loss import Term, WeightedLoss

LIMIT = 2**29  # bytes; 8,500 sentences of 11 tokens: three layers' hidden states of 384
_FLOAT = 4
_PER_TOKEN = ("hidden", "query", "key", "value")


@runtime_checkable
class Lasting(Protocol):
    """An objective whose teacher quantities are the same for an example at every step."""

    def channels(self, models: ModelPair, options: Any) -> int:
        """Return the number of values a token has in `lasting`."""

    def lasting(self, teacher: View, batch: Batch, options: Any) -> Tensor:
        """Return all that it reads of the teacher: float32 `[B, channels, L]`, 0 at padding."""


class Quantity(NamedTuple):
    """One thing to keep: a quantity of the teacher, or what an objective computes from it.

    Args:
        need: a quantity that the teacher itself gives.
        term: an objective that computes one; see `Lasting`.
    """

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
    def label(self) -> str:
        """Its name for people."""
        if self.need is not None:
            return f"{self.need.quantity} {self.need.layer}"
        return "" if self.term is None else f"{self.term.name} maps"


class TeacherQuantities(NamedTuple):
    """What is kept of a teacher.

    Args:
        quantities: what is kept, each for all examples.
        bytes: their size, float32.
        live: why nothing is kept and the teacher runs at every step; None: it does not.
    """

    quantities: tuple[Quantity, ...]
    bytes: int
    live: str | None = None

    @property
    def summary(self) -> str:
        """For people: when the teacher runs, and what is kept of it."""
        names = ", ".join(quantity.label for quantity in self.quantities)
        if self.live:
            return f"at every step: {self.live}"
        more = f", {names} ({show_size(self.bytes)})" if names else ""
        return f"once, before the first step: logits{more}"


def show_size(count: int) -> str:
    """Return bytes for people.

    >>> show_size(3_400_000), show_size(511_000_000_000)
    ('3.4 MB', '511.0 GB')
    """
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.1f} {unit}" if unit != "B" else f"{count} B"
        value /= 1000
    return f"{value:.1f} GB"


def teacher_quantities(
    weighted_loss: WeightedLoss,
    models: ModelPair,
    lengths: NDArray[np.int64],
    *,
    limit: int = LIMIT,
) -> TeacherQuantities:
    """List what a recipe reads of the teacher beside its logits, and say whether it can be kept.

    Args:
        weighted_loss: the recipe's objectives.
        models: gives the sizes of the teacher.
        lengths: the tokens of each example as the teacher reads it, `[n]`.
        limit: bytes; more are not kept.
    """
    needs: set[Need] = set()
    terms: list[Term] = []
    for term in weighted_loss.terms:
        read_here = term.objective.needs(models, term.options)
        if read_here.words:
            return TeacherQuantities((), 0, f"{term.name} compares words")
        needs |= read_here.teacher - {LOGITS}
        if isinstance(term.objective, Lasting):
            terms.append(term)
        elif read_here.teacher_model:
            return TeacherQuantities((), 0, f"{term.name} reads the teacher itself")
    for need in sorted(needs):
        if need.quantity not in (*_PER_TOKEN, "first"):
            what = {"bias": "what is added to attention by position is", "attention": "attention "
                    "probabilities are"}.get(need.quantity, f"{need.quantity} is")  # fmt: skip
            return TeacherQuantities((), 0, f"{what} not kept")
    quantities = (
        *(Quantity(need=need) for need in sorted(needs)),
        *(Quantity(term=term) for term in terms),
    )
    total = sum(_bytes(quantity, models, lengths) for quantity in quantities)
    if total > limit:
        names = ", ".join(quantity.label for quantity in quantities)
        why = (
            f"{names} of {len(lengths):,} examples would take {show_size(total)}, more than "
            f"{show_size(limit)}"
        )
        return TeacherQuantities((), total, why)
    return TeacherQuantities(quantities, total)


def _bytes(quantity: Quantity, models: ModelPair, lengths: NDArray[np.int64]) -> int:
    """Estimate the size of a quantity."""
    if models.teacher is None:
        raise ValueError("a teacher's memory without a teacher")
    if quantity.term is not None:
        objective: Any = quantity.term.objective
        channels: int = objective.channels(models, quantity.term.options)
        return _FLOAT * int(lengths.sum()) * channels
    assert quantity.need is not None
    rows = len(lengths) if quantity.need.quantity == "first" else int(lengths.sum())
    return _FLOAT * rows * models.teacher.width
