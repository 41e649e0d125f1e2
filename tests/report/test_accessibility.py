"""axe-core on every kind of page, in both schemes, and what it cannot see: the keyboard's way."""

import itertools
from importlib import resources
from typing import Literal

import pytest

from kdprobe.report.sweep import render_sweep
from kdprobe.report.training import training_page
from tests.report import swept
from tests.report.browsing import Reader
from tests.results.test_learning_curves import HISTORY

pytest.importorskip(
    "axe_playwright_python", reason="axe-playwright-python, which carries axe-core, is missing"
)
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
VIOLATIONS = """async () => (await axe.run()).violations.flatMap((found) => found.nodes.map(
  (node) => found.id + ': ' + node.target + ' ' + node.html.slice(0, 120)))"""
PAGES = ("usual", "hostile", "57", "regression", "alone", "sweep", "training")


def text_of(name: str) -> str:
    if name == "sweep":
        return render_sweep(swept.document())
    if name == "training":
        return training_page(
            HISTORY, best_step=10, title="T", scores={"accuracy": 0.75}, facts=[("a", "b")],
            teacher={"accuracy": 0.9},
        )  # fmt: skip
    return ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(reader: Reader, name: str, scheme: Literal["dark", "light"]):
    """Guards readers of a screen: names, roles, order and contrast, with all sections open."""
    page = reader.open(name, text=text_of(name), scheme=scheme).page
    page.evaluate(AXE)
    assert page.evaluate(VIOLATIONS) == []


def test_axe_finds_nothing_on_a_phone_or_in_the_numbers(reader: Reader):
    """Guards what only a phone shows (the select), and what only an opened fold shows."""
    page = reader.open("one", width=390).page
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.evaluate(AXE)
    assert page.evaluate(VIOLATIONS) == []


def test_axe_would_find_something(reader: Reader):
    """Guards the tests above against a check that never runs."""
    page = reader.open("one").page
    page.evaluate("document.querySelector('.contents').append(document.createElement('button'))")
    page.evaluate(AXE)
    assert any(found.startswith("button-name") for found in page.evaluate(VIOLATIONS))


def test_the_keyboard_walks_from_the_contents_into_a_section(reader: Reader):
    """Guards a reader without a mouse: contents, a fold by its key, a head that sorts."""
    page = reader.open("one", unfold=False).page
    where = (
        "() => { const at = document.activeElement;"
        " return at.id || at.hash || (at.tagName + ' ' + at.textContent.trim().slice(0, 30)); }"
    )
    stops = []
    for _ in range(30):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(where))
        if stops[-1] == "#calibration":
            break
    assert stops[0] == "#main"
    assert stops[-1] == "#calibration"
    page.keyboard.press("Enter")
    page.wait_for_selector("#calibration > details[open]")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('section').id") == "calibration"
    for _ in range(40):
        if page.evaluate("document.activeElement.closest('thead') !== null"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#calibration th[aria-sort]").count() == 1
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"


def test_a_reader_who_wants_no_motion_gets_none(reader: Reader):
    """Guards readers whom a moving page makes ill."""
    page = reader.open("one").page
    moves = (
        "() => [...document.querySelectorAll('*')].filter((node) => {"
        " const s = getComputedStyle(node);"
        " return s.animationName !== 'none' || parseFloat(s.transitionDuration) > 0;"
        " }).length"
    )
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moves) == 0
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


@pytest.mark.parametrize("name", ["usual", "57", "regression"])
def test_no_heading_skips_a_level_when_all_is_open(reader: Reader, name: str):
    """Guards the outline a screen reader jumps by, with what scripts added."""
    page = reader.open(name, fragment="#ex-2").page
    levels = page.evaluate(
        "() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]"
        ".filter((node) => node.checkVisibility()).map((node) => Number(node.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


def test_nothing_is_cut_on_paper(reader: Reader):
    """Guards a printed table whose last columns lie beyond the sheet."""
    page = reader.open("usual", unfold=False, width=703).page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    wide = page.evaluate(
        "() => [...document.querySelectorAll('main table')].filter((table) =>"
        " table.checkVisibility() && table.getBoundingClientRect().right > innerWidth + 1)"
        ".map((table) => table.closest('section').id + ' ' + table.textContent.slice(0, 60))"
    )
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    # A head is a button on a screen, and a word on paper.
    assert page.locator("#calibration thead button").first.is_visible()
    assert not page.locator("summary:has-text('more rows'), .numbers").first.is_visible()
