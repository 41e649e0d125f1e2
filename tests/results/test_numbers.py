"""Tests of how numbers are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.results.numbers import show_cell, show_estimate, show_number, show_p
from kdprobe.results.schema import Estimate


@given(st.floats(-1e12, 1e12))
def test_a_written_number_keeps_its_sign_and_size(value: float):
    """A lost minus turns a loss into a gain; rounding must stay within half a last digit."""
    read = float(show_number(value).replace("−", "-").replace(",", ""))
    assert read == pytest.approx(value, rel=0.06 if abs(value) < 1e-3 else 6e-4, abs=5.1e-4)
    assert read * value >= 0


@given(st.floats(0, 1))
def test_a_p_value_is_never_written_as_zero(value: float):
    """'p = .000' claims certainty."""
    assert show_p(value) not in {"= .000", "= 0"}


@given(st.floats(0, 1))
def test_a_p_value_in_a_table_is_that_of_a_sentence(value: float):
    """A cell of 1.0e−03 beside a sentence that says < .001 looks like another number."""
    assert show_cell(value, "p") in show_p(value)
    assert "e" not in show_cell(value, "p")


def test_counts_and_bytes_are_whole_and_units_follow():
    """66,955,010 parameters shown as 6.7e+07 hides what was counted."""
    size = Estimate(metric="bytes", model_a="s", value=66955010)
    assert show_estimate(size, "bytes") == "66,955,010 bytes"
    assert show_estimate(Estimate(metric="kl", model_a="s", value=0.25), "nats") == "0.250 nats"


def test_an_empty_cell_is_told_apart_from_no_and_zero():
    """A missing number must not look like a zero."""
    assert [show_cell(v, "count") for v in (None, 0, False, "")] == ["–", "0", "no", ""]
