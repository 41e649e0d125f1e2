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


PALE = Style("pale d2", 0, pale=True)


def is_baseline(name: str) -> bool:
    """Tell whether a series is what models are measured against, by the last part of its name.

    >>> is_baseline("teacher: random weights"), is_baseline("student")
    (True, False)
    """
    last = name.rsplit(": ", 1)[-1].lower()
    return last in _BASELINES or name.lower().startswith("baseline: ")


def model_style(place: int) -> Style:
    """Return the look of a model: 0 is the teacher, 1 the first student, and so on.

    Colour and shape are together different for 28 students, with the dash for all.

    >>> model_style(0).classes, model_style(1).classes, model_style(1).shape
    ('ink d0', 's0 d1', 1)
    """
    if place == 0:
        return Style("ink d0", 0, model=True)
    index = place - 1
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
        return cls.named(next((m.name for m in given if m.role == "teacher"), ""), students)

    @classmethod
    def named(cls, teacher: str, students: Iterable[str]) -> Palette:
        """Make the palette of models by their names."""
        names = tuple(students)
        styles = {name: model_style(index + 1) for index, name in enumerate(names)}
        return cls(teacher, names, {**styles, teacher: model_style(0)} if teacher else styles)

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
