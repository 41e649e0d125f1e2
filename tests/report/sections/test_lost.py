"""Tests of what was lost: one list, named by where it was measured, the layers apart."""

from kdprobe.report.build import render
from kdprobe.report.leads import lead
from kdprobe.report.lost import kind_title, lost_groups, probing_layers, split_gaps
from kdprobe.report.section import SECTIONS
from kdprobe.results.losses import part_name
from kdprobe.results.schema import AnalysisResult, Column, Estimate, Gap, ResultsDocument, Table
from tests.report import documents
from tests.report.browsing import Reader
from tests.report.maker import metric

STUDENTS = ("student-6l", "student-4l")


def gap(student: str, kind: str, subset: str, size: float, **more: object) -> Gap:
    fields = {
        "student": student, "kind": kind, "subset": subset, "metric": "accuracy",
        "teacher_value": 0.9, "student_value": 0.9 - size, "gap": size, "low": size - 0.05,
        "high": size + 0.05, "p_value": 0.001, "q_value": 0.01, "n": 50,
    }  # fmt: skip
    return Gap.model_validate(fields | more)


def document(*gaps: Gap, analyses: tuple[AnalysisResult, ...] = ()) -> ResultsDocument:
    result = AnalysisResult(name="student_gaps", version=1, title="What was lost", gaps=gaps)
    return documents.build(n=12).model_copy(update={"analyses": (result, *analyses)})


def many() -> list[Gap]:
    """Two students on each of twelve parts, surest first; the second loses a third as much."""
    return [
        gap(student, "topic", f"topic: t_{i}", (0.6 - 0.04 * i) / share)
        for i in range(12)
        for student, share in zip(STUDENTS, (1, 3), strict=True)
    ]


def test_a_slice_and_the_pairs_of_one_phenomenon_have_two_names():
    """Two measurements under one name read as one that contradicts itself."""
    dev = gap("s", "phenomenon", "phenomenon: reflexive_binding", 0.2)
    pairs = gap("s", "phenomenon", "reflexive_binding", 0.1)
    assert part_name(dev, "dev") == "dev: reflexive binding"
    assert part_name(pairs, "dev") == "minimal pairs: reflexive binding"
    assert kind_title(dev, "dev") == "Dev split, by phenomenon"
    assert kind_title(pairs, "dev") == "Minimal pairs, by phenomenon"
    label = gap("s", "label", "label: ask_builder", 0.1)
    assert (part_name(label, "dev"), kind_title(label, "dev")) == (
        "label ask_builder",
        "Recall by label",
    )
    text = SECTIONS.load("student_gaps").render(document(dev, pairs, label)) or ""
    assert text.count('scope="rowgroup"') == 3


def test_what_layers_lost_stands_apart_with_its_layers():
    """A probe's accuracy is nothing a user of the student loses."""
    table = Table(
        name="best_layers",
        title="T",
        columns=tuple(Column(name=n, label=n) for n in ("task", "model", "layer")),
        rows=(("depth", "bert-base", "7"), ("depth", "student-6l", "2")),
    )
    probing = AnalysisResult(name="probing", version=1, title="P", tables=(table,))
    rows = [gap("student-6l", "probing", "probing depth", 0.3), gap("student-6l", "label",
            "label: a", 0.1)]  # fmt: skip
    made = document(*rows, analyses=(probing,))
    behaviour, layers = split_gaps(rows)
    assert ([g.kind for g in behaviour], [g.kind for g in layers]) == (["label"], ["probing"])
    assert probing_layers(made) == {
        ("bert-base", "depth"): "teacher 7, student 7",
        ("student-6l", "depth"): "teacher 7, student 2",
    }
    text = SECTIONS.load("student_gaps").render(made) or ""
    fold = text.index('<details class="all"><summary>What the layers lost')
    assert text.index(">label a<") < fold < text.index(">depth<") < text.index("7, student 2")
    assert lead(made, "student_gaps") == (
        "Parts lost beyond noise (q < .05): student-6l 1, student-4l 0."
    )
    assert probing_layers(document(*rows)) == {}


def test_the_share_of_parts_is_of_all_that_were_looked_at():
    """Four parts lost of five and four of forty are two different students."""
    numbers = tuple(
        Estimate(metric="gap", model_a="bert-base", model_b="student-6l", subset=f"t {i}",
                 value=0.1, q_value=None if i == 0 else 0.5)
        for i in range(5)
    )  # fmt: skip
    slices = AnalysisResult(
        name="slices", version=1, title="S", metrics=(metric("gap", "gap"),), estimates=numbers
    )
    made = document(gap("student-6l", "topic", "topic: t", 0.1), analyses=(slices,))
    assert lead(made, "student_gaps") == (
        "Parts lost beyond noise (q < .05): student-6l 1 of 4, student-4l 0."
    )


def test_students_of_one_part_stand_beside_each_other_and_a_few_rows_are_open():
    """A list of the weaker student's losses hides where the other one loses."""
    (group,) = lost_groups(document(), sorted(many(), key=lambda g: -g.gap), {})
    assert [row.gap.student for row in group.rows] == [*STUDENTS] * 12
    assert [row.more for row in group.rows] == [False] * 8 + [True] * 16
    assert [row.part for row in group.rows[:4]] == ["dev: t 0", "dev: t 0", "dev: t 1", "dev: t 1"]
    crowd = [gap(f"s{i}", "topic", "topic: a", 0.3) for i in range(30)]
    (group,) = lost_groups(document(), crowd, {})
    assert sum(not row.more for row in group.rows) == 8
    assert lost_groups(document(), [], {}) == []


def test_what_may_be_noise_is_drawn_hollow_and_a_gap_lies_where_it_is():
    """A filled point claims a loss; a point on the wrong side of the line claims a gain."""
    sure, unsure = gap("student-6l", "a", "a: x", 0.4), gap("student-4l", "a", "a: x", 0.2,
                                                           q_value=0.5)  # fmt: skip
    (group,) = lost_groups(document(), [sure, unsure], {})
    filled, hollow = (row.bar for row in group.rows)
    assert (filled.count('class="mark"'), filled.count('class="hollow"')) == (1, 0)
    assert (hollow.count('class="mark"'), hollow.count('class="hollow"')) == (0, 1)
    line, left, right = (
        float(text.split('"')[0])
        for text in (
            filled.split('x1="')[1],
            hollow.split('cx="')[1],
            filled.split('cx="')[1],
        )
    )
    # By hand: the gaps .2 and .4 lie once and twice as far from the line at 0.
    assert abs((right - line) - 2 * (left - line)) < 0.3
    assert left > line
    bare = gap("student-6l", "a", "a: x", 0.4, low=None, high=None)
    (group,) = lost_groups(document(), [bare], {})
    assert "whisker" not in group.rows[0].bar


def test_nothing_lost_is_said_in_the_analysis_own_words():
    """An empty section leaves open whether anything was compared."""
    result = AnalysisResult(name="student_gaps", version=1, title="T", notes=("Nothing to rank.",))
    made = documents.build(n=12).model_copy(update={"analyses": (result,)})
    assert "Nothing to rank." in (SECTIONS.load("student_gaps").render(made) or "")


def test_a_filter_shows_one_student_and_as_many_rows(reader: Reader):
    """The student that is to be shipped is not the control that fills the list."""
    rows = sorted(many(), key=lambda g: -g.gap)
    visit = reader.open("lost", text=render(document(*rows)))
    page = visit.page
    shown = (
        "() => [...document.querySelectorAll('table.lost tr[data-student]')]"
        ".filter((row) => row.checkVisibility()).map((row) => row.dataset.student)"
    )
    assert page.evaluate(shown) == [*STUDENTS] * 4
    page.select_option("select.filter", "student-4l")
    assert page.evaluate(shown) == ["student-4l"] * 8
    page.select_option("select.filter", "")
    assert page.evaluate(shown) == [*STUDENTS] * 4
    page.click(".rest summary")
    assert len(page.evaluate(shown)) == 24
    assert visit.faults == []
