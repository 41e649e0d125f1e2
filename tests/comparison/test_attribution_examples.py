"""Whose word scores a document carries, and that the page draws those it names."""

import numpy as np
import pytest

from kdprobe.analysis import attribution_agreement
from kdprobe.comparison import attribution_examples
from kdprobe.comparison.attribution_examples import rounded, with_words
from kdprobe.comparison.examples import examples
from kdprobe.report.build import render
from kdprobe.report.highlights import marked
from kdprobe.results.schema import ResultsDocument
from tests.analysis.attributed import attributed_study
from tests.report import documents


def explained_document() -> ResultsDocument:
    """A document of 40 examples, 24 explained, 8 of them to be shown side by side."""
    study = attributed_study()
    analysis = attribution_agreement.ANALYSIS
    result = analysis.run(study, analysis.options(), {})
    document = documents.build(n=12, names=tuple(m.name for m in study.models)).model_copy(
        update={"analyses": (result,), "examples": ()}
    )
    shown = with_words(study, examples(study, list(range(study.n))), document)
    return document.model_copy(update={"examples": shown})


def test_what_is_shown_side_by_side_is_carried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of sentences whose words fell to the limit: headings without a word below them."""
    whole = explained_document()
    table = whole.analyses[0].tables[0]
    monkeypatch.setattr(attribution_examples, "PAGE_EXPLAINED", len(table.rows))
    document = explained_document()
    carried = {one.id for one in document.examples if one.words is not None and one.words.words}
    assert carried == {row[0] for row in table.rows}
    assert len(carried) == 8
    assert marked(document, table) == marked(whole, table)


def test_the_page_draws_the_words_that_the_examples_hold() -> None:
    """Scores of another sentence, model or class under a sentence's name."""
    document = explained_document()
    table = document.analyses[0].tables[0]
    held = {example.id: example.words for example in document.examples}
    page = render(document)
    shown = marked(document, table)
    assert set(shown) == {line.method for words in held.values() if words for line in words.scores}
    for method, sentences in shown.items():
        for sentence, (example, why) in zip(sentences, table.rows, strict=True):
            words = held[str(example)]
            assert words is not None
            assert (sentence.example, sentence.why) == (example, why)
            assert words.explained is not None
            assert sentence.explained == document.task.labels[words.explained]
            rows = [line for line in words.scores if line.method == method]
            assert [line.model for line in sentence.lines] == [line.model for line in rows]
            for line, scores in zip(sentence.lines, rows, strict=True):
                assert tuple(mark.word for mark in line.marks) == words.words
                assert tuple(mark.score for mark in line.marks) == scores.scores
            assert f'href="#ex-{sentence.place}"' in page
    assert "explained_sentences" not in page


def test_scores_are_rounded_as_pages_write_them() -> None:
    """A score of 12.35 that a page writes as 12.30, and one of 0.000123 that becomes nothing."""
    exact = np.array([12.34567, -0.89478, 0.012345, 0.00012345, 0.0, np.nan])
    assert rounded(exact) == (12.3457, -0.8948, 0.0123, 0.000123, 0.0, None)
