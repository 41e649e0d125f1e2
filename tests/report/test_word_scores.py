"""Tests of word scores in the report: methods as tabs, lines that wrap, differences, two texts."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from kdprobe.report.attention_maps import by_layer, mapped_examples
from kdprobe.report.build import render
from kdprobe.report.highlights import marked
from kdprobe.report.section import SECTIONS
from kdprobe.results.method_names import method_label
from kdprobe.results.schema import ExampleWords, ResultsDocument
from kdprobe.results.words import EXPLAINED_SENTENCES
from tests.report import documents
from tests.report.browsing import Reader, Visit
from tests.report.explained import METHODS, in_pairs, side_by_side, with_words
from tests.report.sections.test_similarity import document as attended

NAMES = [method_label(method) for method in METHODS]
LINES = """(box) => {
  const lines = {};
  for (const line of document.querySelectorAll(box + ' .words tbody tr')) {
    const name = line.cells[0].firstChild.textContent;
    lines[name] = [...(lines[name] || []),
      ...[...line.querySelectorAll('td')].map((cell) => cell.lastChild.textContent)];
  }
  return lines;
}"""
"""Model -> the numbers of its line, wherever it was broken."""

LABELS = [method_label(name) for name in METHODS]


def explained() -> ResultsDocument:
    return side_by_side(with_words(documents.build(n=60)))


def visit(reader: Reader, document: ResultsDocument | None = None, **more: object) -> Visit:
    return reader.open("scores", text=render(document or explained()), **more)  # type: ignore[arg-type]


def words_of(document: ResultsDocument, row: int) -> ExampleWords:
    held = document.examples[row].words
    assert held is not None
    return held


def test_methods_are_tabs_by_hand_and_by_keyboard(reader: Reader):
    """Tabs that only a mouse turns, or that a screen reader does not know as tabs."""
    page = visit(reader).page
    tabs = page.locator("#sentences [role=tab]")
    assert tabs.all_inner_texts() == LABELS
    panels = page.locator("#sentences .tab")
    assert [panel.is_visible() for panel in panels.all()] == [True, False]
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    assert [tab.get_attribute("aria-selected") for tab in tabs.all()] == ["false", "true"]
    assert [tab.get_attribute("tabindex") for tab in tabs.all()] == ["-1", "0"]
    assert page.evaluate("document.activeElement.textContent") == LABELS[1]
    assert [panel.is_visible() for panel in panels.all()] == [False, True]
    shown = tabs.nth(1).get_attribute("aria-controls")
    assert panels.nth(1).get_attribute("id") == shown
    assert panels.nth(1).get_attribute("aria-labelledby") == tabs.nth(1).get_attribute("id")
    for key, place in (("ArrowRight", 0), ("ArrowLeft", 1), ("Home", 0), ("End", 1)):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.textContent") == LABELS[place]


def test_without_javascript_and_in_print_every_method_is_there(reader: Reader):
    """A method behind a tab that no script turns, or that the printer leaves out."""
    page = visit(reader, scripts=False).page
    page.click("#attribution summary")
    assert [panel.is_visible() for panel in page.locator("#sentences .tab").all()] == [True, True]
    assert page.locator("#sentences h4").all_inner_texts() == [
        method_label(name) for name in METHODS
    ]
    page = visit(reader).page
    page.emulate_media(media="print")
    assert [panel.is_visible() for panel in page.locator("#sentences .tab").all()] == [True, True]


def test_teacher_and_students_stand_below_each_other_by_method():
    """Rows sorted by model or by method of storage put six lines between two to compare."""
    document = explained()
    result = document.analysis("attribution_agreement")
    assert result is not None
    (table,) = result.tables
    assert table.name == EXPLAINED_SENTENCES
    by_method = marked(document, table)
    assert list(by_method) == list(METHODS)
    for method, sentences in by_method.items():
        assert [one.example for one in sentences] == [row[0] for row in table.rows]
        for one in sentences:
            assert [line.model for line in one.lines] == [model.name for model in document.models]
            assert {line.method for line in one.lines} == {method}


@pytest.mark.parametrize("width", [390, 1280])
def test_long_lines_wrap_and_lose_no_word(reader: Reader, width: int):
    """Forty words run out of a phone's screen, or a score lands under another word."""
    document = explained()
    page = visit(reader, document, width=width, fragment="#ex-3").page
    words = words_of(document, 3)
    shown = page.evaluate(LINES, "#panel .tab:not([hidden])")
    for line in words.scores:
        if line.method == METHODS[0]:
            numbers = [
                "–" if score is None else f"{score:.2f}".replace("-0.00", "0.00").replace("-", "−")
                for score in line.scores
            ]
            assert shown[line.model] == numbers
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.locator("#sentences [data-example='4']:visible table").nth(
        0 if width > 390 else 1
    ).wait_for()
    over = page.evaluate("""() => [...document.querySelectorAll('[aria-label^="Word scores"]')]
      .filter((frame) => frame.clientWidth && frame.scrollWidth > frame.clientWidth).length""")
    assert over == 0
    blocks = page.locator("#panel .tab:not([hidden]) .words")
    assert blocks.count() > 1 or width > 390
    for block in blocks.all():
        heads = [head.split("\n")[0] for head in block.locator("th").all_inner_texts()]
        assert heads == [model.name for model in document.models]


def test_a_wider_page_wraps_anew(reader: Reader):
    """A phone turned on its side that keeps the lines of the narrow one."""
    page = visit(reader, width=390).page
    blocks = page.locator("#sentences .tab:not([hidden]) .words")
    narrow = blocks.count()
    page.set_viewport_size({"width": 1280, "height": 844})
    page.locator("#sentences .tab:not([hidden]) .words").first.wait_for()
    page.wait_for_function(
        "document.querySelectorAll('#sentences .tab:not([hidden]) .words').length === 5"
    )
    assert blocks.count() == 5 < narrow


def shares(scores: tuple[float | None, ...]) -> list[float | None]:
    total = sum(abs(score) for score in scores if score is not None)
    return [None if score is None else score / total for score in scores]


@pytest.mark.parametrize("box", ["#panel .tab:not([hidden])", "#sentences .tab:not([hidden])"])
def test_the_difference_is_of_shares_and_comes_on_demand(reader: Reader, box: str):
    """Raw scores subtracted: a teacher of larger logits would differ on every word."""
    document = explained()
    page = visit(reader, document, fragment="#ex-0").page
    assert page.locator(f"{box} .difference").count() == 0
    page.locator(f"{box.split()[0]} >> text=Add student minus teacher").click()
    scores = {
        line.model: line.scores
        for line in words_of(document, 0).scores
        if line.method == METHODS[0]
    }
    named = "Word scores of 0" + (f" by {NAMES[0]}" if "panel" in box else "")
    first = page.evaluate(LINES, f"{box} [aria-label='{named}']")
    teacher = document.teacher.name
    for student in document.students:
        pairs = zip(shares(scores[student.name]), shares(scores[teacher]), strict=True)
        wanted = ["–" if a is None or b is None else f"{a - b:.2f}" for a, b in pairs]
        plain = [text.replace("-0.00", "0.00").replace("-", "−") for text in wanted]
        assert first[f"{student.name} − {teacher}"] == plain
    page.locator(f"{box.split()[0]} >> text=Add student minus teacher").click()
    assert page.locator(f"{box} .difference").count() == 0


def test_two_texts_are_set_apart(reader: Reader):
    """A premise and its hypothesis that run on as one sentence."""
    document = in_pairs(explained())
    page = visit(reader, document, fragment="#ex-3").page
    second = words_of(document, 3).second or 0
    blocks = page.locator("#panel .tab:not([hidden]) .words")
    captions = page.locator("#panel .tab:not([hidden]) caption").all_inner_texts()
    assert captions == ["First text", "Second text"]
    count = 0
    for block in blocks.all():
        if block.locator("caption", has_text="Second text").count():
            break
        count += block.locator("tr").first.locator("td").count()
    assert count == second
    assert page.locator("#panel p.small").all_inner_texts() == ["First text", "Second text"]
    page = visit(reader, document, scripts=False).page
    page.click("#attribution summary")
    heads = page.locator("#sentences table").first.locator("thead th")
    assert heads.all_inner_texts() == ["First text", "Second text"]
    spans = [int(head.get_attribute("colspan") or 0) for head in heads.all()]
    first = words_of(document, 0)
    assert spans == [first.second, len(first.words) - (first.second or 0)]


def test_words_from_right_to_left_stay_so(reader: Reader):
    """Hebrew words in the order of English ones, once a script draws their table."""
    document = explained()
    first = document.examples[0]
    words = words_of(document, 0)
    hebrew = tuple("\u05e9\u05dc\u05d5\u05dd"[: 1 + i % 4] for i in range(len(words.words)))
    turned = first.model_copy(
        update={"text": " ".join(hebrew), "words": words.model_copy(update={"words": hebrew})}
    )
    document = document.model_copy(update={"examples": (turned, *document.examples[1:])})
    page = visit(reader, document, fragment="#ex-0").page
    tables = page.locator("#panel .words, #sentences [data-example='0'] .words")
    assert {table.get_attribute("dir") for table in tables.all()} == {"rtl"}
    page.locator("#sentences >> text=Add student minus teacher").click()
    assert {table.get_attribute("dir") for table in tables.all()} == {"rtl"}
    page.evaluate("location.hash = '#ex-1'")
    page.locator("#panel h3", has_text="Example 1").wait_for()
    assert page.locator("#panel .words").first.get_attribute("dir") is None


def test_a_regression_has_no_explained_class(reader: Reader):
    """'For the explained class' on a page of numbers, which have none."""
    document = side_by_side(with_words(documents.regression()))
    page = visit(reader, document, fragment="#ex-3").page
    for box in ("#panel .wordbox", "#attribution"):
        text = page.inner_text(box)
        assert "raises the predicted score" in text
        assert "class" not in text
    assert "raises" not in visit(reader).page.inner_text("#attribution")


def test_word_scores_begin_with_three_sentences(reader: Reader):
    """Eight sentences by three methods made 3,000 pixels of words."""
    page = visit(reader).page
    panel = page.locator("#sentences .tab").first
    assert panel.locator(".sentence:visible").count() == 3
    panel.locator("summary", has_text="2 more sentences").click()
    assert panel.locator(".sentence:visible").count() == 5


class _Tabs(HTMLParser):
    """The names of tabs in a piece of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = dict(attrs).get("class") == "tab-name"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.names.append(data)
            self.inside = False


def test_attention_stands_by_the_teachers_layer():
    """Seven strips in a row, of which the reader must find the two that belong together."""
    document = attended()
    result = document.analysis("attention_similarity")
    assert result is not None
    table = next(table for table in result.tables if table.name == "attention_maps")
    examples = mapped_examples(table)
    layers = by_layer(examples)
    assert list(layers) == sorted(layers, key=int)
    for layer, held in layers.items():
        for example in held:
            assert example.strips
            assert {strip.beside or strip.layer for strip in example.strips} == {layer}
            assert [strip.beside == "" for strip in example.strips].index(True) == 0
    every = [strip for held in layers.values() for one in held for strip in one.strips]
    assert len(every) == sum(len(example.strips) for example in examples)
    names = _Tabs(str(SECTIONS.load("similarity").render(document))).names
    assert names == [f"Teacher’s layer {layer}" for layer in layers]
