"""From the bytes of a text file to its text.

Does: read UTF-8, and UTF-16 and UTF-32 where a byte order mark or the zero bytes leave no doubt;
drop the byte order mark. Does not: guess another encoding and read it; it says which one the file
most likely has and how a line would read then, so that a person can decide.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

from kdprobe.errors import TaskError
from kdprobe.plain_files import MARKS
from kdprobe.plain_text import printable
from kdprobe.tasks.encodings import likely_encodings

_OTHER_KINDS = {
    b"PK\x03\x04": "a zip archive (as every .xlsx is)",
    b"\xd0\xcf\x11\xe0": "an Excel file of the old kind",
    b"\x1f\x8b": "packed with gzip",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"PAR1": "a parquet file",
}
_WIDE_SHARE = 0.02  # of zero bytes; stray ones in a text of one-byte characters are far fewer
_ONE_SIDED = 3
_SHOWN = 40


def decode(data: bytes, path: Path) -> str:
    """Return the text of a file, without a byte order mark.

    Definition: the encoding is that of the byte order mark; without one it is UTF-16 where zero
    bytes stand on one side of the byte pairs mostly, are 2 % of the bytes or more, and the result
    holds line ends and no control characters; else it is UTF-8.

    Args:
        data: the file's bytes.
        path: the file, for messages.

    Raises:
        TaskError: it is a packed or Excel file; a byte does not belong to the encoding (its line is
            named, and the encodings the file may have); a zero byte stands in it.

    >>> decode("né".encode("utf-16"), Path("a.txt")), decode("né".encode("utf-8-sig"), Path("a"))
    ('né', 'né')
    """
    for beginning, kind in _OTHER_KINDS.items():
        if data.startswith(beginning):
            raise TaskError(
                str(path),
                found=f"is {kind}, whatever its name ends in",
                expected="a text file",
                remedy="unpack it, or save the table as .csv or .tsv in UTF-8",
            )
    for mark, codec, name in MARKS:
        if data.startswith(mark):
            text = _decode_marked(data, codec, name, path)
            break
    else:
        wide = _wide_codec(data)
        text = data.decode(wide) if wide else _decode_unmarked(data, path)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise TaskError(
            f"{path}:{line}",
            found="holds a zero byte",
            expected="a text file",
            remedy="is it damaged, or a file of another kind? Delete the byte (tr -d '\\000')",
        )
    return text


def _decode_marked(data: bytes, codec: str, name: str, path: Path) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        if name == "UTF-8":
            raise _not_utf8(data, error, path) from error
        raise TaskError(
            str(path),
            found=f"begins with the byte order mark of {name} and is none ({error.reason} at byte "
            f"{error.start})",
            expected=f"a whole file in {name}, or one in UTF-8",
            remedy="was it cut off? Write it again",
        ) from error


def _wide_codec(data: bytes) -> str | None:
    """Return the UTF-16 codec of a file without a mark, or None when it is not UTF-16."""
    if len(data) % 2 or data.count(0) < _WIDE_SHARE * len(data) or not data:
        return None
    even, odd_ones = data[0::2].count(0), data[1::2].count(0)
    for codec, here, there in (("utf-16-le", odd_ones, even), ("utf-16-be", even, odd_ones)):
        if here < _ONE_SIDED * there:  # U+AC00 and U+3000 have their zero on the other side
            continue
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        odd = any(unicodedata.category(char) in ("Cc", "Cn", "Co") for char in set(text) - _LAYOUT)
        if not odd and set(text) & {"\n", "\r"}:
            return codec
    return None


_LAYOUT = set("\t\n\r")


def _decode_unmarked(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(data, error, path) from error


def _not_utf8(data: bytes, error: UnicodeDecodeError, path: Path) -> TaskError:
    """Return which encoding the file most likely has, never which one it might as well not have."""
    start = data.rfind(b"\n", 0, error.start) + 1
    line = data.count(b"\n", 0, error.start) + 1
    where, fault = f"{path}:{line}", f"byte 0x{data[error.start]:02x} is not UTF-8"
    broken = data.decode("utf-8", "replace").count("�")
    whole = sum(char > "\x7f" for char in data.decode("utf-8", "ignore"))
    if whole >= broken:
        return TaskError(
            where,
            found=f"{fault} ({whole:,} other characters of the file are, {broken:,} are not)",
            expected="a file in UTF-8",
            remedy="correct the line: it is damaged, or came from a file of another encoding",
        )
    ahead = max(start, error.start - _SHOWN // 2)
    piece = data[ahead : error.start + _SHOWN].split(b"\n")[0]
    likely = likely_encodings(data)
    readings = [
        f"in {one.name} it reads {printable(piece.decode(one.codec, 'ignore').strip())!r}"
        for one in likely
    ]
    if len(likely) == 1:
        return TaskError(
            where,
            found=f"{fault}; {readings[0]}",
            expected="a file in UTF-8",
            remedy=f"if that reads right, convert it: iconv -f {likely[0].iconv} -t UTF-8 "
            f"'{path.name}' > 'utf8-{path.name}'",
        )
    return TaskError(
        where,
        found="; ".join([fault, *readings]),
        expected="a file in UTF-8",
        remedy="save it as UTF-8 in the program that wrote it"
        + (", or convert it from the encoding that reads right" if readings else ""),
    )
