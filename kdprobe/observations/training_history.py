"""How the compared students were trained; an observation of a `Study`.

Does: hold the learning curves that their folders record. Does not: read a file.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.results.parts import Curve


@dataclass(frozen=True)
class TrainingHistories:
    """The learning curves of the students that kdprobe trained.

    Args:
        curves: each named and titled with its student's name.
        notes: for the reader: which seed is shown, which history cannot be read.
    """

    curves: tuple[Curve, ...]
    notes: tuple[str, ...] = ()
