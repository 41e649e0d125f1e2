"""What every public result can do in a notebook: numbers as a frame, one number by name, itself.

Does: give `.metrics`, `.get`, `__repr__` and `_repr_html_` to a result that says which numbers it
holds. Does not: compute or write files.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from kdprobe.errors import ConfigError
from kdprobe.plain_text import printable
from kdprobe.registry import unknown_name
from kdprobe.results.frame import estimates_frame
from kdprobe.results.numbers import show_estimate
from kdprobe.results.schema import Estimate

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 30


def notebook_html(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    sentences: Sequence[str] = (),
    page: Path | None = None,
) -> str:
    """Write a small table for a notebook: everything escaped, no script, a link to a page.

    >>> notebook_html("<b>", ("", "a"), [("n", "1")])
    '<table><caption>&lt;b&gt;</caption><tr><th></th><th>a</th></tr><tr><th>n</th><td>1</td></tr></table>'
    """

    def safe(text: str) -> str:
        return escape(printable(text))

    names = "".join(f"<th>{safe(name)}</th>" for name in head)
    body = ""
    for first, *cells in rows[:_MOST_ROWS]:
        values = "".join(f"<td>{safe(cell)}</td>" for cell in cells)
        body += f"<tr><th>{safe(first)}</th>{values}</tr>"
    paragraphs = "".join(f"<p>{safe(sentence)}</p>" for sentence in sentences)
    if len(rows) > _MOST_ROWS:
        paragraphs += f"<p>The first {_MOST_ROWS} of {len(rows)} rows; .metrics has all.</p>"
    link = f'<p><a href="{escape(page.as_posix())}">{safe(page.name)}</a></p>' if page else ""
    return (
        f"{paragraphs}<table><caption>{safe(caption)}</caption><tr>{names}</tr>{body}</table>{link}"
    )


class ShownResult(ABC):
    """Base of the results of trainings, sweeps and augmentations."""

    @property
    @abstractmethod
    def numbers(self) -> Sequence[tuple[str, Estimate]]:
        """The numbers, each with the part of the result that it belongs to."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is a result of, in a line."""

    @property
    def sentences(self) -> Sequence[str]:
        """What the reader must know."""
        return ()

    @property
    def page(self) -> Path | None:
        """A page that shows it whole; None: there is none."""
        return None

    @property
    def metrics(self) -> pd.DataFrame:
        """Every number as a row, in the columns of a comparison's `metrics`."""
        return estimates_frame(self.numbers)

    def get(self, metric: str, model: str = "") -> Estimate:
        """Return one number, or the reason why it is undefined.

        Args:
            metric: its name; the column `metric` of `metrics` shows all.
            model: whose it is; it may be left out where one model has it.

        Raises:
            UnknownNameError: no number goes by this name, or none of this model; the nearest are
                offered.
            ConfigError: several numbers do.
        """
        named = [each for _, each in self.numbers if each.metric == metric]
        if not named:
            known = tuple(dict.fromkeys(each.metric for _, each in self.numbers))
            raise unknown_name("metric", metric, known)
        rows = [each for each in named if model in ("", each.model_a, each.model_b)]
        models = dict.fromkeys(each.model_b or each.model_a for each in named)
        if not rows:
            raise unknown_name("model", model, tuple(models))
        if len(rows) > 1:
            raise ConfigError(
                f"metric {metric}", found=f"{len(rows)} numbers go by it", expected="one",
                remedy=f"say model= one of {', '.join(map(repr, list(models)[:8]))}",
            )  # fmt: skip
        return rows[0]

    def _lines(self) -> list[tuple[str, str, str]]:
        return [
            (
                each.metric,
                " – ".join(filter(None, (each.model_a, each.model_b))),
                show_estimate(each) if each.value is not None else each.undefined,
            )
            for _, each in self.numbers
        ]

    def __repr__(self) -> str:
        """The title, a line a number, and what the reader must know."""
        lines = self._lines()
        more = [f"  … {len(lines) - _MOST_ROWS} more in .metrics"] if lines[_MOST_ROWS:] else []
        listed = [f"  {metric} of {model}: {value}" for metric, model, value in lines[:_MOST_ROWS]]
        whole = [self.title, *listed, *more, *(f"  {sentence}" for sentence in self.sentences)]
        return "\n".join(map(printable, whole))

    def _repr_html_(self) -> str:
        """Show the numbers in a notebook, with a link to the page."""
        head = ("number", "model", "value")
        return notebook_html(
            self.title, head, self._lines(), sentences=self.sentences, page=self.page
        )
