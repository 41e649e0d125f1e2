"""Paths as they may stand in a file that is handed on: a report, a model card, a record.

Does: keep a path as it was typed where it says nothing of the machine, shorten it to the working
folder where that lies above it, and put a placeholder in place of any other. Does not: touch hub
ids, shapes of students, or names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kdprobe.plain_files import expanded

PLACEHOLDER = "PATH/TO/"
_ABSOLUTE = re.compile(r"^(/|~|[A-Za-z]:[\\/]|\\\\)")
_JOINTS = re.compile(r"([=,])")
_IN_TEXT = re.compile(r"(?<![\w./~-])(?:~|[A-Za-z]:)?[/\\][^\s'\"`,;:()]+")


def portable(path: str) -> str:
    """Give a path without the way to this machine's folders.

    A relative path stays as it is, unless a part of it is the user's name. An absolute one below
    the working folder becomes relative, so that the command works again from there; any other
    becomes `PATH/TO/` and its last part: whoever copies it sees what to put there.

    >>> portable("out/teacher"), portable("google/bert_uncased"), portable("/nowhere/x/teacher")
    ('out/teacher', 'google/bert_uncased', 'PATH/TO/teacher')
    >>> portable(str(Path.cwd() / "out" / "student"))
    'out/student'
    """
    home = Path.home()
    if not _ABSOLUTE.match(path) and home.name not in Path(path).parts:
        return path
    place = expanded(path) if path.startswith("~") else Path(path)
    for here in (Path.cwd(), Path.cwd().resolve()):
        if place.is_absolute() and place.is_relative_to(here) and place != here:
            below = place.relative_to(here)
            if home.name not in below.parts:
                return str(below)
    return PLACEHOLDER + (re.split(r"[\\/]", path.rstrip("\\/"))[-1] or "folder")


def portable_word(word: str) -> str:
    """Make the paths in a word of a command line portable: `NAME=PATH,PATH`, `KEY=VALUE` too.

    >>> portable_word("s=/nowhere/a,/nowhere/b"), portable_word("bilstm:W=1/2,embeddings=/x/v.bin")
    ('s=PATH/TO/a,PATH/TO/b', 'bilstm:W=1/2,embeddings=PATH/TO/v.bin')
    """
    if _ABSOLUTE.match(word) and Path(word).exists():
        return portable(word)
    return "".join(map(portable, _JOINTS.split(word)))


def portable_tree(value: Any) -> Any:
    """Make every path in a JSON value portable; keys, numbers and other words stay.

    >>> portable_tree({"teacher": "/nowhere/t", "seed": 1, "splits": ["dev"]})
    {'teacher': 'PATH/TO/t', 'seed': 1, 'splits': ['dev']}
    """
    if isinstance(value, dict):
        return {key: portable_tree(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [portable_tree(part) for part in value]
    return portable_word(value) if isinstance(value, str) else value


def portable_text(text: str) -> str:
    """Make the absolute paths in a sentence portable.

    >>> portable_text("/nowhere/x/train.tsv: no such file, expected a/b or 1/2")
    'PATH/TO/train.tsv: no such file, expected a/b or 1/2'
    """
    return _IN_TEXT.sub(lambda match: portable(match[0]), text)


def same_but_for_paths(one: Any, other: Any) -> bool:
    """Tell whether two values are the same, a placeholder standing for any folder of its name.

    >>> same_but_for_paths("PATH/TO/teacher", "out/teacher"), same_but_for_paths("a/t", "b/t")
    (True, False)
    """
    if one == other or not (isinstance(one, str) and isinstance(other, str)):
        return bool(one == other)
    if PLACEHOLDER not in one + other:
        return False
    return [_last(part) for part in _JOINTS.split(one)] == [
        _last(part) for part in _JOINTS.split(other)
    ]


def _last(path: str) -> str:
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]
