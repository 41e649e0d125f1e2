"""Gates of continuous integration."""

import pytest

from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.results.gates import Gate, checked_gate, parse_gate, tripped
from kdprobe.results.schema import AnalysisResult, Estimate, Metric, ResultsDocument, Skipped
from tests.results.test_io import document


def scored() -> ResultsDocument:
    """A document with a kappa of the pair and an accuracy of the student."""
    metrics = tuple(
        Metric(name=name, label=name, definition=name) for name in ("cohens_kappa", "accuracy")
    )
    result = AnalysisResult(
        name="agreement",
        version=1,
        title="A",
        metrics=metrics,
        estimates=(
            Estimate(metric="cohens_kappa", model_a="t", model_b="s", value=0.7, n=9),
            Estimate(metric="accuracy", model_a="t", value=0.1, n=9),
            Estimate(metric="accuracy", model_a="s", undefined="no labels", n=9),
        ),
    )
    return document().model_copy(update={"analyses": (result,)})


def test_gate_trips_only_when_fulfilled() -> None:
    """A gate that never trips is a green light for everything."""
    assert tripped(parse_gate("kappa<0.8"), scored()) == ("s: cohens_kappa = 0.7000 (kappa<0.8)",)
    assert tripped(parse_gate("kappa < .7"), scored()) == ()
    assert len(tripped(parse_gate("agreement.cohens_kappa<=0.7"), scored())) == 1
    assert tripped(parse_gate("cohens_kappa>0.9"), scored()) == ()


def test_undefined_trips_and_the_teacher_does_not() -> None:
    """A number that could not be computed must not pass, and the teacher is not on trial."""
    assert tripped(parse_gate("accuracy<0.5"), scored()) == (
        "s: accuracy is undefined (no labels)",
    )


METRICS = {
    "agreement": ("agreement", "churn", "cohens_kappa", "kappa_attainable_low"),
    "overlap": ("negative_flips",),
    "slices": ("agreement", "accuracy"),
    "task_scores": ("accuracy", "mcc"),
}
ALL = tuple(METRICS)


def checked(text: str, *, run: tuple[str, ...] = ALL) -> Gate:
    """A gate on students called `s` and `Small One`, as the command line checks it."""
    return checked_gate(parse_gate(text), METRICS, ["s", "Small One"], run)


def test_bad_gates() -> None:
    """A misspelt gate must fail the command before it runs, not pass it after an hour."""
    with pytest.raises(ConfigError, match="`fail_if`: 'kappa', expected METRIC<NUMBER"):
        parse_gate("kappa")
    for text, words in (
        ("kapa<1", "no metric is called 'kapa'.*did you mean 'kappa'"),
        ("overlap.cohens_kappa<1", "no metric is called 'cohens_kappa', expected one of neg"),
        ("agrement.kappa<1", "no analysis is called 'agrement'.*'agreement'"),
        ("smal-one:kappa<1", "no student is called 'smal-one'.*Small One"),
        ("kapa_low<1", "no metric is called 'kapa_low'"),
    ):
        with pytest.raises(UnknownNameError, match=f"`fail_if`: {words}"):
            checked(text)
    with pytest.raises(ConfigError, match="mcc is a number of task_scores, which is not run"):
        checked("mcc<0.5", run=("agreement",))


def test_names_as_people_type_them() -> None:
    """A name in another case, or an alias, must not be an error nor another number."""
    gate = checked("SMALL ONE: Kappa < .8")
    assert (gate.student, gate.analysis, gate.metric) == ("Small One", "agreement", "cohens_kappa")
    assert checked("negative-flips>5e-2").bound == 0.05
    for typed, name in (
        ("label_loyalty", "agreement"), ("Label-Loyalty", "agreement"), ("flip_rate", "churn"),
        ("negative_flip_rate", "negative_flips"),
    ):  # fmt: skip
        assert checked(f"{typed}<.9").metric == name
    assert checked("label_loyalty<.9").analysis == "agreement"
    loyal = checked("label_loyalty_low<.9")
    assert (loyal.metric, loyal.end) == ("agreement", "low")
    assert checked("accuracy<1").analysis == "task_scores"
    assert checked("slices.accuracy<1").analysis == "slices"
    assert checked("accuracy<1", run=("slices",)).analysis == ""


def test_ends_of_the_interval() -> None:
    """A gate on the point passes a student whose kappa may be far lower; the end must be meant."""
    low, high = checked("kappa_low<0.8"), checked("kappa_high<0.9")
    assert (low.metric, low.end, high.end) == ("cohens_kappa", "low", "high")
    own = checked("kappa_attainable_low<0.2")
    assert (own.metric, own.end) == ("kappa_attainable_low", "value")
    kappa = scored().analyses[0].estimates[0]
    wide = kappa.model_copy(update={"low": 0.65, "high": 0.75, "interval": "by hand"})
    result = scored().analyses[0].model_copy(update={"estimates": (wide,)})
    document = scored().model_copy(update={"analyses": (result,)})
    assert tripped(checked("kappa<0.68"), document) == ()
    assert tripped(checked("kappa_low<0.68"), document) == (
        "s: cohens_kappa at least = 0.6500 (kappa_low<0.68)",
    )
    assert tripped(checked("kappa_high<0.74"), document) == ()
    assert "has no interval" in tripped(checked("kappa_low<0.68"), scored())[0]


def test_what_is_not_measured_trips_with_its_reason() -> None:
    """A gate on a score that was skipped (no gold labels) must not be green."""
    skipped = (Skipped(what="task_scores", reason="no example has a gold label"),)
    document = scored().model_copy(update={"skipped": skipped})
    assert tripped(checked("mcc<0.5"), document) == (
        "s: mcc was not measured (no example has a gold label)",
    )
    assert tripped(checked("Small One:kappa<0.8"), document) == ()


def nearer() -> ResultsDocument:
    """A document with a difference of two students in kappa."""
    names = ("cohens_kappa", "kl")
    result = AnalysisResult(
        name="student_differences",
        version=1,
        title="D",
        metrics=tuple(Metric(name=name, label=name, definition=name) for name in names),
        estimates=(
            Estimate(metric="cohens_kappa", model_a="a", model_b="b, c", value=0.2, low=0.1,
                     high=0.4, n=9),
            Estimate(metric="kl", model_a="a", model_b="b, c", undefined="no probabilities", n=9),
        ),
    )  # fmt: skip
    return document().model_copy(update={"analyses": (result,)})


OF_PAIRS = (
    "agreement", "cohens_kappa", "kl", "negative_flips", "transfer_asymmetry", "mistakes_copied",
)  # fmt: skip
WITH_PAIRS = METRICS | {"student_differences": OF_PAIRS}


def paired(text: str, *students: str, run: tuple[str, ...] = tuple(WITH_PAIRS)) -> Gate:
    return checked_gate(parse_gate(text), WITH_PAIRS, students or ("a", "b, c"), run)


def test_a_gate_on_two_students() -> None:
    """Guards the order of the two: A minus B, whichever was compared first; names with commas."""
    gate = paired("student_differences.kappa(A, b, c)<0.3")
    assert (gate.analysis, gate.metric, gate.students) == (
        "student_differences", "cohens_kappa", ("a", "b, c"),
    )  # fmt: skip
    assert tripped(gate, nearer()) == (
        "a minus b, c: cohens_kappa = 0.2000 (student_differences.kappa(A, b, c)<0.3)",
    )
    assert tripped(paired("kappa(b, c,a)<-0.1"), nearer()) == (
        "b, c minus a: cohens_kappa = -0.2000 (kappa(b, c,a)<-0.1)",
    )
    assert tripped(paired("kappa_low(a,b, c)<0"), nearer()) == ()
    assert len(tripped(paired("kappa_low(b, c,a)<-0.3"), nearer())) == 1
    assert "is undefined (no probabilities)" in tripped(paired("kl(a,b, c)<0"), nearer())[0]
    assert tripped(paired("agreement_difference(a,b, c)<0"), nearer()) == (
        "a minus b, c: agreement was not measured on all examples",
    )
    skipped = (Skipped(what="student_differences", reason="there is one student only"),)
    alone = document().model_copy(update={"skipped": skipped})
    assert tripped(paired("kappa(a,b, c)<0"), alone) == (
        "a minus b, c: cohens_kappa was not measured (there is one student only)",
    )


def test_bad_gates_on_two_students() -> None:
    """Guards a gate that names a model twice, one that is none, or no second one."""
    for text, words in (
        ("kappa(a)<0", "`fail_if`: 'a', expected two students, A,B"),
        ("kappa(a,a)<0", "`fail_if`: 'a' twice: no model differs from itself, expected two"),
        ("student_differences.kl<0", "kl of student_differences is a number of two students"),
        ("agreement_difference<0", r"expected student_differences.agreement\(A,B\)<0; A and B of"),
        ("transfer_asymmetry>0", r"expected student_differences.transfer_asymmetry\(A,B\)>0"),
    ):
        with pytest.raises(ConfigError, match=words):
            paired(text)
    with pytest.raises(UnknownNameError, match="no student is called 'x', expected one of a, b, c"):
        paired("kappa(a,x)<0")
    with pytest.raises(ConfigError, match="cohens_kappa is a number of student_differences, which"):
        paired("kappa(a,b, c)<0", run=("agreement",))


def test_numbers_of_one_student_stay_theirs() -> None:
    """Guards a gate on flips of each student that a difference of the same name would answer."""
    assert paired("negative_flips>0.1").homes == ("overlap",)
    assert paired("kappa<0.5").analysis == "agreement"
    assert paired("mistakes_copied>0.5").analysis == "student_differences"
    with pytest.raises(ConfigError, match="negative_flips is a number of overlap, which is not"):
        paired("negative_flips>0.1", run=("student_differences",))
