"""Tests of the first screen as Markdown, read by a Markdown parser of its own."""

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kdprobe.plain_text import printable
from kdprobe.results.headline import headline
from kdprobe.results.markdown import markdown_summary, plain_markdown
from kdprobe.results.schema import ResultsDocument
from kdprobe.results.screen import ScreenCell, screen
from tests.report import documents

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
ATTACKS = (
    *documents.ATTACKS,
    "![x](http://evil.example/p.png)", "[x]: http://evil.example", "[x](javascript:run())",
    "# heading", "1. one", "- item", "> quote", "```", "a | b", "**bold** _it_ ~~no~~ `code`",
    "<script>run()</script>", "&lt;b&gt;", "===", "\\*", "[ ] task", "$x$", "    indented",
)  # fmt: skip


def inner(text: str) -> list[Token]:
    return [child for token in PARSER.parse(text) for child in token.children or ()]


@pytest.mark.parametrize("text", ATTACKS)
@pytest.mark.parametrize("frame", ["- {}", "| a |\n|---|\n| {} |"])
def test_foreign_text_is_shown_and_does_nothing(text: str, frame: str):
    """A model called `![x](http://…)` would load a picture in every pull request it is named in."""
    tokens = inner(frame.format(plain_markdown(text)))
    plain = [t for t in tokens if t.type in ("text", "text_special")]
    assert [t.type for t in tokens if t not in plain] == []
    head = "" if frame.startswith("-") else "a"
    assert "".join(token.content for token in plain) == head + printable(text).strip()
    blocks = {token.type for token in PARSER.parse(frame.format(plain_markdown(text)))}
    assert not blocks & {"heading_open", "blockquote_open", "fence", "code_block", "html_block",
                         "ordered_list_open", "hr"}  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [documents.build(n=60), documents.many_labels(), documents.regression(), documents.hostile()],
    ids=["plain", "57 labels", "regression", "hostile"],
)
def test_it_says_what_the_page_says(document: ResultsDocument):
    """A summary that says less or other than the page is a second truth."""
    shown = screen(headline(document))
    text = markdown_summary(document)
    tokens = PARSER.parse(text)
    assert sum(token.type == "th_open" for token in tokens) == len(shown.columns) + 1
    assert sum(token.type == "tr_open" for token in tokens) == len(shown.rows) + 1
    for sentence in shown.sentences:
        assert plain_markdown(sentence) in text
    for row in shown.rows:
        for cell in row.cells:
            number = " ".join(filter(None, (cell.value, cell.interval)))
            assert cell == ScreenCell() or plain_markdown(cell.reason or number) in text
            assert plain_markdown(cell.more) in text
    allowed = {"text", "text_special", "html_inline", "softbreak", "strong_open", "strong_close"}
    assert {token.type for token in inner(text)} <= allowed
    breaks = {token.content for token in inner(text) if token.type == "html_inline"}
    assert breaks <= {"<br>"}


def test_warnings_stand_above_the_table():
    """A reviewer who reads the table first believes an alarmed number."""
    text = markdown_summary(documents.alarmed(documents.build(n=60)))
    assert 0 < text.index("**alarm**") < text.index("**warning**") < text.index("| Model")
    assert "Not run: attribution\\_agreement." in text
