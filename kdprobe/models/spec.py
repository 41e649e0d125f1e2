"""How a person names a model on the command line.

Does: read `NAME=PATH` and `NAME=PATH,PATH` (one model trained with several seeds), make names from
folders, and refuse two models of one name. Does not: look at what stands at the paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from kdprobe.errors import ConfigError
from kdprobe.plain_text import printable

_EXAMPLE = "PATH, NAME=PATH or NAME=PATH,PATH"
_NAME_LIMIT = 60


@dataclass(frozen=True)
class ModelSpec:
    """One model: the name people see and where its runs are (one path per seed)."""

    name: str
    paths: tuple[str, ...]


def parse_spec(text: str) -> ModelSpec:
    """Read one model as typed.

    The name is what stands before the first `=`, unless a path of that whole text exists; without
    one it is the last part of the path, less the ending of a file.

    Raises:
        ConfigError: no path, an empty or unprintable name, one path twice.

    >>> parse_spec("student-6l=out/s6")
    ModelSpec(name='student-6l', paths=('out/s6',))
    >>> parse_spec("s=out/a,out/b").paths
    ('out/a', 'out/b')
    >>> parse_spec("out/teacher.tsv").name
    'teacher'
    """
    head, equals, tail = text.partition("=")
    if not equals or Path(text).exists():
        path = text.strip()
        if not path:
            raise ConfigError(f"model {text!r}", found="names no path", expected=_EXAMPLE)
        return ModelSpec(_folder_name(path), (path,))
    name = head.strip()
    if not name or printable(name) != name or len(name) > _NAME_LIMIT:
        raise ConfigError(
            f"model {printable(text, limit=80)!r}",
            found=f"the name {printable(name, limit=80)!r}",
            expected=f"1 to {_NAME_LIMIT} printable characters before the =",
        )
    paths = (tail,) if Path(tail).exists() else tuple(part.strip() for part in tail.split(","))
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


def parse_specs(texts: Sequence[str]) -> tuple[ModelSpec, ...]:
    """Read several models; names made from folders are told apart by the folders above.

    Raises:
        ConfigError: one model is malformed, or two go by one name.

    >>> [spec.name for spec in parse_specs(["a/final", "b/final"])]
    ['a/final', 'b/final']
    """
    specs = [parse_spec(text) for text in texts]
    given = [spec.paths != (text.strip(),) for spec, text in zip(specs, texts, strict=True)]
    names = [spec.name for spec in specs]
    specs = [
        spec
        if named or names.count(spec.name) == 1
        else ModelSpec(_longer_name(spec.paths[0]), spec.paths)
        for spec, named in zip(specs, given, strict=True)
    ]
    for later, spec in enumerate(specs):
        for earlier in specs[:later]:
            if earlier.name == spec.name:
                raise ConfigError(
                    f"models {', '.join(earlier.paths)} and {', '.join(spec.paths)}",
                    found=f"both go by the name {spec.name!r}",
                    expected="a name of its own for each",
                    remedy=f"name one: other-name={spec.paths[0]}",
                )
    return tuple(specs)


def _folder_name(path: str) -> str:
    place = PurePath(path)
    name = place.name or Path(path).resolve().name
    if name in (".", ".."):
        name = Path(path).resolve().name
    if place.suffix.lower() in (".tsv", ".csv", ".jsonl", ".parquet"):
        name = place.stem
    return printable(name, limit=_NAME_LIMIT) or "model"


def _longer_name(path: str) -> str:
    parent = PurePath(path).parent.name
    return f"{parent}/{_folder_name(path)}" if parent else _folder_name(path)
