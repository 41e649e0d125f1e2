"""A dry run: everything of a recipe's trainings that can be known before the first optimiser step.

Does: prepare every part, and estimate its time and memory from a few of its steps. Does not: train,
or write anything that stays.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from kdprobe.cache import Cache
from kdprobe.distillers.cost_facts import bfloat16_facts, cost_facts
from kdprobe.distillers.estimate import estimate_seconds, timed_examples
from kdprobe.distillers.memory import estimate_memory
from kdprobe.distillers.preflight import Facts, Preflight
from kdprobe.distillers.prepared_part import PreparedPart
from kdprobe.distillers.recorded_teacher import RecordedTeacher
from kdprobe.distillers.staged_training import StagedTraining
from kdprobe.distillers.teacher import Teacher
from kdprobe.progress import Silent
from kdprobe.results.numbers import show_duration


def dry_run(training: StagedTraining) -> Preflight:
    """Check every part, as far as it can be before the first is trained, and estimate its cost.

    Args:
        training: the parts of a recipe.

    Returns:
        The facts of all parts (those of several begin with the part's name), and the estimated
        seconds of all of them together.

    Raises:
        UsageError: anything that would stop a later part.
    """
    if len(training.parts) == 1:
        only = training.prepare(training.parts[0])
        seconds = estimate_seconds(only.job)
        memory = estimate_memory(only.job, _model_of(training.teacher))
        saving = bfloat16_facts(only.job, seconds)
        facts = (*only.preflight.facts, *cost_facts(seconds, memory), *saving)
        return replace(only.preflight, facts=facts, seconds=seconds)
    rows = [*training.data.rows().items(), *training.score_teacher(training.teacher)]
    notes: list[str] = []
    total = 0.0
    for prepared, teacher in training.check_parts():
        table = ", ".join(f"{s} <- {t} ({how})" for s, t, how in prepared.preflight.layer_map)
        seconds, costs = _estimate(training, prepared, teacher)
        total += seconds
        own = (*prepared.preflight.facts, ("layer map", table), *costs)
        rows += [(f"{prepared.part.name}: {name}", value) for name, value in own]
        notes += [note for note in prepared.preflight.notes if note not in notes]
    rows.append(("estimated time", f"about {show_duration(total)} in all"))
    return Preflight(tuple(rows), notes=tuple(notes), seconds=total)


def _model_of(teacher: Teacher | RecordedTeacher) -> nn.Module | None:
    return None if teacher.loaded is None else teacher.loaded.model


def _estimate(
    training: StagedTraining, prepared: PreparedPart, teacher: Teacher | RecordedTeacher
) -> tuple[float, Facts]:
    """Estimate the seconds of a part of several, the teacher's pass included; and say its costs.

    Some examples of all lengths are timed with the teacher's outputs for them, which are stored
    nowhere: an assistant that is the teacher here is not trained yet.
    """
    whole = prepared.job
    count = min(timed_examples(whole), len(whole.split))
    order = np.argsort(-whole.encoded.lengths, kind="stable")
    rows = order[np.linspace(0, len(order), count, endpoint=False).astype(np.int64)]
    data = replace(training.data, train=training.data.train.take(rows))
    sample_teacher = teacher.sampled(data)
    sample = (
        replace(training, data=data)
        .prepare_job(prepared.part, sample_teacher, dry_run=True, student=prepared.student)
        .job
    )
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        signal = sample_teacher.signal(
            sample.weighted_loss, sample.models, data, progress=Silent(),
            cache=Cache(Path(folder)),
        )  # fmt: skip
    teacher_seconds = (time.perf_counter() - started) * len(whole.split) / count
    timed = replace(sample, teacher=signal)
    memory = estimate_memory(timed, _model_of(teacher))
    steps = estimate_seconds(timed, of=whole)
    seconds = teacher_seconds + steps
    return seconds, [*cost_facts(seconds, memory), *bfloat16_facts(timed, steps, of=whole)]
