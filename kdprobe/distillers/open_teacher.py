"""The one door to the teacher of a training, whatever it is.

Does: open a folder, a loaded model, a predictions file or a function of texts as a teacher, with
the examples that are learnt from. Does not: choose what is learnt; the recipe does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from kdprobe.config.stages import ResolvedStage
from kdprobe.distillers.asked_answers import AskedAnswers
from kdprobe.distillers.compute import Compute
from kdprobe.distillers.data import TrainingData
from kdprobe.distillers.recorded_teacher import RecordedTeacher, recorded_teacher, refuse_weights
from kdprobe.distillers.teacher import Teacher
from kdprobe.distillers.teacher_source import TeacherSource
from kdprobe.errors import CheckpointError
from kdprobe.models.checkpoint import Loaded
from kdprobe.models.label_sources import answers_in, label_names
from kdprobe.models.loaded import open_loaded
from kdprobe.models.open import open_model
from kdprobe.models.predictions.file import PredictionsFile
from kdprobe.models.shapes import parse_student
from kdprobe.progress import Progress
from kdprobe.tasks.label_names import check_label_map
from kdprobe.tasks.task import Task

AnyTeacher = Teacher | RecordedTeacher


def check_students(source: TeacherSource, parts: Sequence[ResolvedStage]) -> None:
    """Refuse a student that cannot be read, or begins with what the teacher has not.

    Raises:
        UsageError: the first such student.
    """
    for part in parts:
        parse_student(part.recipe.student)
        if not source.has_weights and part.teacher is None:
            refuse_weights(source.name, part.recipe.student, what=source.what)


def answers_of(
    source: TeacherSource,
    task: Task,
    label_map: Mapping[str, str] | None,
    *,
    device: str,
    offline: bool,
    progress: Progress,
) -> PredictionsFile | AskedAnswers:
    """Open a teacher that is known by its answers alone.

    Args:
        source: a predictions file, a function, or a folder whose weights cannot be copied.
        task: what it speaks of.
        label_map: what the user said of its labels and answers.
        device: where a folder is run.
        offline: ask no network.
        progress: shows the texts that are asked about.

    Raises:
        UsageError: a file or folder that cannot be read; labels that are not the task's.
    """
    if source.kind == "file":
        return PredictionsFile(
            source.name, name="teacher", task=task, label_map=label_map, by_text=True
        )
    model = open_model(
        source.given, name="teacher", task=task, label_map=label_map, device=device,
        offline=offline,
    )  # fmt: skip
    return AskedAnswers(model, source.known, progress)


def open_teacher(
    source: TeacherSource,
    data: TrainingData,
    parts: Sequence[ResolvedStage],
    compute: Compute,
    *,
    label_map: Mapping[str, str] | None,
    missing: Literal["refuse", "drop"],
    offline: bool,
    progress: Progress,
) -> tuple[AnyTeacher, TrainingData]:
    """Open a teacher, and leave out what it did not answer where only its answers are known.

    Args:
        source: what was named or handed over.
        data: the examples of the training.
        parts: what is trained; the first says how long texts may be.
        compute: device and number format.
        label_map: what the user said of its labels and answers.
        missing: `refuse` a training text without an answer, or `drop` it.
        offline: ask no network.
        progress: shows the texts that a function is asked about.

    Raises:
        UsageError: a teacher that cannot be used; a label map of which nothing would come.
    """
    path = source.name
    known = label_names(source.given, offline=offline) or ()
    opened: AnyTeacher
    if not source.has_weights:
        answers = answers_of(
            source, data.task, label_map, device=compute.device, offline=offline, progress=progress
        )
        if isinstance(answers, AskedAnswers):
            known = answers.labels
            for split in (data.train, data.evaluation):
                answers.ask(split)
        opened, data = recorded_teacher(path, answers, data, compute, missing)
    elif source.kind == "loaded model":
        opened = _of_loaded(source, data, parts[0], compute, label_map)
    else:
        opened = Teacher.open(path, data, parts[0].recipe, compute, label_map, offline)
    answers_of_file = answers_in(path) if source.kind == "file" else set()
    check_label_map(label_map, {path: known}, data.task.labels, answers=answers_of_file)
    return opened, data


def _of_loaded(
    source: TeacherSource,
    data: TrainingData,
    part: ResolvedStage,
    compute: Compute,
    label_map: Mapping[str, str] | None,
) -> Teacher:
    """Open a model that is in memory; the weights of its caller are read and never changed.

    Raises:
        CheckpointError: more than its weights decide its outputs.
    """
    handle = open_loaded(
        source.given, name="the teacher", task=data.task, device=compute.device,
        label_map=label_map,
    )  # fmt: skip
    if not handle.repeats:
        raise CheckpointError(
            source.name, found="has hooks, or modules of a class of its caller",
            expected="a model whose weights decide its outputs",
            remedy="hand over a function that gives its probabilities for a list of texts",
        )  # fmt: skip
    handle.model.requires_grad_(False)
    loaded = Loaded(handle.model, handle.tokenizer, handle.columns, handle.notes)
    return Teacher.of_loaded(source.name, loaded, handle.fingerprint, data, part.recipe, compute)
