"""Tests of the page in a real browser: what runs, what leaves, what hand and keyboard can do."""

import csv
import io
from typing import Literal

import pytest

from kdprobe.report import examples
from kdprobe.report.build import render
from kdprobe.results.schema import ResultsDocument
from tests.report import documents
from tests.report.browsing import Reader, rendered

SHOWN = """() => [...document.querySelectorAll('#examples tbody td.long .small')]
  .map((id) => id.textContent)"""
"""The ids of the listed examples."""
CONTRAST = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => {
      v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (node) => {
    for (let n = node; n; n = n.parentElement) {
      const c = parse(getComputedStyle(n).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c; }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 22, 28] : [255, 255, 255]; };
  const poor = [];
  for (const node of document.body.querySelectorAll("*")) {
    const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
    if (!own || node.matches("script, title, desc, option, :disabled")) continue;
    if (!node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const ink = parse(node instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(ink), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(node.tagName + "." + node.getAttribute("class") + " " + ratio);
  }
  return poor; }"""


def usual() -> ResultsDocument:
    return documents.build(n=200)


def test_a_hostile_data_set_runs_nothing_and_calls_nobody(reader: Reader):
    """A sentence that runs a script would own the reader of every mailed report."""
    visit = reader.open("hostile", fragment=examples.address("1"))
    page = visit.page
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for index in range(page.locator("#examples th button").count()):
        page.locator("#examples th button").nth(index).click()
    for index in range(4):
        page.locator("#examples tbody a").nth(index).click()
        page.click("#pin")
    page.select_option("#f-gold", index=1)
    for select in page.locator(".f-slice").all():
        select.select_option(index=1)
    page.fill("#f-text", "<script>")
    with page.expect_download() as waiting:
        page.click("#csv")
    waiting.value.path()
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None
    assert page.locator("main img, main iframe, section svg[onload]").count() == 0
    assert visit.faults == []


def test_the_policy_stops_what_an_escape_would_let_through(reader: Reader):
    """If one escape failed, the page's policy must still stop the script."""
    broken = rendered("usual").replace("</main>", f"{documents.HOSTILE}</main>")
    visit = reader.open("broken", text=broken)
    assert visit.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in fault for fault in visit.faults)


def test_filters_combine(reader: Reader):
    """A filter that replaces another would show examples that were ruled out."""
    page = reader.open("usual").page
    document = usual()
    wanted = [
        example
        for example in document.examples
        if example.label == 1
        and example.columns["source"] == "gj"
        and "cat" in example.text.lower()
        and example.predictions[0].label == example.label
        and example.predictions[2].label != example.label
    ]
    assert wanted
    page.select_option("#f-gold", label=document.task.labels[1])
    page.select_option("#f-model", label="student-4l")
    page.click("#more summary")
    page.select_option(".f-slice[name='s0']", "=gj")
    page.fill("#f-text", "CAT")
    page.select_option("#f-answers", "lost")
    assert page.evaluate(SHOWN) == [example.id for example in wanted]
    assert page.inner_text("#count") == f"{len(wanted)} of 200 examples shown"
    page.click("button[type=reset]")
    page.wait_for_function("document.getElementById('count').textContent.startsWith('200 of')")


def test_disagreement_and_the_reverse(reader: Reader):
    """'Any student' must mean any, not the first."""
    page = reader.open("usual").page
    said = {e.id: [p.label for p in e.predictions] for e in usual().examples}
    gold = {e.id: e.label for e in usual().examples}
    page.select_option("#f-answers", "differ")
    apart = [key for key, (t, *students) in said.items() if any(s != t for s in students)]
    assert page.inner_text("#count").startswith(f"{len(apart)} of 200")
    page.select_option("#f-answers", "won")
    won = [key for key in said if said[key][0] != gold[key] and gold[key] in said[key][1:]]
    assert page.evaluate(SHOWN) == won


def test_every_column_sorts_both_ways(reader: Reader):
    """Numbers sorted as text would put 10 before 9."""
    page = reader.open("usual").page
    page.click("text=Columns")
    page.check("#columns >> text=Id")
    page.click("#examples [data-sort=id]")
    page.click("#examples [data-sort=id]")
    assert page.evaluate(SHOWN)[:3] == ["199", "198", "197"]
    head = page.locator("#examples th[aria-sort]")
    assert head.count() == 1
    assert head.get_attribute("aria-sort") == "descending"
    page.check("#columns >> text=words")
    page.click("#examples [data-sort=x1]")
    lengths = {example.id: int(example.columns["words"]) for example in usual().examples}
    assert [lengths[key] for key in page.evaluate(SHOWN)] == sorted(lengths.values())[:50]


def test_pages_turn(reader: Reader):
    """Examples beyond the first fifty must be within reach."""
    page = reader.open("usual").page
    page.click("#next")
    assert page.evaluate(SHOWN)[0] == "50"
    assert page.inner_text("#page") == "page 2 of 4"
    page.click("#previous")
    assert page.is_disabled("#previous")


def test_a_permalink_opens_its_example(reader: Reader):
    """A link in a mail must show the example that was meant."""
    page = reader.open("usual", fragment="#ex-117").page
    example = usual().examples[117]
    assert page.inner_text("#panel h3") == "Example 117"
    assert page.inner_text("#panel .text") == example.text
    rows = page.locator("#panel .answers tbody tr")
    assert rows.count() == 3
    for row, said in zip(rows.all(), example.predictions, strict=True):
        shown = row.locator("td.num").all_inner_texts()
        assert shown == [f"{p:.3f}" for p in said.probabilities]
        mark = row.locator(".tick").get_attribute("aria-label")
        assert mark == ("right" if said.label == example.label else "wrong")
    gold = page.locator("#panel .answers th.gold").inner_text()
    assert gold == f"{usual().task.labels[example.label or 0]} gold"
    assert page.evaluate(SHOWN)[17] == "117"
    assert page.locator("tr.chosen td.long .small").inner_text() == "117"


def test_hostile_ids_have_permalinks_too(reader: Reader):
    """An id with quotes and blanks must not break its own link."""
    page = reader.open("hostile").page
    link = page.locator("#examples tbody a").nth(1)
    name = page.evaluate(SHOWN)[1]
    link.click()
    assert page.inner_text("#panel h3") == f"Example {name}"


def test_a_pinned_example_stays_beside_the_selected(reader: Reader):
    """Comparing two examples must not mean remembering one."""
    page = reader.open("usual", fragment="#ex-3").page
    page.click("#pin")
    page.locator("#examples tbody a").nth(8).click()
    assert page.locator("#panel h3").all_inner_texts() == ["Example 8", "Pinned: 3"]
    page.locator("#examples tbody a").nth(3).click()
    page.get_by_role("button", name="Unpin").click()
    page.locator("#examples tbody a").nth(8).click()
    assert page.locator("#panel h3").all_inner_texts() == ["Example 8"]


def test_a_point_of_the_scatter_names_its_example_and_leads_to_it(reader: Reader):
    """A suspicious point must be one click from its sentence, and not from its neighbour's."""
    page = reader.open("usual").page
    target = page.evaluate(
        """() => {
          document.querySelectorAll("details").forEach((one) => { one.open = true; });
          const path = document.querySelector("path[data-rows]");
          path.closest("figure").scrollIntoView();
          const middles = [...path.getAttribute("d").matchAll(/M(\\S+) (-?[\\d.]+)/g)];
          const steps = path.dataset.rows.split(" ").map(Number), rows = [];
          steps.reduce((at, step) => { rows.push(at + step); return at + step; }, 0);
          const xs = middles.map((one) => [Number(one[1]), Number(one[2])]);
          const apart = (i) => Math.min(...xs.map((p, j) =>
            i === j ? 99 : Math.hypot(p[0] - xs[i][0], p[1] - xs[i][1])));
          const lone = xs.map((_, i) => i).sort((a, b) => apart(b) - apart(a))[0];
          const at = new DOMPoint(...xs[lone]).matrixTransform(path.getScreenCTM());
          return { x: at.x, y: at.y, id: String(rows[lone]) };
        }"""
    )
    page.mouse.move(target["x"], target["y"])
    ids = page.evaluate(
        "JSON.parse(document.getElementById('data').textContent).rows.map((r) => r[0])"
    )
    name = ids[int(target["id"])]
    hint = page.locator("path[data-rows] title").first
    assert (hint.text_content() or "").startswith(f"{name}: ")
    page.mouse.click(target["x"], target["y"])
    assert page.inner_text("#panel h3") == f"Example {name}"


def test_the_csv_holds_what_is_shown_and_runs_nothing(reader: Reader):
    """A cell that begins with '=' would run in a spreadsheet."""
    page = reader.open("hostile").page
    page.fill("#f-text", "=HYPERLINK(")
    with page.expect_download() as waiting:
        page.click("#csv")
    rows = list(csv.reader(io.StringIO(waiting.value.path().read_text("utf-8-sig"))))
    shown = page.inner_text("#count").split()[0]
    assert len(rows) - 1 == int(shown)
    assert rows[0][:4] == ["id", "text", "text_pair", "label"]
    assert all(not cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    assert any(cell.startswith("'=HYPERLINK(") for row in rows for cell in row)


def test_the_keyboard_reaches_everything(reader: Reader):
    """A control that only a mouse reaches does not exist for some readers."""
    page = reader.open("one").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")
    seen = set()
    for _ in range(400):
        name = page.evaluate(
            "(() => { const a = document.activeElement; return a.id || a.getAttribute('class')"
            " || a.tagName + ' ' + a.textContent.slice(0, 20); })()"
        )
        if name in {"f-text", "csv", "f-answers"} or name.startswith(("SUMMARY", "BUTTON")):
            seen.add(name)
        if page.evaluate("(document.activeElement.hash || '').startsWith('#ex-12')"):
            break
        page.keyboard.press("Tab")
    assert {"f-text", "f-answers", "csv", "BUTTON Text", "SUMMARY Show numbers"} <= seen
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel h3")
    assert page.inner_text("#panel h3") == "Example 12"
    assert page.evaluate("document.activeElement.id") == "panel"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    "name",
    [
        "usual", "hostile", "57", "one", "hard", "regression", "alone", "none", "thirty", "bare",
        "first version",
    ],
)  # fmt: skip
def test_no_page_scrolls_sideways_or_complains(reader: Reader, name: str, width: int):
    """A phone that must scroll sideways hides half of every table."""
    visit = reader.open(name, width=width, fragment="#ex-2")
    visit.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.faults == []
    # Whatever is missing in a document, it has a first screen and a heading for each section.
    assert visit.page.inner_text("#verdict h2, #verdict summary").startswith("Verdict")
    assert visit.page.evaluate("window.ran") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["usual", "one"])
def test_every_text_stands_out_from_its_ground(
    reader: Reader, name: str, scheme: Literal["dark", "light"]
):
    """Grey on grey is unreadable in one of the two schemes, and nobody looks at both."""
    visit = reader.open(name, scheme=scheme, fragment="#ex-2")
    assert visit.page.evaluate(CONTRAST) == []


def test_without_javascript_the_findings_are_there(reader: Reader):
    """A mail client or an archive that runs no script must still show the report."""
    page = reader.open("usual", scripts=False).page
    assert page.locator(".sentences li").count() == 2
    assert not page.locator("#examples").is_visible()
    page.click("#browser summary")
    assert page.locator("#examples").is_visible()
    assert page.locator(".rail a").first.is_visible()
    assert not page.locator("#jump, #unfold").first.is_visible()
    assert page.locator("#examples tbody tr").count() == 50
    assert page.locator("#filters").is_hidden()
    assert page.locator("svg[role=img]").count() > 5
    assert "need JavaScript" in page.locator("noscript").inner_text()


SCAN = """() => {
  const texts = Array.from({length: 10000}, (_, i) => `Row ${i}: the cats that slept did not wake`);
  let least = Infinity;
  for (let round = 0; round < 7; round++) {
    const start = performance.now();
    texts.filter((text) => text.toLowerCase().includes("cats d"));
    least = Math.min(least, performance.now() - start);
  }
  return least;
}"""
"""Milliseconds of the fastest of seven plain scans of ten thousand texts."""


def test_ten_thousand_rows_filter_at_once(reader: Reader, monkeypatch: pytest.MonkeyPatch):
    """A search that stutters at every letter is not used."""
    monkeypatch.setattr(examples, "MOST", 10_000)
    document = documents.build(n=500)
    many = tuple(
        example.model_copy(update={"id": str(i)})
        for i in range(10_000)
        for example in (document.examples[i % 500],)
    )
    bare = document.model_copy(update={"examples": many, "analyses": (), "examples_total": 10_000})
    page = reader.open("many", text=render(bare)).page
    page.click("#examples [data-sort=m2]")
    page.select_option("#f-answers", "differ")
    for word in ("c", "ca", "cat", "cats", "cats d"):
        page.fill("#f-text", word)
    took = page.evaluate("performance.getEntriesByName('kdprobe-filter').map((e) => e.duration)")
    assert len(took) == 8
    plain = page.evaluate(SCAN)
    # A share of the same machine's own speed: 50 ms where a plain scan takes 2.
    assert min(took[3:]) < 25 * plain
    assert page.inner_text("#count").endswith("of 10,000 examples shown")
