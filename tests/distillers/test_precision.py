"""Tests of which students are trained in bfloat16 by themselves, and of what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from kdprobe.distillers.precision import (
    EVIDENCE,
    PrecisionEvidence,
    compare_precisions,
    family_of,
    is_shown_equal,
    price_of,
)
from kdprobe.errors import CheckpointError
from tests.models.tiny import tiny_checkpoint

STEADY = ((0.40, 0.50, 0.60, 0.45, 0.55), (0.41, 0.50, 0.59, 0.45, 0.55))
FEW = (STEADY[0][:4], STEADY[1][:4])
RUINED = ((0.471, 0.587, 0.568, 0.5, 0.52), (0.112, 0.017, 0.560, 0.2, 0.4))


def row(
    task: str, scores: tuple[tuple[float, ...], tuple[float, ...]], **more: Any
) -> PrecisionEvidence:
    given = {"seconds": (10.0, 6.0), "emulated": (10.0, 9.0)} | more
    return PrecisionEvidence("bert, copied layers", task, "1 epoch", *scores, **given)


@pytest.mark.parametrize("scores", [STEADY, RUINED])
def test_the_interval_is_that_of_scipy(scores: tuple[tuple[float, ...], ...]) -> None:
    """Guards the quantile and the paired difference against an independent computation."""
    result = compare_precisions(*scores)
    reference = stats.ttest_rel(scores[1], scores[0]).confidence_interval(0.9)
    assert (result.low, result.high) == pytest.approx((reference.low, reference.high))
    assert result.margin == pytest.approx(stats.tstd(scores[0]))


def test_equal_is_what_was_shown() -> None:
    """Guards `no difference was seen` from being taken for `there is none`.

    The students of the first demo are not equal; nor are those of which too little is known, or
    that learnt nothing and agree in it.
    """
    assert compare_precisions(*STEADY).equal
    assert not compare_precisions(*RUINED).equal
    noisy = compare_precisions((0.4, 0.6, 0.5), (0.6, 0.4, 0.5))
    assert noisy.mean == pytest.approx(0.0)
    assert not noisy.equal
    chance = compare_precisions((0.02, -0.03, 0.01, -0.02, 0.02), (0.02, -0.03, 0.01, -0.02, 0.021))
    assert not chance.learnt
    assert not chance.equal


@pytest.mark.parametrize(
    ("rows", "equal"),
    [
        ((row("grammar", STEADY), row("cola", STEADY)), True),
        ((row("grammar", STEADY),), False),
        ((row("grammar", STEADY), row("grammar", STEADY)), False),
        ((row("grammar", STEADY), row("cola", RUINED)), False),
        ((row("grammar", STEADY), row("cola", STEADY, seconds=(6.0, 6.5))), False),
        ((row("grammar", STEADY), row("cola", STEADY, emulated=(6.0, 15.0))), False),
        ((row("grammar", FEW), row("cola", STEADY)), False),
        ((row("grammar", STEADY), row("cola", STEADY, emulated=None)), False),
        ((), False),
    ],
)
def test_what_auto_asks_for(rows: tuple[PrecisionEvidence, ...], equal: bool) -> None:
    """Guards `auto`: two tasks, equal on each, faster on every kind of processor."""
    assert is_shown_equal("bert, copied layers", rows) is equal
    assert not is_shown_equal("bilstm", rows)


def test_families(tmp_path: Path) -> None:
    """Guards evidence of one family that is used for another."""
    teacher = str(tiny_checkpoint(tmp_path / "t", labels=("a", "b"), arch="roberta"))
    for student, other, family in (
        ("bilstm:hidden=8", None, "bilstm"),
        ("bert:L2,H16,A2", teacher, "bert, random weights"),
        ("bert:L2,H16,A2,embeddings=teacher", teacher, "bert, projection"),
        ("layers=1", teacher, "roberta, copied layers"),
        ("layers=1,hidden=16,heads=2", teacher, "roberta, random weights"),
        ("layers=1,hidden=16,heads=2,init=truncated", teacher, "roberta, truncated weights"),
        (teacher, teacher, "roberta, from a folder"),
        ("layers=1", None, "unknown, copied layers"),
        ("layers=1", "bert:L2,H16,A2", "unknown, copied layers"),
        ("layers=3", "layers=3", "unknown, copied layers"),
    ):
        assert family_of(student, other, offline=True) == family
    with pytest.raises(CheckpointError):
        family_of("layers=1", str(tmp_path / "nothing"), offline=True)


def test_the_table_is_evidence() -> None:
    """Guards a table written by hand: seeds in pairs, one row a task, each row's price told.

    A row of few seeds is told, and shows nothing: `test_what_auto_asks_for`.
    """
    assert len({(row.family, row.task) for row in EVIDENCE}) == len(EVIDENCE)
    for row in EVIDENCE:
        assert len(row.float32) == len(row.bfloat16) >= 2
        assert all(-1.0 <= score <= 1.0 for score in (*row.float32, *row.bfloat16))
        assert min(*row.seconds, *(row.emulated or (1.0,))) > 0
        price_text = price_of(row.family.split(",")[0])
        assert f"{row.family}, on {row.task} over {len(row.float32)} seeds: MCC" in price_text
    assert price_of("xlnet") == (
        "what that costs students of the architecture xlnet was not measured"
    )
