"""Tests of the first screen's numbers and sentences."""

import pytest

from kdprobe.results.headline import Headline, headline
from kdprobe.results.schema import (
    AnalysisResult,
    Estimate,
    Gap,
    Metric,
    ModelInfo,
    ProducedBy,
    Request,
    ResultsDocument,
    Skipped,
    TaskInfo,
)


def result(name: str, *estimates: Estimate, gaps: tuple[Gap, ...] = ()) -> AnalysisResult:
    names = dict.fromkeys(estimate.metric for estimate in estimates)
    metrics = tuple(Metric(name=n, label=n.replace("_", " "), definition="x") for n in names)
    return AnalysisResult(
        name=name, version=1, title=name, metrics=metrics, estimates=estimates, gaps=gaps
    )


def document(*analyses: AnalysisResult, skipped: tuple[Skipped, ...] = ()) -> ResultsDocument:
    def model(name: str, role: str, parameters: int | None) -> ModelInfo:
        return ModelInfo.model_validate(
            {
                "name": name,
                "role": role,
                "source": "transformers",
                "folder": name,
                "parameters": parameters,
            }
        )

    return ResultsDocument(
        produced_by=ProducedBy(kdprobe="0", python="3", platform="x"),
        request=Request(command="kdprobe compare t s", seed=0),
        task=TaskInfo(
            name="toy",
            version=1,
            kind="classification",
            labels=("no", "yes"),
            primary_score="accuracy",
            split="dev",
            n=100,
            fingerprint="f",
        ),
        models=(model("t", "teacher", 10), model("s", "student", 4)),
        analyses=analyses,
        skipped=skipped,
    )


def accuracy(teacher: float, student: float) -> AnalysisResult:
    return result(
        "task_scores",
        Estimate(metric="accuracy", model_a="t", value=teacher),
        Estimate(metric="accuracy", model_a="s", value=student),
    )


def agreement(value: float) -> AnalysisResult:
    return result("agreement", Estimate(metric="agreement", model_a="t", model_b="s", value=value))


def only(head: Headline) -> str:
    assert len(head.rows) == 1
    return head.rows[0].sentence


@pytest.mark.parametrize(
    ("low", "q", "told"),
    [
        (0.1, 0.01, "loses most on long: accuracy 0.800 against 0.600."),
        (0.1, 0.2, "may lose most on long: accuracy 0.800 against 0.600."),
        (0.1, None, "may lose most on long: accuracy 0.800 against 0.600."),
        (-0.1, 0.01, "no loss on any part is beyond noise."),
        (None, None, "no loss on any part is beyond noise."),
    ],
)
def test_the_sentence_claims_no_more_than_the_interval(
    low: float | None, q: float | None, told: str
):
    """A loss within noise that is told as a loss is the reader's first impression, and wrong."""
    gain = Gap(student="s", kind="slice", subset="x", metric="accuracy", teacher_value=0.5,
                student_value=0.6, gap=-0.1, n=9)  # fmt: skip
    lost = gain.model_copy(
        update={"subset": "long", "gap": 0.2, "teacher_value": 0.8, "student_value": 0.6}
        | {"low": low, "high": None if low is None else 0.3, "q_value": q}
    )
    gaps = result("student_gaps", gaps=(gain, lost))
    assert only(headline(document(accuracy(0.8, 0.744), agreement(0.834), gaps))) == (
        f"s keeps 93 % of the teacher's accuracy and agrees with it on 83 % of the examples; {told}"
    )


@pytest.mark.parametrize(
    ("student", "low", "high", "told"),
    [
        (0.7, -0.2, 0.1, "s keeps 87 % of the teacher's accuracy (a difference within noise)."),
        (0.7, -0.2, -0.01, "s keeps 87 % of the teacher's accuracy."),
        (0.9, -0.1, 0.2, "s is level with the teacher's accuracy (0.900 against 0.800, "
                         "a difference within noise)."),
        (0.9, 0.05, 0.2, "s exceeds the teacher's accuracy (0.900 against 0.800)."),
    ],
)  # fmt: skip
def test_a_difference_within_noise_is_told_so(student: float, low: float, high: float, told: str):
    """A student that "exceeds" its teacher by chance flatters whoever trained it."""
    scores = result(
        "task_scores",
        Estimate(metric="accuracy", model_a="t", value=0.8),
        Estimate(metric="accuracy", model_a="s", value=student),
        Estimate(metric="accuracy_difference", model_a="t", model_b="s",
                 value=student - 0.8, low=low, high=high),
    )  # fmt: skip
    assert only(headline(document(scores))) == told


@pytest.mark.parametrize(
    ("teacher", "student", "told"),
    [
        (0.8, 0.8, "s keeps all of the teacher's accuracy."),
        (0.8, 0.7999, "s keeps 99 % of the teacher's accuracy."),
        (0.8, 0.9, "s exceeds the teacher's accuracy (0.900 against 0.800)."),
        (-0.1, 0.3, "s has accuracy 0.300, the teacher −0.100."),
        (0.8, -0.2, "s has accuracy −0.200, the teacher 0.800."),
    ],
)
def test_what_a_student_keeps(teacher: float, student: float, told: str):
    """A share of a negative score, or 99.99 % shown as 100 %, would flatter a student."""
    assert only(headline(document(accuracy(teacher, student)))) == told


def test_an_undefined_score_says_why():
    """An undefined number must not become a share of anything."""
    scores = result(
        "task_scores",
        Estimate(metric="accuracy", model_a="t", value=0.5),
        Estimate(metric="accuracy", model_a="s", undefined="one label only"),
    )
    head = headline(document(scores))
    assert only(head) == "s has no accuracy (one label only)."
    assert head.rows[0].student_score.reason == "one label only"
    told = headline(document(result("task_scores", *reversed(scores.estimates[1:]))))
    assert told.rows[0].teacher_score.reason == "task_scores gave no such number"


def test_an_unknown_teacher_leaves_the_students_number():
    """A missing teacher score must not hide the student's own."""
    scores = result("task_scores", Estimate(metric="accuracy", model_a="s", value=0.5))
    assert only(headline(document(scores))) == ("s has accuracy 0.500; the teacher's is not known.")


def test_a_missing_analysis_is_told_apart_from_a_skipped_one():
    """'Not run' and 'could not run' are different things to a reader."""
    skipped = Skipped(what="calibration", reason="only labels are known", models=("s",))
    row = headline(document(skipped=(skipped,))).rows[0]
    assert row.calibration.estimate is None
    assert row.calibration.reason == "only labels are known"
    assert row.kappa.reason == "agreement was not run"
    assert row.lost is None


def test_a_score_nobody_asked_for_is_not_spoken_of():
    """With `only` the first screen would otherwise complain of what was left out on purpose."""
    same = result("agreement", Estimate(metric="agreement", model_a="t", model_b="s", value=0.9))
    assert only(headline(document(same))) == "s agrees with the teacher on 90 % of the examples."
    nothing = "s was neither scored nor held against the teacher here."
    assert only(headline(document())) == nothing
    unscored = document(skipped=(Skipped(what="task_scores", reason="there are no labels"),))
    assert only(headline(unscored)) == "s has no accuracy (there are no labels)."


def test_the_ceiling_between_seeds_is_the_teachers_own_first():
    """A student's seeds are not how far the teacher agrees with itself."""
    estimates = [
        Estimate(
            metric="cohens_kappa", model_a=name, model_b=name, subset="between seeds", value=value
        )
        for name, value in (("s", 0.6), ("t", 0.9))
    ]
    ceiling = headline(document(result("agreement", *estimates))).rows[0].ceiling
    assert ceiling.estimate is not None
    assert ceiling.estimate.value == 0.9


def test_numbers_are_found_where_the_analyses_put_them():
    """A renamed metric would silently empty a column of the first screen."""
    pair = {"model_a": "t", "model_b": "s", "value": 0.5}
    row = headline(
        document(
            result("agreement", *(Estimate(metric=name, **pair) for name in (
                "agreement", "cohens_kappa", "kappa_attainable_low", "kappa_attainable_high"))),
            result("paired_tests", Estimate(metric="mcnemar", p_value=0.01, q_value=0.02, **pair)),
            result("confidence", Estimate(metric="spearman", **pair)),
            result("calibration", Estimate(metric="calibration_error", model_a="s", value=0.1)),
            result("attribution_agreement",
                   Estimate(metric="normalised", method="lime", **pair)),
            result("efficiency", Estimate(metric="latency_p50", model_a="s", value=3.0),
                   Estimate(metric="parameters", model_a="s", value=7)),
        )
    ).rows[0]  # fmt: skip
    figures = (row.agreement, row.kappa, row.attainable_low, row.attainable_high, row.mcnemar,
               row.confidence, row.calibration, row.attribution, row.latency,
               row.parameters)  # fmt: skip
    assert [figure.reason for figure in figures] == [""] * 10
    assert row.parameters.estimate is not None
    assert row.parameters.estimate.value == 7  # measured goes before described


def test_parameters_come_from_the_models_description_when_not_measured():
    """The size of a student is known without running it."""
    row = headline(document()).rows[0]
    assert row.parameters.estimate is not None
    assert row.parameters.estimate.value == 4
