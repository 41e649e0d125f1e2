"""Batches of bounded memory."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.models.batches import ENOUGH_ROWS, ENOUGH_TOKENS, bounded_batches
from tests.analysis.studies import quick


@given(st.lists(st.integers(0, 300), max_size=200), st.integers(1, 600), st.integers(1, 80))
@quick
def test_every_row_once_within_the_bounds(lengths: list[int], tokens: int, rows: int):
    """Guards against lost rows, batches above memory, and padding that costs more than it saves."""
    given_lengths = np.array(lengths, dtype=np.int64)
    made = list(bounded_batches(given_lengths, most_tokens=tokens, most_rows=rows))
    assert sorted(row for batch in made for row in batch.tolist()) == list(range(len(lengths)))
    for batch in made:
        inside = given_lengths[batch]
        assert len(batch) == 1 or len(batch) * inside.max() <= tokens
        assert len(batch) <= rows
        equal = inside.min() == inside.max()
        assert equal or (len(batch) <= ENOUGH_ROWS and len(batch) * inside.max() <= ENOUGH_TOKENS)
        assert 8 * inside.min() >= 7 * inside.max() or inside.max() <= 1
