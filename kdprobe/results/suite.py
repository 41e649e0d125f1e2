"""The document of a suite: a paper's tables beside the numbers that were made for them.

Does: hold tables, heat maps, fronts, answers to claims and the state of every step in frozen types;
read and write them, and give `suite.csv`. Does not: compute or render.

Whatever depends on the clock or the machine stands in `timings` alone: two runs of the same suite,
interrupted or not, are equal in everything else.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

from pydantic import Field, FiniteFloat

from kdprobe.results.io import csv_cell, load_versioned, read_text
from kdprobe.results.parts import Count, Frozen, Matrix
from kdprobe.results.schema import ProducedBy

SUITE_VERSION: Literal[1] = 1
FILE = "suite.json"

StepWord = Literal["done", "failed", "waits", "left out"]
Answer = Literal["yes", "no", "not refuted", "not told from noise", "unanswered"]


class SuiteCell(Frozen):
    """A number beside the published one.

    `value`, `low` and `high` are in the unit of the column; `words` stand in place of a number in a
    table of ticks; `undefined` is why there is neither. `published` is the figure, `printed` a word
    in its place (`-`: the paper prints none). `task` to `method` are where the number stands in the
    results of its comparison.
    """

    value: FiniteFloat | None = None
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    n: Count | None = None
    words: str = ""
    undefined: str = ""
    published: FiniteFloat | None = None
    printed: str = ""
    comparison: str = ""
    task: str = ""
    model: str = ""
    other: str = ""
    metric: str = ""


class SuiteLine(Frozen):
    """A row of a table; `why` says why it is not made."""

    label: str
    cells: tuple[SuiteCell, ...]
    why: str = ""


class SuiteGrid(Frozen):
    """A table; `source` names it in the paper, `differences` say where definitions differ.

    `finding` says how far its rows stand in the paper's order.
    """

    name: str
    title: str
    source: str = ""
    columns: tuple[str, ...]
    lines: tuple[SuiteLine, ...]
    differences: tuple[str, ...] = ()
    finding: str = ""


class SuiteSpot(Frozen):
    """A model in a chart of cost against gain; `front`: nobody beats it in both."""

    model: str
    cost: FiniteFloat
    gain: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    teacher: bool = False
    front: bool = False


class SuiteChart(Frozen):
    """Cost against gain, of one comparison."""

    name: str
    title: str
    gain: str
    cost: str
    finding: str
    spots: tuple[SuiteSpot, ...]


class SuiteAnswer(Frozen):
    """A claim and what the numbers say of it.

    `evidence` is the number in words, `note` what the reader should know beside it. `cell` is the
    number with the published figure, `bound` what it is held against; of a published kappa
    `possible` are the least and largest that the accuracies allow, `independent` those of
    independent mistakes.
    """

    says: str
    source: str = ""
    answer: Answer
    evidence: str
    note: str = ""
    cell: SuiteCell = SuiteCell()
    bound: FiniteFloat = 0.0
    possible: tuple[FiniteFloat, ...] = ()
    independent: tuple[FiniteFloat, ...] = ()


class SuiteStep(Frozen):
    """A step, its address, and what became of it."""

    name: str
    kind: str
    part: str
    task: str
    seed: int
    address: str
    state: StepWord
    reason: str = ""
    parents: tuple[str, ...] = ()


class SuitePage(Frozen):
    """The page of a comparison, beside the suite's."""

    comparison: str
    task: str
    models: tuple[str, ...]
    page: str
    n: Count


class SuitePart(Frozen):
    """A model of the suite, in words."""

    name: str
    made: str
    about: str = ""


class SuiteOmission(Frozen):
    """What is not made, and why."""

    what: str
    why: str


class SuiteTimings(Frozen):
    """What depends on the clock or the machine.

    `seconds` are of every finished step by name, `grids` the tables with measured times in them.
    """

    produced_by: ProducedBy
    command: str = ""
    seconds: dict[str, FiniteFloat] = Field(default_factory=dict)
    grids: tuple[SuiteGrid, ...] = ()


class SuiteDocument(Frozen):
    """Everything the page, `suite.csv` and the terminal show of a suite."""

    schema_version: Literal[1] = SUITE_VERSION
    document: Literal["suite"] = "suite"
    name: str
    title: str
    citation: str = ""
    about: str = ""
    scale: str
    scale_title: str = ""
    differs: tuple[str, ...] = ()
    tasks: tuple[str, ...]
    models: tuple[SuitePart, ...]
    grids: tuple[SuiteGrid, ...] = ()
    heatmaps: tuple[Matrix, ...] = ()
    charts: tuple[SuiteChart, ...] = ()
    answers: tuple[SuiteAnswer, ...] = ()
    not_made: tuple[SuiteOmission, ...] = ()
    steps: tuple[SuiteStep, ...] = ()
    pages: tuple[SuitePage, ...] = ()
    timings: SuiteTimings

    @property
    def produced_by(self) -> ProducedBy:
        """What made the document."""
        return self.timings.produced_by

    @property
    def all_grids(self) -> tuple[SuiteGrid, ...]:
        """The tables, those of measured times last."""
        return (*self.grids, *self.timings.grids)

    @property
    def failed(self) -> tuple[SuiteStep, ...]:
        """The steps that were tried and gave nothing, or could not be tried."""
        return tuple(step for step in self.steps if step.state in ("failed", "waits"))


def loads_suite(text: str, *, where: str = FILE) -> SuiteDocument:
    """Read a document of a suite.

    Raises:
        ResultsFormatError: not JSON, no version, a version from the future, or fields that this
            version does not know.
    """
    return load_versioned(SuiteDocument, text, where=where, newest=SUITE_VERSION, name=FILE)


def read_suite(path: Path) -> SuiteDocument:
    """Read a document from a file, or from the folder that holds `suite.json`.

    Raises:
        ResultsFormatError: the file cannot be read or is none.
    """
    file = path / FILE if path.is_dir() else path
    return loads_suite(read_text(file), where=str(file))


_COLUMNS = ("table", "row", "column", "comparison", "task", "model", "other", "metric", "value",
            "low", "high", "n", "published", "undefined")  # fmt: skip


def suite_csv(document: SuiteDocument) -> str:
    """Return one row a cell of every table, in the units of the tables; tables of times are last.

    `value` holds words in a table of ticks, `published` words where the paper prints them.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for grid in document.all_grids:
        for line in grid.lines:
            for column, cell in zip(grid.columns, line.cells, strict=True):
                value = cell.words or cell.value
                published = cell.printed if cell.published is None else cell.published
                row: list[str | float | None] = [
                    grid.name, line.label, column, cell.comparison, cell.task, cell.model,
                    cell.other, cell.metric, value, cell.low, cell.high, cell.n, published,
                    cell.undefined or line.why,
                ]  # fmt: skip
                writer.writerow([csv_cell(one) for one in row])
    return buffer.getvalue()
