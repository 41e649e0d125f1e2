"""`kdprobe report RESULTS.json`: render again, without any model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from kdprobe.cli import terminal


@terminal.guarded
def report(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS.json", help="The file, or the folder that holds it.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="Default: beside it."),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", metavar="DIR", help="Write each chart as its own SVG, too."),
    ] = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Render the report of an earlier comparison or sweep again; loads no model and no torch.

    Example: kdprobe report reports/cola/results.json -o cola.html
    """
    from kdprobe import atomic
    from kdprobe.results.sweep import is_sweep

    rendered = _sweep(results) if is_sweep(results) else _comparison(results)
    folder = results if results.is_dir() else results.parent
    page = output or folder / rendered.name
    atomic.write_text(page, rendered.page)
    typer.echo(f"Report: {page}")
    if figures is not None:
        drawn = rendered.figures()
        with atomic.staged_folder(figures) as stage:
            for name, svg in drawn.items():
                (stage / f"{name}.svg").write_text(svg, encoding="utf-8")
        typer.echo(f"Figures: {len(drawn)} in {figures}")
    if open_report:
        typer.launch(str(page.resolve()))


class _Rendered(NamedTuple):
    """A page, the name it has by default, and its charts as files of their own."""

    name: str
    page: str
    figures: Callable[[], dict[str, str]]


def _comparison(results: Path) -> _Rendered:
    from kdprobe.report.build import figures, render
    from kdprobe.results.io import read_document

    document = read_document(results)
    return _Rendered("report.html", render(document), lambda: figures(document))


def _sweep(results: Path) -> _Rendered:
    from kdprobe.report.sweep import render_sweep
    from kdprobe.report.sweep_fronts import sweep_figures
    from kdprobe.results.sweep import read_sweep

    document = read_sweep(results)
    return _Rendered("sweep.html", render_sweep(document), lambda: sweep_figures(document))
