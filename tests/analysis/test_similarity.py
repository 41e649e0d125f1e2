"""Best matches, equal depth, floor and ceiling of numbers written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.analysis.similarity import NOT_ASKED
from kdprobe.observations.layer_similarity import LayerPairs, LayerSimilarities, LayerVector
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis.layered import layered
from tests.analysis.studies import binary, clustered, several_seeds

MINE = ANALYSES.load("similarity")
GROUPS = 4


def vectors(*layers: str) -> tuple[LayerVector, ...]:
    return tuple(LayerVector(layer, "" if layer == "head" else "mean") for layer in layers)


def pairs(
    cka: list[list[float]], model: str, *, run: int = 0, weights: str = "trained", p: float = 0.5
) -> LayerPairs:
    """A grid of layers 0 … L and the head, with these numbers and no spread."""
    values = np.array(cka)
    rows, columns = values.shape
    return LayerPairs(
        model=model, run=run, weights="random" if weights == "random" else "trained",
        rows=vectors(*map(str, range(rows - 1)), "head"),
        columns=vectors(*map(str, range(columns - 1)), "head"),
        cka=values, procrustes=1 - values,
        cka_influence=np.zeros((rows, columns, GROUPS)),
        procrustes_influence=np.zeros((rows, columns, GROUPS)),
        p_values=np.where(np.isnan(values), np.nan, p),
        flat_rows=np.isnan(values).all(axis=1), flat_columns=np.isnan(values).all(axis=0),
    )  # fmt: skip


def analysed(study: Study, *held: LayerPairs) -> AnalysisResult:
    observation = LayerSimilarities(held, ("mean",), 30, permutations=(19, 30))
    return MINE.run(study.with_observations(observation), MINE.options(), {})


def number(result: AnalysisResult, metric: str, layer: str = "") -> Estimate:
    (one,) = (
        each for each in result.estimates
        if (each.metric, each.layer, each.model_b) in
        ((metric, layer, "student-1"), (metric, layer, ""))
    )  # fmt: skip
    return one


TRAINED = [[0.9, 0.2, 0.1], [0.7, 0.4, 0.1], [0.3, 0.6, 0.5], [0.0, 0.2, 0.8]]
RANDOM = [[0.5, 0.1, 0.1], [0.4, 0.2, 0.1], [0.3, 0.1, 0.2], [0.0, 0.1, 0.1]]


def test_best_matches_and_equal_depth_of_hand_written_layers() -> None:
    """Guards layers off by one, a head in the means, and a floor taken from the wrong cell.

    Teacher of two blocks, student of one: depth 0 with 0, layer 2 with 1.
    """
    study = binary()
    result = analysed(
        study, pairs(TRAINED, "student-1"), pairs(RANDOM, "student-1", weights="random")
    )
    assert [number(result, "best_match_cka", layer).value for layer in ("0", "1", "2", "head")] == [
        0.9, 0.7, 0.6, 0.8
    ]  # fmt: skip
    expected = {
        "mean_best_match": (0.9 + 0.7 + 0.6) / 3,
        "mean_equal_depth": (0.9 + 0.6) / 2,
        "random_mean_best_match": (0.5 + 0.4 + 0.3) / 3,
        "random_mean_equal_depth": (0.5 + 0.1) / 2,
        "equal_depth_above_random": 0.45,
    }
    for metric, value in expected.items():
        assert number(result, metric).value == pytest.approx(value), metric
    assert number(result, "random_cka", "2:1").value == 0.1
    assert number(result, "procrustes", "2:1").value == pytest.approx(0.4)
    assert number(result, "cka", "head:head").pooling == ""
    assert number(result, "cka", "2:1").q_value == 0.5
    summary, table = result.tables
    assert summary.rows[0][:6] == pytest.approx(("student-1", 2.2 / 3, 0.4, 0.75, 0.3, 0.45))
    assert [row[1:5] for row in table.rows] == [
        ("0", "0", "best match and equal depth", 0.9),
        ("1", "0", "best match", 0.7),
        ("2", "1", "best match and equal depth", 0.6),
        ("head", "head", "best match and equal depth", 0.8),
    ]
    heat = result.matrices[0]
    assert heat.rows == ("0 (best 0)", "1 (best 0)", "2 (best 1)", "head (best head)")
    assert heat.columns == ("0 (at 0)", "1 (at 2)", "head")
    best, equal = result.curves
    assert [line.name for line in best.series] == ["student-1", "student-1: random weights"]
    assert best.series[0].x == (0.0, 0.5, 1.0)
    assert best.series[0].y == (0.9, 0.7, 0.6)
    assert equal.series[0].x == (0.0, 1.0)
    assert equal.series[0].y == (0.9, 0.6)


def test_two_students_of_one_shape_share_one_line_of_random_weights() -> None:
    """Guards a picture of three equal lines over each other."""
    held = [pairs(TRAINED, f"student-{at}") for at in (1, 2)]
    held += [pairs(RANDOM, f"student-{at}", weights="random") for at in (1, 2)]
    best = analysed(binary(), *held).curves[0]
    assert [line.name for line in best.series] == [
        "student-1", "student-2", "student-1, student-2: random weights"
    ]  # fmt: skip


def test_the_ceiling_is_the_teacher_with_its_other_seeds() -> None:
    """Guards the teacher set against itself, and its seeds taken for a student."""
    square = [
        [0.9, 0.2, 0.1, 0.0],
        [0.7, 0.8, 0.1, 0.0],
        [0.3, 0.6, 0.4, 0.2],
        [0.0, 0.0, 0.2, 0.9],
    ]
    result = analysed(
        several_seeds(),
        pairs(TRAINED, "student-1"),
        pairs(square, "teacher", run=1),
        pairs([[one - 0.2 for one in row] for row in square], "teacher", run=2),
    )
    assert number(result, "reseeded_cka", "1:1").value == pytest.approx(0.7)
    assert number(result, "reseeded_mean_equal_depth").value == pytest.approx(0.6)
    assert {one.model_b for one in result.estimates} == {"student-1", ""}
    assert result.curves[0].series[-1].name == "the teacher's other seeds"
    ceiling = [column.name for column in result.tables[1].columns].index("ceiling")
    assert [row[ceiling] for row in result.tables[1].rows] == pytest.approx([0.8, 0.7, 0.3, 0.8])


def test_layers_that_do_not_vary_are_left_out_of_the_means() -> None:
    """Guards a mean that is lost, or that counts a constant layer as 0."""
    nan = float("nan")
    result = analysed(
        binary(), pairs([[nan, nan, nan], [nan, 0.4, 0.1], [nan, 0.6, 0.5]], "student-1")
    )
    assert number(result, "mean_best_match").value == pytest.approx(0.4)
    assert number(result, "mean_equal_depth").value == pytest.approx(0.4)
    assert number(result, "best_match_cka", "0").undefined == (
        "the vectors of layer 0 are the same for all sentences"
    )
    all_flat = analysed(binary(), pairs([[nan] * 3] * 3, "student-1"))
    assert number(all_flat, "mean_equal_depth").undefined == "no layer varies over sentences"
    assert not all_flat.curves


def test_the_largest_p_of_several_runs_and_their_mean() -> None:
    """Guards one lucky run that makes a layer significant."""
    runs = [pairs(TRAINED, "student-1", run=run, p=p) for run, p in enumerate((0.05, 0.5))]
    one = number(analysed(several_seeds(), *runs), "cka", "0:0")
    assert one.p_value == 0.5
    assert one.value == pytest.approx(0.9)


def test_intervals_follow_the_influence_and_stay_in_range() -> None:
    """Guards intervals of no width, and ends beyond 1."""
    result = MINE.run(layered(binary()), MINE.options(), {})
    cells = [one for one in result.estimates if one.metric in ("cka", "procrustes") and one.low]
    assert len(cells) > 20
    assert all(one.low < one.value < one.high for one in cells if one.value is not None)  # type: ignore[operator]
    assert all(one.interval.startswith("bootstrap over sentences") for one in cells)


def test_clusters_of_examples_are_not_drawn_and_that_is_said() -> None:
    """Guards intervals of dependent sentences that pass for those of clusters."""
    notes = analysed(clustered(binary()), pairs(TRAINED, "student-1")).notes
    assert any("those of equal passage for independent" in note for note in notes)
    for study in (binary(), clustered(binary(), 1)):
        notes = analysed(study, pairs(TRAINED, "student-1")).notes
        assert not any("independent" in note for note in notes)


def test_without_layers_it_says_how_to_add_them() -> None:
    """Guards a reason that names no option."""
    assert MINE.skip_reason(binary()) == NOT_ASKED
    assert "`similarity.sentences=1000`" in NOT_ASKED
