"""How far what was computed of some texts lies from the model's own of each text alone.

Does: hold arrays against each other within the tolerance of the weights' type. Does not: run
models; `text_model.py` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

_SHOWN = 60
_EXACT, _ROUNDED = 1e-5, 0.05
"""Tolerance of a value in float32 and in bfloat16, times one plus the largest value."""


class Deviation(NamedTuple):
    """How far a value lies from the model's own, and for which text."""

    size: float
    tolerance: float
    text: str


class Compared(NamedTuple):
    """A text, what the model itself gives of it, and what was computed, both of one shape."""

    texts: tuple[str, ...]
    own: NDArray[np.floating[Any]]
    value: NDArray[np.floating[Any]]


def tolerance_of(model: torch.nn.Module) -> float:
    """Return how far a value may lie from the model's own, times one plus the largest of them."""
    first = next(iter(model.parameters()))
    return _EXACT if first.dtype in (torch.float32, torch.float64) else _ROUNDED


def largest_deviation(compared: Iterable[Compared], *, share: float) -> Deviation | None:
    """Return the largest deviation beyond its tolerance, or None.

    Own values that are not finite are left out: they are refused elsewhere. Another shape is a
    deviation without bound.

    Args:
        compared: what is held against each other.
        share: see `tolerance_of`.

    >>> own, value = np.array([1.0, -3.0]), np.array([1.0, -2.5])
    >>> largest_deviation([Compared(("a",), own, value)], share=0.1)
    Deviation(size=0.5, tolerance=0.4, text='a')
    >>> largest_deviation([Compared(("a",), own, value)], share=0.2) is None
    True
    """
    worst: Deviation | None = None
    for texts, own, value in compared:
        if not own.size or not np.isfinite(own).all():
            continue
        size = float(np.abs(own - value).max()) if own.shape == value.shape else float("inf")
        allowed = share * (1.0 + float(np.abs(own).max()))
        if not size <= allowed and (worst is None or not size <= worst.size):
            worst = Deviation(size, allowed, " | ".join(texts)[:_SHOWN])
    return worst
