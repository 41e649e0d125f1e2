"""The learning curves of one training as a page beside its checkpoint.

Does: draw the history's curves into one file that opens offline, sealed like the report. Does not:
compute; `results.learning_curves` picks the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from markupsafe import Markup

from kdprobe.atomic import write_text
from kdprobe.report.build import page_style, sealed
from kdprobe.report.chart_families import plots
from kdprobe.report.charts import draw_plot
from kdprobe.report.markup import fill
from kdprobe.report.numbering import numbered
from kdprobe.report.palette import Palette
from kdprobe.results.learning_curves import History, learning_curves
from kdprobe.results.schema import Cell, Column, Table

TRAINING_PAGE = "training.html"
UNDEFINED = "undefined"


def training_page(
    history: History,
    *,
    best_step: int,
    title: str,
    scores: Mapping[str, float | None],
    facts: Sequence[tuple[str, str]],
    teacher: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """Render a training.

    Args:
        history: see `learning_curves`.
        best_step: the optimiser step whose weights were kept.
        title: what was trained, for people.
        scores: of the kept checkpoint; None where undefined.
        facts: what was found before the first step, names and values.
        teacher: what the teacher scores on the same examples; empty without one.

    Returns:
        The page as HTML; the same training gives the same text.
    """
    style = page_style()
    curves = learning_curves(history, best_step=best_step, teacher=teacher)
    looks = Palette()
    last = max((entry["step"] for entry in history if "step" in entry), default=0)
    page = fill(
        "training.html",
        title=title,
        best_step=best_step,
        last_step=int(last),
        charts=[draw_plot(plot, plot.name, looks, {}) for plot in plots(curves, looks)],
        scores=_score_table(scores, teacher),
        facts=list(facts),
        style=Markup(style),
        style_hash=sealed(style),
    )
    return numbered(str(page)) + "\n"


def _score_table(scores: Mapping[str, float | None], teacher: Mapping[str, float]) -> Table:
    """Lay the kept checkpoint's scores beside the teacher's; without one there is no column."""
    rows: list[tuple[Cell, ...]] = [
        (name.replace("_", " "), UNDEFINED if value is None else value, teacher.get(name))
        for name, value in sorted(scores.items())
    ]
    return Table(
        name="scores",
        title="Scores of the kept checkpoint",
        columns=(
            Column(name="score", label="Score"),
            Column(name="kept", label="Kept", kind="number"),
            Column(name="teacher", label="Teacher", kind="number"),
        ),
        rows=tuple(rows),
    )


class ReportedTraining(Protocol):
    """What the page reads of a training's result."""

    @property
    def history(self) -> History:
        """What was logged; see `learning_curves`."""

    @property
    def best_step(self) -> int:
        """The optimiser step whose weights were kept."""

    @property
    def scores(self) -> Mapping[str, float | None]:
        """The scores of the kept checkpoint; None where undefined."""


def page_writer(
    title: str,
    facts: Sequence[tuple[str, str]],
    *,
    teacher: Mapping[str, float] = MappingProxyType({}),
) -> Callable[[Path, ReportedTraining], None]:
    """Return what writes `training.html` of a result into a folder; see `training_page`."""

    def write(folder: Path, result: ReportedTraining) -> None:
        page = training_page(
            result.history, best_step=result.best_step, title=title, scores=result.scores,
            facts=facts, teacher=teacher,
        )  # fmt: skip
        write_text(folder / TRAINING_PAGE, page)

    return write
