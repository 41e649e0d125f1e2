"""`kdprobe probes build TREEBANK`: probing sets in SentEval's format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import options, terminal

app = typer.Typer(help="Probing sets: what every layer is asked.", no_args_is_help=True)


@app.callback()
def probes() -> None:
    """Probing sets: what every layer is asked."""


@app.command("build")
@terminal.guarded
def build(
    treebank: Annotated[
        str,
        typer.Argument(
            metavar="TREEBANK",
            help="A .mrg or .conllu file, a folder of them, or `grammar`, the embedded one.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="A new folder.")],
    sentences: Annotated[
        int,
        typer.Option("--sentences", min=20, metavar="N",
                     help="Training sentences of each task at most; half as many of dev and test."),
    ] = 100_000,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--probe-tasks", metavar="NAME,...", help="Only these; default: all."),
    ] = None,
    seed: options.Seed = 0,
    force: options.Force = False,
) -> None:  # fmt: skip
    """Build SentEval-format probing sets from trees.

    Example: kdprobe probes build treebank.mrg -o probing/
    """
    from kdprobe import atomic
    from kdprobe.config.probing import open_probing_tasks
    from kdprobe.tasks.probing_build import build_set, even_sizes, grammar_corpus, treebank_corpus
    from kdprobe.tasks.probing_sets import write_senteval

    asked = open_probing_tasks(tuple(options.names(tasks)) or ("all",))
    atomic.require_empty_folder(output, force=force)
    if treebank == "grammar":
        corpus = grammar_corpus(5 * sentences, seed=seed)
    else:
        corpus = treebank_corpus([Path(treebank)], seed=seed)
    rows = []
    for task in asked:
        made = build_set(task, corpus, sizes=even_sizes(sentences), seed=seed)
        if made is None:
            rows.append((task.name, "", "", "the trees do not give two classes in every part"))
            continue
        write_senteval(made, output / task.file)
        sizes = " / ".join(f"{len(part):,}" for part in made.parts)
        rows.append((task.name, str(len(made.labels)), sizes, task.file))
    columns = ("task", "classes", "train / dev / test", "file")
    terminal.show(terminal.table(corpus.origin, columns, rows))
