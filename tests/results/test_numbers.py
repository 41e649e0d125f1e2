"""Tests of how numbers are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.results.numbers import (
    show_cell,
    show_estimate,
    show_interval,
    show_number,
    show_p,
    show_share,
)
from kdprobe.results.schema import Estimate


@given(st.floats(-1e12, 1e12))
def test_a_written_number_keeps_its_sign_and_size(value: float):
    """A lost minus turns a loss into a gain; rounding must stay within half a last digit."""
    read = float(show_number(value).replace("−", "-").replace(",", ""))
    small = 5e-4 * 0.999 > abs(value) >= 1e-6
    assert read == pytest.approx(value, rel=0.06 if small else 6e-4, abs=1e-6 if small else 5.1e-4)
    assert read * value >= 0
    assert abs(value) < 1e-6 or read != 0  # what is beyond 0 does not look like 0


@given(st.floats(0, 1), st.sampled_from([2, 3]))
def test_all_and_none_are_only_what_is_all_and_none(share: float, digits: int):
    """A model that differs on 5 of 1,043 examples was said to agree on 100 % of them."""
    texts = (show_number(share, digits=digits), show_share(share).removesuffix(" %"))
    for text, whole in zip(texts, (1, 100), strict=True):
        assert (float(text) == whole) == (share > 1 - 1e-6 + 1e-9) or abs(1 - share - 1e-6) < 1e-9
        assert (float(text) == 0) == (share * whole < 1e-6) or abs(share * whole - 1e-6) < 1e-9


@given(st.floats(-1, 1), st.floats(0, 1))
def test_scores_have_no_exponent(low: float, width: float):
    """`[−6.6e−04, 0.049]` is read as a large number; 0 within an interval stays visible."""
    shown = show_interval(low, low + width) + show_number(low, digits=2)
    assert "e" not in shown
    ends = [float(end) for end in show_interval(low, low + width).strip("[]").replace(
        "−", "-").split(", ")]  # fmt: skip
    assert (ends[0] > 0) == (low >= 1e-6)


@given(st.floats(0, 1))
def test_a_p_value_is_never_written_as_zero(value: float):
    """'p = .000' claims certainty."""
    assert show_p(value) not in {"= .000", "= 0"}


@given(st.floats(0, 1))
def test_a_p_value_in_a_table_is_that_of_a_sentence(value: float):
    """A cell of 1.0e−03 beside a sentence that says < .001 looks like another number."""
    assert show_cell(value, "p") in show_p(value)
    assert "e" not in show_cell(value, "p")


def test_counts_and_sizes_are_read_at_a_glance_and_units_follow():
    """48,370 parameters shown as 0.0 M, or 66,955,010 as 6.7e+07, hide what was counted."""
    size = Estimate(metric="bytes", model_a="s", value=66955010)
    assert show_estimate(size, "bytes") == "67.0 MB"
    assert show_estimate(size.model_copy(update={"value": 812}), "bytes") == "812 B"
    small = Estimate(metric="parameters", model_a="s", value=48370)
    assert show_estimate(small, "parameters") == "48.4 k parameters"
    runs = Estimate(metric="steps", model_a="s", value=32.5, n=50)
    assert show_estimate(runs, "count") == "32.5 count"
    assert show_estimate(Estimate(metric="kl", model_a="s", value=0.25), "nats") == "0.250 nats"


def test_an_empty_cell_is_told_apart_from_no_and_zero():
    """A missing number must not look like a zero."""
    assert [show_cell(v, "count") for v in (None, 0, False, "")] == ["–", "0", "no", ""]
