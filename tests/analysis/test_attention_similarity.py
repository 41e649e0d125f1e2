"""Summaries, lost heads and pictures of attention written by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kdprobe.analysis.attention_similarity import NOT_ASKED
from kdprobe.analysis.clusters import result_by_cluster
from kdprobe.analysis.protocol import ANALYSES
from kdprobe.observations.attention import AttentionMap, AttentionPairs, AttentionSimilarities
from kdprobe.observations.study import Study
from kdprobe.report.attention_maps import mapped_examples
from kdprobe.results.schema import AnalysisResult, Estimate
from kdprobe.stats.bootstrap import draw_resamples, interval
from tests.analysis.attended import attended
from tests.analysis.studies import binary, clustered, several_seeds

MINE = ANALYSES.load("attention_similarity")
N, HEADS = 6, 2
LAYERS = [[0.1, 0.5], [0.3, 0.4], [0.6, 0.2]]


def pairs(
    layers: list[list[float]], model: str, *, run: int = 0, weights: str = "trained",
    nearest: float = 0.05,
) -> AttentionPairs:  # fmt: skip
    """A teacher's layers of two heads against another's, the same in every example."""
    values = np.array(layers)
    rows, columns = values.shape
    looks = np.arange(7 * rows * HEADS, dtype=np.float64).reshape(7, rows, HEADS) / 100
    return AttentionPairs(
        model=model, run=run, weights="random" if weights == "random" else "trained",
        ids=binary().split.ids[:N],
        layers=np.repeat(values[:, :, None], N, axis=2),
        matches=np.tile([1, 0], (rows, columns, 1)),
        nearest=np.zeros((rows, HEADS, 2), dtype=np.int64),
        nearest_js=np.full((rows, HEADS, N), nearest),
        teacher_heads=looks, heads=looks[:, :columns] + 0.5,
        teacher_layers=np.repeat(looks.mean(axis=2)[:, :, None], N, axis=2),
        own_layers=np.repeat(looks[:, :columns].mean(axis=2)[:, :, None] + 0.5, N, axis=2),
    )  # fmt: skip


def analysed(
    study: Study, *held: AttentionPairs, maps: tuple[AttentionMap, ...] = ()
) -> AnalysisResult:
    observation = AttentionSimilarities(held, "words", {}, maps=maps)
    return MINE.run(study.with_observations(observation), MINE.options(), {})


def number(result: AnalysisResult, metric: str, layer: str = "", model: str = "") -> Estimate:
    (one,) = (
        each for each in result.estimates
        if (each.metric, each.layer) == (metric, layer)
        and (each.model_b in ("student-1", "") if not model else each.model_a == model)
    )  # fmt: skip
    return one


def test_summaries_of_hand_written_layers() -> None:
    """Guards layers counted from 0, and depths of the wrong side: 3 layers against 2."""
    result = analysed(binary(), pairs(LAYERS, "student-1"))
    assert number(result, "attention_js", "3:1").value == pytest.approx(0.6)
    assert number(result, "first_layer_attention_js").value == pytest.approx(0.1)
    assert number(result, "last_layer_attention_js").value == pytest.approx(0.2)
    assert number(result, "mean_attention_js").value == pytest.approx((0.3 + 0.2) / 2)  # 2:1, 3:2
    assert number(result, "best_layer_attention_js").value == pytest.approx((0.1 + 0.2) / 2)
    heat = result.matrices[0]
    assert heat.rows == ("1 (best 1)", "2 (best 1)", "3 (best 2)")
    assert heat.columns == ("1 (at 2)", "2 (at 3)")
    line = result.curves[0].series[0]
    assert line.x == (0.5, 1.0)
    assert line.y == pytest.approx((0.3, 0.2))
    assert number(result, "attention_entropy", "1", "teacher").value == pytest.approx(0.005)
    assert number(result, "attention_to_separators", "3", "teacher").value == pytest.approx(0.225)
    assert number(result, "attention_entropy", "2", "student-1").value == pytest.approx(0.525)


def test_a_student_deeper_than_its_teacher() -> None:
    """Guards a layer 0 that has no attention, read as the last one."""
    result = analysed(binary(), pairs([[0.1, 0.2, 0.3, 0.4]], "student-1"))
    assert number(result, "mean_attention_js").value == pytest.approx(0.25)


def test_heads_without_a_counterpart_are_those_no_nearer_than_random() -> None:
    """Guards heads called lost because they are far, or kept because noise is far too."""
    student = pairs(LAYERS, "student-1")
    near = np.full((3, HEADS, N), 0.05)
    near[1, 0] = 0.3  # as far as random weights
    near[2, 1] = [0.0, 0.6, 0.0, 0.6, 0.0, 0.5]  # nearer on the mean, but not surely
    student = replace(student, nearest_js=near)
    floor = pairs(LAYERS, "student-1", weights="random", nearest=0.3)
    result = analysed(binary(), student, floor)
    assert number(result, "heads_without_counterpart").value == pytest.approx(2 / 6)
    lost, heads = result.tables[:2]
    assert [(*row[:3], row[4]) for row in lost.rows] == [
        ("student-1", "2", "1", "layer 1, head 1"), ("student-1", "3", "2", "layer 1, head 1")
    ]  # fmt: skip
    assert list(lost.rows[0][5:7]) == pytest.approx([0.3, 0.3])
    assert [row[:3] for row in heads.rows][6:8] == [
        ("student-1", "1", "1"), ("student-1", "1", "2")
    ]  # fmt: skip
    without = analysed(binary(), student)
    assert "heads_without_counterpart" not in {one.metric for one in without.estimates}


def test_seeds_of_the_teacher_are_the_ceiling() -> None:
    """Guards the teacher's seeds taken for a student."""
    square = [[0.1, 0.5, 0.4], [0.3, 0.2, 0.4], [0.6, 0.2, 0.3]]
    other = [[value + 0.2 for value in row] for row in square]
    result = analysed(
        several_seeds(), pairs(LAYERS, "student-1"), pairs(square, "teacher", run=1),
        pairs(other, "teacher", run=2),
    )  # fmt: skip
    assert number(result, "reseeded_attention_js", "2:2").value == pytest.approx(0.3)
    assert result.curves[0].series[-1].name == "the teacher's other seeds"
    assert result.curves[0].series[-1].y == pytest.approx((0.2, 0.3, 0.4))


def test_pictures_show_the_matched_heads_in_the_most_similar_layer() -> None:
    """Guards a map that is transposed, a head under another's number, and levels off by one."""
    maps = np.zeros((3, HEADS, 2, 2))
    maps[:, 0] = [[1.0, 0.0], [0.5, 0.5]]
    maps[:, 1] = [[0.25, 0.75], [0.05, 0.95]]
    study = binary()
    example = study.split.ids[4]
    held = (
        AttentionMap(example, "teacher", ("[CLS]", "a"), maps),
        AttentionMap(example, "student-1", ("[CLS]", "a"), maps[:2]),
    )
    result = analysed(study, pairs(LAYERS, "student-1"), maps=held)
    (one,) = mapped_examples(result.tables[2])
    assert (one.example, one.text, one.tokens) == (example, study.split.texts[4], ("[CLS]", "a"))
    assert [(strip.model, strip.layer, strip.beside, strip.heads) for strip in one.strips] == [
        ("teacher", "1", "", ("1", "2")), ("teacher", "2", "", ("1", "2")),
        ("teacher", "3", "", ("1", "2")),
        ("student-1", "1", "1", ("2", "1")), ("student-1", "2", "3", ("2", "1")),
    ]  # fmt: skip
    assert result.tables[2].rows[0][-1] == "f088 4c0f"
    assert result.tables[2].rows[3][-1] == "4c0f f088"


def test_a_map_that_does_not_fit_its_tokens_is_an_error() -> None:
    """Guards a picture sheared by one token."""
    table = MINE.run(attended(binary()), MINE.options(), {}).tables[2]
    row = table.rows[0]
    broken = table.model_copy(update={"rows": ((*row[:-1], str(row[-1])[:-1]),)})
    with pytest.raises(ValueError, match="do not fit its 5 tokens"):
        mapped_examples(broken)


def test_examples_in_clusters_are_drawn_by_clusters() -> None:
    """Guards intervals of dependent examples, and clusters of other rows than those compared.

    With clusters of one size the draws are those of as many examples, each the mean of its cluster.
    """
    study, rows = clustered(binary(), 2), [10, 11, 0, 1, 6, 7]
    values = np.array([0.1, 0.2, 0.5, 0.6, 0.3, 0.3])
    pair = pairs(LAYERS, "student-1")
    pair = replace(
        pair,
        ids=tuple(study.split.ids[row] for row in rows),
        layers=np.broadcast_to(values, (3, 2, N)),
    )
    one = number(
        result_by_cluster(analysed(study, pair), study, reads=MINE.reads), "attention_js", "1:1"
    )
    means = np.array([0.55, 0.3, 0.15])  # clusters in the order of the split
    drawn = draw_resamples(study.seed, 3, study.resamples).mean(means)
    assert (one.low, one.high) == pytest.approx(interval(drawn))
    assert one.interval == "paired bootstrap over clusters of examples, percentile"
    part = pair.only(study.split.ids[:8])
    assert part.ids == tuple(study.split.ids[row] for row in (0, 1, 6, 7))
    np.testing.assert_array_equal(part.layers[2, 1], values[2:])
    assert part.nearest_js.shape[-1] == part.own_layers.shape[-1] == 4


def test_without_attention_it_says_how_to_add_it() -> None:
    """Guards a reason that names no option."""
    assert MINE.skip_reason(binary()) == NOT_ASKED
    assert "`attention_similarity.examples=500`" in NOT_ASKED
