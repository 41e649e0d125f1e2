"""The linear map through which a student's vectors are compared with wider or narrower ones."""

from __future__ import annotations

from typing import Literal

from torch import nn

Projection = Literal["auto", "always", "never"]


def widening(projection: Projection, ours: int, theirs: int) -> nn.Module | None:
    """Return a map from one width to another, kept on the objective and not in the student.

    Args:
        projection: `auto` has one where the widths differ; `always` and `never` say themselves.
        ours: the student's width.
        theirs: the teacher's.
    """
    if projection == "never" or (projection == "auto" and ours == theirs):
        return None
    return nn.Linear(ours, theirs, bias=False)
