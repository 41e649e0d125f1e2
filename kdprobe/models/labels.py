"""Whose column is whose: a model's outputs matched to a task's labels by name.

Does: find for each label of a task the model's column of that name, apply what the user said of
names that differ, and refuse everything else. Does not: guess from counts or positions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from kdprobe.config.kinds import TaskKind
from kdprobe.errors import CheckpointError
from kdprobe.models.handle import label_order
from kdprobe.tasks.task import Task

_NUMBERED = re.compile(r"(?:label|class)?[ _-]?-?\d+", re.IGNORECASE)
"""Names that say nothing of what they mean: `LABEL_0`, `class 1`, `2`."""

POSITIONAL: Mapping[str, str] = MappingProxyType({"*": "*"})
"""The label map (`label_map='*=*'`) of a user who says that outputs are in the task's order."""


PROBLEM_TYPES: Mapping[TaskKind, str] = MappingProxyType(
    {
        "classification": "single_label_classification",
        "regression": "regression",
        "multilabel": "multi_label_classification",
    }
)
"""What `transformers` calls each kind of task in a model's config (`problem_type`)."""

_SEVERAL = ' Several labels at once are a task with kind = "multilabel"'
_UNSAID = (
    "its config does not say whether its labels exclude each other (problem_type); they were read "
    "as the task's, any number of them at once"
)


class LabelOrder(NamedTuple):
    """For each label of the task the model's column, and what the reader must know of it."""

    columns: tuple[int, ...]
    notes: tuple[str, ...]


def match_outputs(
    path: str, config: Any, task: Task, label_map: Mapping[str, str] | None
) -> LabelOrder:
    """Return the model's column of each label of the task, `(0,)` for a regression.

    Args:
        path: the model, for messages.
        config: its transformers config (`num_labels`, `problem_type`, `id2label`).
        task: what it must speak of.
        label_map: what the user said of its names; see `match_labels`.

    Raises:
        CheckpointError: a head for another kind of task, another number of classes, other names.
    """
    outputs, kind = int(config.num_labels), config.problem_type
    if task.kind == "regression":
        if outputs != 1 or kind not in (None, "regression"):
            raise CheckpointError(
                path,
                found=f"its head tells {outputs} classes apart",
                expected=f"one output, as {task.name} asks for a number",
                remedy="was it trained for another task?",
            )
        return LabelOrder((0,), ())
    if outputs == 1 or kind not in (None, PROBLEM_TYPES[task.kind]):
        what = "gives one number" if outputs == 1 else f"was trained for {kind.replace('_', ' ')}"
        several = task.kind == "multilabel"
        raise CheckpointError(
            path,
            found=f"its head {what}",
            expected=f"{'any' if several else 'one'} of {len(task.labels)} "
            f"{'labels at once' if several else 'classes'}, as {task.name} asks",
            remedy="was it trained for another task?"
            + (_SEVERAL if kind == PROBLEM_TYPES["multilabel"] else ""),
        )
    names = tuple(str(config.id2label[index]) for index in range(outputs))
    if outputs != len(task.labels):
        raise CheckpointError(
            path,
            found=f"its head has {outputs} outputs ({_listed(names)})",
            expected=f"{len(task.labels)}, as {task.name} has ({_listed(task.labels)})",
            remedy="was it trained for another task? Classes that the rows of a table do not show "
            "are named with `labels=A,B,C`",
        )
    order = match_labels(path, names, task.labels, label_map)
    if task.kind == "multilabel" and kind is None:
        return LabelOrder(order.columns, (*order.notes, _UNSAID))
    return order


def match_labels(
    where: str,
    names: tuple[str, ...],
    wanted: tuple[str, ...],
    label_map: Mapping[str, str] | None = None,
) -> LabelOrder:
    """Return the model's column for each label of the task, and notes for the reader.

    Args:
        where: the model, for messages.
        names: the model's label names, in its own order.
        wanted: the task's label names; as many.
        label_map: the model's name -> the task's name where they differ, or `POSITIONAL`; a map
            that speaks of other names than the model's leaves a model alone whose names match.

    Raises:
        CheckpointError: at least one label has no partner of its name.

    >>> match_labels("m", ("Positive", "Negative"), ("negative", "positive")).columns
    (1, 0)
    """
    renamed = dict(label_map or {})
    if renamed and renamed != dict(POSITIONAL) and set(renamed) <= set(names):
        order = label_order(where, [renamed.get(name, name) for name in names], wanted)
        if order is not None:
            pairs = ", ".join(f"{name} as {renamed[name]}" for name in names if name in renamed)
            return LabelOrder(order, (f"its labels were read as the command says: {pairs}",))
    order = label_order(where, names, wanted)
    if order is not None:
        if order == tuple(range(len(wanted))):
            return LabelOrder(order, ())
        note = f"its outputs are in the order {_listed(names)} and were matched by name"
        return LabelOrder(order, (note,))
    numbered = tuple(str(index) for index in range(len(wanted)))
    if wanted == numbered and tuple(names) == tuple(f"LABEL_{index}" for index in numbered):
        note = f"its labels {_listed(names)} have no names and were read as {_listed(wanted)}"
        return LabelOrder(tuple(range(len(wanted))), (note,))
    if renamed == dict(POSITIONAL):
        note = f"its labels {_listed(names)} were read by position as {_listed(wanted)}, as said"
        return LabelOrder(tuple(range(len(wanted))), (note,))
    raise CheckpointError(
        where,
        found=f"its labels are {_listed(names)}",
        expected=f"the names {_listed(wanted)} in any order",
        remedy=_remedy(names, wanted),
    )


def _remedy(names: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    """Return what to do about names that differ: no map is offered between two tasks' words.

    >>> _remedy(("acceptable", "unacceptable"), ("negative", "positive"))[:35]
    'was it trained for another task? On'
    """
    if not any(map(_NUMBERED.fullmatch, (*names, *wanted))):
        return (
            "was it trained for another task? Only if its labels mean the same, say which is "
            "which: `label_map=MODEL=TASK,…`"
        )
    example = ",".join(f"{one}={other}" for one, other in zip(names[:3], wanted[:3], strict=True))
    return (
        f"say which is which (`label_map='{example}{',…' if names[3:] else ''}'`), "
        "or `label_map='*=*'` when they are in the task's order"
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
