"""The sizes the page must keep, on the committed example, which was run with all analyses.

Letters of other machines are narrower than those that these limits were measured with.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from kdprobe.report.build import render
from kdprobe.results.io import read_document
from tests.report.browsing import Reader, rendered

EXAMPLE = Path(__file__).parents[2] / "reports" / "example"
BYTES, HEIGHT, SECTION = 1_500_000, 9_000, 1_150
LETTER = 11.0


@functools.cache
def example() -> str:
    return render(read_document(EXAMPLE))


def test_the_page_of_all_analyses_is_small():
    """A page of many megabytes is not mailed, and opens slowly where it arrives."""
    assert len(example().encode()) < BYTES


def test_thirty_students_of_long_names_do_not_make_a_large_page():
    """A table of all pairs, written as elements, was 22 of 23 megabytes."""
    assert len(rendered("thirty").encode()) < BYTES


def test_all_sections_open_are_ten_screens(reader: Reader):
    """A page that is scrolled for a minute is not read."""
    page = reader.open("limits", text=example()).page
    heights = page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('main > section')]"
        ".map((one) => [one.id, one.getBoundingClientRect().height]))"
    )
    assert {name: high for name, high in heights.items() if high > SECTION} == {}
    assert page.evaluate("document.documentElement.scrollHeight") < HEIGHT


LETTERS = """() => [...document.querySelectorAll('.decision .chart text')].map((text) => {
  const svg = text.ownerSVGElement;
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return scale * parseFloat(getComputedStyle(text).fontSize); })"""
WIDE = """() => [...document.querySelectorAll('.panels, .figure')]
  .filter((box) => box.checkVisibility() && box.scrollWidth > box.clientWidth + 1)
  .map((box) => box.closest('section').id)"""


def test_charts_are_read_on_a_phone(reader: Reader):
    """Letters of 8 pixels and pictures wider than the screen are for nobody."""
    page = reader.open("limits", text=example(), width=390).page
    letters = page.evaluate(LETTERS)
    assert letters
    assert min(letters) >= LETTER
    assert page.evaluate(WIDE) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_no_table_of_estimates_scrolls_sideways(reader: Reader, width: int):
    """The teacher's column beside the first student's is half of a comparison."""
    page = reader.open("limits", text=example(), width=width).page
    wide = page.evaluate(
        "() => [...document.querySelectorAll('.evidence .scroll')]"
        ".filter((box) => box.checkVisibility() && box.scrollWidth > box.clientWidth + 1)"
        ".map((box) => box.ariaLabel)"
    )
    assert wide == []
