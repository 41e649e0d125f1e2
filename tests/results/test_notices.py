"""Tests of notices: what is said of the teacher's copies, and many of one kind as one line."""

from __future__ import annotations

from kdprobe.report.build import render
from kdprobe.results.copies import copies
from kdprobe.results.headline import headline
from kdprobe.results.markdown import markdown_summary
from kdprobe.results.notices import all_notices, document_notices, joined
from kdprobe.results.schema import AnalysisResult, Estimate, Metric, Notice, ResultsDocument
from kdprobe.results.screen import screen
from tests.report import documents

NEARNESS = Metric(name="agreement", label="agreement: difference", definition="A difference.")


def with_copy(*warnings: Notice) -> ResultsDocument:
    """A teacher, its int8 copy, a student and a control, and how near the first two are to it."""
    base = documents.build(n=12, names=("t", "int8", "s", "c"))
    teacher, copy, student, control = base.models
    models = (
        teacher,
        copy.model_copy(update={"fingerprint": teacher.fingerprint}),
        student,
        control.model_copy(update={"role": "control"}),
    )
    differences = AnalysisResult(
        name="student_differences", version=1, title="Who is nearer", metrics=(NEARNESS,),
        estimates=tuple(
            Estimate(metric="agreement", model_a=name, model_b="c", value=0.08, low=0.05,
                     high=0.11, p_value=0.001, q_value=0.001, n=1043)
            for name in ("int8", "s")
        ),
    )  # fmt: skip
    return base.model_copy(
        update={
            "models": models,
            "analyses": (*base.analyses, differences),
            "warnings": warnings,
        }
    )


def added(*names: str) -> list[Notice]:
    return [
        Notice(code="teacher-added", severity="note", models=(name, "c"),
               message=f"What the teacher added: {name}'s agreement is 0.0{i} above that of c.")
        for i, name in enumerate(names, start=1)
    ]  # fmt: skip


def test_nothing_is_said_of_what_a_teacher_added_to_itself() -> None:
    """Guards a rounded teacher that is praised for agreement which comes from the teacher."""
    document = with_copy(*added("int8", "s"))
    assert copies(document) == {"int8"}
    rows = {row.student: row for row in headline(document).rows}
    assert "it is the teacher itself, converted and not trained" in rows["int8"].sentence
    assert rows["int8"].gain.value is None
    assert "of its agreement 0.080 [0.050, 0.110] comes from the teacher" in rows["s"].sentence
    assert "converted" not in rows["s"].sentence
    assert [row.role for row in screen(headline(document)).rows] == [
        "teacher", "converted teacher", "student", "control",
    ]  # fmt: skip
    assert [notice.models for notice in document_notices(document)] == [("s", "c")]


def test_an_exported_graph_that_gives_the_teachers_logits_is_a_copy() -> None:
    """Guards ONNX: its file has a fingerprint of its own; and one that is no true copy."""
    true = Notice(code="parity", severity="note", message="Parity: near.", models=("s", "t"))
    assert copies(with_copy(true)) == {"int8", "s"}
    for other in ({"severity": "alarm"}, {"models": ("s",)}, {"models": ("s", "int8")}):
        assert copies(with_copy(true.model_copy(update=other))) == {"int8"}


def test_equal_answers_are_no_equal_weights() -> None:
    """Guards two predictions files of the same content: nothing is known of the models."""
    document = with_copy()
    models = tuple(m.model_copy(update={"source": "predictions file"}) for m in document.models)
    assert copies(document.model_copy(update={"models": models})) == frozenset()


def budgets(names: tuple[str, ...]) -> tuple[Notice, ...]:
    return tuple(
        Notice(code="unequal-budgets", severity="warning", models=(name, "c"),
               message=f"{name} learnt for {i + 2},608 steps, c for 804 steps.")
        for i, name in enumerate(names)
    )  # fmt: skip


def test_thirty_warnings_of_one_kind_are_one_line() -> None:
    """Guards a page, a summary and a terminal on which the one other warning drowns in thirty."""
    names = tuple(f"s{i}" for i in range(30))
    other = Notice(code="cut", severity="warning", message="2 of 9 texts are cut: long.")
    document = documents.build(n=12, names=("t", *names, "c")).model_copy(
        update={"warnings": (*budgets(names), other), "analyses": ()}
    )
    groups = joined(all_notices(document, headline(document)))
    assert [(group.few_words, len(group.notices)) for group in groups] == [
        ("unequal budgets, 30 models", 30), ("2 of 9 texts are cut", 1),
    ]  # fmt: skip
    assert groups[0].message == (
        "s0 learnt for 2,608 steps, c for 804 steps. Likewise: s1, s2, s3, s4, s5, s6 and 23 more."
    )
    page, summary = render(document), markdown_summary(document)
    assert page.count('class="notice warning"') == 2 == summary.count("**warning**")
    assert page.count("learnt for 31,608 steps") == 1  # the last one is there, folded
    assert 'href="#notice-2"' in page
    assert 'id="notice-2"' in page


def test_what_differs_in_more_than_names_and_numbers_stays_apart() -> None:
    """Guards notices of one code that say different things, and those of no model."""
    said = [
        Notice(code="model", severity="note", message="a: its weights are int8", models=("a",)),
        Notice(code="model", severity="note", message="b: it takes 512 tokens", models=("b",)),
        Notice(code="x", severity="note", message="all is well"),
        Notice(code="x", severity="note", message="all is well"),
    ]
    assert [len(group.notices) for group in joined(said)] == [1, 1, 1, 1]
    assert [group.likewise for group in joined(said)] == ["", "", "", ""]
