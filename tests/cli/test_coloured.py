"""Coloured words on a terminal, read back from a rich console."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from kdprobe.cli.coloured import word_lines
from kdprobe.report.highlights import Line, marks

WORDS = ("The", "学生", "admires", "[/red]", "her", "\x1b[31m.")


def lines() -> list[Line]:
    teacher, student = (1.0, -0.6, 0.2, None, 0.0, -1.2), (0.1, 12.5, 0.2, -3.0, 0.0, 1.0)
    return [
        Line("lime", "teacher", marks(WORDS, teacher)),
        Line("lime", "student", marks(WORDS, student)),
    ]


def printed(found: Sequence[Text], *, width: int = 200) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=True, color_system="truecolor", no_color=False,
        markup=False, highlight=False, emoji=False,
    )  # fmt: skip
    for one in found:
        console.print(one)
    return out.getvalue()


def test_colour_and_weight_follow_sign_and_strength():
    """A word against the label in the colour of one for it turns the finding round."""
    (line,) = word_lines(lines()[:1], width=200)
    styles = {line.plain[span.start : span.end]: str(span.style) for span in line.spans}
    assert styles["The"] == "bold underline blue"
    assert styles["学生"] == "dark_orange"
    assert styles["admires"] == "underline blue"
    assert "her" not in styles
    assert not str(line.style)
    assert line.plain.startswith("lime: The +1.00")
    assert "[/red] –" in line.plain
    written = printed([line])
    assert "\x1b[1;4;34mThe\x1b[0m" in written
    assert "\x1b[31m" not in written.replace("\x1b[1;31m", "")


@pytest.mark.parametrize("width", [40, 60, 200])
def test_the_same_word_stands_in_the_same_column(width: int):
    """Words that slide against each other cannot be compared line by line."""
    found = word_lines(lines(), width=width)
    assert all(cell_len(line.plain.rstrip()) <= width for line in found)
    blocks: list[list[Text]] = [[]]
    for line in found:
        if line.plain:
            blocks[-1].append(line)
        else:
            blocks.append([])
    shown = []
    for first, second in blocks:
        for word in ("The", "学生", "admires", "[/red]", "her", "\ufffd[31m."):
            at = first.plain.find(f" {word} ")
            if at >= 0:
                shown.append(word)
                assert cell_len(first.plain[:at]) == cell_len(
                    second.plain[: second.plain.find(f" {word} ")]
                )
    assert shown == ["The", "学生", "admires", "[/red]", "her", "\ufffd[31m."]
    assert len(blocks) == (1 if width == 200 else len(blocks))


def test_a_note_stands_behind_the_name():
    """Sampled scores that pass for exact ones claim too much."""
    (line, *_) = word_lines([replace(lines()[0], note="sampled")], width=200)
    assert line.plain.startswith("lime (sampled): The")


def test_without_colour_the_signs_remain():
    """A pipe or NO_COLOR must not lose which way a word speaks."""
    out = io.StringIO()
    Console(file=out, width=200, no_color=True, force_terminal=False).print(
        word_lines(lines()[:1], width=200)[0]
    )
    assert "The +1.00" in out.getvalue()
    assert "\x1b" not in out.getvalue()
