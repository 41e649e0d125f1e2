"""Plug-in folders: the folder is the registry, the file name is the key.

Does: list names without importing anything, import one module when it is asked for, take third
parties' entry points; look a name up as people type it (any case, `-` for `_`, an alias), suggest
neighbours of an unknown one. Does not: hold state, but the entry points of a `sys.path`; two calls
with the same files on disk give the same answer.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Generic, TypeVar, cast

from kdprobe.errors import ConfigError, UnknownNameError

T = TypeVar("T")
_LISTED = 40
"""More names than these are no help: the nearest are offered beside them."""
_NO_ALIASES: Mapping[str, str] = MappingProxyType({})


def _folded(name: str) -> str:
    """Give a name without case, and without what stands between its words."""
    return "".join(char for char in name.casefold() if char not in "-_ ")


def known_name(
    kind: str,
    name: str,
    known: tuple[str, ...],
    *,
    aliases: Mapping[str, str] = _NO_ALIASES,
    option: str = "",
) -> str:
    """Give the name that is meant: as typed, else in another case or spelling, else by an alias.

    Args:
        kind: the word a person uses for one of them.
        name: what was typed.
        known: the names there are; one that is spelt exactly so comes before all others.
        aliases: other names -> the known one.
        option: where it was typed; see `unknown_name`.

    Raises:
        UnknownNameError: nothing goes by this name, or two go by it but for their case.

    >>> known_name("method", "Integrated-Gradients", ("integrated_gradients", "lime"))
    'integrated_gradients'
    >>> known_name("recipe", "KD", ("vanilla",), aliases={"kd": "vanilla"})
    'vanilla'
    """
    if name in known:
        return name
    spellings = [*((each, each) for each in known), *aliases.items()]
    meant = {target for spelling, target in spellings if _folded(spelling) == _folded(name)}
    if len(meant) == 1:
        return meant.pop()
    raise unknown_name(kind, name, known, option=option, aliases=tuple(aliases))


def unknown_name(
    kind: str,
    name: str,
    known: tuple[str, ...],
    *,
    option: str = "",
    aliases: tuple[str, ...] = (),
) -> UnknownNameError:
    """Build the error for a name that nothing goes by, with its nearest neighbours.

    `option`: where it was typed, when that is not called as one of them is (`methods`, `method`);
    `aliases`: other names that may be what is meant, but are not listed.

    >>> print(unknown_name("analysis", "agrement", ("agreement", "overlap")))
    `analysis`: no analysis is called 'agrement', expected one of agreement, overlap; did you mean 'agreement'?
    """  # noqa: E501 (the message is one line)
    close = difflib.get_close_matches(name.casefold(), (*known, *aliases), n=3, cutoff=0.5)
    more = f", … ({len(known)} in all)" if len(known) > _LISTED else ""
    remedy = " or ".join(repr(candidate) for candidate in close)
    return UnknownNameError(
        f"`{(option or kind).replace('-', '_')}`",
        found=f"no {kind} is called {name!r}",
        expected="one of " + ", ".join(known[:_LISTED]) + more if known else "",
        remedy=f"did you mean {remedy}?" if close else "",
    )


@dataclass(frozen=True)
class Plugins(Generic[T]):
    """The plug-ins of one folder, each a file or a folder of its own that gives one object.

    A name that begins with an underscore, and those in `apart`, are no plug-ins.

    Args:
        package: the folder, as a dotted name (`kdprobe.analysis`).
        attribute: the name under which each module holds its object (`ANALYSIS`).
        kind: the word a person uses for one of them (`analysis`).
        entry_points: the entry-point group third parties use (`kdprobe.analyses`).
        apart: modules of the folder that other rooms import and that are no plug-ins.
    """

    package: str
    attribute: str
    kind: str
    entry_points: str
    apart: tuple[str, ...] = ()

    def _own(self) -> tuple[str, ...]:
        spec = importlib.util.find_spec(self.package)
        locations = list(spec.submodule_search_locations or []) if spec else []
        names = _modules(tuple((place, Path(place).stat().st_mtime_ns) for place in locations))
        return tuple(sorted(name for name in names - set(self.apart) if name[:1] != "_"))

    def _foreign(self) -> Mapping[str, importlib.metadata.EntryPoint]:
        # Looking through all installed packages takes 20 ms, and a comparison asks 400 times.
        return _points(importlib.metadata.entry_points, self.entry_points, tuple(sys.path))

    def names(self) -> tuple[str, ...]:
        """All names, sorted; imports no plug-in.

        Raises:
            ConfigError: a third party's name is taken by one of ours.
        """
        own, foreign = self._own(), self._foreign()
        for name in own:
            if name in foreign:
                raise ConfigError(
                    f"entry point {self.entry_points}:{name}",
                    found=f"{foreign[name].value} claims a name that kdprobe's own {self.kind} has",
                    expected="a name of its own",
                    remedy="rename the entry point, or uninstall that package",
                )
        return tuple(sorted((*own, *foreign)))

    def aliases(self) -> dict[str, str]:
        """Give the other names of the plug-ins, from the line `ALIASES = (...)` of their files.

        The lines are read from the source: no plug-in is imported for a name.

        Raises:
            ConfigError: an alias is the name, or the alias, of another plug-in.
        """
        spec = importlib.util.find_spec(self.package)
        folders = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
        own, meant = self._own(), dict.fromkeys(map(_folded, self.names()), "")
        aliases: dict[str, str] = {}
        for name in own:
            places = (f / place for f in folders for place in (f"{name}.py", f"{name}/__init__.py"))
            file = next(place for place in places if place.is_file())
            for alias in _aliases_in(file):
                if _folded(alias) in meant:
                    raise ConfigError(
                        f"{self.package}.{name}",
                        found=f"its alias {alias!r} is taken",
                        expected="a name of its own",
                    )
                meant[_folded(alias)] = aliases[alias] = name
        return aliases

    def find(self, name: str, *, option: str = "") -> str:
        """Give the name of the plug-in that is meant; see `known_name`.

        Raises:
            UnknownNameError: nothing goes by this name; neighbours are listed.
        """
        names = self.names()
        if name in names:
            return name
        return known_name(self.kind, name, names, aliases=self.aliases(), option=option)

    def load(self, name: str) -> T:
        """Import the plug-in of this name and give its object.

        Raises:
            UnknownNameError: nothing goes by this name; neighbours are listed.
        """
        name = self.find(name)
        if name in self._own():
            module = importlib.import_module(f"{self.package}.{name}")
            if not hasattr(module, self.attribute):  # a folder may hold it in a file of its own
                module = importlib.import_module(f"{module.__name__}.{self.attribute.lower()}")
            return cast(T, getattr(module, self.attribute))
        return cast(T, self._foreign()[name].load())


@functools.lru_cache(maxsize=64)
def _modules(places: tuple[tuple[str, int], ...]) -> frozenset[str]:
    """Return the modules of folders; listed again where one was changed, in ns: 400 times asked."""
    return frozenset(module.name for module in pkgutil.iter_modules([place for place, _ in places]))


@functools.lru_cache(maxsize=64)
def _points(
    read: Callable[..., Iterable[importlib.metadata.EntryPoint]], group: str, path: tuple[str, ...]
) -> Mapping[str, importlib.metadata.EntryPoint]:
    """Return a group's entry points by name; looked up again where `sys.path` differs."""
    return {point.name: point for point in read(group=group)}


def _aliases_in(file: Path) -> tuple[str, ...]:
    """Read `ALIASES = ("…", …)` of a source file; none where there is no such line."""
    text = file.read_text(encoding="utf-8")
    if "\nALIASES" not in text:
        return ()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ALIASES":
            return tuple(ast.literal_eval(node.value))
    return ()
