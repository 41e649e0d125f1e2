"""`kdprobe push FOLDER REPO_ID`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import terminal
from kdprobe.cli.flags import Quiet
from kdprobe.plain_text import how_many, printable


@terminal.guarded
def push(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A model folder.")],
    repo_id: Annotated[str, typer.Argument(metavar="REPO_ID", help="owner/name on the hub.")],
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="DIR",
            help="A comparison of this model: its numbers go into the card, its page beside it.",
        ),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Of a new repository.")] = False,
    pull_request: Annotated[
        bool, typer.Option("--pull-request", help="Open a pull request in place of a commit.")
    ] = False,
    message: Annotated[
        str | None, typer.Option("--message", metavar="TEXT", help="Of the commit.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, list the files, send nothing.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Put a model folder on the Hugging Face hub, with its card and its report.

    Example: kdprobe push out/student owner/student --report reports/cola
    """
    import kdprobe

    pushed = kdprobe.push(
        folder, repo_id, report=report, private=private, pull_request=pull_request,
        message=message or "", dry_run=dry_run,
    )  # fmt: skip
    if not quiet:
        for name in pushed.files:
            terminal.tell(name)
    if dry_run:
        typer.echo(
            f"{how_many(len(pushed.files), 'file')} for {repo_id}. Nothing was sent (--dry-run)."
        )
    else:
        typer.echo(printable(f"Pushed: {pushed.url}"))
