"""The document of a sweep: many students of one teacher, measured alike.

Does: say what was swept, what each run gave, every number of every student, which students nobody
beats, in frozen types; read it, write it, and give `sweep.csv`. Does not: compute or render.

A `student` is one setting of everything but the seed; its `runs` differ in the seed alone.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

from pydantic import Field, FiniteFloat, model_validator

from kdprobe.results.io import csv_cell, load_versioned, read_text
from kdprobe.results.schema import (
    Count,
    Estimate,
    Frozen,
    Metric,
    ModelInfo,
    Notice,
    ProducedBy,
    Request,
    TaskInfo,
)

SWEEP_VERSION: Literal[1] = 1


class SweepAxis(Frozen):
    """A swept setting by its full name, and its values as they were written."""

    key: str
    values: tuple[str, ...]


class SweepRun(Frozen):
    """One training, or the reason why there is none.

    `values` are the swept settings; `scores` and `fidelity` are of the evaluation split, by metric
    name, left out where undefined.
    """

    name: str
    student: str
    seed: int
    values: dict[str, str]
    failed: str = ""
    fingerprint: str = ""
    steps: Count = 0
    seconds: FiniteFloat = 0.0
    scores: dict[str, FiniteFloat] = Field(default_factory=dict)
    fidelity: dict[str, FiniteFloat] = Field(default_factory=dict)


class Front(Frozen):
    """The students that nobody beats in two respects at once.

    `cost` and `gain` are metric names; more of `gain` is better, and less of `cost` where
    `cost_falls`, else more. `students` go from the least gain to the most;
    `finding` says it in a sentence.
    """

    name: str
    cost: str
    gain: str
    cost_falls: bool
    students: tuple[str, ...]
    finding: str = ""


class SweepDocument(Frozen):
    """Everything the page, `sweep.csv` and the terminal show of a sweep.

    `estimates` are numbers of one student (or the teacher, `model_a`), and those of a student
    beside the teacher (`model_b`); `differences` are of the primary score, `model_a` minus
    `model_b`, `q_value` after Holm over all of them; `closeness_differences` the same of each
    number of closeness to the teacher (`NUMBER_difference`). `sentences` say it in words,
    `pace` how speed was measured.
    """

    schema_version: Literal[1] = SWEEP_VERSION
    document: Literal["sweep"] = "sweep"
    produced_by: ProducedBy
    request: Request
    task: TaskInfo
    score: str
    closeness: str
    axes: tuple[SweepAxis, ...]
    teacher: ModelInfo
    students: tuple[ModelInfo, ...]
    runs: tuple[SweepRun, ...]
    metrics: tuple[Metric, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    differences: tuple[Estimate, ...] = ()
    closeness_differences: tuple[Estimate, ...] = ()
    fronts: tuple[Front, ...] = ()
    sentences: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    pace: str = ""

    @model_validator(mode="after")
    def _metrics_are_explained(self) -> SweepDocument:
        explained = {metric.name for metric in self.metrics}
        fronts = [name for front in self.fronts for name in (front.gain, front.cost)]
        estimates = [estimate.metric for estimate in self.estimates]
        for name in (self.score, self.closeness, *fronts, *estimates):
            if name not in explained:
                raise ValueError(f"metric {name} has no definition")
        return self

    def find(self, metric: str, model: str) -> Estimate | None:
        """Return a number of a model, or of a student beside the teacher; None: there is none."""
        return next(
            (
                e
                for e in self.estimates
                if e.metric == metric and model in (e.model_b or e.model_a,)
            ),
            None,
        )

    def metric(self, name: str) -> Metric:
        """Return what a number means."""
        return next(metric for metric in self.metrics if metric.name == name)

    def runs_of(self, student: str) -> tuple[SweepRun, ...]:
        """Return the runs of a student that were trained."""
        return tuple(run for run in self.runs if run.student == student and not run.failed)

    @property
    def failed(self) -> tuple[SweepRun, ...]:
        """The runs that gave no student."""
        return tuple(run for run in self.runs if run.failed)


def loads_sweep(text: str, *, where: str = "sweep.json") -> SweepDocument:
    """Read a document of a sweep; the version is looked at before anything else.

    Raises:
        ResultsFormatError: not JSON, no version, a version from the future, or fields that this
            version does not know.
    """
    return load_versioned(SweepDocument, text, where=where, newest=SWEEP_VERSION, name="sweep.json")


def read_sweep(path: Path) -> SweepDocument:
    """Read a document from a file, or from the folder that holds `sweep.json`.

    Raises:
        ResultsFormatError: the file cannot be read or is none; see `loads_sweep`.
    """
    file = path / "sweep.json" if path.is_dir() else path
    return loads_sweep(read_text(file), where=str(file))


_OF_STUDENT = ("parameters", "bytes", "throughput", "latency_p50")


def sweep_csv(document: SweepDocument) -> str:
    """Return one row a run: settings, scores, fidelity, and the size and speed of its student.

    Empty where a number is undefined or the run failed; intervals are in `sweep.json`.
    """
    axes = [axis.key for axis in document.axes if axis.key != "seed"]
    scores = sorted({name for run in document.runs for name in run.scores})
    close = sorted({name for run in document.runs for name in run.fidelity})
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        ["run", "student", *axes, "seed", *scores, *close, *_OF_STUDENT, "fronts",
         "steps", "seconds", "failed"]
    )  # fmt: skip
    for run in document.runs:
        sizes = [] if run.failed else [document.find(name, run.student) for name in _OF_STUDENT]
        fronts = " ".join(front.name for front in document.fronts if run.student in front.students)
        row: list[str | float | None] = [run.name, run.student]
        row += [*(run.values[axis] for axis in axes), run.seed]
        row += [*(run.scores.get(name) for name in scores)]
        row += [*(run.fidelity.get(name) for name in close)]
        row += [number.value if number else None for number in sizes] or [None] * len(_OF_STUDENT)
        row += ["" if run.failed else fronts, run.steps, run.seconds, run.failed]
        writer.writerow([csv_cell(value) for value in row])
    return buffer.getvalue()
