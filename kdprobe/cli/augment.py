"""`kdprobe augment TASK`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import options, terminal

if TYPE_CHECKING:
    from kdprobe.augmenters.writer import TransferSet

_FATES = {
    "drawn": "texts drawn",
    "empty": "with nothing left, or not readable",
    "known": "in the training split already",
    "repeated": "drawn before",
}


@terminal.guarded
def augment(
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK", help="A task's name (see `kdprobe tasks`), a task file or a table."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="A .tsv, .jsonl or .parquet file."),
    ],
    method: Annotated[
        str, typer.Option("--method", help="rules, masked_lm or language_model.")
    ] = "rules",
    n: Annotated[
        int | None,
        typer.Option("--n", "-n", metavar="N", help="At most N texts. Default: the method's own."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="The language model: a folder or hub id; for language_model also a shape that is "
            "trained from scratch (gpt2:L4,H256,A4,V8000).",
        ),
    ] = None,
    pos_from: Annotated[
        Path | None,
        typer.Option(
            "--pos-from", metavar="TREEBANK",
            help="For rules: count parts of speech from a .mrg or .conllu file. Default: an "
            "English lexicon.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Another option of the method; repeat."),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Whose texts are learnt from.")] = "train",
    limit: options.Limit = None,
    data_dir: options.DataDir = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
    offline: options.Offline = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run of the same options.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Make a transfer set: texts without labels, for `kdprobe distill --transfer-set`.

    Example: kdprobe augment cola -o cola-rules.tsv --method rules --n 50000
    """
    import kdprobe

    made = kdprobe.augment(
        task,
        output=output,
        method=method,
        n=n,
        model=model,
        pos_from=pos_from,
        settings=options.pairs("--set", settings),
        split=split,
        limit=limit,
        data_dir=data_dir,
        seed=seed,
        device=device,
        threads=threads,
        resume=resume,
        force=force,
        offline=offline,
        progress=terminal.progress(quiet=quiet),
    )
    _show(made, quiet=quiet)


def _show(made: TransferSet, *, quiet: bool) -> None:
    if not quiet:
        rows = [(told, f"{made.counts[name]:,}") for name, told in _FATES.items()]
        rows += [(f"leaks: in {name}", f"{count:,}") for name, count in made.leaks.items()]
        rows.append(("kept", f"{made.size:,}"))
        terminal.show(terminal.table("texts", ("what became of them", "number"), rows))
        for name, value in made.facts.items():
            terminal.tell(f"{name}: {value}")
        for note in made.notes:
            terminal.tell(f"note: {note}")
    typer.echo(str(made.path))
