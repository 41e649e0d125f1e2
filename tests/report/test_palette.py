"""Tests of the looks: one a model on the whole page, told apart, legible in light and dark."""

from __future__ import annotations

import re

import pytest

from kdprobe.report.palette import Palette, is_baseline
from kdprobe.report.svg import chart_style
from tests.report import documents


def palette(*names: str) -> Palette:
    return Palette.of(documents.models(names))


def test_the_teacher_is_ink_and_students_keep_their_look_in_every_chart() -> None:
    """A blue that is the teacher here and a student there cannot be followed."""
    looks = palette("teacher", "s", "control")
    assert looks.style("teacher").classes == "ink d0"
    assert looks.style("s", 5) == looks.style("s", 0)
    assert looks.style("s").classes != looks.style("control").classes
    assert looks.models == ("teacher", "s", "control")


def test_thirty_students_have_thirty_looks() -> None:
    """Two models of one colour, dash and shape are one model to a reader."""
    looks = palette("t", *(f"s{i}" for i in range(30)))
    assert (
        len({(looks.style(name).classes, looks.style(name).shape) for name in looks.models}) == 31
    )
    # Up to 28 a marker alone, of a forest, tells them apart.
    dots = {
        (looks.style(f"s{i}").classes.split()[0], looks.style(f"s{i}").shape) for i in range(28)
    }
    assert len(dots) == 28


def test_what_is_no_model_never_has_a_models_colour() -> None:
    """A method in the student's blue reads as the student."""
    looks = palette("teacher", "s")
    methods = [looks.style(name, i) for i, name in enumerate(("lime", "shap", "ig"))]
    assert {style.classes.split()[0] for style in methods} == {"s7"}
    assert len({(style.classes, style.shape) for style in methods}) == 3
    # Without models, as on the page of a training, colours are free.
    assert Palette().style("loss", 1).classes == "s1 d1"


def test_baselines_are_pale_unless_a_model_is_called_so() -> None:
    """Random weights in as much ink as the models hide them."""
    looks = palette("teacher", "random")
    assert looks.style("kd, control: random weights").pale
    assert looks.style("word endings").pale
    assert not looks.style("random").pale
    assert not is_baseline("a random forest")


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_and_letters_stand_out_from_the_paper(scheme: str) -> None:
    """A pale series on white paper is not there for many readers (WCAG 1.4.3 and 1.4.11)."""
    light, dark = chart_style().split("@media (prefers-color-scheme: dark)", 1)
    sheet = {"light": light, "dark": dark}[scheme]
    (paper,) = re.findall(r"\.paper \{ fill: (#\w{6})", sheet)[:1]
    marks = re.findall(r"^\.(s\d|ink|pale) \{ fill: (#\w{6}); stroke: (#\w{6})", sheet, re.M)
    assert len(marks) == 8 + 2
    for name, fill, stroke in marks:
        least = 3.0 if name == "pale" else 4.5
        assert contrast(fill, paper) >= least, name
        assert fill == stroke
    letters = re.findall(r"\.t(?:ick)?[ ,][^{]*\{ (?:stroke: none; )?fill: (#\w{6})", sheet)
    assert letters
    assert min(contrast(letter, paper) for letter in letters) >= 4.5
