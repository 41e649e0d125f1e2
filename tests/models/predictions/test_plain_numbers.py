"""Columns of numbers read at once against the cells read one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.errors import CheckpointError
from kdprobe.models.predictions.numbers import read_numbers, read_plain_numbers
from kdprobe.tasks.table import ColumnTable

TABLE = ColumnTable("p.csv", {}, tuple(range(1, 200)))
CELLS = st.one_of(
    st.sampled_from(
        ["0.25", "-1", "1.", ".5", "-.5", "007.10", "0", "-0.0", "1e-05", "2.5E3", "12.5%", "0,5",
         "", " 0.5", "0.5 ", "1.2.3", "--1", "5-", "-", ".", "nan", "inf", "0.5\0", "½", "0.1 0.2",
         "123456789012345678901234567890123", "0.1234567890123456789"]
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(places=6, min_value=-1000, max_value=1000).map(str),
)  # fmt: skip


@given(st.lists(CELLS, max_size=30))
def test_a_plain_cell_is_read_as_alone(cells: list[str]) -> None:
    """Guards against a number read otherwise in a column than in a list, or digits miscounted."""
    column = read_plain_numbers(cells)
    others = set(column.others.tolist())
    alone = [read_numbers(cells[row], TABLE, row) for row in range(len(cells)) if row not in others]
    plain = np.delete(column.values, column.others)
    assert plain.tolist() == [each.values[0] for each in alone]
    assert all(len(each.values) == 1 for each in alone)
    assert column.written.decimals == max((each.decimals for each in alone), default=0)
    assert column.written.significant == max((each.significant for each in alone), default=0)
    assert np.isnan(column.values[column.others]).all()


@pytest.mark.parametrize("cell", ["", "1.2.3", "--1", ".", "-", "0.5\0", "½"])
def test_what_is_no_plain_number_is_left_to_be_refused(cell: str) -> None:
    """Guards against a cell that is refused alone and is some number in a column."""
    assert read_plain_numbers(["0.5", cell]).others.tolist() == [1]
    with pytest.raises(CheckpointError):
        read_numbers(cell, TABLE, 1)
