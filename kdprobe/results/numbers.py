"""Numbers as people read them, the same on the page and in the terminal.

Does: round, group thousands, put a true minus sign, shorten p-values. Does not: decide what is
shown, or invent a number for one that is undefined.
"""

from __future__ import annotations

import math
from datetime import datetime

from kdprobe.results.schema import Cell, Estimate

FEW = 400
"""Below so many examples a third decimal of a score says nothing."""
_LEAST = 1e-6  # smaller numbers are written as 0
_COUNTED = ("count", "examples")
_SIZES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def decimals(n: int | None) -> int:
    """Return how many decimals a number over n examples is worth: two below 400, else three.

    >>> decimals(50), decimals(1043), decimals(None)
    (2, 3, 3)
    """
    return 2 if n is not None and n < FEW else 3


def show_count(value: int) -> str:
    """Write a whole number with commas between thousands.

    >>> show_count(-1043)
    '−1,043'
    """
    return f"{value:,}".replace("-", "−")


def show_number(value: float, *, digits: int = 3) -> str:
    """Write a number with a fixed number of decimals below 100 and whole above 1,000.

    A number that its decimals would show as 0 gets two digits that say something: no exponent is
    written, and what is below or above 0 does not look like 0. Below a millionth it is 0. Nor is
    what lies below 1 shown as 1: an agreement of .9998 is not all.

    Args:
        value: any finite number.
        digits: decimals of a number between -100 and 100.

    >>> show_number(0.82742), show_number(-0.5), show_number(66955010.0), show_number(-0.0003)
    ('0.827', '−0.500', '66,955,010', '−0.0003')
    >>> show_number(0.00012345), show_number(1e-9), show_number(0.004, digits=2)
    ('0.00012', '0.000', '0.004')
    >>> show_number(0.99981), show_number(0.9996, digits=2), show_number(1.0)
    ('0.9998', '0.9996', '1.000')
    """
    size = abs(value)
    if size < _LEAST:
        return f"{0:.{digits}f}"
    if size < 100:
        text = f"{value:.{digits}f}"
        short = 1 - size
        if not text.strip("-0."):
            text = f"{value:.{1 - math.floor(math.log10(size))}f}".rstrip("0")
        elif short >= _LEAST and float(text) in (-1, 1):
            text = f"{value:.{-math.floor(math.log10(short))}f}"
    elif size < 1000:
        text = f"{value:.1f}"
    else:
        text = f"{value:,.0f}"
    return text.replace("-", "−")


def show_size(value: float) -> str:
    """Write a number of parameters or bytes by its size, three digits of it.

    >>> show_size(24_400), show_size(22_713_986), show_size(812), show_size(1_543_714_304)
    ('24.4 k', '22.7 M', '812', '1.54 G')
    >>> show_size(999_950), show_size(124_439_808)
    ('1.00 M', '124 M')
    """
    whole = float(f"{value:.3g}")
    for step, letter in _SIZES:
        if whole >= step:
            size = whole / step
            return f"{size:.{2 if size < 10 else 1 if size < 100 else 0}f} {letter}"
    return f"{value:.0f}"


def show_date(stamp: str) -> str:
    """Write an ISO date and time for people; what is none stays as it is.

    >>> show_date("2026-11-21T18:55:34+00:00"), show_date("2026-01-05T10:00:00Z"), show_date("x")
    ('21 Nov 2026, 18:55 UTC', '5 Jan 2026, 10:00 UTC', 'x')
    """
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    zone = f" {at.tzname()}" if at.tzinfo else ""
    return f"{at.day} {months[at.month - 1]} {at.year}, {at:%H:%M}{zone}"


def show_share(value: float) -> str:
    """Write a share in percent, one decimal; what is not all or none is not shown as that.

    >>> show_share(0.8274), show_share(0.99981), show_share(1.0)
    ('82.7 %', '99.98 %', '100.0 %')
    """
    percent = 100 * value
    short = 100 - abs(percent)
    digits = -math.floor(math.log10(short)) if 100 * _LEAST <= short < 0.1 else 1
    return f"{show_number(percent, digits=digits)} %"


def show_p(value: float) -> str:
    """Write a p- or q-value with its relation sign.

    >>> show_p(0.0312), show_p(0.00001), show_p(1.0)
    ('= .031', '< .001', '= 1')
    """
    if value < 0.001:
        return "< .001"
    if value > 0.9995:
        return "= 1"
    return "= " + f"{value:.3f}".removeprefix("0")


def show_duration(seconds: float) -> str:
    """Write an estimated time so that nobody takes it for exact.

    >>> show_duration(8.2), show_duration(190), show_duration(7300)
    ('8 s', '3 min', '2.0 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def show_interval(low: float, high: float, *, digits: int = 3) -> str:
    """Write an interval in brackets.

    >>> show_interval(0.8, 0.85), show_interval(-0.00066, 0.049)
    ('[0.800, 0.850]', '[−0.001, 0.049]')
    """
    return f"[{show_number(low, digits=digits)}, {show_number(high, digits=digits)}]"


def show_estimate(estimate: Estimate, unit: str = "") -> str:
    """Write an estimate's value with its unit, or the word undefined.

    Parameters are written by their size; a count that is a mean over runs has one decimal; a
    number over few examples has two.

    >>> show_estimate(Estimate(metric="latency_p50", model_a="s", value=12.5), "ms")
    '12.500 ms'
    >>> show_estimate(Estimate(metric="accuracy", model_a="s", value=0.8274, n=52))
    '0.83'
    >>> show_estimate(Estimate(metric="kappa", model_a="s", undefined="one class only"))
    'undefined'
    """
    if estimate.value is None:
        return "undefined"
    if unit == "bytes":
        return (
            f"{show_size(estimate.value)}B"
            if estimate.value >= 999.5
            else f"{estimate.value:.0f} B"
        )
    if unit == "parameters":
        shown = show_size(estimate.value)
    elif unit in _COUNTED:
        shown = show_cell(estimate.value, "number", unit)
    else:
        shown = show_number(estimate.value, digits=decimals(estimate.n))
    return f"{shown} {unit}" if unit else shown


def show_bounds(estimate: Estimate) -> str:
    """Write the interval of an estimate, with as many decimals as its value; nothing without one.

    >>> show_bounds(Estimate(metric="accuracy", model_a="s", value=0.5, low=0.25, high=0.75, n=52))
    '[0.25, 0.75]'
    """
    if estimate.low is None or estimate.high is None:
        return ""
    return show_interval(estimate.low, estimate.high, digits=decimals(estimate.n))


def show_cell(value: Cell, kind: str = "text", unit: str = "") -> str:
    """Write a table's cell by the kind and the unit of its column; an empty cell is an en dash.

    >>> show_cell(0.5, "share"), show_cell(12, "count"), show_cell(None), show_cell(1.5)
    ('50.0 %', '12', '–', '1.500')
    >>> show_cell(0.0312, "p"), show_cell(0.00001, "p")
    ('.031', '< .001')
    >>> show_cell(727.5, "number", "examples"), show_cell(36.0, "number", "examples")
    ('727.5', '36')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if kind == "share":
        return show_share(value)
    if kind == "p":
        return show_p(value).removeprefix("= ")
    if isinstance(value, int) or (unit in _COUNTED and value == int(value)):
        return show_count(int(value))
    return f"{value:,.1f}".replace("-", "−") if unit in _COUNTED else show_number(value)
