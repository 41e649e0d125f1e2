"""The result of a suite.

Does: hold its document, or the rows of a dry run, and show them. Does not: plan or run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kdprobe.results.schema import Estimate
from kdprobe.results.shown import ShownResult
from kdprobe.results.suite import SuiteDocument


class PlannedRow(NamedTuple):
    """A step of a dry run.

    Args:
        name, kind: of the step.
        state: `there`, `running`, `to go on with`, `to make`, or why it cannot be made.
        seconds: it may take; 0 where it is there, None: not known.
        memory: bytes it may take; None: not known.
    """

    name: str
    kind: str
    state: str
    seconds: float | None
    memory: int | None


@dataclass(frozen=True, repr=False)
class SuiteRun(ShownResult):
    """The result of a suite.

    Args:
        folder: where everything lies.
        document: the tables; None for a dry run.
        planned: the rows of a dry run.
        made: the names of steps that this run made; what was there is not among them.
    """

    folder: Path
    document: SuiteDocument | None = None
    planned: tuple[PlannedRow, ...] = ()
    made: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[tuple[str, str], ...]:
        """The steps without a result, and the reasons."""
        steps = self.document.failed if self.document else ()
        return tuple((step.name, step.reason) for step in steps)

    @property
    def numbers(self) -> list[tuple[str, Estimate]]:
        """Every number of the tables, in the units of the tables."""
        grids = self.document.all_grids if self.document else ()
        return [
            (
                grid.name,
                Estimate(
                    metric=cell.metric or column, model_a=cell.model or line.label,
                    model_b=cell.other, subset=cell.task or "all", value=cell.value, low=cell.low,
                    high=cell.high, n=cell.n,
                    undefined="" if cell.value is not None else cell.undefined or "not a number",
                ),
            )
            for grid in grids for line in grid.lines
            for column, cell in zip(grid.columns, line.cells, strict=True)
        ]  # fmt: skip

    @property
    def title(self) -> str:
        """Which suite, at which scale."""
        if self.document is None:
            return f"kdprobe suite: {len(self.planned)} steps planned, none run"
        return f"kdprobe suite {self.document.name} at scale {self.document.scale}"

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answers to the claims, and the steps without a result."""
        answers = self.document.answers if self.document else ()
        return (
            *(f"{one.says} {one.answer}: {one.evidence}" for one in answers),
            *(f"{name} has no result: {reason}" for name, reason in self.failed),
        )

    @property
    def page(self) -> Path | None:
        """The page of the suite."""
        return None if self.document is None else self.folder / "suite.html"
