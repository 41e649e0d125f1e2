"""One number of the first screen, or the reason why there is none. Does not compute."""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.results.schema import Estimate


@dataclass(frozen=True)
class Figure:
    """One number of the first screen: an estimate, or the reason why there is none.

    Args:
        key: its column (`agreement`, `kappa`, …).
        label: what a reader calls it.
        estimate: the number; None when no analysis gave it.
        absent: why there is none; empty when there is one (an estimate may itself be undefined).
        unit: its unit, as its metric says.
        left_out: whether nobody asked for the analysis that gives it.
    """

    key: str
    label: str
    estimate: Estimate | None
    absent: str = ""
    unit: str = ""
    left_out: bool = False

    @property
    def reason(self) -> str:
        """Why no value can be shown; empty when one can."""
        return self.estimate.undefined if self.estimate else self.absent

    @property
    def known(self) -> Estimate | None:
        """The estimate where it has a value."""
        return self.estimate if self.estimate and self.estimate.value is not None else None

    @property
    def value(self) -> float | None:
        """The number itself, None where there is none."""
        return None if self.estimate is None else self.estimate.value
