"""Tests of word scores in the example browser, in a real browser."""

import csv
import io
import json

import pytest

from kdprobe.report.build import render
from kdprobe.report.examples import page_data
from kdprobe.report.highlights import Mark, marks
from kdprobe.results.io import dumps, loads
from kdprobe.results.method_names import method_label
from kdprobe.results.schema import ExampleWords, ResultsDocument
from tests.report import documents
from tests.report.browsing import Reader, Visit
from tests.report.explained import LOW, METHODS, with_words
from tests.report.test_page import CONTRAST, SHOWN

CELLS = """() => [...document.querySelectorAll('#panel .tab')].flatMap((tab) => {
  const lines = {};  // of the same model, wherever they were broken
  for (const line of tab.querySelectorAll('.words tr')) {
    const name = line.cells[0].firstChild.textContent;
    lines[name] = [...(lines[name] || []),
      ...[...line.querySelectorAll('.hl')].map((mark) => [mark.textContent, mark.className])];
  }
  return Object.entries(lines);
})"""
"""Each method's lines: the model, and its words with their classes."""


def explained() -> ResultsDocument:
    return with_words(documents.build(n=80))


def visit(reader: Reader, document: ResultsDocument | None = None, **more: object) -> Visit:
    return reader.open("words", text=render(document or explained()), **more)  # type: ignore[arg-type]


def words_of(document: ResultsDocument, row: int) -> ExampleWords:
    found = document.examples[row].words
    assert found is not None
    return found


def rhos(document: ResultsDocument, method: str, *students: str) -> dict[str, list[float]]:
    return {
        example.id: [
            one.value
            for one in example.words.agreement
            if one.method == method and (not students or one.student in students)
        ]
        for example in document.examples
        if example.words is not None
    }


def test_the_panel_shows_every_models_words_as_the_report_colours_them(reader: Reader):
    """A word tinted against the class in the panel and for it in the section would mislead."""
    document = explained()
    page = visit(reader, document, fragment="#ex-3").page
    found = words_of(document, 3)
    wanted = [
        [line.model, [tinted(mark) for mark in marks(found.words, line.scores)]]
        for line in found.scores
    ]
    assert page.evaluate(CELLS) == wanted
    tabs = page.locator("#panel [role=tab]").all_inner_texts()
    assert tabs == [method_label(method) for method in METHODS]
    head = page.locator("#panel .words th").nth(1).inner_text()
    assert head.endswith(f"agreement {found.agreement[0].value:.3f}".replace("-", "−"))
    label = document.task.labels[found.explained or 0]
    assert f"Explained class: {label}" in page.inner_text("#panel .wordbox")
    first = page.locator("#panel .words tr").first.locator("td").nth(1)
    assert first.locator(".small").inner_text() == f"{found.scores[0].scores[1]:.2f}".replace(
        "-", "−"
    )
    assert first.locator(".hl").get_attribute("title") is not None


def tinted(mark: Mark) -> list[str]:
    return [mark.word, f"hl {mark.tint}".strip()]


def test_two_pinned_examples_keep_their_own_words(reader: Reader):
    """The pinned example's words under the selected one's name would compare nothing."""
    document = explained()
    page = visit(reader, document, fragment="#ex-3").page
    page.click("#pin")
    page.locator("#examples tbody a").nth(8).click()
    shown = [[word for word, _ in marked] for _, marked in page.evaluate(CELLS)]
    half = len(METHODS) * len(document.models)
    assert shown[0] == list(words_of(document, 8).words)
    assert shown[half] == list(words_of(document, 3).words)


def test_low_agreement_filters_by_method_and_student(reader: Reader):
    """A filter that reads another method's agreement shows the wrong sentences."""
    document = explained()
    page = visit(reader, document).page
    page.click("#more summary")
    page.check("#f-low")
    low = [key for key, values in rhos(document, "lime").items() if min(values) < LOW]
    assert page.evaluate(SHOWN) == low
    page.select_option("#f-method", label="SHAP")
    page.select_option("#f-model", label="student-4l")
    low = [key for key, (value,) in rhos(document, "shap", "student-4l").items() if value < LOW]
    assert low
    assert page.evaluate(SHOWN) == low


def test_the_agreement_column_sorts_with_what_was_not_explained_last(reader: Reader):
    """Examples without agreement at the top would hide the least agreement."""
    document = explained()
    page = visit(reader, document).page
    least = {key: min(values) for key, values in rhos(document, "lime").items()}
    first = page.locator("#examples tbody tr").first.locator("td").nth(5).inner_text()
    assert first == f"{least['0']:.3f}".replace("-", "−")
    page.click("#examples [data-sort=agreement]")
    assert page.evaluate(SHOWN)[: len(least)] == sorted(least, key=lambda key: least[key])
    page.click("#examples [data-sort=agreement]")
    assert page.evaluate(SHOWN)[0] == max(least, key=lambda key: least[key])


def test_the_csv_has_every_agreement(reader: Reader):
    """A table taken away must hold what the filter was made by."""
    document = explained()
    page = visit(reader, document).page
    with page.expect_download() as waiting:
        page.click("#csv")
    rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_text("utf-8-sig"))))
    told = words_of(document, 5).agreement
    for one in told:
        assert float(rows[5][f"agreement {method_label(one.method)} {one.student}"]) == one.value
    assert rows[70]["agreement LIME student-4l"] == ""


def test_what_the_page_does_not_carry_is_said(reader: Reader):
    """An example without its words must not look as if it had none."""
    document = explained()
    page = visit(reader, document, fragment="#ex-35").page
    assert page.inner_text("#panel .wordbox") == (
        "Its word scores are in attributions.parquet beside this page."
    )
    text = page.inner_text("#browser")
    assert "40 examples were explained; this page carries the word scores of 30" in text
    page = visit(reader, document, fragment="#ex-60").page
    assert page.locator("#panel .wordbox").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_hostile_words_run_nothing_and_widen_nothing(reader: Reader, width: int):
    """A word is foreign text too, and forty of them must not widen a phone's page."""
    document = with_words(documents.hostile(), carried=40)
    seen = visit(reader, document, width=width, fragment="#ex-0")
    page = seen.page
    for place in range(4):
        page.locator("#examples tbody a").nth(place).click()
        page.click("#pin")
    page.click("#more summary")
    page.check("#f-low")
    assert page.evaluate("window.ran") is None
    assert page.locator("#panel .words tr").count() > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_tinted_words_can_be_read(reader: Reader, scheme: str):
    """A tint that swallows its word in one of the two schemes hides the finding."""
    page = visit(reader, scheme=scheme, fragment="#ex-3").page
    assert page.evaluate(CONTRAST) == []


def test_words_survive_the_file_and_pages_without_them_stay_as_they_were():
    """An older results.json must render, and a page without words must carry no columns of them."""
    document = explained()
    again = loads(dumps(document))
    assert again == document
    assert page_data(again) == page_data(document)
    plain = documents.build(n=20)
    text = json.loads(dumps(plain))
    for example in text["examples"]:
        assert "words" not in example
        example["words"] = None  # as earlier versions wrote
    assert render(loads(json.dumps(text))) == render(loads(dumps(plain)))
    assert "Word agreement" not in render(plain).split("<script>")[0]
    rows = page_data(plain)["rows"]
    assert isinstance(rows, list)
    assert {len(row) for row in rows} == {6}


def test_two_hundred_explained_examples_keep_the_page_light():
    """Word scores of all methods would make a page too heavy to mail."""
    document = documents.build(n=1043)
    bare = len(render(document))
    words = len(render(with_words(document, explained=400, carried=200))) - bare
    assert words < 500_000


def test_a_line_of_scores_fits_its_words():
    """A score under the wrong word is worse than none."""
    with pytest.raises(ValueError, match=r"lime of t: 1 scores for 2 words"):
        ExampleWords.model_validate(
            {"words": ["a", "b"], "scores": [{"method": "lime", "model": "t", "scores": [1.0]}]}
        )
