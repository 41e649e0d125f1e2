"""Jobs that other processes can do: they say where they ran, raise, or die."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kdprobe.errors import TaskError
from kdprobe.progress import Progress


@dataclass(frozen=True)
class Where:
    """Says in which process it ran, with how many threads, and for whom."""

    name: str
    memory: int = 0

    def run(self, progress: Progress) -> tuple[int, int, bool]:
        """Return the process, its threads of torch, and whether it works for another."""
        import torch

        from kdprobe.workers.process import is_worker

        return os.getpid(), torch.get_num_threads(), is_worker()


@dataclass(frozen=True)
class Dies:
    """Kills its process, once or always."""

    name: str
    mark: Path
    always: bool = False
    memory: int = 0

    def run(self, progress: Progress) -> tuple[int, int, bool]:
        """Be gone without a trace."""
        if self.always or not self.mark.exists():
            self.mark.write_text("dead")
            os._exit(9)
        return Where(self.name).run(progress)


@dataclass(frozen=True)
class Raises:
    """Raises what a person would be told."""

    name: str
    memory: int = 0

    def run(self, progress: Progress) -> tuple[int, int, bool]:
        """Raise."""
        raise TaskError("here", found="nothing", expected="something", remedy="look")
