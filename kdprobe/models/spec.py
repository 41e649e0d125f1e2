"""How a person names a model: on the command line, or by handing over an object.

Does: read `NAME=PATH` and `NAME=PATH,PATH` (one model trained with several seeds), make names from
folders, and refuse two models of one name. Does not: look at what stands at the paths, or read
what stands behind them (`?quantize=int8`); `path_options.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import NamedTuple

from kdprobe.errors import ConfigError
from kdprobe.models.imported import PREFIX, is_imported, name_of
from kdprobe.models.path_options import asks_something, options_of, parse_path
from kdprobe.plain_text import printable
from kdprobe.tasks.packed import stem
from kdprobe.tasks.readers import is_table

_EXAMPLE = "PATH, NAME=PATH or NAME=PATH,PATH"
_NAME_LIMIT = 60


@dataclass(frozen=True)
class ModelSpec:
    """One model: the name people see and its runs, one for each seed.

    Args:
        name: the name.
        paths: where runs are; `path_options.options_of` tells how each is opened.
        objects: runs that were handed over; see `model_like.ModelLike`.
    """

    name: str
    paths: tuple[str, ...]
    objects: tuple[object, ...] = field(default=(), repr=False, compare=False)


class SpecDraft(NamedTuple):
    """A model before its name is known to be its own.

    Args:
        spec: the model.
        longer: the name it takes when another has its name; empty: it was named on purpose.
        shown: what it is, for messages.
        remedy: how it is given another name.
    """

    spec: ModelSpec
    longer: str
    shown: str
    remedy: str


def parse_spec(text: str) -> ModelSpec:
    """Read one model as typed.

    The name is what stands before the first `=`, unless a path of that whole text exists or it
    begins with `python:`; without one it is the last part of the path, less the ending of a file.

    Raises:
        ConfigError: no path, an empty or unprintable name, one path twice.

    >>> parse_spec("student-6l=out/s6").paths
    ('out/s6',)
    >>> parse_spec("s=out/a,out/b").paths
    ('out/a', 'out/b')
    >>> parse_spec("out/teacher.tsv").name
    'teacher'
    >>> parse_spec("python:model:predict?version=1").name
    'predict'
    """
    head, equals, tail = text.partition("=")
    if not equals or Path(text).exists() or asks_something(head) or is_imported(text.strip()):
        path = _path(text.strip())
        if not path:
            raise ConfigError(f"model {text!r}", found="names no path", expected=_EXAMPLE)
        return ModelSpec(_with_options(folder_name(path), path), (path,))
    name = checked_name(head, where=f"model {printable(text, limit=80)!r}", place=" before the =")
    parts = [tail] if Path(tail).exists() else [part.strip() for part in tail.split(",")]
    paths = tuple(map(_path, parts))
    if not all(paths):
        raise ConfigError(f"model {text!r}", found="an empty path", expected=_EXAMPLE)
    if len(set(paths)) != len(paths):
        raise ConfigError(
            f"model {text!r}",
            found="one path twice",
            expected="another checkpoint for each seed",
            remedy="runs that are the same checkpoint would look like no variation at all",
        )
    return ModelSpec(name, paths)


def _path(text: str) -> str:
    """Read a path with its options; what stands behind code's name is `imported.py`'s to read."""
    return text if is_imported(text) else parse_path(text)


def checked_name(text: str, *, where: str, place: str = "") -> str:
    """Return a name without the blanks around it.

    Raises:
        ConfigError: it is empty, too long, or holds what cannot be printed.
    """
    name = text.strip()
    if not name or printable(name) != name or len(name) > _NAME_LIMIT:
        raise ConfigError(
            where,
            found=f"the name {printable(name, limit=80)!r}",
            expected=f"1 to {_NAME_LIMIT} printable characters{place}",
        )
    return name


def draft_of(text: str) -> SpecDraft:
    """Read one model as typed, with what it takes to tell it from others; see `parse_spec`."""
    spec = parse_spec(text)
    path = spec.paths[0]
    named = path not in (text.strip(), text.strip().partition("?")[0])
    longer = "" if named else _with_options(longer_name(path), path)
    return SpecDraft(spec, longer, ", ".join(spec.paths), f"name one: other-name={path}")


def parse_specs(texts: Sequence[str]) -> tuple[ModelSpec, ...]:
    """Read several models; names made from folders are told apart by the folders above.

    Raises:
        ConfigError: one model is malformed, or two go by one name.

    >>> [spec.name for spec in parse_specs(["a/final", "b/final"])]
    ['a/final', 'b/final']
    """
    return told_apart([draft_of(text) for text in texts])


def told_apart(drafts: Sequence[SpecDraft]) -> tuple[ModelSpec, ...]:
    """Return the models, each under a name of its own.

    Raises:
        ConfigError: two go by one name.
    """
    names = [draft.spec.name for draft in drafts]
    specs = [
        ModelSpec(draft.longer, draft.spec.paths, draft.spec.objects)
        if draft.longer and names.count(draft.spec.name) > 1
        else draft.spec
        for draft in drafts
    ]
    for later, draft in enumerate(drafts):
        for earlier, other in enumerate(drafts[:later]):
            if specs[earlier].name == specs[later].name:
                raise ConfigError(
                    f"models {other.shown} and {draft.shown}",
                    found=f"both go by the name {specs[later].name!r}",
                    expected="a name of its own for each",
                    remedy=draft.remedy,
                )
    return tuple(specs)


def folder_name(path: str) -> str:
    """Return the name of a model: the last part of its path, less the ending of a file."""
    if is_imported(path):
        return name_of(path)
    place = PurePath(path)
    name = place.name or Path(path).resolve().name
    if name in (".", ".."):
        name = Path(path).resolve().name
    if is_table(Path(path)):
        name = stem(Path(path))
    return printable(name, limit=_NAME_LIMIT) or "model"


def _with_options(name: str, path: str) -> str:
    """Return a name with what tells its path apart from the same path without options."""
    options = [value for value in options_of(path)[:3] if value]
    return "-".join([name, *options])


def longer_name(path: str) -> str:
    """Return a longer name of a model: with the folder above, where the path names it."""
    if is_imported(path):
        return path.removeprefix(PREFIX).partition("?")[0]
    parent = PurePath(path).parent.name
    return f"{parent}/{folder_name(path)}" if parent else folder_name(path)
