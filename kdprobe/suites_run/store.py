"""The results of steps on disk, a folder each, by address.

Does: say where a result lies, whether it is whole, and what was recorded of it; keep why a step
failed. Does not: make a result.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdprobe.atomic import write_text
from kdprobe.errors import UsageError
from kdprobe.leftovers import is_held
from kdprobe.plain_files import read_json
from kdprobe.suites_run.addresses import StepKind

RECORD, ERROR = "step.json", "error.json"
_DIGITS = 16
RESULT: dict[StepKind, str] = {"finetune": "model", "distill": "model", "augment": "texts.tsv",
                               "compare": "comparison"}  # fmt: skip


@dataclass(frozen=True)
class StepRecord:
    """What is known of a finished step.

    Args:
        kind: of the step.
        seconds: it took, of all its runs together where it was interrupted.
    """

    kind: StepKind
    seconds: float


@dataclass(frozen=True)
class ResultStore:
    """The results of one folder of suites.

    Args:
        root: the folder that `run_suite` writes.
    """

    root: Path

    def folder(self, address: str) -> Path:
        """Return where everything of a step lies."""
        return self.root / "steps" / address[:_DIGITS]

    def result(self, address: str, kind: StepKind) -> Path:
        """Return the model folder, the texts or the comparison of a step."""
        return self.folder(address) / RESULT[kind]

    def record(self, address: str) -> StepRecord | None:
        """Return the record of a step whose result is whole, or None."""
        held = _read(self.folder(address) / RECORD)
        if held is None or held.get("address") != address:
            return None
        kind: StepKind = held["kind"]
        if not self.result(address, kind).exists():
            return None
        return StepRecord(kind, float(held["seconds"]))

    def failure(self, address: str) -> str:
        """Return why the last try of a step failed; empty: it did not."""
        held = _read(self.folder(address) / ERROR)
        return str(held.get("error", "")) if held else ""

    def begun(self, address: str) -> bool:
        """Whether a step left something, whole or not."""
        return self.folder(address).is_dir()

    def state(self, address: str) -> str:
        """Return how far a step is that has no record: `running`, `to go on with` or `to make`."""
        if is_held(self.folder(address)):
            return "running"
        return "to go on with" if self.begun(address) else "to make"

    def write_record(self, address: str, kind: StepKind, name: str, seconds: float) -> None:
        """Record a step as finished; its result must be whole.

        Raises:
            OutputError: the place cannot be written.
        """
        folder = self.folder(address)
        held = {"address": address, "kind": kind, "name": name, "seconds": seconds}
        write_text(folder / RECORD, json.dumps(held, indent=1, sort_keys=True) + "\n")
        with contextlib.suppress(OSError):
            (folder / ERROR).unlink(missing_ok=True)

    def write_failure(self, address: str, error: str, trace: str) -> None:
        """Keep why a step failed; where that cannot be written, the terminal says it alone."""
        held = {"error": error, "trace": trace}
        with contextlib.suppress(UsageError, OSError):
            write_text(self.folder(address) / ERROR, json.dumps(held, indent=1) + "\n")


def _read(file: Path) -> dict[str, Any] | None:
    """Return a record, or None where there is none that is whole."""
    if not file.is_file():
        return None
    try:
        held = read_json(file)
    except UsageError:
        return None
    return held if isinstance(held, dict) else None
