"""The parts results are made of: numbers, tables, heat maps and charts.

Does: frozen types that refuse NaN, refuse a number without a value or a reason, and refuse ragged
shapes. Does not: compute or render.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

Count = Annotated[int, Field(ge=0)]
Cell = str | int | FiniteFloat | bool | None


_LARGE = 10_000  # cells, from which a matrix may be written by those that are not 0
_FEW = 8  # times as many cells as are not 0, where that is done


class Frozen(BaseModel):
    """A part of the document: immutable, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Numerous(Frozen):
    """A part of which a document holds thousands: a field at its default is not written.

    >>> Estimate(metric="accuracy", model_a="s", value=0.5, n=9).model_dump(mode="json")
    {'metric': 'accuracy', 'model_a': 's', 'value': 0.5, 'n': 9}
    """

    @model_serializer(mode="wrap")
    def _without_defaults(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        defaults = _defaults(type(self))
        written: dict[str, Any] = whole(self)
        return {name: value for name, value in written.items() if value != defaults.get(name, ...)}


@functools.cache
def _defaults(part: type[Frozen]) -> dict[str, Any]:
    """Return the defaults of a part's fields, as they are written."""
    known = {
        name: field.get_default(call_default_factory=True)
        for name, field in part.model_fields.items()
        if not field.is_required()
    }
    return {name: [] if value == () else value for name, value in known.items()}


class Metric(Frozen):
    """What a number means, said once for all numbers of that name in an analysis.

    `definition` is one plain sentence for the report; `minimum` and `maximum` bound the value
    (None: unbounded); `higher_is_better` is None for a number that is neither.
    """

    name: str
    label: str
    definition: str
    unit: str = ""
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    higher_is_better: bool | None = None
    source: str = ""

    def bounded(self, number: Estimate) -> Estimate:
        """Return a number of this kind with the ends of its interval moved into its range.

        >>> share = Metric(name="share", label="share", definition="", minimum=0, maximum=1)
        >>> wide = Estimate(metric="share", model_a="s", value=0.9, low=0.6, high=1.2, n=9)
        >>> share.bounded(wide).high
        1.0
        """
        if number.low is None or number.high is None:
            return number
        least = -math.inf if self.minimum is None else self.minimum
        most = math.inf if self.maximum is None else self.maximum
        ends = {"low": max(number.low, least), "high": min(number.high, most)}
        same = (number.low, number.high) == (ends["low"], ends["high"])
        return number if same else number.model_copy(update=ends)


class Estimate(Numerous):
    """One number with its interval, or the reason why there is none.

    The coordinates (`metric` … `method`) are the columns of `metrics.csv`. `model_b` is empty for a
    number about one model; for a pair `model_a` is the teacher or the earlier named model.
    `interval` says how low and high were made; `note` adds a caveat to a defined number.

    >>> Estimate(metric="accuracy", model_a="s", value=0.5, low=0.4, high=0.6, n=100).value
    0.5
    """

    metric: str
    model_a: str
    model_b: str = ""
    subset: str = "all"
    layer: str = ""
    pooling: str = ""
    method: str = ""
    value: FiniteFloat | None = None
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    interval: str = ""
    p_value: Annotated[float, Field(ge=0, le=1)] | None = None
    q_value: Annotated[float, Field(ge=0, le=1)] | None = None
    n: Count | None = None
    undefined: str = ""
    note: str = ""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Leave out what says nothing: fields that have their defaults."""
        defaults = _defaults(type(self))
        return (
            (n, v) for n, v in super().__repr_args__() if n is None or v != defaults.get(n, ...)
        )

    @model_validator(mode="after")
    def _value_or_reason(self) -> Estimate:
        if (self.value is None) == (self.undefined == ""):
            raise ValueError(
                f"estimate {self.metric} of {self.model_a}: give a value or the reason why it is "
                f"undefined, not both and not neither"
            )
        if (self.low is None) != (self.high is None):
            raise ValueError(f"estimate {self.metric}: an interval needs both ends")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"estimate {self.metric}: interval {self.low} > {self.high}")
        return self


class Column(Frozen):
    """A column of a table; `kind` decides how cells are shown: `p` are p- and q-values."""

    name: str
    label: str
    kind: Literal["text", "count", "number", "share", "p", "example"] = "text"
    unit: str = ""


class Table(Frozen):
    """A table; a cell in an `example` column holds an example id, shown as a link."""

    name: str
    title: str
    caption: str = ""
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @model_validator(mode="after")
    def _rectangular(self) -> Table:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.name}: {len(row)} cells, {len(self.columns)} columns"
                )
        return self


class Matrix(Frozen):
    """A heat map: rows × columns of numbers, None where undefined (`undefined` says why).

    `sure`, where it is known, is the end of each number's interval that lies nearest to 0, and 0
    where the interval includes 0: what is beyond noise, however few examples a number is of.

    A large matrix of nearly nothing but zeros (the confusions of a thousand labels) has no `values`
    in a file but `filled`: row, column and value of the other cells. In memory it has `values`.
    """

    name: str
    title: str
    caption: str = ""
    row_title: str
    column_title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[FiniteFloat | None, ...], ...] = ()
    unit: str = ""
    scale: Literal["sequential", "diverging"] = "sequential"
    undefined: str = ""
    sure: tuple[tuple[FiniteFloat | None, ...], ...] = ()
    filled: tuple[tuple[Count, Count, FiniteFloat], ...] = ()

    @model_serializer(mode="wrap")
    def _without_zeros(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = whole(self)
        del written["filled"]
        if len(self.rows) * len(self.columns) <= _LARGE:
            return written
        filled = [
            [row, column, value]
            for row, values in enumerate(self.values)
            for column, value in enumerate(values)
            if value != 0
        ]
        few = 0 < len(filled) * _FEW <= len(self.rows) * len(self.columns)
        if few and all(value is not None for _, _, value in filled):
            written |= {"values": [], "filled": filled}
        return written

    @model_validator(mode="after")
    def _rectangular(self) -> Matrix:
        if self.filled:
            object.__setattr__(self, "values", self._from_filled())
            object.__setattr__(self, "filled", ())
        for what, held in (("values", self.values), ("sure", self.sure)):
            if not held and what == "sure":
                continue
            if len(held) != len(self.rows) or any(len(row) != len(self.columns) for row in held):
                raise ValueError(f"matrix {self.name}: {what} do not fit its rows and columns")
        return self

    def _from_filled(self) -> tuple[tuple[float, ...], ...]:
        values = [[0.0] * len(self.columns) for _ in self.rows]
        for row, column, value in self.filled:
            if row >= len(self.rows) or column >= len(self.columns):
                raise ValueError(f"matrix {self.name}: a cell is outside of its rows and columns")
            values[row][column] = value
        return tuple(map(tuple, values))


class Series(Frozen):
    """One named run of points; `low`/`high` are a band, `counts` the examples behind each point.

    `labels` names each point (the row names of a forest plot, example ids of a scatter); `marks`
    are named places on the x axis (of a `line`, or of a `spread`, whose x are the middles of equal
    bins).
    """

    name: str
    x: tuple[FiniteFloat, ...]
    y: tuple[FiniteFloat, ...] = ()
    low: tuple[FiniteFloat | None, ...] = ()
    high: tuple[FiniteFloat | None, ...] = ()
    counts: tuple[Count, ...] = ()
    labels: tuple[str, ...] = ()
    marks: dict[str, FiniteFloat] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _parallel(self) -> Series:
        for field in ("y", "low", "high", "counts", "labels"):
            given = len(getattr(self, field))
            if given not in (0, len(self.x)):
                raise ValueError(f"series {self.name}: {given} {field}, {len(self.x)} x")
        return self


class Curve(Frozen):
    """A chart with axes; in a `forest` x is the value and `labels` are the rows.

    A `spread` is a histogram per series; `points` are a few named points, not examples.
    """

    name: str
    title: str
    caption: str = ""
    kind: Literal["line", "scatter", "reliability", "forest", "bars", "spread", "points"] = "line"
    x_title: str
    y_title: str
    series: tuple[Series, ...]
    reference: FiniteFloat | None = None
