"""The learning curves of one training as a page beside its checkpoint.

Does: draw the history's curves into one file that opens offline, sealed like the report. Does not:
compute; `results.learning_curves` picks the numbers.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Protocol

from markupsafe import Markup

from kdprobe.atomic import write_text
from kdprobe.report.chart_families import plots
from kdprobe.report.charts import draw_plot
from kdprobe.report.markup import fill
from kdprobe.report.numbering import numbered
from kdprobe.report.palette import Palette
from kdprobe.report.svg import chart_style
from kdprobe.results.learning_curves import History, learning_curves

TRAINING_PAGE = "training.html"


def training_page(
    history: History,
    *,
    best_step: int,
    title: str,
    scores: Mapping[str, float | None],
    facts: Sequence[tuple[str, str]],
) -> str:
    """Render a training.

    Args:
        history: see `learning_curves`.
        best_step: the optimiser step whose weights were kept.
        title: what was trained, for people.
        scores: of the kept checkpoint; None where undefined.
        facts: what was found before the first step, names and values.

    Returns:
        The page as HTML; the same training gives the same text.
    """
    page_style = resources.files("kdprobe.report").joinpath("page.css")
    style = chart_style() + page_style.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    curves = learning_curves(history, best_step=best_step)
    looks = Palette()
    page = fill(
        "training.html",
        title=title,
        best_step=best_step,
        charts=[draw_plot(plot, plot.name, looks, {}) for plot in plots(curves, looks)],
        scores=sorted(scores.items()),
        facts=list(facts),
        style=Markup(style),
        style_hash=f"sha256-{digest}",
    )
    return numbered(str(page)) + "\n"


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
    title: str, facts: Sequence[tuple[str, str]]
) -> Callable[[Path, ReportedTraining], None]:
    """Return what writes `training.html` of a result into a folder; see `training_page`."""

    def write(folder: Path, result: ReportedTraining) -> None:
        page = training_page(
            result.history, best_step=result.best_step, title=title, scores=result.scores,
            facts=facts,
        )  # fmt: skip
        write_text(folder / TRAINING_PAGE, page)

    return write
