"""What can be known of a recipe's trainings before the first of them.

Does: check every part, and estimate its time from a few of its steps. Does not: train, or write
anything that stays.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kdprobe.cache import Cache
from kdprobe.distillers.estimate import estimate_seconds, timed_examples
from kdprobe.distillers.initial_student import Pupil
from kdprobe.distillers.memory import Memory, estimate_memory
from kdprobe.distillers.preflight import Facts, Preflight
from kdprobe.distillers.teacher import Teacher
from kdprobe.models.checkpoint import Loaded
from kdprobe.progress import Silent
from kdprobe.results.numbers import show_duration

if TYPE_CHECKING:
    from kdprobe.distillers.staged_training import Course, Made


def rehearse(course: Course, *, timed: bool = True) -> Preflight:
    """Check every part, as far as it can be before the first is trained, and score the teacher.

    Args:
        course: the trainings.
        timed: estimate how long each part will take.

    Raises:
        UsageError: anything that would stop a later part.
    """
    first = course.prepare(course.parts[0])
    if len(course.parts) == 1:
        seconds = estimate_seconds(first.lesson)
        memory = estimate_memory(first.lesson, course.master.loaded.model)
        found = (*first.preflight.facts, *_told(seconds, memory))
        return replace(first.preflight, facts=found, seconds=seconds)
    facts = [*course.data.rows().items(), *course.score(course.master)]
    notes: list[str] = []
    pupils: list[Pupil] = []
    seconds = 0.0
    for part in course.parts:
        teacher = course.master
        if part.teacher is not None:
            teacher = _stand_in(course, pupils[part.teacher])
        made = course.lesson(part, teacher, rehearsal=True)
        pupils.append(made.pupil)
        rows = made.preflight.layer_map
        table = ", ".join(f"{ours} <- {theirs} ({how})" for ours, theirs, how in rows)
        own = [*made.preflight.facts, ("layer map", table)]
        if timed:
            taken, memory = _estimate(course, made, teacher)
            own += _told(taken, memory)
            seconds += taken
        facts += [(f"{part.name}: {name}", value) for name, value in own]
        notes += [note for note in made.preflight.notes if note not in notes]
    if timed:
        facts.append(("estimated time", f"about {show_duration(seconds)} in all"))
    return Preflight(tuple(facts), notes=tuple(notes), seconds=seconds)


def _told(seconds: float, memory: Memory) -> Facts:
    """Tell both to people."""
    time_told = ("estimated time", f"about {show_duration(seconds)}")
    return [time_told, ("estimated memory", memory.told)]


def _estimate(course: Course, made: Made, teacher: Teacher) -> tuple[float, Memory]:
    """Estimate the seconds of a part of several, the teacher's pass included, and its memory.

    Some examples of all lengths are timed with what the teacher says of them; that is kept
    nowhere, since an assistant that teaches here is not trained yet.
    """
    whole = made.lesson
    count = min(timed_examples(whole), len(whole.split))
    order = np.argsort(-whole.encoded.lengths, kind="stable")
    rows = order[np.linspace(0, len(order), count, endpoint=False).astype(np.int64)]
    few = replace(course, data=replace(course.data, train=course.data.train.take(rows)))
    reader = teacher.replaced_by(teacher.loaded, few.data)
    part = few.lesson(made.part, reader, rehearsal=True, pupil=made.pupil).lesson
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        signal = reader.signal(
            part.mixture, part.situation, few.data, progress=Silent(),
            cache=Cache(Path(folder)),
        )  # fmt: skip
    asked = (time.perf_counter() - started) * len(whole.split) / count
    timed = replace(part, teacher=signal)
    memory = estimate_memory(timed, teacher.loaded.model)
    return asked + estimate_seconds(timed, of=whole), memory


def _stand_in(course: Course, pupil: Pupil) -> Teacher:
    """Give an assistant that is not trained yet as a teacher, to check what it will teach."""
    columns = tuple(range(course.data.task.outputs))
    loaded = Loaded(pupil.model, pupil.tokenizer, columns, ())
    return course.master.replaced_by(loaded, course.data)
