"""Numbers as predictions files write them.

Does: read a list as JSON, Python, numpy and torch print it, a percentage, a decimal comma; tell to
how many digits a file was rounded, and turn probabilities that were rounded into ones that sum to
1. Does not: know which column is whose; `table.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import CheckpointError
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.table import ColumnTable

SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may sum from 1 whatever the number of their digits."""

PROBABILITY_FLOOR = 1e-12
"""What a probability of 0 is taken as, so that its logarithm is finite."""

_LARGEST_TOLERANCE = 0.5  # a row further off is no distribution, however it was rounded
_PLAIN = 32  # characters of a number that is read with its whole column
_NOISE = 1e-6  # sums nearer to 1 than this are those of 32-bit numbers: nothing is renormalised
# What surrounds the numbers of `tensor([0.1, 0.9])`, `array([...], dtype=float32)` and
# `[np.float32(0.1), np.float64(0.9)]`.
_WRAPPING = re.compile(
    r"(?:np|numpy|torch)?\.?(?:float\d*|array|tensor)\(|dtype=[\w.]+|device='[^']*'"
    r"|grad_fn=<\w*>|[\[\]()]"
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_WRITTEN = re.compile(r"[+-]?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?")


class WrittenNumbers(NamedTuple):
    """The numbers of a cell and how they are written.

    Args:
        values: the numbers.
        decimals: the most digits that one has after the point (an exponent counted in).
        significant: the most digits that one has beside zeros in front.
        percent: whether one has a percent sign.
    """

    values: list[float]
    decimals: int
    significant: int
    percent: bool


def read_numbers(
    cell: str | None, table: ColumnTable, row: int, *, one: bool = False
) -> WrittenNumbers:
    """Read the numbers of a cell.

    Args:
        cell: the cell: numbers between commas or blanks, in brackets or not.
        table: where it stands, for messages.
        row: its row.
        one: True where a single number is expected; 0,5 is then one half in a file whose columns
            stand between semicolons.

    Raises:
        CheckpointError: a part of it is no number, or there is none.
    """
    text = _WRAPPING.sub(" ", cell or "").strip(" ,\t\n")
    comma = one and table.separator == ";"
    if comma and _DECIMAL_COMMA.fullmatch(text.removesuffix("%").strip()):
        text = text.replace(",", ".")
    parts = [part for part in re.split(r"\s*,\s*|\s+", text.replace(" %", "%")) if part]
    try:
        values = [float(part.removesuffix("%")) for part in parts]
    except ValueError:
        values = []
    if not values:
        raise CheckpointError(
            table.where(row),
            found=f"{cell!r} is no list of numbers" if text else "no outputs",
            expected="numbers between commas, like -1.25,0.5",
        )
    digits = [_digits(part) for part in parts]
    percent = any(part.endswith("%") for part in parts)
    return WrittenNumbers(values, max(d for d, _ in digits), max(s for _, s in digits), percent)


class NumberColumn(NamedTuple):
    """One number a row, and how the column is written.

    Args:
        values: float64 `[n]`; NaN where `others` has the row.
        others: the rows whose cells are more than digits, a point and a minus sign.
        written: the most digits of the cells that are no more; it holds no values.
    """

    values: Floats
    others: NDArray[np.intp]
    written: WrittenNumbers


def read_plain_numbers(cells: Sequence[str | None]) -> NumberColumn:
    """Read a column of single numbers that are written plainly, all rows at once.

    The same values and digits as `read_numbers` gives of each such cell, a hundredth of its time.

    >>> column = read_plain_numbers(["0.25", "-1", "5 %", "0.054"])
    >>> column.values.tolist(), column.others.tolist(), column.written[1:]
    ([0.25, -1.0, nan, 0.054], [2], (3, 2, False))
    """
    texts = [cell if cell and len(cell) <= _PLAIN and cell.isascii() else "" for cell in cells]
    packed = np.array(texts, dtype=np.bytes_) if texts else np.zeros(0, dtype="S1")
    # A row a place in the texts: passes over long rows are much faster than over short ones.
    letters = packed.view(np.uint8).reshape(len(texts), packed.dtype.itemsize).T.copy()
    digit, point = letters - np.uint8(ord("0")) < 10, letters == ord(".")
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    points, digits = _counted(point), _counted(digit)
    plain = points + digits + (letters[0] == ord("-")) == lengths
    plain &= (points <= 1) & (digits > 0)
    behind = _counted(digit & np.logical_or.accumulate(point))
    beside = _counted(digit & np.logical_or.accumulate(digit & (letters > ord("0"))))
    values = np.full(len(texts), np.nan)
    values[plain] = packed[plain].astype(np.float64)
    decimals, significant = (int(each[plain].max(initial=0)) for each in (behind, beside))
    written = WrittenNumbers([], decimals, significant, False)
    return NumberColumn(values, np.flatnonzero(~plain), written)


def _counted(places: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Count the places of each text that are so, of `[places, texts]`, at most 32."""
    counted: NDArray[np.uint8] = np.add.reduce(places.view(np.uint8), axis=0, dtype=np.uint8)
    return counted


def _digits(number: str) -> tuple[int, int]:
    """Count the digits after the point, and all digits beside zeros in front.

    >>> [_digits(number) for number in ("0.25", "1", "2.5e-05", "12.5%", "0.054")]
    [(2, 2), (0, 1), (6, 2), (1, 3), (3, 2)]
    """
    match = _WRITTEN.fullmatch(number.removesuffix("%"))
    if match is None:
        return 0, 0
    whole, behind, exponent = match[1], match[2] or "", int(match[3] or 0)
    return max(len(behind) - exponent, 0), len((whole + behind).lstrip("0"))


class Probabilities(NamedTuple):
    """Rows of probabilities that sum to 1, and what the reader of the report must know of them."""

    values: Floats
    notes: tuple[str, ...]


def to_probabilities(
    values: Floats, written: Iterable[WrittenNumbers], table: ColumnTable
) -> Probabilities:
    """Return the probabilities that a file means.

    Definition: numbers with a percent sign, or whose rows all sum to 100, are divided by 100.
    Rounding k numbers to d digits moves their sum by at most k/2 * 10^-d; a row may sum that far
    from 1, or `SUM_TOLERANCE` where that is more, but never further than one half. d is the largest
    number of digits that stands in the file, since programs drop zeros at the end; where it is two
    or more above the largest number of significant digits, the file was rounded to those (`%.3g`).
    Where a row is further off than 32-bit numbers are, all rows are divided by their sums.

    Args:
        values: float64 `[n, k]`.
        written: the numbers of every cell of the file, as they are written.
        table: their rows, for messages.

    Raises:
        CheckpointError: a number is not in 0 to 1, or a row sums to something else; with the line.
    """
    cells = list(written)
    significant = max(cell.significant for cell in cells)
    digits = max(cell.decimals for cell in cells)
    notes: tuple[str, ...] = ()
    sums = values.sum(axis=1)
    slack = _slack(values.shape[1], digits, significant)
    if any(cell.percent for cell in cells) or np.all(np.abs(sums - 100) <= max(slack, 0.1)):
        values, sums, digits = values / 100, sums / 100, digits + 2
        slack = _slack(values.shape[1], digits, significant)
        notes = ("its probabilities are percentages and were divided by 100",)
    tolerance = min(max(slack, SUM_TOLERANCE), _LARGEST_TOLERANCE) + 1e-9
    inside = np.isfinite(values) & (values >= 0) & (values <= 1 + tolerance)
    good = inside.all(axis=1) & (np.abs(sums - 1) <= tolerance)
    if not good.all():
        row = int(np.argmin(good))
        raise _no_distribution(values[row].tolist(), float(sums[row]), tolerance, table.where(row))
    off = np.abs(sums - 1)
    if off.max() > _NOISE:
        many = int((off > _NOISE).sum())
        notes = (
            *notes,
            f"its probabilities were rounded: {many:,} of {len(values):,} rows sum to something "
            f"else than 1, by {off.max():.2g} at most; each row was divided by its sum",
        )
        values = values / sums[:, None]
    return Probabilities(values, notes)


def to_shares(values: Floats, written: Iterable[WrittenNumbers], table: ColumnTable) -> Floats:
    """Return the probabilities of labels that do not exclude each other, each from 0 to 1.

    Numbers with a percent sign are divided by 100.

    Raises:
        CheckpointError: a number is not in 0 to 1; with the line.
    """
    shares = values / 100 if any(cell.percent for cell in written) else values
    inside = np.asarray((shares >= 0) & (shares <= 1)).all(axis=1)
    if not inside.all():
        row = int(np.argmin(inside))
        raise CheckpointError(
            table.where(row),
            found=f"probabilities {values[row].tolist()}",
            expected="numbers from 0 to 1, one of each label by itself",
            remedy="name the column logits if that is what they are",
        )
    return shares


def _slack(k: int, decimals: int, significant: int) -> float:
    """Return how far rounding can move the sum of k numbers; none were rounded to whole ones."""
    digits = significant if decimals - significant > 1 else decimals
    return k / 2 * 10.0**-digits if digits else 0.0


def _no_distribution(
    numbers: Sequence[float], total: float, tolerance: float, where: str
) -> CheckpointError:
    negative = min(numbers) < 0 or not 0 <= total <= 2
    return CheckpointError(
        where,
        found=f"probabilities {list(numbers)}, which sum to {total:.6g}",
        expected=f"numbers from 0 to 1 that sum to 1 within {tolerance:.2g}",
        remedy="name the column logits if that is what they are"
        if negative
        else "does a class lack, or were several labels allowed at once?",
    )


def to_log_probabilities(probabilities: Floats) -> tuple[Floats, str]:
    """Return natural logarithms, zeros as `PROBABILITY_FLOOR`, and a note that says so."""
    zeros = int((probabilities < PROBABILITY_FLOOR).sum())
    note = "its probabilities were turned into log-probabilities"
    if zeros:
        note += f" ({zeros} below {PROBABILITY_FLOOR:g} were taken as {PROBABILITY_FLOOR:g})"
    return np.log(np.maximum(probabilities, PROBABILITY_FLOOR)), note
