"""Tests of which examples the page holds and how they are addressed and packed."""

import json
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.report import examples
from kdprobe.report.examples import (
    TEXT,
    address,
    kept_examples,
    links,
    named_lists,
    page_data,
    page_ids,
    script_data,
    script_json,
    shown_models,
    slice_columns,
)
from kdprobe.report.sections.warnings import examples_cut
from kdprobe.results.schema import AnalysisResult, Column, Example, ResultsDocument, Table
from tests.report import documents


def plain(*ids: str) -> tuple[Example, ...]:
    return tuple(Example(id=key, text="t", predictions=()) for key in ids)


def test_examples_that_are_named_survive_the_cut(monkeypatch: pytest.MonkeyPatch):
    """A loss would link to an example that is not on the page."""
    monkeypatch.setattr(examples, "MOST", 60)
    document = documents.build(n=100)
    kept = [example.id for example in kept_examples(document)]
    named = {key for result in document.analyses for gap in result.gaps for key in gap.examples}
    assert len(kept) == 60
    assert named <= set(kept)
    assert kept == sorted(kept, key=int)
    assert examples_cut(document) == (
        "The example browser holds 60 of 100 examples; all numbers are over all examples, and "
        "predictions.parquet beside this page holds every prediction."
    )


def test_a_page_with_all_examples_says_nothing_of_a_cut():
    """A false warning teaches readers to ignore the true ones."""
    assert examples_cut(documents.build(n=20)) == ""


def test_ids_that_look_alike_keep_addresses_of_their_own():
    """Two ids that differ in a control character would share one permalink."""
    assert page_ids(plain("a", "a\x00", "a\x01", "")) == ["a", "a�", "a�~2", "example"]


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_an_address_decodes_to_its_id(key: str):
    """A permalink with a blank or a slash would find nothing."""
    assert unquote(address(key)) == f"#ex-{key}"
    assert not set(address(key)) & set(" \"<>'&") - {"'"}


@given(st.recursive(st.text() | st.none() | st.integers(), st.lists))
def test_data_survives_the_script_element(value: object):
    """A sentence with a closing script tag would end the data and begin to run."""
    text = script_json({"v": value})
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"v": value}


def test_a_row_packs_what_every_model_said():
    """A model's prediction in another's column would be worse than none."""
    document = documents.build(n=5)
    data = page_data(document)
    rows = data["rows"]
    assert isinstance(rows, list)
    first = document.examples[0]
    assert rows[0][:4] == ["0", first.text, None, first.label]
    assert [said[0] for said in rows[0][5]] == [p.label for p in first.predictions]
    assert rows[0][5][0][2] == [round(p, 4) for p in first.predictions[0].probabilities]
    assert data["teacher"] == 0


def test_of_57_labels_the_twelve_most_probable_are_packed():
    """All 57 probabilities of 5,000 examples would make a page of megabytes."""
    document = documents.many_labels(n=4)
    rows = page_data(document)["rows"]
    assert isinstance(rows, list)
    said = rows[0][5][0]
    assert len(said[2]) == 12
    assert said[2][0][0] == said[0]
    shares = [share for _, share in said[2]]
    assert shares == sorted(shares, reverse=True)


def test_a_column_of_too_many_values_is_no_filter():
    """A menu of a thousand lengths helps nobody."""
    spread = [
        Example(id=str(i), text="t", columns={"a": str(i % 2), "b": str(i), "c": "1"},
                predictions=())
        for i in range(100)
    ]  # fmt: skip
    assert slice_columns(tuple(spread)) == {"a": ["0", "1"]}


def test_links_lead_to_page_ids():
    """An id with a control character must be linked under its printable form."""
    document = documents.build(n=1)
    odd = document.model_copy(update={"examples": plain("a\x00b")})
    assert links(odd) == {"a\x00b": "#ex-a%EF%BF%BDb"}


def exemplars(document: ResultsDocument, *ids: str) -> ResultsDocument:
    columns = (
        Column(name="student", label="student"),
        Column(name="example", label="example", kind="example"),
    )
    rows = tuple(("student-6l", key) for key in ids)
    table = Table(name="exemplars", title="Exemplars", columns=columns, rows=rows)
    result = AnalysisResult(name="exemplars", version=1, title="Exemplars", tables=(table,))
    return document.model_copy(update={"analyses": (*document.analyses, result)})


def test_lists_of_several_seeds_are_places_of_the_page():
    """A saved filter that needs all runs cannot be asked of the first run's answers."""
    document = exemplars(documents.build(n=20), "7", "3", "7", "gone")
    (held,) = named_lists(document)
    assert held["rows"] == [3, 7]
    assert page_data(document)["lists"] == [held]
    assert named_lists(documents.build(n=20)) == []
    assert named_lists(exemplars(documents.build(n=20), "gone")) == []


def test_the_teacher_is_among_the_columns_wherever_it_stands():
    """With thirty students before it the teacher's answers would not be in the list."""
    document = documents.build(n=5, names=tuple(f"m{i}" for i in range(9)))
    assert shown_models(document) == [0, 1, 2, 3, 4]
    turned = document.model_copy(update={"models": document.models[::-1]})
    assert shown_models(turned) == [0, 1, 2, 3, 8]


def test_links_know_how_their_texts_begin():
    """An id alone says nothing of its example."""
    document = documents.build(n=3)
    held = links(document)
    assert dict(held.texts) == {
        e.id: e.text if len(e.text) <= TEXT else e.text[: TEXT - 1] + "…" for e in document.examples
    }


def test_the_script_gets_nothing_twice_and_can_put_it_back():
    """Guards against a confidence that is not the label's probability, and would be replaced."""
    document = documents.build(n=30)
    whole, brief = page_data(document)["rows"], script_data(document)["rows"]
    assert isinstance(whole, list)
    assert isinstance(brief, list)
    assert any(len(entry) == 2 for row in brief for entry in row[5])
    for row, short in zip(whole, brief, strict=True):
        back = [[e[0], e[1][e[0]], e[1]] if len(e) == 2 else e for e in short[5]]
        assert [*short[:5], back, *short[6:]] == row
    other = document.examples[0].predictions[0].model_copy(update={"confidence": 0.1234})
    first = document.examples[0].model_copy(update={"predictions": (other,)})
    rows = script_data(document.model_copy(update={"examples": (first,)}))["rows"]
    assert isinstance(rows, list)
    assert rows[0][5][0][1] == 0.1234
