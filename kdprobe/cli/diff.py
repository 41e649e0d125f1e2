"""`kdprobe diff BEFORE AFTER`: what changed between two reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import terminal
from kdprobe.cli.flags import Quiet
from kdprobe.cli.written_files import MARKDOWN, PAGE, check_written
from kdprobe.plain_text import printable

if TYPE_CHECKING:
    from kdprobe.comparison.diff_result import ReportDiff

_MOST = 15


@terminal.guarded
def diff(
    before: Annotated[
        Path,
        typer.Argument(
            metavar="BEFORE", help="The earlier report: its results.json, or the folder of it."
        ),
    ],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The later report.")],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE.html", help="Write a page, too.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE.md", help="Write Markdown, too.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything that changed as JSON.")
    ] = False,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            help="Exit with 4 when a change (after minus before) fulfils it, e.g. "
            "'accuracy<-0.02', 'kappa_high<0' (below 0 with its whole interval), "
            "'STUDENT:mcc<0'; repeat it.",
        ),
    ] = None,
    resamples: Annotated[
        int,
        typer.Option("--resamples", min=100, max=100_000, help="Bootstrap resamples."),
    ] = 2000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the resamples.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Tell what changed between two reports of the same split.

    Example: kdprobe diff reports/main reports/branch --fail-if 'accuracy_high<0'
    """
    import kdprobe
    from kdprobe import atomic
    from kdprobe.results.io import dumps

    files = [file for side in (before, after) for file in _files_of(side)]
    check_written({PAGE: html, MARKDOWN: markdown}, reads=files)
    result = kdprobe.diff(before, after, resamples=resamples, seed=seed)
    failed = result.tripped(fail_if or [])
    if html is not None:
        result.write_page(html)
    if markdown is not None:
        atomic.write_text(markdown, result.markdown())
    if as_json:
        typer.echo(dumps(result.document), nl=False)
    else:
        _show(result, quiet=quiet)
        for what, place in (("Page", html), ("Markdown", markdown)):
            if place is not None:
                typer.echo(printable(f"{what}: {place}"))
    for line in failed:
        terminal.tell(f"gate failed: {line}")
    if failed:
        raise typer.Exit(terminal.GATE)


def _files_of(side: Path) -> list[Path]:
    """Return a report and the files beside it, none of which may be written over."""
    from kdprobe.comparison.files import WRITTEN

    if side.name != WRITTEN[0] and not side.is_dir():
        return [side]
    folder = side if side.is_dir() else side.parent
    return [folder / name for name in WRITTEN]


def _show(result: ReportDiff, *, quiet: bool) -> None:
    """Print the first numbers, what else changed, and what is not compared."""
    from kdprobe.results import diff_view as view
    from kdprobe.results.diff_markdown import diff_title

    document = result.document
    rows = [
        (view.label_of(document, one), view.whose(one), view.show_side(document, one, one.before),
         view.show_side(document, one, one.after), view.change_words(one), one.verdict)
        for one in view.changed(view.first_changes(document))
    ]  # fmt: skip
    heads = ("number", "models", "before", "after", "change", "")
    terminal.show(terminal.table(diff_title(document), heads, rows))
    for notice in document.notices:
        terminal.tell(f"{notice.severity}: {notice.message}")
    if quiet:
        return
    models = ("model", "role", "weights", "fingerprint")
    terminal.show(terminal.table("Models", models, view.model_words(document)))
    further = view.further_changes(document)
    for one in further[:_MOST]:
        terminal.say(view.sentence(document, one))
    if len(further) > _MOST:
        terminal.say(f"{len(further) - _MOST} more: --html and --json list all.")
    apart = view.other_rows(document)
    if apart:
        differ = ("what", "how it differs", "before", "after")
        terminal.show(terminal.table("Not compared, and settings", differ, apart))
    terminal.say(view.summary_sentence(document))
