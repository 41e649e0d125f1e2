"""Tests that hold for every section of the folder, and those of warnings, losses and protocol."""

import pytest

from kdprobe.analysis.student_differences import ANALYSIS as STUDENT_DIFFERENCES
from kdprobe.report.section import SECTIONS
from kdprobe.report.sections.checks import undefined_by_reason
from kdprobe.results.headline import headline
from kdprobe.results.notices import all_notices
from kdprobe.results.schema import Notice, ResultsDocument, Role, Skipped
from tests.contracts.test_analyses import with_control
from tests.report import documents

EMPTY = documents.build(n=3).model_copy(
    update={"analyses": (), "examples": (), "examples_total": 3, "skipped": (), "warnings": ()}
)


@pytest.mark.parametrize("name", SECTIONS.names())
def test_a_section_answers_the_protocol_and_bears_an_empty_document(name: str):
    """One section that needs an analysis would take the whole report down."""
    section = SECTIONS.load(name)
    assert section.name == name
    assert section.title
    section.render(EMPTY)
    for missing in section.reads:
        document = documents.build(n=12)
        kept = tuple(result for result in document.analyses if result.name != missing)
        section.render(document.model_copy(update={"analyses": kept}))


def test_no_two_sections_share_a_place_or_an_analysis():
    """Two sections at one place would change order between machines; numbers would stand twice."""
    sections = [SECTIONS.load(name) for name in SECTIONS.names()]
    orders = [section.order for section in sections]
    read = [name for section in sections for name in section.reads]
    assert len(set(orders)) == len(orders)
    assert len(set(read)) == len(read)
    assert min(sections, key=lambda section: section.order).name == "verdict"


def test_warnings_gather_every_source_once_and_alarms_first():
    """An analysis's alarm at the end of the page comes after its numbers were believed."""
    notice = Notice(code="a", severity="alarm", message="swapped labels")
    document = documents.build(n=12)
    first = document.analyses[0].model_copy(update={"warnings": (notice, notice)})
    document = document.model_copy(update={"analyses": (first, *document.analyses[1:])})
    assert [n.message for n in all_notices(document, headline(document))] == [
        "swapped labels",
        "LABEL_0 was taken for unacceptable, as asked by --map-labels.",
    ]
    text = SECTIONS.load("warnings").render(document) or ""
    assert text.count("swapped labels") == 1
    text = SECTIONS.load("verdict").render(document) or ""
    assert '<a href="#notice-1"><span class="tagword">alarm</span> swapped labels</a>' in text
    assert "left out of this run; add it with --only attribution_agreement" in text


def test_undefined_numbers_are_told_by_reason():
    """A reader must not meet an undefined number without its reason."""
    assert undefined_by_reason(documents.build(n=12)) == [
        (
            "no label of this task is positive",
            ["F1 of bert-base", "F1 of student-6l", "F1 of student-4l"],
        )
    ]


def test_what_nobody_asked_for_is_folded_into_a_line():
    """Nine lines on what a person did not want, before what was wanted and could not run."""
    lines = [
        Skipped(what="probing", reason="no layer was probed"),
        Skipped(what="similarity", reason="no layers can be read", requested=True),
        Skipped(what="exemplars", reason="every model has one run"),
    ]
    document = documents.build(n=12).model_copy(update={"skipped": tuple(lines)})
    text = SECTIONS.load("verdict").render(document) or ""
    open_part, folded = text.split("<summary>Not run: probing, exemplars</summary>")
    assert "asked for, not possible: similarity" in open_part
    whole = SECTIONS.load("warnings").render(document) or ""
    assert "asked for, not possible: similarity: no layers can be read" in whole
    assert "no layer was probed" not in open_part
    folded = folded.split("</details>")[0]
    assert "no layer was probed" in folded
    assert "similarity" not in folded


def test_a_clean_run_says_so():
    """An empty section leaves open whether anything was checked."""
    clean = documents.build(n=3).model_copy(update={"analyses": (), "skipped": (), "warnings": ()})
    assert "Nothing to warn of" in (SECTIONS.load("warnings").render(clean) or "")


def test_gaps_show_their_examples_with_text():
    """A gap without an example cannot be judged, and an id without its text is none."""
    document = documents.build(n=100)
    gap = next(result for result in document.analyses if result.gaps).gaps[0]
    text = SECTIONS.load("student_gaps").render(document) or ""
    by_id = {example.id: example.text for example in document.examples}
    assert gap.examples
    for key in gap.examples:
        assert f'<a href="#ex-{key}">{by_id[key][:40]}' in text


def test_the_protocol_names_what_is_needed_to_run_again():
    """A report without its command and versions cannot be reproduced."""
    text = SECTIONS.load("protocol").render(documents.build(n=12)) or ""
    for part in ("kdprobe compare bert-base", "<dt>seed</dt><dd>1</dd>", "<dt>torch</dt>",
                 "<dt>resamples</dt><dd>2000</dd>", "0f0f0f0f0f0f0f0f", "0001" * 4,
                 "agreement 1"):  # fmt: skip
        assert part in text


def test_the_verdict_shows_value_interval_range_and_ceiling():
    """A kappa without its attainable range and ceiling invites the wrong conclusion."""
    text = SECTIONS.load("verdict").render(documents.build(n=50)) or ""
    for part in (
        "of −0.21 to 0.99; between seeds 0.71",
        "54.7 M",
        "0.50×",
        "n = 50 unless said otherwise.",
    ):
        assert part in text
    assert "McNemar" not in text  # without a difference there is no state for it to belong to


def nearer() -> ResultsDocument:
    """A document of a student and its control, from the analysis itself."""
    result = STUDENT_DIFFERENCES.run(with_control(), STUDENT_DIFFERENCES.options(), {})
    base = documents.build(n=12)
    names = ("teacher", "student-1", "student-2")
    roles: tuple[Role, ...] = ("teacher", "student", "control")
    models = tuple(
        model.model_copy(update={"name": name, "role": role})
        for model, name, role in zip(base.models, names, roles, strict=True)
    )
    notice = Notice(code="asymmetric-transfer", severity="warning", message="It took mistakes.")
    result = result.model_copy(update={"warnings": (notice,)})
    added = Notice(code="teacher-added", severity="note", message="What the teacher added.")
    return base.model_copy(
        update={"models": models, "analyses": (result,), "warnings": (added,), "examples": ()}
    )


def test_who_is_nearer_stands_beside_the_verdict():
    """Guards a page that leaves the reader to compare intervals by eye."""
    document = nearer()
    section = SECTIONS.load("student_differences")
    text = section.render(document) or ""
    assert "The two students do not differ in how near they are to the teacher by" in text
    assert text.count('role="img"') == 1
    for part in ("What the students took of the teacher beyond their control", "q (Holm)",
                 "asymmetry of the transfer", "mistakes copied"):  # fmt: skip
        assert part in text
    assert "student-2 is, as the record of its training says, the control without a" in text
    orders = sorted(SECTIONS.load(name).order for name in SECTIONS.names())
    assert orders[1] == section.order
    verdict = SECTIONS.load("verdict").render(document) or ""
    assert verdict.index("What the teacher added.") < verdict.index("It took mistakes.")
    assert '<span class="name">student-2</span><span class="small">control</span>' in verdict
