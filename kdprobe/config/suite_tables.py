"""What a suite shows: tables with the published figures, heat maps, fronts and claims.

Does: define the shape of those parts of a suite file, and check that they fit each other. Does
not: look any number up; `suites_run/` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from kdprobe.config.base import Options

Published = Annotated[FiniteFloat | str, Field(union_mode="smart")]
"""A published figure: a number in the unit of its column, or a word; `-` where none is printed."""
NOT_PRINTED = "-"
COORDINATES = ("comparison", "task", "model", "other", "metric", "subset", "layer", "pooling",
               "method")  # fmt: skip


class NumberPlace(Options):
    """Where a number stands in the results of a comparison.

    A cell's place is that of its table, filled in and overridden by its column, then by its row.

    Args:
        comparison: the comparison's name; empty: the suite's only one.
        task: the task's name; empty: the comparison's only one.
        model: the model it is about, alone or beside the teacher.
        other: the second of two students, for a number of both.
        metric: as in `metrics.csv`, also `ANALYSIS.METRIC`; `primary` is the task's own score, and
            `primary_difference` the model's minus the teacher's.
        subset, layer, pooling, method: what tells numbers of one metric apart.
    """

    comparison: str = ""
    task: str = ""
    model: str = ""
    other: str = ""
    metric: str = ""
    subset: str = ""
    layer: str = ""
    pooling: str = ""
    method: str = ""

    def coordinates(self) -> dict[str, str]:
        """Return what is said; what is empty is left out."""
        return {name: value for name in COORDINATES if (value := getattr(self, name))}


class SuiteColumn(NumberPlace):
    """A column of a table.

    Args:
        label: its head, as the paper has it.
        times: the factor that brings kdprobe's number to the published unit (100 for per cent).
    """

    label: str
    times: FiniteFloat = 1.0


class SuiteRow(NumberPlace):
    """A row of a table.

    Args:
        label: its name, as the paper has it.
        published: a figure a column; `-` where the paper prints none; empty: it prints none at all.
        why: why kdprobe has no numbers of this row; empty: it has.
        models: of a row of ticks, the models that it is about.
        bound: of a row of ticks, the number below which a model loses.
        times: a factor beside that of the column.
    """

    label: str
    published: tuple[Published, ...] = ()
    why: str = ""
    models: tuple[str, ...] = ()
    bound: FiniteFloat = 0.0
    times: FiniteFloat = 1.0


class SuiteTable(NumberPlace):
    """A table of a paper, or one that the paper should have had.

    Args:
        name: one word, for addresses.
        title: its heading.
        source: where the figures are printed, `Table 2`; empty: nowhere.
        columns: at least one.
        rows: at least one.
        ticks: whether a cell is a test over the models of its row: none, some or all of them lose
            more than noise.
        differences: where the definition of a published figure differs from kdprobe's, a sentence
            each.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    source: str = ""
    columns: Annotated[tuple[SuiteColumn, ...], Field(min_length=1)]
    rows: Annotated[tuple[SuiteRow, ...], Field(min_length=1)]
    ticks: bool = False
    differences: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _as_wide_as_its_columns(self) -> SuiteTable:
        for row in self.rows:
            if row.published and len(row.published) != len(self.columns):
                raise ValueError(
                    f"row {row.label!r} of table {self.name} has {len(row.published)} published "
                    f"figures for {len(self.columns)} columns"
                )
        return self

    def place(self, row: SuiteRow, column: SuiteColumn) -> dict[str, str]:
        """Return the coordinates of a cell."""
        return self.coordinates() | column.coordinates() | row.coordinates()


class SuiteHeatMap(Options):
    """A table drawn as a heat map.

    Args:
        table: the name of the table.
        title: its heading; empty: the table's.
        caption: what it shows, in a sentence.
        diverging: whether colours go both ways from zero.
    """

    table: str
    title: str = ""
    caption: str = ""
    diverging: bool = False


class SuiteFront(Options):
    """A chart of cost against gain, with the students that nobody beats in both.

    Args:
        comparison, task: as in `NumberPlace`.
        gain: a metric of which more is better.
        cost: a metric of which less is better.
    """

    comparison: str = ""
    task: str = ""
    gain: str = "primary"
    cost: str = "efficiency.parameters"


class SuiteClaim(NumberPlace):
    """A sentence of a paper, and the number that answers it.

    Args:
        says: the claim, in the paper's words or near them.
        source: where it is made.
        test: `difference`: `model` minus `other` by `metric` has an interval on the side that
            `expects` says; `number`: the number's interval lies above or below `bound`;
            `kappa`: whether the published kappa can belong to the published accuracies.
        expects: what the claim implies: the difference, or the number, is `higher`, `lower`, or
            not told from `equal`.
        bound: what a number is held against.
        accuracy, kappa, labels: of `kappa`, the two published accuracies (shares), the published
            kappa, and how many examples have each of the two labels.
        published: the paper's own figure for the number, in its unit; None: it prints none.
        printed: the same in the paper's words, `0.7567 against 0.0201`.
        note: what the reader should know beside the answer.
    """

    says: str
    source: str = ""
    test: Literal["difference", "number", "kappa"] = "difference"
    expects: Literal["higher", "lower", "equal"] = "higher"
    bound: FiniteFloat = 0.0
    accuracy: tuple[FiniteFloat, FiniteFloat] | None = None
    kappa: FiniteFloat | None = None
    labels: tuple[int, int] | None = None
    published: FiniteFloat | None = None
    printed: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _whole(self) -> SuiteClaim:
        if self.test == "kappa":
            if self.accuracy is None or self.kappa is None or self.labels is None:
                raise ValueError("a claim about a kappa needs accuracy, kappa and labels")
        elif not self.metric or not self.model:
            raise ValueError("a claim about a number needs metric and model")
        elif self.test == "difference" and not self.other:
            raise ValueError("a claim about a difference needs other")
        return self


class NotMade(Options):
    """Something a paper shows that the suite does not make, and why."""

    what: str
    why: str


def place_names(places: Mapping[str, str]) -> tuple[str, str, tuple[str, ...]]:
    """Return the comparison, the task and the models that a place names; empty where it does not.

    >>> place_names({"comparison": "main", "model": "a", "other": "b"})
    ('main', '', ('a', 'b'))
    """
    models = tuple(places[key] for key in ("model", "other") if key in places)
    return places.get("comparison", ""), places.get("task", ""), models
