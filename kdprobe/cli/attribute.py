"""`kdprobe attribute MODEL --text …`: which words move a model, in colour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import options, terminal
from kdprobe.plain_text import printable

if TYPE_CHECKING:
    from rich.text import Text as RichText

    from kdprobe.comparison.attributing import Attributed


@terminal.guarded
def attribute(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A checkpoint folder or hub id.")],
    text: Annotated[str, typer.Option("--text", help="The text to explain.")],
    text_pair: Annotated[
        str | None, typer.Option("--text-pair", help="The second text, for a model of pairs.")
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option("--methods", metavar="NAME,...", help="Default: integrated_gradients."),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", help="The label to explain; default: the predicted.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="Also write a small page."),
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
    offline: options.Offline = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Explain one text: a score for each word, towards or against a label.

    Example: kdprobe attribute out/teacher --text "The boy sleep." --methods shap,lime
    """
    import dataclasses

    from kdprobe.atomic import write_text
    from kdprobe.comparison.attributing import DEFAULT_METHODS, attribute, page_of

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    found = attribute(
        model,
        text,
        text_pair=text_pair,
        methods=options.names(methods) or DEFAULT_METHODS,
        label=label,
        device=device,
        offline=offline,
        seed=seed,
    )
    if output is not None:
        write_text(output, page_of(found))
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), indent=1, ensure_ascii=False))
        return
    told = f"{found.explained}, probability" if found.explained else "score"
    typer.echo(printable(f"{found.model}: {told} {found.probability:.3f}"))
    for line in _lines(found):
        terminal.show(line)
    if found.read < len(found.words):
        terminal.tell(f"warning: the model reads {found.read} of {len(found.words)} words")
    if output is not None:
        typer.echo(f"Page: {output}")


def _lines(found: Attributed) -> list[RichText]:
    """Write each method's words in colour, its score behind each word."""
    from rich.text import Text

    from kdprobe.report.highlights import marks

    lines = []
    for one in found.methods:
        line = Text(f"{one.method}: ", style="bold")
        for mark in marks(found.words, one.scores):
            style = {"t": "underline blue", "a": "dark_orange"}.get(mark.tint[:1], "")
            line.append(printable(mark.word), style=style)
            shown = "–" if mark.score is None else f"{mark.score:+.2f}"
            line.append(f" {shown}  ", style="dim")
        if one.sampled:
            line.append("(sampled)", style="dim")
        lines.append(line)
    return lines
