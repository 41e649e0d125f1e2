"""Tests of the whole page without a browser: its policy, its escapes, its bytes."""

import base64
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kdprobe.errors import OutputError
from kdprobe.report.build import figures, render, write_report
from kdprobe.results.io import loads
from kdprobe.results.schema import AnalysisResult, Estimate, Metric, ResultsDocument
from tests.report import documents

VOID = {"meta", "input", "br", "img", "link", "hr"}
DOCUMENTS = {
    "three models": documents.build(),
    "one student": documents.alarmed(documents.build(names=documents.NAMES[:2], n=40)),
    "57 labels": documents.many_labels(n=80),
    "labels only": documents.build(names=documents.NAMES, n=40, probabilities=False),
    "regression": documents.regression(n=40),
    "hostile": documents.hostile(),
    "nothing ran": documents.build(n=30).model_copy(update={"analyses": (), "examples": ()}),
}


class Page(HTMLParser):
    """The page as a browser would see it: elements, attributes, texts of script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.inside:
            self.inside[tag].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.inside:
            self.inside[self.open[-1]][-1] += data


@pytest.fixture(scope="module", params=DOCUMENTS)
def page(request: pytest.FixtureRequest) -> Page:
    return Page(render(DOCUMENTS[request.param]))


def test_elements_close_in_order(page: Page):
    """A string that slipped out of its element would leave the tree unbalanced."""
    assert page.open == []


def test_nothing_on_the_page_loads_or_runs_from_elsewhere(page: Page):
    """One address of another host would tell it that the report was read."""
    for tag, attributes in page.elements:
        assert tag not in {"img", "iframe", "link", "object", "embed", "audio", "video", "base"}
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in {"style", "src", "srcset", "action", "formaction"}, (tag, name)
            if name == "href":
                assert (value or "").startswith("#"), value


def test_the_policy_lets_exactly_our_style_and_script_through(page: Page):
    """A hash of other bytes would leave the page without style or script."""
    order = [tag for tag, _ in page.elements]
    policy = next(
        a["content"] or ""
        for tag, a in page.elements
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert order.index("meta") < order.index("style")

    def sealed(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert len(page.inside["style"]) == 1
    data, script = page.inside["script"]
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src {sealed(page.inside['style'][0])};" in policy
    assert f"script-src {sealed(script)};" in policy
    assert "unsafe" not in policy
    json.loads(data)


def test_ids_are_unique_and_every_link_within_the_page_arrives(page: Page):
    """A doubled id leads the keyboard and the permalinks to the wrong place."""
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        href = attributes.get("href") or "#main"
        if not href.startswith("#ex-"):
            assert href[1:].split("?")[0] in ids
        for named in (attributes.get("aria-labelledby") or "").split():
            assert named in ids


def test_headings_never_skip_a_level(page: Page):
    """A screen reader's outline would have holes."""
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_the_page_speaks_a_language_and_lets_the_keyboard_skip(page: Page):
    """Without `lang` a screen reader guesses; without the link it reads the menu every time."""
    by_tag = dict(reversed(page.elements))
    assert by_tag["html"]["lang"] == "en"
    first = next(attributes for tag, attributes in page.elements if tag == "a")
    assert first == {"class": "skip", "href": "#main"}


def test_the_same_document_gives_the_same_bytes():
    """A report that differs between two renderings cannot be archived by its hash."""
    script = (
        "import hashlib; from tests.report import documents; from kdprobe.report.build import "
        "figures, render; d = documents.hostile(30); "
        "print(hashlib.sha256((render(d) + repr(figures(d))).encode()).hexdigest())"
    )
    root = Path(__file__).parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_report_loads_no_torch_and_no_pandas():
    """`kdprobe report` must answer on a machine without a model's weight of packages."""
    script = (
        "import sys, kdprobe.report.build; "
        "print([m for m in ('torch', 'pandas', 'scipy', 'transformers') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"


def test_a_dev_set_of_1043_examples_stays_small():
    """A page that cannot be mailed is not read."""
    assert len(render(documents.build(n=1043, names=documents.NAMES)).encode()) < 3_000_000


def test_hostile_control_characters_never_reach_the_page():
    """An escape code or a bidirectional override would change what a reader sees."""
    text = render(DOCUMENTS["hostile"])
    # Folded rows have a tab between cells: see packed.py, which writes no foreign one.
    text = re.sub(
        '<pre class="packed".*?</pre>', lambda m: m[0].replace("\t", ""), text, flags=re.S
    )
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2028\u2029]", text)
    assert "�" in text


def test_an_analysis_no_section_knows_is_shown_whole():
    """A later analysis would be computed and never seen."""
    later = AnalysisResult(
        name="verdict",
        version=1,
        title="A later analysis",
        metrics=(Metric(name="x", label="the number x", definition="What x is.", unit="bits"),),
        estimates=(Estimate(metric="x", model_a="bert-base", value=12.5, layer="3"),),
        notes=("A note.",),
    )
    document = documents.build(n=20).model_copy(update={"analyses": (later,)})
    text = render(document)
    assert 'id="analysis-verdict"' in text
    for shown in ("A later analysis", "The number x", "12.500 bits", "layer 3", "A note."):
        assert shown in text


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path):
    """Half a page would open and show half the findings."""
    write_report(DOCUMENTS["regression"], tmp_path / "deep" / "report.html")
    assert (tmp_path / "deep" / "report.html").read_text("utf-8") == render(DOCUMENTS["regression"])
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(OutputError, match=r"folder.html: cannot be written \(Is a directory\)"):
        write_report(DOCUMENTS["regression"], tmp_path / "folder.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "folder.html"]


def test_every_chart_of_the_page_is_a_figure_file():
    """A chart left out of --figures would be missing from a paper."""
    document: ResultsDocument = DOCUMENTS["three models"]
    drawn = figures(document)
    assert len(drawn) == render(document).count("<figure ")
    for name, text in drawn.items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        ElementTree.fromstring(text)
    assert {"agreement-confusion-student-6l", "calibration-reliability"} <= set(drawn)


@pytest.mark.parametrize("name", ["v1", "v1-names", "v2", "v2-highlights"])
def test_documents_of_every_version_are_drawn(name: str):
    """A report is rendered again years later from a document that lacks what came since."""
    golden = Path(__file__).parents[1] / "golden" / f"results-{name}.json"
    page = Page(render(loads(golden.read_text(encoding="utf-8"))))
    assert page.open == []
    assert {"verdict", "protocol"} <= {a["id"] for tag, a in page.elements if tag == "section"}
