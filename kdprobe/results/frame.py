"""Every number of a results document as a pandas frame.

Does: lay out the estimates in the columns of `metrics.csv`, with a type for each column. Does not:
go through text: names such as `None`, `NA`, `@s` or `=x` stay what they are, where a reader of the
CSV file makes NaN of the first two and the file guards the others against spreadsheets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kdprobe.results.io import CSV_COLUMNS, metric_row, metric_rows
from kdprobe.results.schema import Estimate, ResultsDocument

if TYPE_CHECKING:
    import pandas as pd

NUMBER_COLUMNS = ("value", "ci_low", "ci_high", "p_value", "q_value")


def metrics_frame(document: ResultsDocument) -> pd.DataFrame:
    """Return every number of a document as a row, in the columns of `metrics.csv`.

    Args:
        document: any results document.

    Returns:
        One row an estimate, in the document's order. Names, layers and reasons are `str`, empty
        where a column does not apply; the numbers are float64, NaN where a number is undefined
        (`undefined` says why) or has no interval or test; `n` is a nullable integer.
    """
    return _framed(metric_rows(document))


def estimates_frame(numbers: Iterable[tuple[str, Estimate]]) -> pd.DataFrame:
    """Return numbers as rows in the same columns, each with what it belongs to."""
    return _framed(metric_row(name, number) for name, number in numbers)


def _framed(rows: Iterable[tuple[str | float | None, ...]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(CSV_COLUMNS))
    numbers = dict.fromkeys(NUMBER_COLUMNS, "float64")
    texts = {name: "object" for name in CSV_COLUMNS if name not in (*numbers, "n")}
    return frame.astype({**numbers, **texts, "n": "Int64"})
