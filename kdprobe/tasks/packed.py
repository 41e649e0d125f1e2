"""Text files that are packed with gzip: `data.jsonl.gz` is read as `data.jsonl`.

Does: tell what a file's name says that it holds, and unpack it within bounds. Does not: read what
is in it; `readers.py` does.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from kdprobe.errors import TaskError
from kdprobe.plain_files import LARGEST_JSON

PACKED = ".gz"
FREE = 1 << 26
"""Bytes. What a packed file may hold whatever its own size; 64 MB."""
MOST_TIMES = 100
"""How many times its own size a packed file may hold beyond that: text becomes a third to a
twentieth, and only what repeats itself a thousandth."""


def ending(path: Path) -> str:
    """Return what a file's name says that it holds, in small letters; `.gz` stands back.

    >>> ending(Path("a/dev.JSONL.gz")), ending(Path("dev.csv")), ending(Path("model.gz"))
    ('.jsonl', '.csv', '')
    """
    last = path.suffix.lower()
    return Path(path.stem).suffix.lower() if last == PACKED else last


def stem(path: Path) -> str:
    """Return a file's name without what `ending` takes from it.

    >>> stem(Path("a/dev.jsonl.gz")), stem(Path("dev.v2.csv"))
    ('dev', 'dev.v2')
    """
    return Path(path.stem).stem if path.suffix.lower() == PACKED else path.stem


def read_bytes(path: Path) -> bytes:
    """Read a file, unpacked where its name ends in `.gz`.

    Raises:
        OSError: it cannot be read.
        TaskError: it is damaged or no gzip file, or holds more than 64 MB and 100 times its size,
            or more than a gigabyte.
    """
    if path.suffix.lower() != PACKED:
        return path.read_bytes()
    most = min(LARGEST_JSON, max(FREE, MOST_TIMES * path.stat().st_size))
    try:
        with gzip.open(path) as stream:
            data = stream.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise TaskError(
            str(path), found=f"is no whole gzip file ({error})",
            expected="what `gzip FILE` writes", remedy="pack or download it again",
        ) from error  # fmt: skip
    if len(data) > most:
        raise TaskError(
            str(path), found=f"holds more than {most:,} bytes in {path.stat().st_size:,}",
            expected=f"at most {MOST_TIMES} times its size",
            remedy="if that is right, unpack it: `gzip -d FILE`",
        )  # fmt: skip
    return data
