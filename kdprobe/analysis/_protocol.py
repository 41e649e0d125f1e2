"""What an analysis is, and where they are found.

Does: name the protocol each file of this folder answers, and its registry. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from kdprobe.observations import Study
from kdprobe.registry import Plugins
from kdprobe.results.schema import AnalysisResult


class Analysis(Protocol):
    """One file of `analysis/`: arrays in, estimates out; never a model, never torch.

    `version` is that of its definitions; `after` names analyses whose results it reads from `done`
    when they ran (they are run first).
    """

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def version(self) -> int:
        """Raised when the meaning of a number changes."""

    @property
    def title(self) -> str:
        """The heading a reader sees."""

    @property
    def after(self) -> tuple[str, ...]:
        """Analyses whose results this one reads."""

    @property
    def options(self) -> type[BaseModel]:
        """The frozen model of its options; all have defaults."""

    def unmet(self, study: Study) -> str | None:
        """Give the reason why this study cannot be analysed, in plain words, or None."""

    def run(self, study: Study, options: Any, done: Mapping[str, AnalysisResult]) -> AnalysisResult:
        """Analyse a study for which `unmet` gave None."""


ANALYSES: Plugins[Analysis] = Plugins(
    package="kdprobe.analysis",
    attribute="ANALYSIS",
    kind="analysis",
    entry_points="kdprobe.analyses",
)
