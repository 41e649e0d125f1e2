"""One explained text: what is said beside its scores."""

from __future__ import annotations

import pytest

from kdprobe.comparison.attributing import Attributed, WordScores, lines_of


def explained(*, read: int = 2, gap: float | None = None, sampled: bool = False) -> Attributed:
    scores = WordScores("deep_lift", (1.0, -0.5), gap, sampled)
    return Attributed("m", ("a", "dog"), (0, 0), read, "good", 0.5, (scores,))


@pytest.mark.parametrize(
    ("found", "note"),
    [
        (explained(), ""),
        (explained(gap=0.009), ""),
        (explained(sampled=True), "sampled"),
        (explained(gap=0.344), "sum off by 34%"),
        (explained(read=1), "1 of 2 words read"),
        (explained(read=1, gap=2.0, sampled=True),
         "sampled, sum off by 200%, 1 of 2 words read"),
    ],
)  # fmt: skip
def test_a_line_says_what_must_be_known_of_its_scores(found: Attributed, note: str):
    """Guards against noise, broken sums and unread words behind a clean picture."""
    (line,) = lines_of([found])
    assert line.note == note
    assert [mark.score for mark in line.marks] == [1.0, -0.5]
