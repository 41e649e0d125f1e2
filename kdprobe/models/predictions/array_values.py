"""Arrays, frames and columns that a person hands over, as numpy arrays that hold what they should.

Does: refuse in one message what is no array, is ragged, masked, complex or of another shape. Does
not: know what the numbers mean; `from_arrays.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kdprobe.errors import ConfigError
from kdprobe.plain_text import printable
from kdprobe.stats.arrays import FARTHEST, Floats, Ints
from kdprobe.tasks.clusters import codes_of

MOST_CLASSES = 10_000
"""Class indices from here on are taken for something else (ids, hashes) where no `labels` say."""


def as_array(values: Any, where: str, *, axes: tuple[int, ...], dtype: Any = None) -> Any:
    """Return values as a numpy array.

    Args:
        values: anything that numpy reads as an array: a list, a frame, a tensor.
        where: what it is, for the message.
        axes: how many axes it may have.
        dtype: of the array; None: numpy's choice.

    Raises:
        ConfigError: it is no array (text, a number, a mapping, rows of different length), it has
            other axes, or some of its values are masked.

    >>> as_array([[1, 2], [3, 4]], "`t`", axes=(1, 2)).shape
    (2, 2)
    >>> as_array([[1, 2], [3]], "`t`", axes=(1, 2))
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: `t`: [[1, 2], [3]], expected an array, a list or a frame with rows of equal length
    """  # noqa: E501 (the message is one line)
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise ConfigError(where, found="masked values", expected="a value in each place")
    try:
        array = np.asarray(values, dtype=dtype)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged; a tensor that wants gradients
        remedy = "detach() it first" if isinstance(error, RuntimeError) else ""
        raise _no_array(values, where, remedy) from error
    if array.ndim == 0:
        raise _no_array(values, where)
    if array.ndim not in axes:
        shapes = {1: "[n]", 2: "[n, c]"}
        raise ConfigError(
            where, found=f"an array of shape {array.shape}",
            expected=" or ".join(shapes[count] for count in axes),
        )  # fmt: skip
    return array


def _no_array(values: Any, where: str, remedy: str = "") -> ConfigError:
    return ConfigError(
        where, found=printable(repr(values), limit=60),
        expected="an array, a list or a frame with rows of equal length", remedy=remedy,
    )  # fmt: skip


def as_numbers(array: Any, where: str) -> Floats:
    """Return an array as float64.

    Raises:
        ConfigError: text, complex numbers or objects among them, or numbers beyond 1e300.

    >>> as_numbers(np.array(["1", "x"]), "`t`")
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: `t`: text among its numbers, expected numbers
    """
    array = np.asarray(array)
    if array.dtype.kind in "cmMV":
        raise ConfigError(where, found=f"values of type {array.dtype}", expected="numbers")
    try:
        if array.dtype == object:
            array = np.vectorize(lambda value: np.nan if is_missing(value) else value,
                                 otypes=[object])(array)  # fmt: skip
        numbers: Floats = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(where, found="text among its numbers", expected="numbers") from error
    far = numbers[np.isfinite(numbers) & (np.abs(numbers) > FARTHEST)]
    if far.size:
        raise ConfigError(where, found=f"{far[0]:g}", expected=f"numbers up to {FARTHEST:g}")
    return numbers


def as_clusters(values: Any, n: int) -> Ints:
    """Return the cluster of each of n examples, int64 `[n]`.

    Raises:
        ConfigError: another number of rows, or a row without a value.
    """
    where = "`clusters`"
    rows = as_array(values, where, axes=(1,), dtype=object).tolist()
    if len(rows) != n:
        raise ConfigError(where, found=f"{len(rows)} rows", expected=f"{n}")
    for row, value in enumerate(rows, start=1):
        if is_missing(value) or not str(value).strip():
            raise ConfigError(where, found=f"row {row} has none", expected="a value in every row")
    return codes_of(list(map(str, rows)))


def by_name(values: Any, where: str) -> Mapping[str, Any]:
    """Return a mapping whose keys are names; None is an empty one.

    Raises:
        ConfigError: it is no mapping, or a key is no text or empty.

    >>> by_name(["small"], "`students`")
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: `students`: ['small'], expected a mapping from names to arrays; \
name each, like {'small': …}
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        kind = type(values).__name__
        shown = f"a {kind}" if hasattr(values, "shape") else printable(repr(values), limit=60)
        raise ConfigError(
            where, found=shown, expected="a mapping from names to arrays",
            remedy="name each, like {'small': …}",
        )  # fmt: skip
    for name in values:
        if not isinstance(name, str) or not name.strip():
            raise ConfigError(where, found=f"the name {name!r}", expected="a name in text")
    return values


def class_index(value: Any) -> int | None:
    """Return a class index that is a whole number, or None for anything else.

    >>> class_index(1.0), class_index(1.5), class_index("1"), class_index(float("inf"))
    (1, None, None, None)
    """
    if isinstance(value, bool | int | np.integer | np.bool_):
        return int(value)
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return int(value)
    return None


def is_missing(value: Any) -> bool:
    """Return whether a label is not known: None, NaN, or what pandas has for them.

    >>> [is_missing(value) for value in (None, float("nan"), 0, "a")]
    [True, True, False, False]
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))
