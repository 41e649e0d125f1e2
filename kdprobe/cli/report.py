"""`kdprobe report RESULTS.json`: render again, without any model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from kdprobe.cli import terminal
from kdprobe.cli.compared import Summary
from kdprobe.cli.written_files import MARKDOWN, PAGE, check_written
from kdprobe.errors import ConfigError, OutputError, ResultsFormatError
from kdprobe.foreign import said, translated


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
    summary_file: Summary = None,
    card: Annotated[
        list[Path] | None,
        typer.Option(
            "--card",
            metavar="FOLDER",
            help="Write the numbers of the model in this folder into its card (model-index), too; "
            "repeat it.",
        ),
    ] = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Render the page of a comparison, sweep or suite again; loads no model and no torch.

    Example: kdprobe report reports/cola/results.json -o cola.html
    """
    from kdprobe import atomic
    from kdprobe.errors import ResultsFormatError
    from kdprobe.results.kinds import kind_of_document

    if results.suffix.lower() in (".html", ".htm"):
        raise ResultsFormatError(
            str(results),
            found="is a page, from which nothing is read",
            expected="the results.json it was made of",
            remedy=f"give the folder ({results.parent}) or its results.json",
        )
    folder = results if results.is_dir() else results.parent
    _check_written(results, folder, output, summary_file)
    if card:  # of a sweep or suite there are none: nothing is written then
        from kdprobe.comparison.result import load_results

        load_results(results)
    with translated(lambda error: _unshown(results, error)):
        rendered = _RENDERED[kind_of_document(results)](results, output)
        summary = None if summary_file is None else rendered.summary()
        drawn = {} if figures is None else rendered.figures()
    page = output or folder / rendered.name
    if page.is_dir():
        raise OutputError(str(page), found="is a folder", expected="a file to write the page into")
    if figures is None:
        atomic.write_text(page, rendered.page)
    else:
        atomic.require_empty_folder(figures, force=True)
        with atomic.staged_folder(figures) as stage:
            for name, svg in drawn.items():
                (stage / f"{name}.svg").write_text(svg, encoding="utf-8")
            atomic.write_text(page, rendered.page)  # where it fails, no figure stands either
    typer.echo(f"Report: {page}")
    if summary_file is not None and summary is not None:
        atomic.write_text(summary_file, summary)
        typer.echo(f"Summary: {summary_file}")
    for written in _write_cards(results, card or []):
        typer.echo(f"Card: {written}")
    if figures is not None:
        typer.echo(f"Figures: {len(drawn)} in {figures}")
    if open_report:
        typer.launch(str(page.resolve()))


def _check_written(results: Path, folder: Path, page: Path | None, summary: Path | None) -> None:
    """Refuse to write over what the report is made of; see `check_written`."""
    from kdprobe.comparison.files import WRITTEN

    check_written(
        {PAGE: page or folder / "report.html", MARKDOWN: summary},
        reads=[results, *(folder / f"{name}.json" for name in ("results", "sweep", "suite"))],
        writes=[
            folder / name
            for name in (*WRITTEN, "sweep.csv", "suite.csv", "plan.json")
            if not name.endswith(".html")
        ],
    )


def _write_cards(results: Path, folders: list[Path]) -> list[Path]:
    """Put the numbers of a comparison into the cards of models that it is about."""
    from kdprobe.comparison.result import load_results

    return [load_results(results).write_card(folder) for folder in folders]


def _unshown(results: Path, error: Exception) -> ResultsFormatError:
    """Say that a document has the right fields and no sense."""
    return ResultsFormatError(
        str(results),
        found=f"its parts do not fit together ({said(error)})",
        expected="a document that kdprobe wrote",
        remedy="was the file edited by hand?",
    )


class _Rendered(NamedTuple):
    """A page, the name it has by default, its charts as files of their own, its first screen."""

    name: str
    page: str
    figures: Callable[[], dict[str, str]]
    summary: Callable[[], str]


def _comparison(results: Path, output: Path | None) -> _Rendered:
    from kdprobe.report.build import figures, render
    from kdprobe.results.io import read_document
    from kdprobe.results.markdown import markdown_summary

    document = read_document(results)
    return _Rendered(
        "report.html",
        render(document),
        lambda: figures(document),
        lambda: markdown_summary(document),
    )


def _sweep(results: Path, output: Path | None) -> _Rendered:
    from kdprobe.report.sweep import render_sweep
    from kdprobe.report.sweep_fronts import sweep_figures
    from kdprobe.results.sweep import read_sweep

    document = read_sweep(results)
    return _Rendered(
        "sweep.html", render_sweep(document), lambda: sweep_figures(document),
        _no_summary("a sweep", "its page has a table of all students"),
    )  # fmt: skip


def _suite(results: Path, output: Path | None) -> _Rendered:
    from kdprobe.report.suite import render_suite, suite_figures
    from kdprobe.results.suite import read_suite

    document = read_suite(results)
    beside = output.parent if output else results if results.is_dir() else results.parent
    there = [one.page for one in document.pages if (beside / one.page).is_file()]
    return _Rendered(
        "suite.html", render_suite(document, there=there), lambda: suite_figures(document),
        _no_summary("a suite", "its page answers every claim"),
    )  # fmt: skip


def _no_summary(what: str, remedy: str) -> Callable[[], str]:
    def summary() -> str:
        raise ConfigError(
            "--summary", found=f"the results of {what}", expected="those of a comparison",
            remedy=remedy,
        )  # fmt: skip

    return summary


_RENDERED: Mapping[str, Callable[[Path, Path | None], _Rendered]] = {
    "comparison": _comparison, "sweep": _sweep, "suite": _suite,
}  # fmt: skip
