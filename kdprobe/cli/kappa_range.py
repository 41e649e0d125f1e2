"""`kdprobe kappa-range`: which kappas two models of known accuracy can reach."""

from __future__ import annotations

from typing import Annotated

import typer

from kdprobe.cli import terminal


@terminal.guarded
def kappa_range(
    accuracy: Annotated[
        tuple[float, float],
        typer.Option("--accuracy", metavar="A B", help="The two accuracies, each in 0..1."),
    ],
    labels: Annotated[
        tuple[int, int],
        typer.Option("--labels", metavar="N1 N2", help="How many examples each label has."),
    ],
    kappa: Annotated[
        float | None, typer.Option("--kappa", help="A reported kappa: where does it lie?")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Tell which kappas two models can reach, from their accuracies and the label counts alone.

    Example: kdprobe kappa-range --accuracy .8274 .8207 --labels 721 322 --kappa -.0003
    """
    import dataclasses
    import json

    from kdprobe.stats.kappa_range import kappa_range as search

    bounds = search(accuracy, labels, kappa)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(bounds), indent=1))
        return
    n = bounds.positives + bounds.negatives
    typer.echo(
        f"Two models with {bounds.errors_a} and {bounds.errors_b} errors on {n:,} examples "
        f"({bounds.positives:,} / {bounds.negatives:,}):"
    )
    rows = [
        ("kappas they can reach", f"{bounds.low:.4f} to {bounds.high:.4f}"),
        (
            "kappa if their errors are independent given the label",
            f"{bounds.independent_low:.4f} to {bounds.independent_high:.4f}",
        ),
    ]
    terminal.show(terminal.table("", ("", ""), rows))
    if bounds.place is not None:
        typer.echo(bounds.place.verdict)
