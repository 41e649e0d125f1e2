"""Tests of the contents, the folds and the links of a page, in a real browser."""

import pytest
from markupsafe import Markup

from kdprobe.report.build import RenderedSection, grouped, render
from kdprobe.report.leads import lead
from kdprobe.report.numbering import numbered
from kdprobe.report.section import FOLDED, GROUPS, SECTIONS, group_of
from tests.report import documents
from tests.report.browsing import Reader

OPEN = """() => [...document.querySelectorAll('details.fold')]
  .filter((fold) => fold.open).map((fold) => fold.dataset.name)"""
HERE = "() => document.querySelector('.rail a[aria-current]').hash.slice(1)"


def test_every_section_has_a_group_and_only_what_decides_stands_open():
    """A proof that stands open before the decision buries it."""
    firsts = [first for first, _ in GROUPS]
    assert firsts == sorted(firsts)
    order = {name: SECTIONS.load(name).order for name in SECTIONS.names()}
    standing = sorted((name for name in order if order[name] < FOLDED), key=order.__getitem__)
    assert standing == ["verdict", "student_differences", "warnings", "student_gaps"]
    told = [name for name in sorted(order, key=order.__getitem__) if name not in standing]
    assert told.index("scores") < told.index("attribution") < told.index("probing")
    assert told.index("probing") < told.index("slices") < told.index("browser")
    assert told.index("browser") < told.index("training") < told.index("checks")
    assert told[-1] == "protocol"
    assert group_of(order["causal_use"]) == "Layers"


def test_sections_are_grouped_and_their_tables_numbered_through():
    """Two tables of one number cannot be cited; a foreign string must not count as one."""
    bodies = ["<!-- table -->", "&lt;!-- table --&gt;", "<!-- table -->"]
    parts = [
        RenderedSection(order, str(order), "T", Markup(body))
        for order, body in zip((10, 40, 42), bodies, strict=True)
    ]
    assert [(g.title, len(g.sections)) for g in grouped(parts)] == [
        ("The decision", 1),
        ("Same answers", 2),
    ]
    page = numbered("".join(part.body for part in parts))
    assert page.count('id="table.1" href="#table.1">Table 1</a>') == 1
    assert page.endswith('id="table.2" href="#table.2">Table 2</a>')
    assert "&lt;!-- table --&gt;" in page


def test_a_sections_sentence_compares_teacher_and_students():
    """A closed section without its main number must be opened to learn whether it matters."""
    document = documents.build(n=50)
    assert lead(document, "calibration") == (
        "Calibration error beyond chance: bert-base 0.073, student-6l 0.073, student-4l 0.073."
    )
    assert lead(document, "agreement").startswith(
        "Share of examples on which both say the same: student-6l 0."
    )
    assert lead(document, "verdict") == ""
    many = documents.build(n=20, names=tuple(f"s{i}" for i in range(12)))
    assert lead(many, "agreement").endswith(" and 5 more.")
    for name in SECTIONS.names():
        lead(document.model_copy(update={"analyses": ()}), name)


def test_a_number_without_a_value_is_said_to_be_undefined():
    """A student left out of the sentence reads as if there were none."""
    document = documents.build(n=20)
    result = document.analysis("agreement")
    assert result is not None
    spoilt = result.model_copy(
        update={
            "estimates": tuple(
                one.model_copy(update={"value": None, "low": None, "high": None, "undefined": "no"})
                if (one.metric, one.model_b) == ("agreement", "student-4l")
                else one
                for one in result.estimates
            )
        }
    )
    document = document.model_copy(update={"analyses": (spoilt,)})
    assert lead(document, "agreement").endswith("student-4l undefined.")


def test_folds_open_remember_and_close(reader: Reader):
    """A reader who comes back must find what was open; a page that forgets is opened anew."""
    page = reader.open("usual", unfold=False).page
    assert page.evaluate(OPEN) == []
    assert page.locator("#examples").is_hidden()
    page.click("#calibration summary >> nth=0")
    assert page.evaluate(OPEN) == ["calibration"]
    page.reload()
    assert page.evaluate(OPEN) == ["calibration"]
    page.click("#calibration summary >> nth=0")
    page.reload()
    assert page.evaluate(OPEN) == []


def test_a_page_without_storage_still_folds(reader: Reader):
    """A file opened from a mail may be refused its storage: an error would stop every script."""
    page = reader.open("usual", unfold=False).page
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage',"
        " { get() { throw new DOMException('refused', 'SecurityError'); } })"
    )
    page.reload()
    page.click("#calibration summary >> nth=0")
    assert page.evaluate(OPEN) == ["calibration"]
    assert faults == []


@pytest.mark.parametrize(
    "fragment", ["#calibration", "#figure-calibration-reliability", "#ex-3", "#table.4"]
)
def test_a_link_opens_what_it_leads_to(reader: Reader, fragment: str):
    """A link to a closed section that stays closed leads nowhere."""
    visit = reader.open("usual", unfold=False, fragment=fragment)
    page = visit.page
    name = {"#calibration": "calibration", "#ex-3": "browser"}.get(fragment)
    if name is None:
        node = page.locator(f"[id='{fragment[1:]}']")
        assert node.is_visible()
        name = node.evaluate("(node) => node.closest('main > section').id")
    assert page.evaluate(OPEN) in ([name], [])
    assert page.locator(f"#{name}").evaluate(
        "(node) => node.getBoundingClientRect().top < innerHeight"
    )
    # The same link once more, after its section was closed by hand.
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = false; })")
    page.click(f".rail a[href='#{name}']")
    folded = page.locator(f"#{name} > details.fold").count()
    assert page.evaluate(OPEN) == ([name] if folded else [])
    assert visit.faults == []


def test_expand_all_opens_all_but_the_numbers_of_charts(reader: Reader):
    """A search over the page must reach everything; a chart's numbers are in the tables."""
    page = reader.open("usual", unfold=False).page
    page.click("#unfold")
    assert page.inner_text("#unfold") == "Collapse all"
    closed = "document.querySelectorAll('main details:not([open]):not(.numbers):not(.menu)').length"
    assert page.evaluate(closed) == 0
    page.click("#unfold")
    assert page.inner_text("#unfold") == "Expand all"
    assert page.evaluate(OPEN) == []


def test_print_opens_every_fold_and_then_closes_what_it_opened(reader: Reader):
    """A printed page with closed folds has lost its proof, and nobody sees that it had one."""
    page = reader.open("usual", unfold=False).page
    page.click("#calibration summary >> nth=0")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    closed = "document.querySelectorAll('main details:not([open]):not(.numbers):not(.menu)').length"
    assert page.evaluate(closed) == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(OPEN) == ["calibration"]
    # The events of the folds come first, however long they take.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    page.reload()
    assert page.evaluate(OPEN) == ["calibration"]


def test_without_javascript_print_shows_what_is_folded(reader: Reader):
    """An archive prints without running a script."""
    page = reader.open("usual", scripts=False).page
    page.emulate_media(media="print")
    assert page.locator("#protocol .card").first.is_visible()
    assert page.locator(".tablebox tr.more").first.is_visible()
    assert not page.locator(".contents").is_visible()


def test_the_contents_show_where_one_is(reader: Reader):
    """In a page of many screens a reader must know which section this is."""
    page = reader.open("usual").page
    assert page.evaluate(HERE) == "verdict"
    page.click(".rail a[href='#calibration']")
    page.wait_for_selector(".rail a[href='#calibration'][aria-current]")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_selector(".rail a[href='#protocol'][aria-current]")
    assert page.locator(".rail").evaluate("(rail) => rail.getBoundingClientRect().top") < 200


def test_on_a_phone_a_select_leads_everywhere(reader: Reader):
    """Seventeen links over the title of a phone's page push the verdict off its screen."""
    page = reader.open("usual", width=390, unfold=False).page
    assert not page.locator(".rail").is_visible()
    page.select_option("#jump", "calibration")
    page.wait_for_selector("#calibration > details[open]")
    assert page.evaluate(OPEN) == ["calibration"]
    assert page.locator("#jump").evaluate("(node) => node.getBoundingClientRect().top") < 60
    top = page.locator("#calibration").evaluate("(node) => node.getBoundingClientRect().top")
    assert 40 < top < 120


def test_the_page_is_short_until_it_is_opened():
    """A page of fifty screens hides its own proof: nothing but the decision stands open."""
    text = render(documents.build(n=40))
    assert text.count('<details class="fold"') == text.count("<section ") - 3
    assert '<details class="fold" open' not in text


def test_a_page_of_all_sections_is_a_few_screens_high(reader: Reader):
    """The height is what a reader scrolls through before knowing what there is."""
    page = reader.open("usual", unfold=False).page
    assert page.evaluate("document.documentElement.scrollHeight") < 4500
