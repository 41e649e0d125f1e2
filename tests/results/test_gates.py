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
