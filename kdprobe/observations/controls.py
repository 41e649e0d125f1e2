"""Which students are controls of which: models that learnt without the teacher."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Controls:
    """Students beside the controls they are held against.

    Args:
        pairs: (student, control), by name; a control is one of the study's students.
        named: whether a person named the control; else the records of the trainings tell it.
    """

    pairs: tuple[tuple[str, str], ...]
    named: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The controls, each once."""
        return tuple(dict.fromkeys(control for _, control in self.pairs))
