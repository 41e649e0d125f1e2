"""Probabilities as files have them: rounded, in percent, printed by numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.errors import CheckpointError
from kdprobe.models.predictions.numbers import WrittenNumbers, read_numbers, to_probabilities
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.table import ColumnTable

TABLE = ColumnTable("p.csv", {}, (2, 3, 4, 5), separator=",")


def meant(*cells: str) -> tuple[Floats, tuple[str, ...]]:
    written = [read_numbers(cell, TABLE, row) for row, cell in enumerate(cells)]
    values = np.array([cell.values for cell in written])
    probabilities = to_probabilities(values, written, TABLE)
    return probabilities.values, probabilities.notes


@pytest.mark.parametrize(
    "cell",
    ["[0.25, 0.75]", "[0.25 0.75]", "0.25,0.75", "(0.25, 0.75)", "array([0.25, 0.75])",
     "tensor([0.2500, 0.7500])", "[np.float32(0.25), np.float32(0.75)]", "[2.5e-01 7.5E-1]",
     "array([0.25, 0.75], dtype=float32)", "[0.25\n 0.75]", "tensor([.25, .75], device='cuda:0')"],
)  # fmt: skip
def test_lists_as_programs_print_them(cell: str):
    """Arrays in a table are written as they print; each means the same numbers."""
    assert read_numbers(cell, TABLE, 0).values == [0.25, 0.75]


@pytest.mark.parametrize("cell", ["", "[]", "a,b", "0.1,", "[0.1 ... 0.9]", "None"])
def test_what_is_no_list_is_named(cell: str):
    """A list that numpy shortened is not the model's answer."""
    if cell == "0.1,":
        assert read_numbers(cell, TABLE, 0).values == [0.1]
        return
    with pytest.raises(CheckpointError, match=r"^p\.csv:2: "):
        read_numbers(cell, TABLE, 0)


@given(
    st.lists(st.lists(st.floats(0.001, 1), min_size=3, max_size=3), min_size=1, max_size=4),
    st.integers(1, 6),
)
def test_rounding_to_any_number_of_digits_is_read(rows: list[list[float]], digits: int):
    """A file of two digits is a file; the bound is k/2 * 10^-d by the arithmetic of rounding."""
    exact = np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    values, _ = meant(*(" ".join(f"{p:.{digits}f}" for p in row) for row in exact))
    np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-6)
    # Each number moves by half a unit, and by its share of what the sum was off.
    assert np.abs(values - exact).max() <= 2.6 * 10.0**-digits / (1 - 1.5 * 10.0**-digits)


def test_the_worked_rows_of_three_digits():
    """0.054 + 0.573 + 0.372 = 0.999: divided by it 0.0540541, 0.5735736, 0.3723724."""
    values, notes = meant("0.054 0.573 0.372", "0.5 0.25 0.25")
    np.testing.assert_allclose(values[0], [0.0540541, 0.5735736, 0.3723724], atol=5e-8)
    np.testing.assert_array_equal(values[1], [0.5, 0.25, 0.25])
    assert notes == (
        "its probabilities were rounded: 1 of 2 rows sum to something else than 1, by 0.001 at "
        "most; each row was divided by its sum",
    )


def test_unrounded_rows_stay_as_they_are():
    """Numbers of files that were read before must not move by a bit."""
    row = "0.24876964643702132 0.5080491936205832 0.24318115994239542"
    values, notes = meant(row)
    assert values[0].tolist() == [float(part) for part in row.split()]
    assert notes == ()


def test_significant_digits():
    """`%.3g` writes 0.00123, whose five digits after the point say nothing of 0.573."""
    values, notes = meant("0.573 0.427 1.2e-05", "0.9981 0.0009 0.00123"[:6] + " 0.0009 0.00123")
    assert notes
    np.testing.assert_allclose(values.sum(axis=1), 1)


@pytest.mark.parametrize(
    "cells", [("57.2% 42.8%", "10% 90%"), ("57.2 42.8", "10 90"), ("57.23 42.76", "100 0")]
)
def test_percentages(cells: tuple[str, ...]):
    """A percent sign, or rows that all sum to 100, leave no doubt."""
    values, notes = meant(*cells)
    np.testing.assert_allclose(values[0], [0.572, 0.428], atol=4e-4)
    assert notes[0] == "its probabilities are percentages and were divided by 100"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (("0.50 0.50", "0.50 0.47"), "p.csv:3: probabilities [0.5, 0.47], which sum to 0.97, "
         "expected numbers from 0 to 1 that sum to 1 within 0.01; does a class lack"),
        (("1 0", "1 1"), "p.csv:3: probabilities [1.0, 1.0], which sum to 2, expected numbers from "
         "0 to 1 that sum to 1 within 0.001; does a class lack, or were several labels allowed"),
        (("2.5 -1.5",), "p.csv:2: probabilities [2.5, -1.5], which sum to 1, expected"),
        (("0.1 0.1 0.1 0.1",), "p.csv:2: probabilities [0.1, 0.1, 0.1, 0.1], which sum to 0.4"),
        (("nan 1.0",), "p.csv:2: probabilities [nan, 1.0], which sum to nan"),
    ],
)  # fmt: skip
def test_what_is_no_distribution_is_refused(cells: tuple[str, ...], told: str):
    """Rounding explains some sums and not others; logits called prob none."""
    with pytest.raises(CheckpointError) as caught:
        meant(*cells)
    assert str(caught.value).startswith(told)


def test_a_decimal_comma_is_one_number_between_semicolons():
    """0,57 read as two numbers would refuse half of Europe's spreadsheets."""
    table = ColumnTable("p.csv", {}, (2,), separator=";")
    assert read_numbers("0,57", table, 0, one=True) == WrittenNumbers([0.57], 2, 2, False)
    assert read_numbers("57,5 %", table, 0, one=True) == WrittenNumbers([57.5], 1, 3, True)
    assert read_numbers("0,57", table, 0).values == [0, 57]
