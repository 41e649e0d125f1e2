"""What an analysis is, and where they are found.

Does: name the protocol each file of this folder answers, its registry, and which examples an
analysis is given. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from kdprobe.config.base import Options
from kdprobe.observations.study import Study
from kdprobe.registry import Plugins
from kdprobe.results.schema import AnalysisResult

Gold = Literal["needed", "unread", "both"]


class NoOptions(Options):
    """The options of an analysis with nothing to choose."""


class Analysis(Protocol):
    """One file of `analysis/`: arrays in, estimates out; never a model, never torch.

    `version` is that of its definitions; `after` names analyses whose results it reads from `done`
    when they ran (they are run first). `gold` says what it makes of gold labels: `needed` (all its
    numbers are measured against them), `unread` (none is), or `both`. `defines` names every metric
    it can give, so that a gate on a misspelt one is refused before anything runs.
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
    def gold(self) -> Gold:
        """Whether its numbers are measured against gold labels."""

    @property
    def reads(self) -> tuple[type, ...]:
        """The observations without which it cannot run; with no such line, none but the outputs."""

    @property
    def defines(self) -> tuple[str, ...]:
        """The names of its metrics, of every kind of task."""

    @property
    def options(self) -> type[BaseModel]:
        """The frozen model of its options; all have defaults."""

    def skip_reason(self, study: Study) -> str | None:
        """Return the reason why this study cannot be analysed, in plain words, or None."""

    def run(self, study: Study, options: Any, done: Mapping[str, AnalysisResult]) -> AnalysisResult:
        """Analyse a study for which `skip_reason` gave None."""


ANALYSES: Plugins[Analysis] = Plugins(
    package="kdprobe.analysis",
    attribute="ANALYSIS",
    kind="analysis",
    entry_points="kdprobe.analyses",
    apart=("clusters", "estimates", "examples", "gold", "protocol", "relations", "slicing"),
)


def examples_for(analysis: Analysis, study: Study) -> Study:
    """Return the examples that an analysis is to look at.

    An analysis that needs gold labels gets those that have one; one that needs none, or both kinds,
    gets all, and one of both kinds takes `study.with_gold()` for the numbers that need them. A
    third party's analysis that does not say is taken to need them: it was written when every
    example had a label.
    """
    needs: Gold = getattr(analysis, "gold", "needed")
    return study.with_gold() if needs == "needed" else study


def described(analysis: Analysis, options: BaseModel) -> dict[str, Any]:
    """Return what a result says of how it was made: name, version, title and every option."""
    return {
        "name": analysis.name,
        "version": analysis.version,
        "title": analysis.title,
        "options": options.model_dump(mode="json"),
    }
