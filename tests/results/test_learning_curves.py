"""Tests of a training's history as curves: the right numbers, at the right steps, one marked."""

from __future__ import annotations

import pytest

from kdprobe.results.learning_curves import learning_curves

HISTORY = [
    {"step": 5, "loss": 2.0, "a_value": 1.0, "a_share": 0.25, "b_value": 3.0, "b_share": 0.75,
     "a_gradient_share": 0.4, "b_gradient_share": 0.6},
    {"step": 5, "eval_loss": 0.7, "eval_accuracy": 0.5, "eval_agreement": 0.6, "eval_kl": 0.2},
    {"step": 10, "loss": 1.0, "a_value": 1.0, "a_share": 0.5, "b_value": 1.0, "b_share": 0.5},
    {"step": 10, "eval_loss": 0.6, "eval_accuracy": 0.75, "eval_agreement": 0.8},
]  # fmt: skip


def test_curves_by_hand() -> None:
    """Guards the page: an objective's part of the loss is its share times the loss, at its step."""
    scores, losses, loss, gradient = learning_curves(HISTORY, best_step=10)
    lines = {line.name: line for line in loss.series}
    assert lines["loss"].y == (2.0, 1.0)
    assert lines["a"].y == (0.5, 0.5)
    assert lines["b"].y == (1.5, 0.5)
    for at in range(2):
        assert lines["a"].y[at] + lines["b"].y[at] == pytest.approx(lines["loss"].y[at])
    marked = {line.name: (line.x, line.y) for line in scores.series if line.name[:4] == "kept"}
    assert marked == {
        "kept: accuracy": ((10,), (0.75,)),
        "kept: agreement with the teacher": ((10,), (0.8,)),
    }
    kl = next(line for line in losses.series if line.name == "KL to the teacher")
    assert list(kl.x) == [5]
    assert [line.y for line in gradient.series] == [(0.4,), (0.6,)]


def test_what_was_not_logged_is_left_out() -> None:
    """Guards fine-tuning, which has one objective and no teacher: no empty charts."""
    curves = learning_curves(
        [{"step": 1, "loss": 1.0, "hard_labels_value": 1.0}, {"step": 1, "eval_accuracy": 0.5}],
        best_step=1,
    )
    assert [curve.name for curve in curves] == ["scores", "loss"]
    assert [line.name for line in curves[0].series] == ["accuracy", "kept: accuracy"]
    assert learning_curves([], best_step=0) == ()


def test_the_order_of_names_in_an_entry_moves_no_line() -> None:
    """Guards a page on which objectives change colours when a training is gone on with."""
    logged = [dict(reversed(entry.items())) for entry in HISTORY]  # as an objective list may be
    kept = [dict(sorted(entry.items())) for entry in HISTORY]  # as a checkpoint holds it
    assert learning_curves(logged, best_step=10) == learning_curves(kept, best_step=10)


def test_the_teacher_is_a_line_over_all_evaluations() -> None:
    """Guards a line at the wrong height, over one point only, or marked as a kept checkpoint."""
    scores, losses, *_ = learning_curves(
        HISTORY, best_step=10, teacher={"accuracy": 0.9, "mcc": 0.8, "loss": 0.3}
    )
    added = {line.name: (line.x, line.y) for line in scores.series if "teacher's" in line.name}
    assert added == {"baseline: the teacher's accuracy": ((5, 10), (0.9, 0.9))}
    assert [line.name for line in losses.series if "teacher's" in line.name] == [
        "baseline: the teacher's loss on gold labels"
    ]
    assert learning_curves(HISTORY, best_step=10) == learning_curves(
        HISTORY, best_step=10, teacher={}
    )
