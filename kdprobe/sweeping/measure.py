"""The predictions, sizes and speed of every student of a sweep.

Does: open the teacher and each student, collect their predictions for the evaluation split, their
sizes and their speed, all timed beside each other. Does not: compute a score; `document.py` does,
with the analyses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdprobe.analysis.efficiency.estimates import cost_estimates
from kdprobe.cache import Cache
from kdprobe.collectors.examples import AnsweredSplit, answered_by_all
from kdprobe.distillers.asked_answers import AskedAnswers
from kdprobe.distillers.data import load_evaluation
from kdprobe.distillers.open_teacher import answers_of
from kdprobe.extract.efficiency import Pace, measure_speed
from kdprobe.extract.predictions import extract_predictions
from kdprobe.models.hf import HfModel
from kdprobe.models.label_sources import name_classes
from kdprobe.models.open import open_model
from kdprobe.models.predictions.file import PredictionsFile
from kdprobe.observations.efficiency import ModelCost, Times
from kdprobe.observations.label_sets import observed
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.progress import Progress
from kdprobe.results.schema import Estimate, ModelInfo, Notice
from kdprobe.sweeping.plan import SweepPlan, SweepRequest
from kdprobe.tasks.open import open_task
from kdprobe.tasks.task import Split
from kdprobe.workers.pool import Workers

RESAMPLES = 2000
PACE = Pace()
_BATCH = 64


@dataclass(frozen=True)
class TrainingOutcome:
    """How a run ended: its steps and seconds, or the reason why there is no student."""

    steps: int = 0
    seconds: float = 0.0
    failed: str = ""


@dataclass(frozen=True)
class MeasuredSweep:
    """The measurements of all models.

    Args:
        study: the predictions of the teacher and the students for the evaluation split; a student's
            runs are its seeds.
        models: the teacher first, then the students of the study.
        sizes: parameters, bytes, throughput and latency of every model.
        fingerprints: of each run's folder.
        pace: how speed was measured, in a sentence.
        device: where.
        notices: what the reader must know.
    """

    study: Study
    models: tuple[ModelInfo, ...]
    sizes: tuple[Estimate, ...]
    fingerprints: Mapping[str, str]
    pace: str
    device: str
    notices: tuple[Notice, ...]


def students_of(plan: SweepPlan, trained: Mapping[str, TrainingOutcome]) -> dict[str, list[str]]:
    """Return the runs of each student that were trained: what differs in the seed alone."""
    students: dict[str, list[str]] = {}
    for run in plan.runs:
        if not trained[run.name].failed:
            students.setdefault(run.variant.configuration, []).append(run.name)
    return students


def measure(
    plan: SweepPlan,
    request: SweepRequest,
    trained: Mapping[str, TrainingOutcome],
    folder: Path,
    progress: Progress,
) -> MeasuredSweep:
    """Run and time every model.

    Raises:
        UsageError: a folder that was changed since it was written, or a full disk.
    """
    examples = compared_examples(request, progress)
    split, students = examples.split, students_of(plan, trained)
    with Workers(request.options.get("jobs"), say=progress.say) as workers:
        readers = _Readers(request, split, progress, workers)
        teacher, predictions = readers.teacher()
        populations = [Population("teacher", "teacher", (predictions,))]
        held: dict[str, HfModel] = {"teacher": teacher} if isinstance(teacher, HfModel) else {}
        for name, runs in students.items():
            held[name], own = readers.read(name, [str(folder / run) for run in runs])
            populations.append(Population(name, "student", own))
    speed = measure_speed(held, split, pace=PACE, seed=request.seed, progress=progress)
    seeds = {name: len(runs) for name, runs in students.items()}
    device = next((model.device.type for model in held.values()), "cpu")
    shown: dict[str, HfModel | PredictionsFile | AskedAnswers] = {"teacher": teacher, **held}
    return MeasuredSweep(
        study=observed(split, tuple(populations), seed=request.seed, resamples=RESAMPLES),
        models=tuple(_info(name, model, seeds.get(name, 1)) for name, model in shown.items()),
        sizes=tuple(
            number
            for name, model in held.items()
            for number in _sizes(name, model, speed.times[name], seed=request.seed)
        ),
        fingerprints=readers.fingerprints,
        pace=speed.pace.sentence(device=device) + _untimed(teacher),
        device=device,
        notices=(*examples.notices, *readers.notices),
    )


def _untimed(teacher: HfModel | PredictionsFile | AskedAnswers) -> str:
    """Say why a teacher has no size and no speed."""
    if isinstance(teacher, HfModel):
        return ""
    what = teacher.gives.removesuffix(" that gives").removesuffix(" of")
    return f" The teacher is {what}: neither its size nor its speed is known."


def compared_examples(request: SweepRequest, progress: Progress) -> AnsweredSplit:
    """Return the examples that all models are measured on, each with an answer of the teacher.

    Raises:
        UsageError: they cannot be read; the teacher did not answer one, and none may be left out.
    """
    split, source = _evaluation(request), request.teacher
    if source.kind != "file":
        return AnsweredSplit(split, (), {})
    answers = answers_of(
        source, split.task, request.options.get("label_map"), device="cpu", offline=True,
        progress=progress,
    )  # fmt: skip
    assert isinstance(answers, PredictionsFile)
    return answered_by_all(split, [[answers]], request.options.get("missing") or "refuse")


def _evaluation(request: SweepRequest) -> Split:
    """Load the split that every run was scored on."""
    options = request.options
    offline = bool(options.get("offline"))
    task_file = name_classes(
        open_task(request.task, **request.columns),
        [request.teacher.given],
        offline=offline,
        label_map=options.get("label_map"),
    )
    return load_evaluation(
        task_file,
        eval_split=options.get("eval_split"),
        data_dir=options.get("data_dir"),
        eval_limit=options.get("eval_limit"),
        seed=request.seed,
        offline=offline,
    )


class _Readers:
    """Opens models one after the other and keeps their predictions."""

    def __init__(
        self, request: SweepRequest, split: Split, progress: Progress, workers: Workers
    ) -> None:
        self._request, self._split, self._progress = request, split, progress
        self._workers = workers
        self.fingerprints: dict[str, str] = {}
        self.notices: list[Notice] = []

    def teacher(self) -> tuple[HfModel | PredictionsFile | AskedAnswers, Predictions]:
        """Return the teacher, open, and its predictions."""
        source, label_map = self._request.teacher, self._request.options.get("label_map")
        if source.kind not in ("file", "function"):
            model = self._open("teacher", source.given, label_map)
            return model, self._predictions("teacher", model, first=True)
        answers = answers_of(
            source, self._split.task, label_map, device="cpu", offline=True,
            progress=self._progress,
        )  # fmt: skip
        outputs = answers.outputs(self._split, batch_size=_BATCH, advance=lambda done: None)
        self.fingerprints[source.name] = answers.fingerprint
        return answers, Predictions("teacher", self._split.ids, outputs.values, outputs.scale)

    def read(self, name: str, paths: Sequence[str]) -> tuple[HfModel, tuple[Predictions, ...]]:
        """Return the first of some folders, open, and the predictions of each of them."""
        kept = self._open(name, paths[0], None)
        predictions = [self._predictions(Path(paths[0]).name, kept, first=True)]
        for path in paths[1:]:  # of the others one at a time is in memory
            model = self._open(name, path, None)
            predictions.append(self._predictions(Path(path).name, model, first=False))
        return kept, tuple(predictions)

    def _predictions(self, folder: str, model: HfModel, *, first: bool) -> Predictions:
        extracted = extract_predictions(
            model, self._split, cache=Cache.default(), batch_size=_BATCH, progress=self._progress,
            workers=self._workers,
        )  # fmt: skip
        self.fingerprints[folder] = model.fingerprint
        if first:
            self._note_truncated(model.name, extracted.truncated)
        return extracted.predictions

    def _open(self, name: str, given: Any, label_map: Mapping[str, str] | None) -> HfModel:
        options = self._request.options
        model = open_model(
            given, name=name, task=self._split.task, device=options.get("device", "auto"),
            offline=bool(options.get("offline")), label_map=label_map,
        )  # fmt: skip
        assert isinstance(model, HfModel)  # weights, of a folder or in memory
        return model

    def _note_truncated(self, name: str, count: int) -> None:
        if count:
            message = f"{name} cut {count} of {len(self._split)} examples: they are too long."
            self.notices.append(
                Notice(code="truncated", severity="warning", message=message, models=(name,))
            )


def _info(name: str, model: HfModel | PredictionsFile | AskedAnswers, runs: int) -> ModelInfo:
    return ModelInfo(
        name=name,
        role="teacher" if name == "teacher" else "student",
        source=model.source,
        folder=model.folder,
        architecture=model.architecture if isinstance(model, HfModel) else "",
        fingerprint=model.fingerprint[:16],
        runs=runs,
        parameters=model.parameters if isinstance(model, HfModel) else None,
        notes=model.notes,
    )


def _sizes(name: str, model: HfModel, times: Times, *, seed: int) -> tuple[Estimate, ...]:
    counted = {"parameters": model.parameters, "bytes": model.disk_bytes}
    known = {metric: float(value) for metric, value in counted.items() if value is not None}
    return tuple(cost_estimates(ModelCost(name, known, {}, times), seed=seed, resamples=RESAMPLES))
