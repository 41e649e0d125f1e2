"""`kdprobe report RESULTS.json`: render again, without any model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import terminal


@terminal.guarded
def report(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS.json", help="The file, or the folder that holds it.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="Default: report.html beside it."),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", metavar="DIR", help="Write each chart as its own SVG, too."),
    ] = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Render the report of an earlier comparison again; loads no model and no torch.

    Example: kdprobe report reports/cola/results.json -o cola.html
    """
    from kdprobe import atomic
    from kdprobe.report.build import figures as draw
    from kdprobe.report.build import write_report
    from kdprobe.results.io import read_document

    document = read_document(results)
    folder = results if results.is_dir() else results.parent
    page = output or folder / "report.html"
    write_report(document, page)
    typer.echo(f"Report: {page}")
    if figures is not None:
        drawn = draw(document)
        for name, svg in drawn.items():
            atomic.write_text(figures / f"{name}.svg", svg)
        typer.echo(f"Figures: {len(drawn)} in {figures}")
    if open_report:
        typer.launch(str(page.resolve()))
