"""A part of a recipe that is ready to be trained, and the preflight that is shown of it.

Does: lay a student and its teacher side by side, and gather the facts, the layer table and the
notes of a training. Does not: make the student, or train it.
"""

from __future__ import annotations

from typing import NamedTuple

from kdprobe.config.stages import ResolvedStage
from kdprobe.distillers.data import TrainingData
from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.forward import shape_of
from kdprobe.distillers.initial_agreement import initial_agreement
from kdprobe.distillers.initial_student import InitialStudent, layer_map_of
from kdprobe.distillers.job_facts import job_facts, precision_notes
from kdprobe.distillers.objective import ModelPair
from kdprobe.distillers.preflight import Preflight, layer_table
from kdprobe.distillers.recorded_teacher import RecordedTeacher
from kdprobe.distillers.teacher import Teacher
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.distillers.weighted_loss import remarks
from kdprobe.models.text_model import TextModel
from kdprobe.progress import Progress
from kdprobe.tasks.task import Task


class PreparedPart(NamedTuple):
    """A part that is ready: its job, the facts of its preflight, and its student."""

    part: ResolvedStage
    job: TrainingJob
    preflight: Preflight
    student: InitialStudent


def pair_models(
    task: Task,
    student: InitialStudent,
    teacher: Teacher | RecordedTeacher,
    *,
    encoded: Encoded,
    layer_map: str,
) -> ModelPair:
    """Measure a student and its teacher, and match their layers.

    Args:
        task: what both are classifiers of.
        student: the student.
        teacher: its teacher.
        encoded: the training examples as the student reads them.
        layer_map: the rule or list of a recipe; see `layer_map.read_layer_map`.
    """
    own = shape_of(student.model, TextModel(student.model, student.tokenizer, name="the student"))
    if isinstance(teacher, RecordedTeacher):
        return ModelPair(task, own, answers=teacher.scale)
    return ModelPair(
        task,
        own,
        shape_of(
            teacher.loaded.model,
            TextModel(teacher.loaded.model, teacher.loaded.tokenizer, name=teacher.name),
        ),
        layer_map_of(layer_map, student, teacher.loaded),
        same_tokens=encoded.columns["input_ids"] == teacher.train.columns["input_ids"],
    )


def preflight_of(
    job: TrainingJob,
    student: InitialStudent,
    teacher: Teacher | RecordedTeacher,
    *,
    data: TrainingData,
    progress: Progress,
) -> Preflight:
    """Gather what is shown of a training before its first step.

    Args:
        job: the training; without the teacher's logits the initial agreement is left out.
        student: its student.
        teacher: its teacher, with the training examples as it reads them.
        data: the examples.
        progress: a display.
    """
    loss, models, evaluation = job.weighted_loss, job.models, job.evaluation
    facts = job_facts(job)
    if evaluation.teacher is not None:
        facts += initial_agreement(
            student, evaluation.split, evaluation.encoded, evaluation.teacher,
            device=job.compute.device, progress=progress,
        )  # fmt: skip
    when = teacher.asked(loss, models) if loss.needs(models).asks_teacher else "never"
    facts.append(("asks the teacher", when))
    if models.teacher is not None:
        same = "yes" if models.same_tokens else "no: each reads with its own tokenizer"
        facts.append(("same token ids", same))
    notes = (*student.notes, *teacher.notes, *remarks(loss, models), *data.notes())
    table = layer_table(models.layer_map, student.copied, how=student.how)
    return Preflight(tuple(facts), table, (*notes, *precision_notes(job)))
