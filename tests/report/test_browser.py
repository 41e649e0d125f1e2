"""Tests of the example browser in a real browser: its keys, its address, its saved filters."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from kdprobe.report import examples
from kdprobe.report.build import render
from kdprobe.results.io import read_document
from kdprobe.results.schema import Example, ResultsDocument
from tests.report import documents
from tests.report.browsing import Reader, rendered
from tests.report.test_examples import exemplars
from tests.report.test_page import SHOWN

GOLDEN = Path(__file__).parents[1] / "golden"
DIGITS = 4  # the page's probabilities are rounded


def usual() -> ResultsDocument:
    return documents.build(n=200)


def answers(example: Example) -> list[int | None]:
    return [said.label for said in example.predictions]


def sure(example: Example) -> list[float]:
    return [round(said.confidence or 0.0, DIGITS) for said in example.predictions]


def hits(example: Example) -> list[bool]:
    return [label == example.label for label in answers(example)]


def ids(keep: Callable[[Example], bool]) -> list[str]:
    return [example.id for example in usual().examples if keep(example)]


def test_keys_walk_search_filter_and_close(reader: Reader):
    """Keys that are listed on the page and do nothing, or walk another list than the one shown."""
    page = reader.open("usual", fragment="#browser?answers=lost").page
    lost = page.evaluate(SHOWN)
    for key in "jjk":
        page.keyboard.press(key)
    assert page.inner_text("#panel h3") == f"Example {lost[0]}"
    assert page.inner_text("#position").startswith("1 of ")
    page.keyboard.press("j")
    assert page.inner_text("#panel h3") == f"Example {lost[1]}"
    assert page.locator("tr[aria-current] .small").first.inner_text() == lost[1]
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "f-text"
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("f")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Escape")
    assert page.locator("#panel h3").count() == 0
    assert page.evaluate("document.activeElement.closest('tr') !== null")
    assert "j next" in page.evaluate("document.getElementById('filters').textContent")


def test_keys_rest_while_somebody_types_and_when_they_are_off(reader: Reader):
    """A search for 'jk' that walks instead; keys that a speech user cannot switch off."""
    page = reader.open("usual").page
    page.focus("#f-text")
    page.keyboard.type("j/k")
    assert page.input_value("#f-text") == "j/k"
    page.fill("#f-text", "")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+j")
    page.click("text=Keys")
    page.uncheck("#keys-on")
    page.keyboard.press("j")
    assert page.locator("#panel h3").count() == 0
    page.check("#keys-on")
    page.keyboard.press("j")
    assert page.inner_text("#panel h3") == "Example 0"


def test_a_view_can_be_sent(reader: Reader):
    """Filters that stay behind: the reader of a mailed link would see another list."""
    visit = reader.open("usual")
    page = visit.page
    page.select_option("#f-model", label="student-4l")
    page.select_option("#f-answers", "lost")
    page.fill("#f-text", "s")
    page.click("#examples [data-sort=c2]")
    page.click("text=Columns")
    page.check("#columns >> text=source")
    page.locator("#examples tbody a").nth(2).click()
    page.click("#pin")
    page.locator("#examples tbody a").nth(1).click()
    page.wait_for_url("**pin=**")
    before = [page.evaluate(SHOWN), page.inner_text("#examples thead"), page.inner_text("#sheets")]
    fragment = page.evaluate("location.hash")
    assert fragment.startswith("#ex-")
    page = reader.open("usual", fragment=fragment).page
    after = [page.evaluate(SHOWN), page.inner_text("#examples thead"), page.inner_text("#sheets")]
    assert after == before
    assert page.locator("[aria-sort]").count() == 1
    assert visit.faults == []


@pytest.mark.parametrize("text", ["a&b=c#d?e%20", "<script>", "🙂 \u202e", "+", "é" * 300])
def test_any_search_survives_its_address(reader: Reader, text: str):
    """A search cut at its first '&' would open as another one."""
    page = reader.open("usual").page
    page.fill("#f-text", text)
    page.wait_for_url("**text=**")
    visit = reader.open("usual", fragment=page.evaluate("location.hash"))
    assert visit.page.input_value("#f-text") == text
    assert visit.faults == []


@pytest.mark.parametrize(
    "fragment",
    ["#ex-nobody", "#ex-%E0%A4%A", "#browser?model=99&answers=%3C&sort=x&columns=q&pin=z&gap=NaN",
     "#browser?list=7&s0=%3Dnowhere",
     "#ex-3?predicted=__proto__&answers=constructor&sort=-toString"],
)  # fmt: skip
def test_a_broken_address_breaks_nothing(reader: Reader, fragment: str):
    """A link that was cut in a mail must open the page, not an error."""
    visit = reader.open("usual", fragment=fragment)
    assert visit.page.locator("#examples thead th").count() >= 5
    assert "of 200 examples shown" in visit.page.inner_text("#count")
    assert visit.faults == []


def test_back_leads_to_what_was_seen_before(reader: Reader):
    """A walk of twenty keys that takes twenty steps back, or a closed list that stays filtered."""
    page = reader.open("usual").page
    page.locator("#examples tbody a").nth(4).click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.inner_text("#panel h3") == "Example 6"
    page.select_option("#f-answers", "lost")
    page.wait_for_url("**answers=lost**")
    first = page.evaluate(SHOWN)[0]
    page.locator("#examples tbody a").first.click()
    assert page.inner_text("#panel h3") == f"Example {first}"
    page.go_back()
    page.locator("#panel h3", has_text="Example 6").wait_for()
    assert page.input_value("#f-answers") == "lost"
    page.go_back()
    page.locator("#panel h3").wait_for(state="detached")
    assert page.inner_text("#count") == "200 of 200 examples shown"


def test_the_link_to_a_view_can_be_copied(reader: Reader):
    """A button that copies the page's address without its filters."""
    page = reader.open("usual", fragment="#browser?answers=won").page
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.locator("#examples tbody a").first.click()
    page.click("#copy-link")
    link = page.input_value("#link")
    assert link == page.evaluate("location.href")
    assert link.endswith("?answers=won")
    assert "Ctrl+C" in page.inner_text("#copied-link")


def test_a_whole_row_opens_its_example(reader: Reader):
    """Only the id was a link: a click on the label did nothing."""
    page = reader.open("usual").page
    page.locator("#examples tbody tr").nth(7).locator("td").nth(1).click()
    assert page.inner_text("#panel h3") == "Example 7"
    page.click("#before")
    assert page.inner_text("#panel h3") == "Example 6"
    page.click("#after")
    assert page.evaluate("document.activeElement.id") == "after"
    page.click("#close")
    assert page.locator("#panel h3").count() == 0


def test_the_panel_stays_beside_its_list(reader: Reader):
    """A panel above the table pushes the list away with every row that is opened."""
    page = reader.open("usual", fragment="#ex-30").page
    listed, panel = page.locator("#list").bounding_box(), page.locator("#panel").bounding_box()
    assert listed is not None
    assert panel is not None
    assert panel["x"] >= listed["x"] + listed["width"]
    assert panel["y"] == pytest.approx(listed["y"], abs=2)
    assert panel["height"] == pytest.approx(listed["height"], abs=2)
    chosen = page.locator("tr.chosen").bounding_box()
    assert chosen is not None
    assert listed["y"] < chosen["y"] < listed["y"] + listed["height"]


SAVED: dict[str, Callable[[Example], bool]] = {
    "teacher right, student wrong": lambda e: hits(e)[0] and not all(hits(e)),
    "student right, teacher wrong": lambda e: not hits(e)[0] and any(hits(e)),
    "confident and wrong": lambda e: any(
        not hit and value >= 0.9 for hit, value in list(zip(hits(e), sure(e), strict=True))[1:]
    ),
    "right but unsure": lambda e: any(
        hit and value <= 0.6 for hit, value in list(zip(hits(e), sure(e), strict=True))[1:]
    ),
    "teacher right, all students wrong": lambda e: hits(e) == [True, False, False],
    "only one student right": lambda e: hits(e)[0] and sum(hits(e)[1:]) == 1,
    "all models wrong": lambda e: not any(hits(e)),
    "teacher sure, students less so": lambda e: all(sure(e)[0] > one for one in sure(e)[1:]),
    "one student confident, another not": lambda e: abs(sure(e)[1] - sure(e)[2]) >= 0.3,
}


def test_saved_filters_hold_what_their_names_say(reader: Reader):
    """A list called 'all students wrong' that holds an example one of them got right."""
    page = reader.open("usual").page
    chips = page.locator("#chips button")
    assert [" ".join(text.split()[:-1]) for text in chips.all_inner_texts()] == list(SAVED)
    for chip, keep in zip(chips.all(), SAVED.values(), strict=True):
        wanted = ids(keep)
        assert chip.locator(".chipcount").inner_text() == str(len(wanted))
        chip.click()
        assert chip.get_attribute("aria-pressed") == "true"
        assert page.locator("#chips [aria-pressed=true]").count() == 1
        assert page.inner_text("#count").startswith(f"{len(wanted)} of 200")
        assert sorted(page.evaluate(SHOWN), key=int) == wanted[:50] or len(wanted) > 50
        chip.click()
        assert page.inner_text("#count") == "200 of 200 examples shown"
    visible = page.inner_text("#browser-view")
    assert "thesis" not in visible
    assert "P4 of the 2020 thesis" in (chips.nth(5).get_attribute("title") or "")


def test_a_saved_filter_asks_about_the_chosen_model(reader: Reader):
    """'Confident and wrong' of any student, shown under the name of one; and out of order."""
    page = reader.open("usual").page
    page.select_option("#f-model", label="student-4l")
    page.click("#chips >> text=confident and wrong")
    wanted = [e for e in usual().examples if not hits(e)[2] and sure(e)[2] >= 0.9]
    wanted.sort(key=lambda e: -sure(e)[2])
    assert wanted
    assert page.evaluate(SHOWN) == [e.id for e in wanted]
    assert page.inner_text("#tally").endswith("sorted by confidence, largest first")
    count = page.locator("#chips >> text=confident and wrong").locator(".chipcount").inner_text()
    assert count == str(len(wanted))


def test_two_students_are_set_beside_each_other(reader: Reader):
    """Two students could be compared with the teacher only, never with each other."""
    page = reader.open("usual").page
    page.select_option("#f-model", label="student-6l")
    page.select_option("#f-with", label="student-4l")
    page.select_option("#f-answers", label="student-6l and student-4l differ")
    assert page.evaluate(SHOWN) == ids(lambda e: answers(e)[1] != answers(e)[2])
    page.select_option("#f-answers", "")
    page.click("#more summary")
    page.fill("#f-gap", "0.4")
    assert page.evaluate(SHOWN) == ids(lambda e: abs(sure(e)[1] - sure(e)[2]) >= 0.4)
    page.fill("#f-gap", "")
    page.select_option("#f-predicted", "0")
    page.select_option("#f-other", "1")
    assert page.evaluate(SHOWN) == ids(lambda e: answers(e)[1:] == [0, 1])


def test_a_model_beside_itself_differs_nowhere(reader: Reader):
    """A filter that silently falls away would list every example as one that differs."""
    page = reader.open("usual", fragment="#browser?model=0&answers=differ").page
    assert page.inner_text("#count") == "0 of 200 examples shown"
    page.evaluate("location.hash = '#browser?answers=lost'")
    page.locator("#chips [aria-pressed=true]").wait_for()
    assert page.input_value("#f-answers") == "lost"
    lost = ids(SAVED["teacher right, student wrong"])
    assert page.inner_text("#count") == f"{len(lost)} of 200 examples shown"


def test_the_confidence_gap_sorts_by_size_and_by_sign(reader: Reader):
    """Largest differences first must hold both directions; with the sign, one."""
    page = reader.open("usual", fragment="#browser?model=2&sort=-gap").page

    def gap(e: Example) -> float:
        return round(sure(e)[2] - sure(e)[0], DIGITS)

    by_size = sorted(usual().examples, key=lambda e: -abs(gap(e)))
    assert page.evaluate(SHOWN) == [e.id for e in by_size[:50]]
    shown = page.locator("#examples tbody tr").first.locator("td").nth(1).inner_text()
    assert shown == f"{gap(by_size[0]):+.3f}".replace("-", "−")
    page.click("#examples [data-sort=signed]")
    assert page.evaluate(SHOWN)[:9] == [e.id for e in sorted(usual().examples, key=gap)[:9]]


def test_a_models_column_sorts_by_answer_and_by_confidence(reader: Reader):
    """Label and confidence in one key: the least sure of one label stood beside the surest."""
    page = reader.open("usual").page
    page.click("#examples [data-sort=m1]")
    first = [e.id for e in usual().examples if answers(e)[1] == 0]
    assert page.evaluate(SHOWN) == first[:50]
    page.click("#examples [data-sort=c1]")
    by_sure = sorted(usual().examples, key=lambda e: sure(e)[1])
    assert page.evaluate(SHOWN) == [e.id for e in by_sure[:50]]
    assert page.evaluate("document.activeElement.dataset.sort") == "c1"


def test_columns_of_the_data_are_shown_by_choice(reader: Reader):
    """Every column of the data at once pushes the models off the screen."""
    page = reader.open("usual").page
    heads = "[...document.querySelectorAll('#examples th')].map((h) => h.firstChild.textContent)"
    usually = ["Text", "Label", "bert-base", "student-6l", "student-4l"]
    assert page.evaluate(heads) == usually
    page.click("text=Columns")
    page.check("#columns >> text=source")
    page.uncheck("#columns >> text=bert-base")
    assert page.evaluate(heads) == ["Text", "Label", "student-6l", "student-4l", "source"]


def test_nothing_matches_is_said_and_undone(reader: Reader):
    """An empty table without a word looks like a page that broke."""
    page = reader.open("usual").page
    page.fill("#f-text", "no such sentence")
    assert "No example matches" in page.inner_text("#list")
    assert page.inner_text("#count") == "0 of 200 examples shown"
    page.click("#clear")
    assert page.locator("#nothing").is_hidden()
    assert page.evaluate("document.activeElement.id") == "f-text"


def test_the_bar_counts_right_and_wrong(reader: Reader):
    """A bar of another length than its number."""
    page = reader.open("usual", fragment="#browser?model=1").page
    right = len(ids(lambda e: hits(e)[1]))
    tally = page.inner_text("#tally")
    assert tally == f"student-6l right on {right}, wrong on {200 - right}"
    widths = page.evaluate(
        "[...document.querySelectorAll('#shares rect')].map((r) => Number(r.getAttribute('width')))"
    )
    assert widths[1] / widths[0] == pytest.approx(right / 200, abs=1e-3)
    assert sum(widths[1:]) == pytest.approx(widths[0], abs=0.1)


def test_no_id_stands_without_its_text(reader: Reader):
    """Ten rows of 'grammar-dev-0127' say nothing until each is clicked."""
    page = reader.open("usual").page
    bare = page.evaluate("""() => [...document.querySelectorAll('main td a[href^="#ex-"]')]
      .filter((link) => link.closest('td').textContent.trim() === link.textContent.trim()
        && !link.closest('#examples')).map((link) => link.textContent)""")
    assert bare == []
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    text = usual().examples[0].text
    assert page.locator("main td:has(a[href='#ex-0'])", has_text=text[:40]).count() > 0


@pytest.mark.parametrize("name", ["alone", "none", "57", "thirty", "regression", "hard"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_kind_of_document_browses(reader: Reader, name: str, width: int):
    """One model, no examples, many labels or students, numbers: each breaks an assumption."""
    visit = reader.open(name, width=width)
    page = visit.page
    if name == "none":
        assert page.locator("#examples").count() == 0
        assert visit.faults == []
        return
    for chip in page.locator("#chips button").all():
        chip.click()
        assert page.locator("#nothing").is_hidden() or chip.inner_text().endswith(" 0")
        chip.click()
    for select in page.locator("#filters .row select:visible").all():
        values = select.locator("option:enabled")
        select.select_option(values.last.get_attribute("value"))
    page.click("button[type=reset]")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.wait_for_selector("#panel h3")
    rows = len(documents.NAMES[:3]) if name not in ("alone", "thirty", "hard") else None
    assert rows is None or page.locator("#panel .answers").first.locator("tbody tr").count() == rows
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.faults == []


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("results-v*.json")), ids=lambda file: file.stem)
def test_older_documents_browse(reader: Reader, file: Path):
    """A page of an older results.json whose script stops at a field that was not there yet."""
    document = read_document(file)
    bare = tuple(result.model_copy(update={"curves": ()}) for result in document.analyses)
    document = document.model_copy(update={"analyses": bare})
    visit = reader.open("golden", text=render(document))
    visit.page.keyboard.press("j")
    assert visit.page.locator("#panel h3").count() == bool(document.examples)
    assert visit.faults == []


def test_titles_of_older_documents_lose_the_numbers_of_the_thesis():
    """'P4: only one student right' means nothing to who has not read the thesis."""
    document = documents.build(n=20)
    lists = document.analysis("exemplary_cases")
    assert lists is not None
    table = lists.tables[0].model_copy(update={"title": "P4: only one student right"})
    older = lists.model_copy(update={"tables": (table,)})
    rest = tuple(older if one is lists else one for one in document.analyses)
    text = render(document.model_copy(update={"analyses": rest})).split("<script")[0]
    assert "Only one student right" in text
    assert "P4" not in text


def test_examples_named_by_several_seeds_are_a_saved_filter(reader: Reader):
    """What needs every run cannot be filtered by the first run's answers."""
    text = render(exemplars(usual(), "7", "31"))
    page = reader.open("exemplars", text=text).page
    page.click("#chips >> text=changed by compression")
    assert page.evaluate(SHOWN) == ["7", "31"]
    page.wait_for_url("**list=0")


def test_of_thirty_students_the_first_have_columns(reader: Reader):
    """Thirty-one columns are wider than any screen; the panel has them all."""
    page = reader.open("thirty", fragment="#ex-3").page
    assert page.locator("#examples thead th").count() == 2 + 5
    assert page.locator("#panel .answers tbody tr").count() == 31


def test_huge_and_bidirectional_texts_stay_in_their_cells(reader: Reader):
    """One example of 40,000 letters must not push all others off the page."""
    document = documents.build(n=20)
    huge = ("x" * 20_000, "word " * 8_000, "\u05e9\u05dc\u05d5\u05dd \u202e abc 🙂" * 50, "")
    spoilt = tuple(
        example.model_copy(update={"text": huge[place % 4], "text_pair": huge[(place + 1) % 4]})
        for place, example in enumerate(document.examples)
    )
    text = render_with(document, spoilt)
    for width in (390, 1280):
        visit = reader.open("huge", text=text, width=width, fragment="#ex-1")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        row = visit.page.locator("#examples tbody tr").first.bounding_box()
        assert row is not None
        assert row["height"] < 400
        assert visit.faults == []


def render_with(document: ResultsDocument, held: tuple[Example, ...]) -> str:
    return render(document.model_copy(update={"examples": held}))


PARSE = """() => {
  const text = document.getElementById("data").textContent;
  let least = Infinity;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    JSON.parse(text).rows.map((row) => row[1].toLowerCase());
    least = Math.min(least, performance.now() - start);
  }
  return least;
}"""
"""Milliseconds of reading the page's data once, which no browser can do without."""


def test_the_browser_is_ready_at_once_with_ten_thousand_rows(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    """A start that grows with the square of the rows makes the page's largest case unusable."""
    monkeypatch.setattr(examples, "MOST", 10_000)
    document = documents.build(n=500)
    times: dict[int, list[tuple[float, float]]] = {2_500: [], 10_000: []}
    for repeat, count in itertools.product(range(4), times):
        many = tuple(
            document.examples[i % 500].model_copy(update={"id": str(i)}) for i in range(count)
        )
        bare = document.model_copy(update={"analyses": (), "examples_total": count})
        name = f"ready{count}-{repeat}"
        page = reader.open(name, text=render_with(bare, many)).page
        (took,) = page.evaluate(
            "performance.getEntriesByName('kdprobe-ready').map((e) => e.duration)"
        )
        times[count].append((took, page.evaluate(PARSE)))
    # Another process of the machine only ever adds to a time, so the least of each counts.
    (small, _), (large, parse) = (map(min, zip(*each, strict=True)) for each in times.values())
    # 4 times the rows: linear with room for a busy machine, and a few times what reading takes.
    assert large < 12 * small
    assert large < 25 * parse


def test_without_javascript_rows_have_texts_and_marks(reader: Reader):
    """A list whose answers say right and wrong by a script alone."""
    page = reader.open("usual", scripts=False).page
    page.click("#browser summary")
    assert page.locator("#panel").is_hidden()
    row = page.locator("#examples tbody tr").first
    example = usual().examples[0]
    assert example.text in row.inner_text()
    marks = [mark.get_attribute("aria-label") for mark in row.locator(".tick").all()]
    assert marks == ["right" if hit else "wrong" for hit in hits(example)]
    assert "P4" not in rendered("usual").split("<script")[0]
