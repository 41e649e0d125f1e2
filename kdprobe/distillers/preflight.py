"""What is checked, and shown, before the first step.

Does: hold what was found as plain rows that a terminal or a file can show, and stop a training that
can teach nothing. Does not: run models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.distillers._scores import Score
from kdprobe.errors import CheckpointError


@dataclass(frozen=True)
class Preflight:
    """What was found before the first step.

    Args:
        facts: names and values for people, in order.
        layer_map: for each layer of the student, counted from 1, the teacher's layer that belongs
            to it and whether its weights were copied; empty without a teacher.
        notes: what the reader must know.
    """

    facts: tuple[tuple[str, str], ...]
    layer_map: tuple[tuple[int, int, str], ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """Give all of it as lines of text.

        >>> found = Preflight((("task", "cola"),), ((1, 2, "copied"),))
        >>> found.lines()
        ('task: cola', 'student layer 1 <- teacher layer 2 (copied)')
        """
        lines = [f"{name}: {value}" for name, value in self.facts]
        lines += [f"student layer {s} <- teacher layer {t} ({how})" for s, t, how in self.layer_map]
        return (*lines, *self.notes)


def layer_table(
    layer_map: Sequence[int], copied: Sequence[int] | None
) -> tuple[tuple[int, int, str], ...]:
    """Tell which layer of the teacher belongs to each of the student's, counted from 1."""
    how = "not copied" if copied is None else "copied"
    return tuple((index, layer, how) for index, layer in enumerate(layer_map, start=1))


def refuse_chance(name: str, *, score: str, reached: Score, chance: float, split: str) -> None:
    """Stop when the teacher knows no more than a model that always gives the same answer.

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
