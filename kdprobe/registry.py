"""Plug-in folders: the folder is the registry, the file name is the key.

Does: list names without importing anything, import one module when it is asked for, take third
parties' entry points, suggest neighbours of an unknown name. Does not: hold state; two calls with
the same files on disk give the same answer.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
import pkgutil
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from kdprobe.errors import ConfigError, UnknownNameError

T = TypeVar("T")


def unknown_name(
    kind: str, name: str, known: tuple[str, ...], *, option: str = ""
) -> UnknownNameError:
    """Build the error for a name that nothing goes by, with its nearest neighbours.

    `option`: where it was typed, when that is not called as one of them is (`methods`, `method`).

    >>> print(unknown_name("analysis", "agrement", ("agreement", "overlap")))
    --analysis: no analysis is called 'agrement', expected one of agreement, overlap; did you mean 'agreement'?
    """  # noqa: E501 (the message is one line)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    remedy = " or ".join(repr(candidate) for candidate in close)
    return UnknownNameError(
        f"--{option or kind}",
        found=f"no {kind} is called {name!r}",
        expected="one of " + ", ".join(known) if known else "",
        remedy=f"did you mean {remedy}?" if close else "",
    )


@dataclass(frozen=True)
class Plugins(Generic[T]):
    """The plug-ins of one folder, each a module that gives one object.

    Args:
        package: the folder, as a dotted name (`kdprobe.analysis`).
        attribute: the name under which each module holds its object (`ANALYSIS`).
        kind: the word a person uses for one of them (`analysis`).
        entry_points: the entry-point group third parties use (`kdprobe.analyses`).
    """

    package: str
    attribute: str
    kind: str
    entry_points: str

    def _own(self) -> tuple[str, ...]:
        spec = importlib.util.find_spec(self.package)
        locations = list(spec.submodule_search_locations or []) if spec else []
        found = (module.name for module in pkgutil.iter_modules(locations) if not module.ispkg)
        return tuple(sorted(name for name in found if not name.startswith("_")))

    def _foreign(self) -> dict[str, importlib.metadata.EntryPoint]:
        points = importlib.metadata.entry_points(group=self.entry_points)
        return {point.name: point for point in points}

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

    def load(self, name: str) -> T:
        """Import the plug-in of this name and give its object.

        Raises:
            UnknownNameError: nothing goes by this name; neighbours are listed.
        """
        names = self.names()
        if name not in names:
            raise unknown_name(self.kind, name, names)
        if name in self._own():
            module = importlib.import_module(f"{self.package}.{name}")
            return cast(T, getattr(module, self.attribute))
        return cast(T, self._foreign()[name].load())
