"""`kdprobe attribute MODEL… --text …`: which words move a model, in colour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import terminal, words
from kdprobe.cli.flags import generated
from kdprobe.cli.written_files import DRAWING, PAGE, check_written
from kdprobe.config.commands import Seeded
from kdprobe.config.options import ExplainingRuntime
from kdprobe.plain_text import printable

if TYPE_CHECKING:
    from kdprobe.attribution.result import TextAttribution


@terminal.guarded
@generated
def attribute(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Checkpoint folders, hub ids or python:MODULE:FUNCTION, or NAME=PATH; side by "
            "side.",
        ),
    ],
    text: Annotated[str, typer.Option("--text", help="The text to explain.")],
    text_pair: Annotated[
        str | None, typer.Option("--text-pair", help="The second text, for a model of pairs.")
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option("--methods", metavar="NAME,...", help="Default: integrated_gradients."),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option("--label", help="The label to explain; default: the first's."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Also write a page (.html) or .svg."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
    *,
    own: Seeded,
    runtime: ExplainingRuntime,
) -> None:
    """Explain one text: a score for each word, towards or against a label.

    Example: kdprobe attribute out/teacher out/student --text "The boy sleep." --methods shap,lime
    """
    import dataclasses

    from kdprobe.attribution import DEFAULT_METHODS
    from kdprobe.attribution import attribute as attribute_text
    from kdprobe.attribution.result import title_of

    kind = _kind(output)
    check_written({DRAWING if kind == "svg" else PAGE: output})
    attributed = attribute_text(
        models,
        text,
        text_pair=text_pair,
        methods=words.names(methods, "--methods") or DEFAULT_METHODS,
        label=label,
        device=runtime.device,
        dtype=runtime.dtype,
        offline=runtime.offline,
        seed=own.seed,
        jobs=runtime.jobs,
        threads=runtime.threads,
        progress=terminal.progress(quiet=False),
    )
    if output is not None:
        _write(output, kind, attributed)
    if as_json:
        rows = [dataclasses.asdict(one) for one in attributed]
        typer.echo(json.dumps(rows if len(rows) > 1 else rows[0], indent=1, ensure_ascii=False))
        return
    typer.echo(printable(title_of(attributed)))
    _show(attributed)
    if attributed[0].cut:
        terminal.tell(f"note: {attributed[0].cut}")
    for one in attributed:
        if one.rounding:
            terminal.tell(f"note: {one.model} in {one.rounding}")
        if one.read < len(one.words):
            terminal.tell(f"warning: {one.model} reads {one.read} of {len(one.words)} words")
    if output is not None:
        typer.echo(f"{'Page' if kind == 'html' else 'Drawing'}: {output}")


def _kind(output: Path | None) -> str:
    """Say what a file's ending asks for; before a model is opened."""
    from kdprobe.errors import ConfigError

    if output is None:
        return ""
    kinds = {".html": "html", ".htm": "html", ".svg": "svg"}
    if output.suffix.lower() not in kinds:
        raise ConfigError(
            f"--output {output.name}",
            found=f"ends in {output.suffix!r}" if output.suffix else "has no ending",
            expected=".html for a page or .svg for a drawing",
        )
    return kinds[output.suffix.lower()]


def _write(output: Path, kind: str, attributed: Sequence[TextAttribution]) -> None:
    from kdprobe.atomic import write_text
    from kdprobe.attribution.result import drawing_of, page_of

    write_text(output, page_of(attributed) if kind == "html" else drawing_of(attributed))


def _show(attributed: Sequence[TextAttribution]) -> None:
    """Print the words of every method and model in colour."""
    from kdprobe.attribution.result import lines_of
    from kdprobe.cli.coloured import word_lines

    for line in word_lines(lines_of(attributed), width=terminal.console().width):
        terminal.show(line)
