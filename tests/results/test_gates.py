"""Gates of continuous integration."""

import pytest

from kdprobe.errors import ConfigError
from kdprobe.results.gates import parse_gate, tripped
from kdprobe.results.schema import AnalysisResult, Estimate, Metric, ResultsDocument
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


def test_bad_gates() -> None:
    """A misspelt gate must fail the command, not pass it."""
    with pytest.raises(ConfigError) as caught:
        parse_gate("kappa")
    assert str(caught.value) == (
        "--fail-if: 'kappa', expected METRIC<NUMBER or METRIC>NUMBER; for example "
        "--fail-if 'kappa<0.8' or --fail-if 'overlap.negative_flips>0.05'"
    )
    with pytest.raises(
        ConfigError, match="no number of a student is called 'kapa', expected one of"
    ):
        tripped(parse_gate("kapa<1"), scored())
    with pytest.raises(ConfigError, match="called 'cohens_kappa' in overlap"):
        tripped(parse_gate("overlap.cohens_kappa<1"), scored())
