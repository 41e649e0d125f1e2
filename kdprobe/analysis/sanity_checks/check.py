"""One check and what came of it.

Does: hold a row of the table of checks and its notice. Does not: check anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Notice

Severity = Literal["alarm", "warning", "note"]
FINE = "fine"


@dataclass(frozen=True)
class Check:
    """A row of the table of checks.

    Args:
        what: the question.
        models: whom it is about; empty for the examples themselves.
        outcome: `fine`, `not checked`, or the severity of the notice.
        detail: the numbers, or why it was not checked.
        notice: told to the reader before everything else; None when there is nothing to tell.
    """

    what: str
    models: tuple[str, ...]
    outcome: str
    detail: str
    notice: Notice | None = None


def flagged(
    what: str,
    code: str,
    severity: Severity,
    message: str,
    *,
    models: tuple[str, ...] = (),
    detail: str,
) -> Check:
    """Make the check that found something."""
    notice = Notice(code=code, severity=severity, message=message, models=models)
    return Check(what, models, severity, detail, notice)


def fine(what: str, detail: str, *, models: tuple[str, ...] = ()) -> Check:
    """Make the check that found nothing."""
    return Check(what, models, FINE, detail)


def unchecked(what: str, reason: str, *, models: tuple[str, ...] = ()) -> Check:
    """Make the check that could not be made."""
    return Check(what, models, "not checked", reason)


def runs_of(study: Study) -> Iterator[tuple[Population, str, Predictions]]:
    """Yield every run of every model, with the name a reader knows it by."""
    for model in study.models:
        for place, run in enumerate(model.runs, start=1):
            several = len(model.runs) > 1
            yield model, f"{model.name} (run {place})" if several else model.name, run
