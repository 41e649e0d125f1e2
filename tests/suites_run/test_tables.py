"""Cells, ticks, claims and fronts against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe import compare_predictions
from kdprobe.config.suite_tables import SuiteClaim, SuiteFront, SuiteHeatMap, SuiteTable
from kdprobe.results.schema import ResultsDocument
from kdprobe.results.suite import SuiteCell
from kdprobe.suites_run.claims import answer_claim
from kdprobe.suites_run.metrics import is_timed
from kdprobe.suites_run.numbers import SuiteNumbers
from kdprobe.suites_run.schedule import StepState
from kdprobe.suites_run.tables import is_timed_grid, make_chart, make_grid, make_heat_map
from tests.suites_run.builders import plan_of, write_suite

GOLD = [0, 1] * 50
TEACHER = [*GOLD[:90], *(1 - label for label in GOLD[90:])]  # right on 90
ONE = [*GOLD[:80], *(1 - label for label in GOLD[80:])]  # right on 80, agrees on 90
TWO = [1 - label for label in GOLD]  # wrong on all


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> SuiteNumbers:
    plan = plan_of(write_suite(tmp_path_factory.mktemp("suite")))
    document: ResultsDocument = compare_predictions(
        GOLD, teacher=TEACHER, students={"one": ONE, "two": TWO}, resamples=200
    ).document
    states = {name: StepState("done") for name in plan.steps}
    return SuiteNumbers(plan, states, {"words/both": document})


def grid_of(numbers: SuiteNumbers, **changes: object) -> list[list[SuiteCell]]:
    """Fill a table of one row or more."""
    table = SuiteTable.model_validate({"name": "t", "title": "T", **changes})
    return [list(line.cells) for line in make_grid(table, numbers).lines]


def test_cells(numbers: SuiteNumbers) -> None:
    """A share beside a per cent would look like a collapse."""
    (row, teacher, absent) = grid_of(
        numbers,
        columns=[{"label": "a", "metric": "accuracy", "times": 100},
                 {"label": "k", "metric": "cohens_kappa"}],
        rows=[{"label": "1", "model": "one", "published": [82.5, "-"]},
              {"label": "T", "model": "teacher"}, {"label": "x", "why": "never printed"}],
    )  # fmt: skip
    assert row[0].value == pytest.approx(80)
    assert row[0].low is not None
    assert row[0].high is not None
    assert row[0].low < 80 < row[0].high
    assert (row[0].published, row[1].printed, row[0].n) == (82.5, "-", 100)
    # teacher and one agree on 90 of 100, both give each label half of the time: (.9 - .5) / .5
    assert row[1].value == pytest.approx(0.8)
    assert teacher[1].undefined == "a number of a student beside its teacher; this is the teacher"
    assert absent[0].undefined == "never printed"


def test_primary(numbers: SuiteNumbers) -> None:
    """The wrong task's score would stand in a column."""
    cells = grid_of(
        numbers,
        columns=[
            {"label": "p", "metric": "primary"},
            {"label": "d", "metric": "primary_difference"},
        ],
        rows=[{"label": "1", "model": "one"}],
    )[0]
    assert cells[0].metric == "task_scores.accuracy"
    assert cells[1].value == pytest.approx(-0.1)


def test_reasons(numbers: SuiteNumbers) -> None:
    """An empty cell without a reason could be a typing error."""
    for place, words in (
        ({"metric": "acuracy"}, "did you mean 'accuracy'"),
        ({"metric": "accuracy", "subset": "nowhere"}, "nowhere is not measured at this scale"),
        ({}, "no metric is named"),
    ):
        cell = grid_of(numbers, columns=[{"label": "a"}],
                       rows=[{"label": "1", "model": "one", **place}])[0][0]  # fmt: skip
        assert words in cell.undefined


def test_ticks(numbers: SuiteNumbers) -> None:
    """Teacher .9: .8 is ten pairs of a hundred, all one way; 0 is far below."""
    cells = grid_of(
        numbers, ticks=True, metric="primary_difference", columns=[{"label": "w"}],
        rows=[{"label": "both", "models": ["one", "two"], "published": ["✗"]},
              {"label": "none", "models": ["one"], "bound": -0.5},
              {"label": "some", "models": ["one", "two"], "bound": -0.5}],
    )  # fmt: skip
    assert [row[0].words for row in cells] == [
        "✗ 2 of 2 lose: one, two", "✓ 0 of 1 lose", "? 1 of 2 lose: two"
    ]  # fmt: skip
    assert cells[0][0].printed == "✗"


def test_times_stand_apart() -> None:
    """A speed in `suite.json` would make every run another."""
    assert is_timed("efficiency.throughput")
    assert not is_timed("efficiency.bytes")
    assert not is_timed("task_scores.accuracy")


def test_timed_tables(numbers: SuiteNumbers) -> None:
    """The whole table of times is kept apart, empty cells too."""
    table = SuiteTable.model_validate({
        "name": "t", "title": "T", "metric": "efficiency.speedup", "columns": [{"label": "x"}],
        "rows": [{"label": "1", "model": "one"}],
    })  # fmt: skip
    assert is_timed_grid(make_grid(table, numbers))


def test_a_heat_map_and_a_front(numbers: SuiteNumbers) -> None:
    """Two is worse at no lower cost: it is not on the front."""
    table = SuiteTable.model_validate({
        "name": "t", "title": "T", "columns": [{"label": "a", "metric": "accuracy"}],
        "rows": [{"label": "1", "model": "one"}, {"label": "x", "why": "w"}],
    })  # fmt: skip
    matrix = make_heat_map(SuiteHeatMap(table="t"), make_grid(table, numbers))
    assert matrix is not None
    assert (matrix.rows, matrix.values) == (("1",), ((0.8,),))
    # Arrays have no size, so that nothing can be placed.
    assert make_chart(SuiteFront(gain="accuracy"), numbers) is None


def claim(**fields: object) -> SuiteClaim:
    return SuiteClaim.model_validate({"says": "s", **fields})


def test_the_kappa_of_the_paper(numbers: SuiteNumbers) -> None:
    """CoLA's dev labels are 721 and 322: 9.9 standard deviations, as worked out elsewhere."""
    answer = answer_claim(
        claim(test="kappa", accuracy=(0.8274, 0.8207), kappa=-0.0003, labels=(721, 322)), numbers
    )
    assert answer.answer == "no"
    assert "9.9 standard deviations fewer than independent mistakes" in answer.evidence
    fine = claim(test="kappa", accuracy=(0.8274, 0.8284), kappa=0.7666, labels=(721, 322))
    assert answer_claim(fine, numbers).answer == "yes"
    never = claim(test="kappa", accuracy=(0.99, 0.99), kappa=-0.5, labels=(721, 322))
    assert "impossible" in answer_claim(never, numbers).evidence


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"model": "one", "other": "two"}, "yes"),
        ({"model": "two", "other": "one"}, "no"),
        ({"model": "one", "other": "two", "expects": "lower"}, "no"),
        ({"model": "one", "other": "two", "expects": "equal"}, "no"),
        ({"model": "gone", "other": "two"}, "unanswered"),
    ],
)
def test_differences(numbers: SuiteNumbers, fields: dict[str, str], answer: str) -> None:
    """One agrees on 90 of 100, two on 10: a sign the wrong way would turn the answer."""
    held = claim(metric="student_differences.agreement", **fields)
    assert answer_claim(held, numbers).answer == answer


@pytest.mark.parametrize(
    ("expects", "bound", "answer"),
    [
        ("higher", 0.5, "yes"), ("lower", 0.5, "no"), ("higher", 0.9, "not told from noise"),
        ("equal", 0.9, "not refuted"), ("equal", 0.5, "no"),
    ],
)  # fmt: skip
def test_numbers(numbers: SuiteNumbers, expects: str, bound: float, answer: str) -> None:
    """Agreement .9 of 100 has an interval around .9."""
    held = claim(test="number", model="one", metric="agreement.agreement", expects=expects,
                 bound=bound)  # fmt: skip
    assert answer_claim(held, numbers).answer == answer


def test_a_turned_difference(numbers: SuiteNumbers) -> None:
    """`model` minus `other`, whichever the document has first."""
    one = answer_claim(claim(model="one", other="two", metric="student_differences.agreement"),
                       numbers).evidence  # fmt: skip
    other = answer_claim(claim(model="two", other="one", metric="student_differences.agreement"),
                         numbers).evidence  # fmt: skip
    assert "0.800" in one
    assert "−0.800" in other


def test_the_folder_of_a_suite(tmp_path: Path) -> None:
    """Nothing is written by a look."""
    plan_of(write_suite(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["suite.toml"]
