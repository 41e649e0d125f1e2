"""Numbers as people read them, the same on the page and in the terminal.

Does: round, group thousands, put a true minus sign, shorten p-values. Does not: decide what is
shown, or invent a number for one that is undefined.
"""

from __future__ import annotations

from kdprobe.results.schema import Cell, Estimate

_EVERYDAY = 1e-3, 1e6


def show_count(value: int) -> str:
    """Write a whole number with commas between thousands.

    >>> show_count(-1043)
    '−1,043'
    """
    return f"{value:,}".replace("-", "−")


def show_number(value: float, *, digits: int = 3) -> str:
    """Write a number with a fixed number of decimals below 100 and whole above 1,000.

    Args:
        value: any finite number.
        digits: decimals of a number between -100 and 100.

    >>> show_number(0.82742), show_number(-0.5), show_number(66955010.0), show_number(0.00012)
    ('0.827', '−0.500', '66,955,010', '1.2e−04')
    """
    size = abs(value)
    if size == 0:
        return f"{0:.{digits}f}"
    if size < _EVERYDAY[0]:
        text = f"{value:.1e}"
    elif size < 100:
        text = f"{value:.{digits}f}"
    elif size < 1000:
        text = f"{value:.1f}"
    else:
        text = f"{value:,.0f}"
    return text.replace("-", "−")


def show_share(value: float) -> str:
    """Write a share in percent, one decimal.

    >>> show_share(0.8274)
    '82.7 %'
    """
    return f"{100 * value:.1f} %".replace("-", "−")


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


def show_interval(low: float, high: float) -> str:
    """Write an interval in brackets.

    >>> show_interval(0.8, 0.85)
    '[0.800, 0.850]'
    """
    return f"[{show_number(low)}, {show_number(high)}]"


def show_estimate(estimate: Estimate, unit: str = "") -> str:
    """Write an estimate's value with its unit, or the word undefined.

    >>> show_estimate(Estimate(metric="latency_p50", model_a="s", value=12.5), "ms")
    '12.500 ms'
    >>> show_estimate(Estimate(metric="kappa", model_a="s", undefined="one class only"))
    'undefined'
    """
    if estimate.value is None:
        return "undefined"
    if unit in ("count", "examples", "bytes", "parameters") and estimate.value == int(
        estimate.value
    ):
        shown = show_count(int(estimate.value))
    else:
        shown = show_number(estimate.value)
    return f"{shown} {unit}" if unit else shown


def show_cell(value: Cell, kind: str = "text") -> str:
    """Write a table's cell by the kind of its column; an empty cell is an en dash.

    >>> show_cell(0.5, "share"), show_cell(12, "count"), show_cell(None), show_cell(1.5)
    ('50.0 %', '12', '–', '1.500')
    >>> show_cell(0.0312, "p"), show_cell(0.00001, "p")
    ('.031', '< .001')
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
    return show_count(value) if isinstance(value, int) else show_number(value)
