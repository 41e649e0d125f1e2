"""What is checked, and shown, before the first step.

Does: hold facts as plain rows that a terminal or a file can show, and refuse a teacher that is no
better than chance. Does not: run models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.distillers.validation_scores import Score
from kdprobe.errors import CheckpointError

Facts = list[tuple[str, str]]


@dataclass(frozen=True)
class Preflight:
    """The facts of a training before its first step.

    Args:
        facts: names and values for people, in order.
        layer_map: layers of the student, counted from 1 (0: the embeddings), with the teacher's
            that belongs to each and whether its weights were copied; empty without a teacher.
        notes: what the reader must know.
        seconds: of a dry run, what the training may take; 0: not estimated.
    """

    facts: tuple[tuple[str, str], ...]
    layer_map: tuple[tuple[int, int, str], ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def lines(self) -> tuple[str, ...]:
        """Return all of it as lines of text.

        >>> preflight = Preflight((("task", "cola"),), ((1, 2, "copied"),))
        >>> preflight.lines()
        ('task: cola', 'student layer 1 <- teacher layer 2 (copied)')
        """
        lines = [f"{name}: {value}" for name, value in self.facts]
        lines += [
            f"student {_place(s)} <- teacher {_place(t)} ({how})" for s, t, how in self.layer_map
        ]
        return (*lines, *self.notes)


def _place(layer: int) -> str:
    return f"layer {layer}" if layer else "embeddings"


def layer_table(
    layer_map: Sequence[tuple[int, int]], copied: Sequence[int] | None, *, how: str = "copied"
) -> tuple[tuple[int, int, str], ...]:
    """Return which layer of the teacher belongs to each of the student's, counted from 1.

    Args:
        layer_map: pairs (student's layer, teacher's layer); 0 is the embeddings.
        copied: the teacher's layers, counted from 0, that the student's weights came from, or None.
        how: how they came from there.

    >>> layer_table(((0, 0), (1, 1), (2, 2)), (0, 2))
    ((0, 0, 'copied'), (1, 1, 'copied'), (2, 2, 'copied from 3'))
    """
    origins = None if copied is None else (0, *(layer + 1 for layer in copied))
    rows = []
    for ours, theirs in layer_map:
        origin = "not copied"
        if origins is not None:
            origin = how if origins[ours] == theirs else f"{how} from {origins[ours]}"
        rows.append((ours, theirs, origin))
    return tuple(rows)


def refuse_chance(name: str, *, score: str, reached: Score, chance: float, split: str) -> None:
    """Refuse a teacher that is no better than a model that always gives the same answer.

    Raises:
        CheckpointError: its score is undefined, or at or below what such a model reaches.
    """
    if reached.value is not None and reached.value > chance:
        return
    shown = f"undefined ({reached.undefined})" if reached.value is None else f"{reached.value:.4f}"
    raise CheckpointError(
        name,
        found=f"the teacher's {score} on {split} is {shown}, no better than always giving the same "
        f"answer ({chance:.4f})",
        expected="a teacher that has learnt the task",
        remedy="train it with `kdprobe finetune` first; are its labels in the task's order?",
    )
