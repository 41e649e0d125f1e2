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


def scored(value: float, low: float | None, high: float | None, n: int = 1043) -> AnalysisResult:
    """Accuracies of .8 and .8 + value, with their paired difference."""
    return result(
        "task_scores",
        Estimate(metric="accuracy", model_a="t", value=0.8, n=n),
        Estimate(metric="accuracy", model_a="s", value=0.8 + value, n=n),
        Estimate(metric="accuracy_difference", model_a="t", model_b="s", value=value, low=low,
                 high=high, n=n),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "q", "said"),
    [
        (0.1, 0.01, "it loses on 1 part: dev: long (accuracy 0.60 against 0.80)"),
        (0.1, 0.2, "it loses perhaps on 1 part: dev: long (accuracy 0.60 against 0.80)"),
        (0.1, None, "it loses perhaps on 1 part: dev: long (accuracy 0.60 against 0.80)"),
        (-0.1, 0.01, "no loss on any part can be told from noise"),
        (None, None, "no loss on any part can be told from noise"),
    ],
)
def test_the_sentence_claims_no_more_than_the_interval(
    low: float | None, q: float | None, said: str
):
    """A loss within noise that is told as a loss is the reader's first impression, and wrong."""
    gain = Gap(student="s", kind="slice", subset="x", metric="accuracy", teacher_value=0.5,
                student_value=0.6, gap=-0.1, n=9)  # fmt: skip
    lost = gain.model_copy(
        update={"subset": "long", "gap": 0.2, "teacher_value": 0.8, "student_value": 0.6}
        | {"low": low, "high": None if low is None else 0.3, "q_value": q}
    )
    gaps = result("student_gaps", gaps=(gain, lost))
    assert only(headline(document(scored(-0.056, -0.08, -0.03), agreement(0.834), gaps))) == (
        "s is worse than the teacher by accuracy (0.744 against 0.800, 93 % kept, difference "
        f"−0.056 [−0.080, −0.030]); it agrees with the teacher on 83 % of the examples; {said}."
    )


def test_what_layers_lost_is_no_loss_of_behaviour():
    """A probe's accuracy on another data set is nothing that a user of the student loses."""
    probed = Gap(student="s", kind="probing", subset="probing tense", metric="accuracy", n=99,
                 teacher_value=0.9, student_value=0.5, gap=0.4, low=0.3, high=0.5,
                 q_value=0.001)  # fmt: skip
    sliced = probed.model_copy(update={"kind": "label", "subset": "label: no", "gap": 0.1})
    first = headline(document(result("student_gaps", gaps=(probed, sliced)))).rows[0]
    assert [gap.subset for gap in first.behaviour.lost] == ["label: no"]
    assert [gap.subset for gap in first.layers.lost] == ["probing tense"]
    assert first.lost == sliced
    assert "probing" not in first.sentence


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (-0.1, -0.2, 0.1, "Of s it cannot be told whether it keeps the teacher's accuracy (0.700 "
         "against 0.800, difference −0.100 [−0.200, 0.100]; a sample of 1,043 could show 0.214 "
         "or more)."),
        (-0.1, -0.2, -0.01, "s is worse than the teacher by accuracy (0.700 against 0.800, 88 % "
         "kept, difference −0.100 [−0.200, −0.010])."),
        (0.1, -0.1, 0.2, "Of s it cannot be told whether it keeps the teacher's accuracy (0.900 "
         "against 0.800, difference +0.100 [−0.100, 0.200]; a sample of 1,043 could show 0.214 "
         "or more)."),
        (0.1, 0.05, 0.2, "s is better than the teacher by accuracy (0.900 against 0.800, "
         "difference +0.100 [0.050, 0.200])."),
        (-0.004, -0.012, 0.003, "s keeps the teacher's accuracy, within ±0.02 (0.796 against "
         "0.800, difference −0.004 [−0.012, 0.003])."),
        (-0.1, None, None, "Of s it cannot be told whether it keeps the teacher's accuracy (0.700 "
         "against 0.800, difference −0.100, of which no interval is known)."),
    ],
)  # fmt: skip
def test_a_score_is_the_same_worse_better_or_cannot_be_told(
    value: float, low: float | None, high: float | None, said: str
):
    """`No loss beyond noise` of 50 examples is read as no loss."""
    assert only(headline(document(scored(value, low, high)))) == said


@pytest.mark.parametrize(
    ("teacher", "student", "said"),
    [
        (0.8, 0.79999, "99.9 % kept"),
        (0.8, 0.0001, "0.1 % kept"),
        (0.8, 0.5, "62 % kept"),
        (-0.1, -0.3, "(−0.300 against −0.100, difference"),
        (0.8, -0.2, "(−0.200 against 0.800, difference"),
    ],
)
def test_the_share_kept_flatters_nobody(teacher: float, student: float, said: str):
    """A share of a negative score, or 99.99 % shown as 100 %, would flatter a student."""
    scores = result(
        "task_scores",
        Estimate(metric="accuracy", model_a="t", value=teacher),
        Estimate(metric="accuracy", model_a="s", value=student),
        Estimate(metric="accuracy_difference", model_a="t", model_b="s", value=student - teacher,
                 low=student - teacher - 0.1, high=min(student - teacher + 0.1, -1e-6)),
    )  # fmt: skip
    assert said in only(headline(document(scores)))


def test_no_difference_is_no_verdict():
    """Two scores beside each other, without their paired interval, decide nothing."""
    assert only(headline(document(accuracy(0.8, 0.79)))) == (
        "s has accuracy 0.790 against 0.800 of the teacher, and no difference of the two to judge "
        "by."
    )


@pytest.mark.parametrize(
    ("low", "high", "q", "said"),
    [
        (0.004, 0.059, 0.03, "it is nearer to the teacher than its control (c): of its agreement "
         "0.032 [0.004, 0.059] comes from the teacher."),
        (-0.01, 0.07, 0.2, "whether it is nearer to the teacher than its control (c) cannot be "
         "told (agreement +0.032 [−0.010, 0.070])."),
        (0.004, 0.059, 0.06, "whether it is nearer to the teacher than its control (c) cannot be "
         "told (agreement +0.032 [0.004, 0.059])."),
    ],
)  # fmt: skip
def test_the_control_is_named(low: float, high: float, q: float, said: str):
    """Agreement that any student of the task has is not what the teacher taught."""
    pair = Estimate(metric="agreement", model_a="c", model_b="s", value=-0.032, low=-high,
                    high=-low, q_value=q, n=1043)  # fmt: skip
    whole = document(agreement(0.9), result("student_differences", pair))
    control = whole.students[0].model_copy(update={"name": "c", "role": "control"})
    whole = whole.model_copy(update={"models": (*whole.models, control)})
    assert headline(whole).rows[0].sentence == (
        f"s agrees with the teacher on 90 % of the examples; {said}"
    )
    assert headline(whole).rows[1].gain.known is None  # a control has none


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
    assert only(headline(document(scores))) == "s has accuracy 0.500; the teacher's is not known."


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
