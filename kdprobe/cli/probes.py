"""`kdprobe probes`: probing sets in SentEval's format, built from trees or fetched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import terminal, words
from kdprobe.cli.flags import Quiet, Shown, generated
from kdprobe.config.commands import Seeded
from kdprobe.config.options import Output


@terminal.guarded
@generated
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
        typer.Option("--sentences", min=20, max=1_000_000, metavar="N",
                     help="Training sentences of each task at most; half as many of dev and test."),
    ] = 100_000,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--probe-tasks", metavar="NAME,...", help="Only these; default: all."),
    ] = None,
    length_bins: Annotated[
        str | None,
        typer.Option("--length-bins", metavar="LOW-HIGH,...",
                     help="Other classes of sentence_length, in words, than the published ones."),
    ] = None,
    *,
    own: Seeded,
    place: Annotated[Output, Shown(only=("force",))],
) -> None:  # fmt: skip
    """Build SentEval-format probing sets from trees.

    Constituency trees (.mrg) and the grammar give all ten tasks. Universal Dependencies (.conllu)
    give eight; tree_depth and top_constituents ask for constituents, and dependencies have none.
    A task the trees hold too little for is left out, with the reason.

    Example: kdprobe probes build treebank.mrg -o probing/
    """
    from dataclasses import replace

    from kdprobe import atomic
    from kdprobe.config.probing import open_probing_tasks
    from kdprobe.tasks.probing.balance import read_bins
    from kdprobe.tasks.probing.build import (
        build_set,
        even_sizes,
        grammar_corpus,
        reason_missing,
        treebank_corpus,
    )
    from kdprobe.tasks.probing.sets import write_senteval

    chosen = open_probing_tasks(tuple(words.names(tasks, "--probe-tasks")) or ("all",))
    bins = read_bins(length_bins) if length_bins else None
    atomic.require_empty_folder(output, force=place.force)
    if treebank == "grammar":
        corpus = grammar_corpus(5 * sentences, seed=own.seed)
    else:
        corpus = treebank_corpus([Path(treebank)], seed=own.seed)
    corpus = replace(corpus, length_bins=bins) if bins else corpus
    rows = []
    with (
        atomic.staged_folder(output) as folder,
        terminal.progress(quiet=False).stage("build probing sets", len(chosen)) as stage,
    ):
        for task in chosen:
            stage.advance(0, note=task.name)
            probing_set = build_set(task, corpus, sizes=even_sizes(sentences), seed=own.seed)
            stage.advance()
            if probing_set is None:
                rows.append((task.name, "", "", f"left out: {reason_missing(task, corpus)}"))
                continue
            write_senteval(probing_set, folder / task.file)
            sizes = " / ".join(f"{len(part):,}" for part in probing_set.parts)
            rows.append((task.name, str(len(probing_set.labels)), sizes, task.file))
    columns = ("task", "classes", "train / dev / test", "file")
    terminal.show(terminal.table(corpus.origin, columns, rows))


@terminal.guarded
def fetch(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR",
                     help="Default: senteval/ in $KDPROBE_DATA, else here."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="URL",
                     help="Another address under which the ten files lie."),
    ] = None,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Download SentEval's ten probing files from their authors, and check each of them.

    A broken download goes on where it stopped when the command is run again; files that are there
    are checked and kept. The files are their authors' and not part of kdprobe: see SentEval for
    what they may be used for.

    Example: kdprobe probes fetch -o senteval/
    """
    from kdprobe.tasks.probing.build import DATA_VARIABLE
    from kdprobe.tasks.probing.senteval_files import SOURCE, fetch_senteval

    data = os.environ.get(DATA_VARIABLE, "")
    folder = output or (Path(data) / "senteval" if data else Path("senteval"))
    files = fetch_senteval(
        folder, progress=terminal.progress(quiet=quiet), source=source or SOURCE
    )  # fmt: skip
    rows = [
        (one.path.name, f"{one.size / 1e6:.1f}", "was there" if one.known else "downloaded")
        for one in files
    ]
    terminal.show(terminal.table(str(folder), ("file", "MB", ""), rows))
    if output is not None or not data:
        terminal.tell(f"Use them with: kdprobe compare … --only probing --probing-dir {folder}")
