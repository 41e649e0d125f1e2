"""Templates: the one place where foreign strings become HTML.

Does: fill a template of this folder with autoescape always on, undefined names an error, and
control characters replaced in every string that is shown. Does not: know any section.
"""

from __future__ import annotations

import functools

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kdprobe.plain_text import printable
from kdprobe.report.packed import packed
from kdprobe.report.svg import slug
from kdprobe.report.table_view import OPEN_ROWS, capital, table_view
from kdprobe.results.method_names import method_label
from kdprobe.results.numbers import (
    show_cell,
    show_count,
    show_date,
    show_interval,
    show_number,
    show_p,
)


def _shown(value: object) -> object:
    """Replace what a page could act on, in strings that are not markup yet."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def in_words(definition: str) -> str:
    """Name the two models of a pair as a reader would; `metrics.csv` has columns of these names.

    >>> in_words("Accuracy of model_b minus model_a's.")
    "Accuracy of the second model minus the first model's."
    """
    return definition.replace("model_a", "the first model").replace("model_b", "the second model")


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kdprobe", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(open_rows=OPEN_ROWS, packed=packed)
    environment.filters.update(
        method_label=method_label,
        shown=_shown,
        slug=slug,
        capital=capital,
        in_words=in_words,
        table_view=table_view,
        show_cell=show_cell,
        show_count=show_count,
        show_date=show_date,
        show_number=show_number,
        show_p=show_p,
        show_interval=show_interval,
    )
    return environment


def fill(template: str, **values: object) -> Markup:
    """Fill a template of `kdprobe/report`.

    Args:
        template: its file name.
        values: the names it uses; one too few is an error, not a blank.

    Returns:
        Markup in which every string of `values` is escaped.
    """
    return Markup(_environment().get_template(template).render(values))
