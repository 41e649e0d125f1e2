"""From the measurements of a sweep's students to its document and files.

Does: put numbers, fronts and sentences into a `SweepDocument` and write `sweep.json`, `sweep.csv`
and `sweep.html` together. Does not: open a model or compute a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from kdprobe import atomic
from kdprobe.analysis.efficiency.metrics import METRICS as SIZES
from kdprobe.analysis.student_differences.metrics import difference_of
from kdprobe.analysis.task_scores.views import primary_name
from kdprobe.comparison.document import produced_by, task_info
from kdprobe.observations.study import Study
from kdprobe.portable import portable_tree
from kdprobe.results.io import dumps
from kdprobe.results.schema import Metric, Request
from kdprobe.results.sweep import SweepAxis, SweepDocument, SweepRun, loads_sweep, sweep_csv
from kdprobe.sweeping.measure import MeasuredSweep, TrainingOutcome, students_of
from kdprobe.sweeping.plan import SweepPlan, SweepRequest
from kdprobe.sweeping.scores import (
    CLOSE,
    DEFINED,
    PEARSON,
    closeness_of,
    closeness_rows,
    fronts,
    numbers,
    of_each_run,
)
from kdprobe.sweeping.sentences import in_words
from kdprobe.sweeping.statistics import closeness_differences, difference_metric, score_differences


def make_document(
    plan: SweepPlan,
    request: SweepRequest,
    trained: Mapping[str, TrainingOutcome],
    measured: MeasuredSweep,
    *,
    command: str,
) -> SweepDocument:
    """Build the document, as it is when it is read back from its file."""
    study = measured.study
    score = primary_name(study)
    estimates = (*numbers(study), *measured.sizes)
    used = {number.metric for number in estimates}
    metrics = [metric for metric in (*DEFINED.values(), *SIZES) if metric.name in used]
    recorded = Request(command=command, seed=request.seed, options=_options(request, measured))
    document = SweepDocument(
        produced_by=produced_by(recorded),
        request=recorded,
        task=task_info(study),
        score=score,
        closeness=closeness_of(study),
        axes=tuple(SweepAxis(key=axis.key, values=axis.values) for axis in plan.axes),
        teacher=measured.models[0],
        students=measured.models[1:],
        runs=_runs(plan, trained, measured),
        metrics=(*metrics, difference_metric(DEFINED[score]), *_of_closeness(study)),
        estimates=estimates,
        differences=score_differences(study),
        closeness_differences=closeness_differences(study, closeness_rows(study)),
        fronts=fronts(study, estimates, score=score),
        notices=measured.notices,
        pace=measured.pace,
    )
    return loads_sweep(dumps(in_words(document)))


def _of_closeness(study: Study) -> list[Metric]:
    """Define the differences of closeness."""
    return [
        difference_of(DEFINED[name], name=f"{name}_difference") for name in closeness_rows(study)
    ]


def _runs(
    plan: SweepPlan, trained: Mapping[str, TrainingOutcome], measured: MeasuredSweep
) -> tuple[SweepRun, ...]:
    values = of_each_run(measured.study, students_of(plan, trained))
    close = (*CLOSE, PEARSON.name)
    rows = []
    for run in plan.runs:
        outcome, scores = trained[run.name], values.get(run.name, {})
        rows.append(
            SweepRun(
                name=run.name,
                student=run.variant.configuration,
                seed=run.seed,
                values=dict(run.variant.values),
                failed=outcome.failed,
                fingerprint=measured.fingerprints.get(run.name, "")[:16],
                steps=outcome.steps,
                seconds=round(outcome.seconds, 3),
                scores={name: value for name, value in scores.items() if name not in close},
                fidelity={name: value for name, value in scores.items() if name in close},
            )
        )
    return tuple(rows)


def _options(request: SweepRequest, measured: MeasuredSweep) -> dict[str, JsonValue]:
    """Every choice that is the same for all runs; no full paths."""
    record = portable_tree(request.record(""))
    kept = {
        name: record[name] for name in ("student", "recipe", "settings") if record[name]
    } | record["options"]
    kept["recipe"] = Path(request.recipe).name
    return {
        "task": Path(request.task).name,
        **kept,
        "device": measured.device,
        "dtype": "float32",
        "resamples": measured.study.resamples,
    }


def write_all(document: SweepDocument, folder: Path) -> None:
    """Write `sweep.json`, `sweep.csv` and `sweep.html` beside the students, all or none.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    from kdprobe.report.sweep import render_sweep

    with atomic.staged_folder(folder) as stage:
        (stage / "sweep.json").write_text(dumps(document), encoding="utf-8")
        (stage / "sweep.csv").write_text(sweep_csv(document), encoding="utf-8")
        (stage / "sweep.html").write_text(render_sweep(document), encoding="utf-8")
