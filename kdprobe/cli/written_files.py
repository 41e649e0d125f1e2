"""Files that a command is asked to write, checked before it does any work.

Does: refuse a folder, a place that no file can have, one file for two things, and a file that the
command reads. Does not: write.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from kdprobe.errors import OutputError

PAGE, MARKDOWN, DRAWING = "the page", "Markdown", "the drawing"
_OTHER = "name another file"


def check_written(
    files: Mapping[str, Path | None], reads: Iterable[Path] = (), writes: Iterable[Path] = ()
) -> None:
    """Refuse files that cannot be written, or whose writing would destroy another one.

    Args:
        files: what is written into each (`PAGE`, `MARKDOWN`); None: that is not asked for.
        reads: what the command reads.
        writes: the other files that it writes, in a folder that it makes or replaces.

    Raises:
        OutputError: the first that cannot be.

    >>> check_written({PAGE: Path("a.html")}, reads=[Path("a.html")])
    Traceback (most recent call last):
    kdprobe.errors.OutputError: a.html: is what the command reads, expected a file to write the \
page into; name another file
    """
    taken = {_real(place): "is a file of the report" for place in writes}
    taken |= {_real(place): "is what the command reads" for place in reads}
    for what, file in files.items():
        if file is None:
            continue
        place = _real(file)
        obstacle = taken.get(place) or _no_file(place)
        if obstacle:
            raise OutputError(
                str(file), found=obstacle, expected=f"a file to write {what} into",
                remedy="" if os.path.isdir(place) else _OTHER,
            )  # fmt: skip
        taken[place] = f"is where {what} is written"


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _no_file(place: Path) -> str:
    """Return why there can be no file at a place; empty where there can."""
    if os.path.isdir(place):
        return "is a folder"
    above = next(folder for folder in place.parents if os.path.exists(folder))
    if not os.path.isdir(above):
        return f"lies below {above.name}, which is a file"
    return "" if os.access(above, os.W_OK) else f"lies in {above}, which cannot be written to"
