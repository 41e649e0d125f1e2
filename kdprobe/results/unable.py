"""What did not run, each reason once. Does not decide what runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from kdprobe.results.schema import Skipped

_OPTION, _CLAUSE = re.compile(r"`[a-z][a-z0-9_.]*(=[^`]*)?`"), re.compile(r"; |\. ")


_OF_KIND = "a regression "


class Unable(NamedTuple):
    """Analyses that did not run for one reason.

    Args:
        names: which, in order, between commas.
        reason: why.
        models: whom the reason is about; none: all.
        requested: whether they were asked for.
    """

    names: str
    reason: str
    models: tuple[str, ...]
    requested: bool

    @property
    def of_kind(self) -> bool:
        """Whether it is the kind of the task that rules them out, so that no option adds them."""
        return self.reason.startswith(_OF_KIND)

    @property
    def short(self) -> str:
        """The names with the option that would make them run, else with the reason's first clause.

        >>> reason = "layers were not compared; `similarity.sentences=1000` adds it"
        >>> Unable("similarity", reason, (), requested=False).short
        'similarity (`similarity.sentences=1000`)'
        >>> Unable("exemplars", "every model has one run; give several", (), requested=False).short
        'exemplars (every model has one run)'
        """
        option = _OPTION.search(self.reason)
        return f"{self.names} ({option.group() if option else _CLAUSE.split(self.reason)[0]})"


def unable(skipped: Sequence[Skipped]) -> list[Unable]:
    """Group what did not run by its reason, what was asked for first.

    >>> one, two = unable([Skipped(what="overlap", reason="no gold"),
    ...                    Skipped(what="slices", reason="no gold"),
    ...                    Skipped(what="probing", reason="no layers", requested=True)])
    >>> one.names, two.names
    ('probing', 'overlap, slices')
    """
    groups: dict[tuple[bool, str, tuple[str, ...]], dict[str, None]] = {}
    for item in skipped:
        groups.setdefault((not item.requested, item.reason, item.models), {})[item.what] = None
    return [
        Unable(", ".join(names), reason, models, requested=not by_default)
        for (by_default, reason, models), names in sorted(groups.items(), key=lambda row: row[0][0])
    ]
