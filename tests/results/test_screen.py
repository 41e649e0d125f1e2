"""Tests of the table that page, terminal, Markdown and notebook share."""

import pytest

from kdprobe.results.headline import headline, short_title
from kdprobe.results.notices import all_notices, few_words
from kdprobe.results.schema import AnalysisResult, Estimate, Gap, Metric, Notice, ResultsDocument
from kdprobe.results.screen import ScreenCell, screen
from tests.report import documents
from tests.report.maker import metric


def result(name: str, *numbers: Estimate, gaps: tuple[Gap, ...] = ()) -> AnalysisResult:
    names = dict.fromkeys(number.metric for number in numbers)
    metrics = tuple(Metric(name=n, label=n, definition="x") for n in names)
    return AnalysisResult(
        name=name, version=1, title=name, metrics=metrics, estimates=numbers, gaps=gaps
    )


def everything(*, students: tuple[str, ...] = ("small", "tiny"), n: int = 1043) -> ResultsDocument:
    """Build a document in which every column of the first screen has a number."""
    document = documents.build(n=60, names=("teacher", *students))
    task = document.task.model_copy(update={"n": n})
    numbers, speeds, words, probes, gaps = [], [], [], [], []
    speeds.append(Estimate(metric="latency_p50", model_a="teacher", value=12.5, low=12, high=13))
    for i, name in enumerate(students):
        pair = {"model_a": "teacher", "model_b": name, "n": n}
        value = -0.01 - 0.02 * i
        numbers.append(Estimate(metric="accuracy_difference", value=value, low=value - 0.02,
                                high=value + 0.005, **pair))  # fmt: skip
        speeds.append(Estimate(metric="latency_p50", model_a=name, value=6.25, low=6, high=6.5))
        speeds.append(Estimate(metric="speedup", value=2.0, low=1.9, high=2.1, **pair))
        words.append(Estimate(metric="normalised", method="integrated_gradients", value=0.41,
                              low=0.3, high=0.5, **pair | {"n": 24}))  # fmt: skip
        probes += [
            Estimate(metric="gap", subset=f"task {t}", layer="best", value=0.1, **pair)
            for t in range(10)
        ]
        gaps.append(Gap(student=name, kind="probing", subset="probing task 0", metric="accuracy",
                        teacher_value=0.9, student_value=0.7, gap=0.2, low=0.1, high=0.3,
                        q_value=0.01, n=150))  # fmt: skip
    scores = next(one for one in document.analyses if one.name == "task_scores")
    scores = scores.model_copy(
        update={
            "metrics": (*scores.metrics, metric("accuracy_difference", "difference")),
            "estimates": (*scores.estimates, *numbers),
        }
    )
    rest = tuple(
        one for one in document.analyses if one.name not in ("task_scores", "student_gaps")
    )
    more = (
        result("efficiency", *speeds),
        result("attribution_agreement", *words),
        result("probing", *probes),
        result("student_gaps", gaps=tuple(gaps)),
    )
    return document.model_copy(update={"task": task, "analyses": (scores, *rest, *more)})


def cells(document: ResultsDocument, name: str) -> dict[str, ScreenCell]:
    shown = screen(headline(document))
    row = next(row for row in shown.rows if row.name == name)
    return {column.key: cell for column, cell in zip(shown.columns, row.cells, strict=True)}


def test_every_column_says_its_number():
    """A renamed metric would silently empty a column of the first screen."""
    said = cells(everything(), "small")
    assert list(said) == ["state", "score", "agreement", "kappa", "attribution", "layers",
                          "calibration", "size", "speed"]  # fmt: skip
    assert said["state"].lines == ("worse", "−0.010 [−0.030, −0.005]", "McNemar p = .004")
    assert said["attribution"].lines == ("0.41", "[0.30, 0.50]")
    assert said["layers"].lines == ("1 of 10",)
    assert said["size"].lines == ("0.50×", "54.7 M")
    assert said["speed"].lines == ("2.0× faster", "6.2 ms")
    theirs = cells(everything(), "teacher")
    assert theirs["speed"].lines == ("12.5 ms",)
    assert theirs["state"] == ScreenCell()


def test_a_number_of_fewer_examples_says_so():
    """24 explained sentences under a heading of 1,043 are read as 1,043."""
    shown = screen(headline(everything()))
    hints = {column.key: column.hint for column in shown.columns}
    assert hints["attribution"] == "Integrated Gradients, n = 24"
    assert "n = " not in hints["state"]
    document = everything()
    words = next(one for one in document.analyses if one.name == "attribution_agreement")
    fewer = words.estimates[1].model_copy(update={"n": 12})
    changed = words.model_copy(update={"estimates": (words.estimates[0], fewer)})
    rest = tuple(changed if one is words else one for one in document.analyses)
    document = document.model_copy(update={"analyses": rest})
    assert cells(document, "tiny")["attribution"].more == "n = 12"
    assert cells(document, "small")["attribution"].more == "n = 24"


def test_mcnemar_belongs_to_accuracy():
    """A p-value of accuracies beside an MCC is not that of the MCC."""
    document = everything()
    assert "McNemar p" in cells(document, "small")["state"].more
    task = document.task.model_copy(update={"primary_score": "mcc"})
    scores = document.analyses[0]
    scores = scores.model_copy(
        update={
            "metrics": (*scores.metrics, metric("mcc_difference", "difference")),
            "estimates": (
                *scores.estimates,
                Estimate(metric="mcc_difference", model_a="teacher", model_b="small", value=-0.1,
                         low=-0.2, high=-0.05, n=1043),
            ),
        }
    )  # fmt: skip
    document = document.model_copy(
        update={"task": task, "analyses": (scores, *document.analyses[1:])}
    )
    said = cells(document, "small")["state"]
    assert said.value == "worse"
    assert "McNemar" not in said.more


def test_columns_that_do_not_apply_vanish():
    """Six of eight columns of a regression were empty."""
    run = documents.regression()
    pair = {"model_a": documents.NAMES[0], "model_b": documents.NAMES[1], "n": 1043}
    near = result(
        "confidence",
        Estimate(metric="pearson", value=0.93, **pair),
        Estimate(metric="mean_absolute_difference", value=0.31, **pair),
        Estimate(metric="mean_difference", value=-0.05, low=-0.07, high=-0.03, **pair),
    )
    run = run.model_copy(update={"analyses": (*run.analyses, near)})
    shown = screen(headline(run))
    keys = [column.key for column in shown.columns]
    assert keys == ["score", "score_pearson", "score_distance", "score_bias", "size"]
    assert "correlate at 0.930 (Pearson) and lie 0.310 apart on average" in shown.sentences[0]


def test_a_speed_that_may_be_equal_is_not_called_faster():
    """`1.0× faster` of an interval around 1 is the noise of the machine."""
    document = everything()
    even = Estimate(metric="speedup", model_a="teacher", model_b="small", value=1.02, low=0.97,
                    high=1.08)  # fmt: skip
    changed = result("efficiency", even)
    rest = tuple(one for one in document.analyses if one.name != "efficiency")
    document = document.model_copy(update={"analyses": (*rest, changed)})
    assert cells(document, "small")["speed"].value == "1.0×"


def test_an_undefined_number_says_why_beside_others():
    """A dash without a reason reads as forgotten."""
    document = everything()
    agreement = next(one for one in document.analyses if one.name == "agreement")
    spoilt = tuple(
        Estimate(metric="cohens_kappa", model_a="teacher", model_b="tiny", undefined="one label")
        if (number.metric, number.model_b) == ("cohens_kappa", "tiny")
        else number
        for number in agreement.estimates
    )
    changed = agreement.model_copy(update={"estimates": spoilt})
    rest = tuple(changed if one is agreement else one for one in document.analyses)
    document = document.model_copy(update={"analyses": rest})
    assert cells(document, "tiny")["kappa"] == ScreenCell(reason="one label")


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (("teacher", "student"), "cola: teacher and student"),
        (("teacher", "a", "b"), "cola: teacher and a, b"),
        (("teacher", *(f"distilbert-6L-from-hub-{i}" for i in range(6))),
         "cola: teacher and 6 students"),
        (("teacher", "x" * 200), f"cola: teacher and {'x' * 200}"),
    ],
)  # fmt: skip
def test_the_title_of_many_students_is_short(names: tuple[str, ...], title: str):
    """Six names in a heading are four lines of it."""
    assert short_title(documents.build(n=3, names=names)) == title


def test_agreement_by_chance_and_the_impossible_are_warned_of():
    """A model of another task agrees by chance, and no number says so by itself."""
    document = documents.build(n=60)
    agreement = next(one for one in document.analyses if one.name == "agreement")
    pair = agreement.estimates[1].model_copy(update={"value": 0.02, "low": -0.1, "high": 0.14})
    assert pair.metric == "cohens_kappa"
    changed = agreement.model_copy(update={"estimates": (agreement.estimates[0], pair,
                                                         *agreement.estimates[2:])})  # fmt: skip
    rest = tuple(changed if one is agreement else one for one in document.analyses)
    skipped = documents.build(n=3, probabilities=False).skipped
    document = document.model_copy(update={"analyses": rest, "skipped": skipped})
    notices = all_notices(document, headline(document))
    assert [(n.code, n.severity) for n in notices] == [
        ("labels", "warning"), ("agreement-by-chance", "warning"),
        ("asked-for-not-possible", "warning"),
    ]  # fmt: skip
    assert "kappa 0.02 [−0.10, 0.14]" in notices[1].message
    assert few_words(notices[2]) == "asked for, not possible: confidence, calibration"


@pytest.mark.parametrize("message", ["", ". x", "x" * 80, "(", "\x1b[31m" * 30])
def test_a_chip_always_has_words(message: str):
    """An empty link cannot be followed by keyboard or read aloud."""
    assert few_words(Notice(code="some-code", severity="note", message=message)).strip()
