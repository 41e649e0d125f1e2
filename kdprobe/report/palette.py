"""One look for each model on the whole page, and for what is no model.

Does: give a series its classes (colour and dash) and its shape by its name: the teacher is ink,
students have a colour each in the document's order, baselines are pale. Does not: draw.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kdprobe.results.schema import ModelInfo

COLOURS, DASHES, SHAPES = 7, 7, 5
_BASELINES = frozenset(
    {"random weights", "word endings", "random", "chance", "oracle", "majority class", "baseline"}
)


@dataclass(frozen=True)
class Style:
    """How a series looks: classes of `charts.css`, and the number of its marker's shape."""

    classes: str
    shape: int
    model: bool = False
    pale: bool = False


TEACHER = Style("ink d0", 0, model=True)
PALE = Style("pale d2", 0, pale=True)


def is_baseline(name: str) -> bool:
    """Tell whether a series is what models are measured against, by the last part of its name.

    >>> is_baseline("teacher: random weights"), is_baseline("student")
    (True, False)
    """
    last = name.rsplit(": ", 1)[-1].lower()
    return last in _BASELINES or name.lower().startswith("baseline: ")


def _student(index: int) -> Style:
    """Return the look of the n-th student; colour and shape are together different up to 28."""
    dash = 1 + (index + index // 28) % DASHES
    return Style(f"s{index % COLOURS} d{dash}", 1 + index % (SHAPES - 1), model=True)


@dataclass(frozen=True)
class Palette:
    """The looks of a document's models.

    Args:
        teacher: its name; empty where there is none.
        students: their names, in the document's order.
    """

    teacher: str = ""
    students: tuple[str, ...] = ()
    _styles: dict[str, Style] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, models: Iterable[ModelInfo]) -> Palette:
        """Make the palette of a document's models."""
        given = tuple(models)
        students = tuple(model.name for model in given if model.role != "teacher")
        teacher = next((model.name for model in given if model.role == "teacher"), "")
        styles = {name: _student(index) for index, name in enumerate(students)}
        return cls(teacher, students, {**styles, teacher: TEACHER} if teacher else styles)

    @property
    def models(self) -> tuple[str, ...]:
        """The teacher and the students."""
        return (self.teacher, *self.students) if self.teacher else self.students

    def style(self, name: str, index: int = 0) -> Style:
        """Return the look of a series.

        Args:
            name: a model's name, or of whatever else.
            index: its place among the series of its chart, for one that is no model: it has a
                shape and a dash of its own, and a colour only where the page has no models.
        """
        known = self._styles.get(name)
        if known is not None:
            return known
        if is_baseline(name):
            return PALE
        colour = "s7" if self._styles else f"s{index % COLOURS}"
        return Style(f"{colour} d{index % (DASHES + 1)}", index % SHAPES)
