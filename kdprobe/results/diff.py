"""The document of a diff: what changed between two reports of the same split.

Does: frozen types of what changed: models, numbers, definitions, analyses, settings. Does not: find
or compute any of it; `comparison/` does.
"""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from kdprobe.results.schema import Estimate, Frozen, Metric, Notice, ProducedBy, Request, TaskInfo

DIFF_VERSION: Literal[1] = 1

SameModel = Literal["same weights", "other weights", "not told", "new", "gone"]
"""What became of a model: its fingerprint tells; `not told` where a report has none of it."""

Verdict = Literal[
    "better", "worse", "higher", "lower", "within noise", "unchanged", "no interval", "undefined"
]
"""What may be said of a change; *higher* and *lower* of numbers that have no better direction."""


class DiffSide(Frozen):
    """One of the two reports: where it was read, by which kdprobe it was made, what was asked."""

    name: str
    schema_version: int
    produced_by: ProducedBy
    request: Request
    task: TaskInfo


class ModelChange(Frozen):
    """A model of either report; `before` and `after` are its names there, empty where it is not.

    `note` says more of its weights: that the other report has them under another name.
    """

    before: str
    after: str
    role: str
    state: SameModel
    fingerprint_before: str = ""
    fingerprint_after: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """Its name in the later report, else in the earlier."""
        return self.after or self.before


class NumberChange(Frozen):
    """A number that both reports have.

    `change` is after minus before, at the coordinates of the later report; its interval is paired,
    over the same resamples of the same examples, and `p_value`, `q_value` are of "nothing changed".
    `why` says why there is no interval, where there is none.
    """

    analysis: str
    before: Estimate
    after: Estimate
    change: Estimate
    verdict: Verdict
    why: str = ""

    @model_validator(mode="after")
    def _interval_or_reason(self) -> NumberChange:
        if (self.change.low is None) == (not self.why):
            raise ValueError(f"change of {self.analysis}: give an interval or the reason for none")
        return self


class OtherDefinition(Frozen):
    """A number, or a whole analysis (`metric` empty), that is not compared, and what differs."""

    analysis: str
    metric: str
    differs: str
    before: str
    after: str


class AnalysisChange(Frozen):
    """An analysis (`whole`), or so many numbers of one, that only one of the two reports has.

    `reason` says why it did not run in the other, or of which models the numbers are.
    """

    analysis: str
    state: Literal["new", "gone"]
    numbers: int
    whole: bool = True
    reason: str = ""


class SettingChange(Frozen):
    """A setting that differs; empty where a report does not name it."""

    name: str
    before: str
    after: str


class DiffDocument(Frozen):
    """What changed from one report to another.

    `changes` are in the order of the later report; `metrics` explains each number by
    `analysis.metric`.
    """

    document: Literal["diff"] = "diff"
    schema_version: Literal[1] = DIFF_VERSION
    produced_by: ProducedBy
    before: DiffSide
    after: DiffSide
    same_examples: bool
    seed: int
    resamples: int
    models: tuple[ModelChange, ...]
    metrics: dict[str, Metric]
    changes: tuple[NumberChange, ...]
    definitions: tuple[OtherDefinition, ...] = ()
    analyses: tuple[AnalysisChange, ...] = ()
    settings: tuple[SettingChange, ...] = ()
    notices: tuple[Notice, ...] = ()

    def metric(self, change: NumberChange) -> Metric:
        """Return what a number means."""
        return self.metrics[f"{change.analysis}.{change.change.metric}"]

    @property
    def task(self) -> TaskInfo:
        """The task, as the later report names it."""
        return self.after.task

    @property
    def teacher(self) -> ModelChange:
        """The teacher of the later report."""
        return next(model for model in self.models if model.role == "teacher" and model.after)

    @property
    def students(self) -> tuple[ModelChange, ...]:
        """The students of the later report."""
        return tuple(model for model in self.models if model.role != "teacher" and model.after)

    @property
    def compared(self) -> tuple[ModelChange, ...]:
        """The models of both reports."""
        return tuple(model for model in self.models if model.before and model.after)
