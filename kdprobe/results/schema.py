"""The results document: the one typed thing between the analyses and the page.

Does: say what a run asked, what it saw and what came out, in frozen types. Does not: compute, read
files, or know any model. `parts.py` holds the numbers, tables and charts it is made of.

Reading order: `Estimate` (parts), `AnalysisResult`, `ResultsDocument`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, JsonValue, ValidationInfo, field_validator

from kdprobe.results.parts import (
    Cell,
    Column,
    Count,
    Curve,
    Estimate,
    Frozen,
    Matrix,
    Metric,
    Numerous,
    Series,
    Table,
)
from kdprobe.results.renamed import present_name
from kdprobe.results.set_names import set_name
from kdprobe.results.words import ExampleWords

TaskKind = Literal["classification", "regression", "multilabel"]
"""`classification`: one of several labels; `multilabel`: any number of them at once; `regression`:
a number."""

__all__ = [
    "SCHEMA_VERSION", "AnalysisResult", "Cell", "Column", "Count", "Curve", "Estimate", "Example",
    "ExamplePrediction", "ExampleWords", "Frozen", "Gap", "Matrix", "Metric", "ModelInfo",
    "ModelSource", "Notice", "ProducedBy", "Request", "ResultsDocument", "Role", "Series",
    "Skipped", "Table", "TaskInfo", "TaskKind",
]  # fmt: skip

SCHEMA_VERSION: Literal[2] = 2

ModelSource = Literal[
    "transformers", "ONNX folder", "predictions file", "loaded model", "function", "arrays"
]
"""What kind of thing was compared; the last three were objects of a Python program."""


Role = Literal["teacher", "student", "control"]
"""What a compared model is; a control is a student that learnt without the teacher."""


class Notice(Frozen):
    """Something the reader must know before the numbers.

    `alarm`: a number that cannot be right, shown red in the page's head. `warning`: a choice or a
    flaw that moves numbers. `note`: worth knowing.
    """

    code: str
    severity: Literal["alarm", "warning", "note"]
    message: str
    models: tuple[str, ...] = ()


class Gap(Frozen):
    """One row of *what was lost*: what the teacher has on a subset and the student does not.

    `gap` is teacher minus student in the unit of the metric; positive means lost. `examples` are
    ids of up to three examples that the teacher gets right and the student does not; `quotes` are
    texts of such, where they are no examples of the split (minimal pairs).
    """

    student: str
    kind: str
    subset: str
    metric: str
    teacher_value: FiniteFloat
    student_value: FiniteFloat
    gap: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    p_value: FiniteFloat | None = None
    q_value: FiniteFloat | None = None
    n: Count
    examples: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()


class AnalysisResult(Frozen):
    """What one analysis found; `version` is raised when the meaning of a number changes."""

    name: str
    version: int
    title: str
    caption: str = ""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    tables: tuple[Table, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    curves: tuple[Curve, ...] = ()
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[Notice, ...] = ()
    notes: tuple[str, ...] = ()

    @field_validator("estimates")
    @classmethod
    def _explained_and_bounded(
        cls, estimates: tuple[Estimate, ...], info: ValidationInfo
    ) -> tuple[Estimate, ...]:
        explained = {metric.name: metric for metric in info.data.get("metrics", ())}
        for estimate in estimates:
            if estimate.metric not in explained:
                name = info.data.get("name")
                raise ValueError(f"{name}: metric {estimate.metric} has no definition")
        return tuple(explained[estimate.metric].bounded(estimate) for estimate in estimates)


class ProducedBy(Frozen):
    """What made the document."""

    kdprobe: str
    python: str
    platform: str
    packages: dict[str, str] = Field(default_factory=dict)
    threads: int | None = None
    device: str = ""
    dtype: str = ""
    created: str = ""


class Request(Frozen):
    """What was asked: the command as typed and every option after defaults were filled in."""

    command: str
    seed: int
    options: dict[str, JsonValue] = Field(default_factory=dict)


class TaskInfo(Frozen):
    """The task and the split that all numbers are about.

    `sets` are, of a multi-label task, the sets of labels that examples and predictions may have, as
    places of the labels; `clusters` is in how many clusters of dependent examples the n lie, by the
    column `clustered_by`; None: they are independent.
    """

    name: str
    version: int
    kind: TaskKind
    labels: tuple[str, ...]
    primary_score: str
    split: str
    n: Count
    clusters: Count | None = None
    clustered_by: str = ""
    fingerprint: str
    label_counts: dict[str, int] = Field(default_factory=dict)
    sets: tuple[tuple[int, ...], ...] = ()
    citation: str = ""
    description: str = ""

    @property
    def answers(self) -> tuple[str, ...]:
        """The names that `label` of an example or of a prediction is an index into."""
        return tuple(set_name(self.labels, each) for each in self.sets) or self.labels

    @property
    def in_clusters(self) -> str:
        """What follows the number of examples where they come in clusters, else nothing."""
        if self.clusters in (None, self.n):
            return ""
        return f" in {self.clusters:,} clusters of equal {self.clustered_by}"


class ModelInfo(Frozen):
    """A compared model; `runs` has one entry per seed, `folder` is a name, never a full path."""

    name: str
    role: Role
    source: ModelSource
    folder: str
    architecture: str = ""
    fingerprint: str = ""
    runs: Annotated[int, Field(ge=1)] = 1
    parameters: int | None = None
    notes: tuple[str, ...] = ()


class ExamplePrediction(Numerous):
    """What one model says of one example (its first run, when it has several).

    `label` is an index into the task's answers (None for a regression), `confidence` that one's
    probability, `probabilities` those of the task's labels (empty when only labels are known; of a
    multi-label task each by itself), `score` the predicted number of a regression. Of many classes
    `probabilities` are those of `of_labels` alone: the likeliest from the first down, and the gold
    label; all are in predictions.parquet.
    """

    model: str
    label: int | None = None
    confidence: FiniteFloat | None = None
    probabilities: tuple[FiniteFloat, ...] = ()
    of_labels: tuple[int, ...] = ()
    score: FiniteFloat | None = None


class Example(Numerous):
    """A row of the example browser; `words` when its words were explained."""

    id: str
    text: str
    text_pair: str | None = None
    label: int | None = None
    score: FiniteFloat | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    predictions: tuple[ExamplePrediction, ...]
    words: ExampleWords | None = None


class Skipped(Frozen):
    """Something asked for, or part of the default, that did not run, and why."""

    what: str
    reason: str
    models: tuple[str, ...] = ()
    requested: bool = False


class ResultsDocument(Frozen):
    """Everything the page, `metrics.csv` and the terminal show."""

    schema_version: Literal[2] = SCHEMA_VERSION
    produced_by: ProducedBy
    request: Request
    task: TaskInfo
    models: tuple[ModelInfo, ...]
    analyses: tuple[AnalysisResult, ...] = ()
    warnings: tuple[Notice, ...] = ()
    examples: tuple[Example, ...] = ()
    examples_total: Count = 0
    skipped: tuple[Skipped, ...] = ()
    timings: dict[str, FiniteFloat] = Field(default_factory=dict)

    @field_validator("models")
    @classmethod
    def _one_is_the_teacher(cls, models: tuple[ModelInfo, ...]) -> tuple[ModelInfo, ...]:
        teachers = sum(model.role == "teacher" for model in models)
        if teachers != 1:
            raise ValueError(f"{teachers} of {len(models)} models are the teacher, one is")
        return models

    def analysis(self, name: str) -> AnalysisResult | None:
        """Return the result of an analysis, by its name or an old one, or None: it did not run."""
        name = present_name(name)
        return next((result for result in self.analyses if result.name == name), None)

    def find(
        self, analysis: str, metric: str, model_a: str, model_b: str = "", subset: str = "all"
    ) -> Estimate | None:
        """Return the first estimate with these coordinates, or None."""
        result = self.analysis(analysis)
        for estimate in result.estimates if result else ():
            if (estimate.metric, estimate.model_a) == (metric, model_a) and (
                estimate.model_b,
                estimate.subset,
            ) == (model_b, subset):
                return estimate
        return None

    @property
    def teacher(self) -> ModelInfo:
        """The model all students are measured against."""
        return next(model for model in self.models if model.role == "teacher")

    @property
    def students(self) -> tuple[ModelInfo, ...]:
        """The students, in the order they were given, controls among them."""
        return tuple(model for model in self.models if model.role != "teacher")
