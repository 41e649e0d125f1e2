"""The command line: `kdprobe COMMAND`.

Does: register the commands and read `--config`. Does not: work; each command is a thin file over
the Python functions, and imports what is heavy when it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kdprobe.cli import (
    attribute,
    augment,
    cache,
    compare,
    demo,
    distill,
    doctor,
    finetune,
    kappa_range,
    listing,
    probes,
    report,
    tasks,
)
from kdprobe.cli.terminal import guarded
from kdprobe.version import __version__

NAME = "kdprobe"


class _Commands(typer.core.TyperGroup):
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


def _version(asked: bool) -> None:
    if asked:
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


app.command("demo")(demo.demo)
app.command("finetune")(finetune.finetune)
app.command("distill")(distill.distill)
app.command("augment")(augment.augment)
app.command("compare")(compare.compare)
app.command("attribute")(attribute.attribute)
app.command("report")(report.report)
app.command("tasks")(tasks.tasks)
app.command("list")(listing.listing)
app.command("kappa-range")(kappa_range.kappa_range)
app.command("doctor")(doctor.doctor)
app.add_typer(cache.app, name="cache")
app.add_typer(probes.app, name="probes")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
