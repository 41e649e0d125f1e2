"""The command line: `kdprobe COMMAND`.

Does: register the commands and read `--config`. Does not: work; each command is a thin file over
the Python functions, and imports what is heavy when it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kdprobe.cli.commands import DeferredGroup, add_deferred
from kdprobe.cli.terminal import guarded
from kdprobe.version import __version__

NAME = "kdprobe"
COMMANDS = {
    "demo": (
        "demo:demo",
        "Train a tiny teacher on the embedded task, a student of it and a control, and compare "
        "them.",
    ),
    "finetune": (
        "finetune:finetune",
        "Fine-tune a model on a task with its gold labels: a teacher, or a student without a "
        "teacher.",
    ),
    "distill": ("distill:distill", "Train a student on a teacher's outputs."),
    "augment": (
        "augment:augment",
        "Make a transfer set: texts without labels, for `kdprobe distill --transfer-set`.",
    ),
    "compare": (
        "compare:compare",
        "Compare students with their teacher on a task, and write the report.",
    ),
    "attribute": (
        "attribute:attribute",
        "Explain one text: a score for each word, towards or against a label.",
    ),
    "report": (
        "report:report",
        "Render the page of a comparison, sweep or suite again; loads no model and no torch.",
    ),
    "push": (
        "push:push",
        "Put a model folder on the Hugging Face hub, with its card and its report.",
    ),
    "diff": ("diff:diff", "Tell what changed between two reports of the same split."),
    "tasks": (
        "tasks:tasks",
        "List the tasks, or show where one's files were found, its sizes, classes and examples.",
    ),
    "list": (
        "listing:listing",
        "List objectives, recipes, methods, analyses, probes, students, augmenters or suites.",
    ),
    "kappa-range": (
        "kappa_range:kappa_range",
        "Tell which kappas two models can reach, from their accuracies and the label counts alone.",
    ),
    "doctor": (
        "doctor:doctor",
        "Show versions, devices, caches and data; exit with 2 when something needed is missing.",
    ),
}
"""Each command: where it is, and the first line of its docstring, which the list shows."""
GROUPS = {
    "cache": (
        "What models said, kept for the next run.",
        {
            "info": ("cache:info", "Show where the cache is and how much it holds."),
            "clear": (
                "cache:clear",
                "Delete everything in the cache; the next run asks every model anew.",
            ),
        },
    ),
    "suite": (
        "A paper's tables from one file.",
        {
            "run": (
                "suite:run",
                "Make a paper's models, comparisons and tables from one file.",
            ),
            "status": (
                "suite:status",
                "Show which steps of a suite are there, also while it runs.",
            ),
        },
    ),
    "probes": (
        "Probing sets: what every layer is asked.",
        {
            "build": ("probes:build", "Build SentEval-format probing sets from trees."),
            "fetch": (
                "probes:fetch",
                "Download SentEval's ten probing files from their authors, and check each of them.",
            ),
        },
    ),
}


class _Commands(DeferredGroup):
    """The commands; an empty word, as an unset variable of a shell gives, is told at once."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Refuse an empty word: as a path it would mean the folder of work."""
        for place, word in enumerate(args):
            before = args[place - 1] if place else ""
            option, mark, value = word.partition("=")
            empty = option if option.startswith("--") and mark and not value else None
            if not word:
                empty = (
                    before if before.startswith("-") else "a word after " + (before or "kdprobe")
                )
            if empty is not None:
                raise typer.BadParameter(
                    f"{empty}: is empty, expected a value; leave it out for none"
                )
        return super().parse_args(ctx, args)


app = typer.Typer(
    name=NAME,
    cls=_Commands,
    help="What a distilled text classifier kept of its teacher, and what it lost.\n\n"
    "Example: kdprobe compare teacher/ student/ --task cola -o reports/cola",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kdprobe {__version__}")
        raise typer.Exit


@app.callback()
@guarded
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", envvar="KDPROBE_CONFIG", metavar="FILE",
            help="A TOML file with a table of defaults for each command, e.g. [compare] seed = 1. "
            "What is typed and the environment come before it.",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:  # fmt: skip
    """What a distilled text classifier kept of its teacher, and what it lost."""
    if config is not None:
        from kdprobe.cli.defaults import read_defaults

        context.default_map = read_defaults(config, app)


add_deferred(app, "kdprobe.cli", COMMANDS)
for _name, (_help, _commands) in GROUPS.items():
    _group = typer.Typer(cls=DeferredGroup, help=_help, no_args_is_help=True)
    add_deferred(_group, "kdprobe.cli", _commands)
    app.add_typer(_group, name=_name)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
