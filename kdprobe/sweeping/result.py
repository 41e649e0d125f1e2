"""The result of a sweep.

Does: hold its document, or the checks of a dry run, and show them. Does not: train or measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kdprobe.atomic import require_empty_folder
from kdprobe.errors import ConfigError
from kdprobe.results.schema import Estimate
from kdprobe.results.shown import ShownResult
from kdprobe.results.sweep import SweepDocument
from kdprobe.sweeping.document import write_all


class DryRow(NamedTuple):
    """A run that was only checked: its facts and time, or the reason why it cannot be trained."""

    name: str
    parameters: str
    steps: str
    seconds: float
    failed: str = ""


@dataclass(frozen=True, repr=False)
class Sweep(ShownResult):
    """The result of a sweep.

    Args:
        folder: where the students and the files are.
        document: everything that was measured; None for a dry run.
        checked: the runs of a dry run.
    """

    folder: Path
    document: SweepDocument | None = None
    checked: tuple[DryRow, ...] = ()

    @property
    def failed(self) -> tuple[tuple[str, str], ...]:
        """The runs that gave, or would give, no student: their names and the reasons."""
        if self.document is not None:
            return tuple((run.name, run.failed) for run in self.document.failed)
        return tuple((row.name, row.failed) for row in self.checked if row.failed)

    @property
    def numbers(self) -> list[tuple[str, Estimate]]:
        """The numbers of every student, then the differences of students; none of a dry run."""
        if self.document is None:
            return []
        parts = {"sweep": self.document.estimates, "differences": self.document.differences}
        return [(part, each) for part, numbers in parts.items() for each in numbers]

    @property
    def title(self) -> str:
        """What was swept, on what."""
        if self.document is None:
            return f"kdprobe sweep: {len(self.checked)} runs checked, none trained"
        task, runs = self.document.task, self.document.runs
        return f"kdprobe sweep on {task.name} {task.split} (n = {task.n}), {len(runs)} runs"

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the page says in words, and the runs that gave no student."""
        on_page = () if self.document is None else self.document.sentences
        return (*on_page, *(f"{name} gives no student: {reason}" for name, reason in self.failed))

    @property
    def page(self) -> Path | None:
        """The page of the sweep."""
        return None if self.document is None else self.folder / "sweep.html"

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write sweep.json, sweep.csv and sweep.html into a folder, all or none.

        Args:
            folder: a new or empty one.
            force: write into one that is not empty.

        Raises:
            ConfigError: a dry run, which measured nothing.
            OutputError: the folder is not empty, or cannot be written.
        """
        if self.document is None:
            raise ConfigError("a dry run", found="measured nothing", expected="a sweep to save")
        require_empty_folder(Path(folder), force=force)
        write_all(self.document, Path(folder))
        return Path(folder)
