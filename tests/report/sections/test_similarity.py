"""The section of layers and heads: every head as a picture, foreign strings escaped."""

from __future__ import annotations

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.report.section import SECTIONS
from kdprobe.results.schema import ResultsDocument
from tests.analysis.attended import attended
from tests.analysis.layered import layered
from tests.analysis.studies import binary
from tests.report import documents

SECTION = SECTIONS.load("similarity")


def document() -> ResultsDocument:
    """The document of the other tests with both analyses."""
    study = attended(layered(binary()))
    results = tuple(
        ANALYSES.load(name).run(study, ANALYSES.load(name).options(), {})
        for name in ("similarity", "attention_similarity")
    )
    return documents.build(n=12).model_copy(update={"analyses": results})


def test_every_head_is_drawn_and_foreign_tokens_are_text() -> None:
    """Guards digits shown as a table, and a token that becomes an element of the page."""
    markup = str(SECTION.render(document()))
    assert "f0" not in markup.split("Attention of every head")[0]
    pictures = markup.split("Attention of every head")[1]
    assert pictures.count("<svg") == 3 + 2 + 2
    assert "<b>" not in pictures
    assert "3: &lt;b&gt;" in pictures
    assert "student-1, layer 2 (beside the teacher" in pictures
    assert "Similarity of attention" in markup


def test_one_analysis_alone_is_shown_alone() -> None:
    """Guards a section that needs both."""
    whole = document()
    for kept in whole.analyses:
        markup = str(SECTION.render(whole.model_copy(update={"analyses": (kept,)})))
        assert ("Attention of every head" in markup) == (kept.name == "attention_similarity")
    assert SECTION.render(whole.model_copy(update={"analyses": ()})) is None
