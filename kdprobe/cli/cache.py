"""`kdprobe cache info|clear`."""

from __future__ import annotations

from typing import Annotated

import typer

from kdprobe.cli import terminal


@terminal.guarded
def info() -> None:
    """Show where the cache is and how much it holds.

    Example: kdprobe cache info
    """
    from kdprobe.cache import Cache

    cache = Cache.default()
    held = cache.info()
    rows = [(kind, str(count)) for kind, count in sorted(held.kinds.items())]
    terminal.show(
        terminal.table(f"{held.root}: {held.bytes / 1e6:.1f} MB", ("kind", "entries"), rows)
    )


@terminal.guarded
def clear(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete everything in the cache; the next run asks every model anew.

    Example: kdprobe cache clear --yes
    """
    import sys

    from kdprobe.cache import Cache
    from kdprobe.errors import ConfigError

    cache = Cache.default()
    held = cache.info()
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError(
                "kdprobe cache clear", found="nobody is there to be asked", expected="--yes"
            )
        typer.confirm(f"Delete {held.entries} entries ({held.bytes / 1e6:.1f} MB)?", abort=True)
    typer.echo(f"Deleted {cache.clear()} entries.")
