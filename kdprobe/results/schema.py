"""The results document: the one typed thing between the analyses and the page.

Does: say what a run asked, what it saw and what came out, in frozen types that refuse NaN and
refuse a number without a value or a reason. Does not: compute, read files, or know any model.

Reading order: `Estimate`, `AnalysisResult`, `ResultsDocument`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, model_validator

SCHEMA_VERSION: Literal[1] = 1

Count = Annotated[int, Field(ge=0)]
Cell = str | int | FiniteFloat | bool | None


class Frozen(BaseModel):
    """A part of the document: immutable, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Metric(Frozen):
    """What a number means, said once for all numbers of that name in an analysis.

    `definition` is one plain sentence for the report; `minimum` and `maximum` bound the value
    (None: unbounded); `higher_is_better` is None for a number that is neither.
    """

    name: str
    label: str
    definition: str
    unit: str = ""
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    higher_is_better: bool | None = None
    source: str = ""


class Estimate(Frozen):
    """One number with its interval, or the reason why there is none.

    The coordinates (`metric` … `method`) are the columns of `metrics.csv`. `model_b` is empty for a
    number about one model; for a pair `model_a` is the teacher or the earlier named model.
    `interval` says how low and high were made; `note` adds a caveat to a defined number.

    >>> Estimate(metric="accuracy", model_a="s", value=0.5, low=0.4, high=0.6, n=100).value
    0.5
    """

    metric: str
    model_a: str
    model_b: str = ""
    subset: str = "all"
    layer: str = ""
    pooling: str = ""
    method: str = ""
    value: FiniteFloat | None = None
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    interval: str = ""
    p_value: Annotated[float, Field(ge=0, le=1)] | None = None
    q_value: Annotated[float, Field(ge=0, le=1)] | None = None
    n: Count | None = None
    undefined: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _value_or_reason(self) -> Estimate:
        if (self.value is None) == (self.undefined == ""):
            raise ValueError(
                f"estimate {self.metric} of {self.model_a}: give a value or the reason why it is "
                f"undefined, not both and not neither"
            )
        if (self.low is None) != (self.high is None):
            raise ValueError(f"estimate {self.metric}: an interval needs both ends")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"estimate {self.metric}: interval {self.low} > {self.high}")
        return self


class Column(Frozen):
    """A column of a table; `kind` decides how cells are shown and sorted."""

    name: str
    label: str
    kind: Literal["text", "count", "number", "share", "example"] = "text"
    unit: str = ""


class Table(Frozen):
    """A table; a cell in an `example` column holds an example id, shown as a link."""

    name: str
    title: str
    caption: str = ""
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @model_validator(mode="after")
    def _rectangular(self) -> Table:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.name}: {len(row)} cells, {len(self.columns)} columns"
                )
        return self


class Matrix(Frozen):
    """A heat map: rows × columns of numbers, None where undefined (`undefined` says why)."""

    name: str
    title: str
    caption: str = ""
    row_title: str
    column_title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[FiniteFloat | None, ...], ...]
    unit: str = ""
    scale: Literal["sequential", "diverging"] = "sequential"
    undefined: str = ""

    @model_validator(mode="after")
    def _rectangular(self) -> Matrix:
        if len(self.values) != len(self.rows) or any(
            len(row) != len(self.columns) for row in self.values
        ):
            raise ValueError(f"matrix {self.name}: values do not fit its rows and columns")
        return self


class Series(Frozen):
    """One named run of points; `low`/`high` are a band, `counts` the examples behind each point.

    `labels` names each point (the row names of a forest plot, example ids of a scatter).
    """

    name: str
    x: tuple[FiniteFloat, ...]
    y: tuple[FiniteFloat, ...] = ()
    low: tuple[FiniteFloat | None, ...] = ()
    high: tuple[FiniteFloat | None, ...] = ()
    counts: tuple[Count, ...] = ()
    labels: tuple[str, ...] = ()


class Curve(Frozen):
    """A chart with axes; in a `forest` x is the value and `labels` are the rows."""

    name: str
    title: str
    caption: str = ""
    kind: Literal["line", "scatter", "reliability", "forest", "bars"] = "line"
    x_title: str
    y_title: str
    series: tuple[Series, ...]
    reference: FiniteFloat | None = None


class Notice(Frozen):
    """Something the reader must know before the numbers.

    `alarm`: a number that cannot be right, shown red in the page's head. `warning`: a choice or a
    flaw that moves numbers. `note`: worth knowing.
    """

    code: str
    severity: Literal["alarm", "warning", "note"]
    message: str
    models: tuple[str, ...] = ()


class Loss(Frozen):
    """One row of *what was lost*: what the teacher has on a subset and the student does not.

    `gap` is teacher minus student in the unit of the metric; positive means lost. `examples` are
    ids of up to three examples that the teacher gets right and the student does not.
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


class AnalysisResult(Frozen):
    """What one analysis found; `version` is raised when the meaning of a number changes."""

    name: str
    version: int
    title: str
    caption: str = ""
    options: dict[str, JsonValue] = {}
    metrics: tuple[Metric, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    tables: tuple[Table, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    curves: tuple[Curve, ...] = ()
    losses: tuple[Loss, ...] = ()
    warnings: tuple[Notice, ...] = ()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _metrics_are_explained(self) -> AnalysisResult:
        explained = {metric.name for metric in self.metrics}
        for estimate in self.estimates:
            if estimate.metric not in explained:
                raise ValueError(f"{self.name}: metric {estimate.metric} has no definition")
        return self


class ProducedBy(Frozen):
    """What made the document."""

    kdprobe: str
    python: str
    platform: str
    packages: dict[str, str] = {}
    threads: int | None = None
    device: str = ""
    dtype: str = ""
    created: str = ""


class Request(Frozen):
    """What was asked: the command as typed and every option after defaults were filled in."""

    command: str
    seed: int
    options: dict[str, JsonValue] = {}


class TaskInfo(Frozen):
    """The task and the split that all numbers are about."""

    name: str
    version: int
    kind: Literal["classification", "regression"]
    labels: tuple[str, ...]
    primary_score: str
    split: str
    n: Count
    fingerprint: str
    label_counts: dict[str, int] = {}
    citation: str = ""
    description: str = ""


class ModelInfo(Frozen):
    """A compared model; `runs` has one entry per seed, `folder` is a name, never a full path."""

    name: str
    role: Literal["teacher", "student"]
    source: Literal["transformers", "predictions file"]
    folder: str
    architecture: str = ""
    fingerprint: str = ""
    runs: Annotated[int, Field(ge=1)] = 1
    parameters: int | None = None
    notes: tuple[str, ...] = ()


class ExamplePrediction(Frozen):
    """What one model says of one example (its first run, when it has several).

    `label` is an index into the task's labels (None for a regression), `confidence` the probability
    of that label, `probabilities` all of them (empty when only labels are known), `score` the
    predicted number of a regression.
    """

    model: str
    label: int | None = None
    confidence: FiniteFloat | None = None
    probabilities: tuple[FiniteFloat, ...] = ()
    score: FiniteFloat | None = None


class Example(Frozen):
    """A row of the example browser."""

    id: str
    text: str
    text_pair: str | None = None
    label: int | None = None
    score: FiniteFloat | None = None
    columns: dict[str, str] = {}
    predictions: tuple[ExamplePrediction, ...]


class Skipped(Frozen):
    """Something asked for, or part of the default, that did not run, and why."""

    what: str
    reason: str
    models: tuple[str, ...] = ()
    requested: bool = False


class ResultsDocument(Frozen):
    """Everything the page, `metrics.csv` and the terminal show."""

    schema_version: Literal[1] = SCHEMA_VERSION
    produced_by: ProducedBy
    request: Request
    task: TaskInfo
    models: tuple[ModelInfo, ...]
    analyses: tuple[AnalysisResult, ...] = ()
    warnings: tuple[Notice, ...] = ()
    examples: tuple[Example, ...] = ()
    examples_total: Count = 0
    skipped: tuple[Skipped, ...] = ()
    timings: dict[str, FiniteFloat] = {}

    def analysis(self, name: str) -> AnalysisResult | None:
        """Give the result of an analysis, or None when it did not run."""
        return next((result for result in self.analyses if result.name == name), None)

    def find(
        self, analysis: str, metric: str, model_a: str, model_b: str = "", subset: str = "all"
    ) -> Estimate | None:
        """Give the first estimate with these coordinates, or None."""
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
        """The students, in the order they were given."""
        return tuple(model for model in self.models if model.role == "student")
