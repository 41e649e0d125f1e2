"""When two ways of writing a label mean the same one.

Does: compare names exactly first, and without case, blanks and underscores only where that leaves
every name its own partner; refuse a map between names of which nothing would come. Does not: drop
`+` or `-`, which tell `A` from `A-` and 1 from -1.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence

from kdprobe.errors import ConfigError

_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")


def fold(name: str) -> str:
    """Return a name without case, blanks and underscores, and a whole number without `.0`.

    A hyphen between two letters counts as a blank; any other `-` and every `+` stays.

    >>> fold("Not_Entailment") == fold("not entailment") == fold("not-entailment")
    True
    >>> [fold(name) for name in ("A-", "-1", "C++", "1.0")]
    ['a-', '-1', 'c++', '1']
    """
    stripped = name.strip()
    whole = _WHOLE.fullmatch(stripped)
    if whole is not None:
        return whole[1]
    parts = _BETWEEN_LETTERS.sub(" ", stripped).casefold()
    return "".join(char for char in parts if char not in " _")


def folded(names: Sequence[str]) -> Mapping[str, int]:
    """Return the place of each folded name; empty where two names fold to one.

    >>> folded(["Yes", "no"]), folded(["a", "A"])
    ({'yes': 0, 'no': 1}, {})
    """
    places = {fold(name): place for place, name in enumerate(names)}
    return places if len(places) == len(names) else {}


def partners(names: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...] | None:
    """Return for each wanted name the place of its partner among `names`, or None.

    Exactly equal names are partners; where not every wanted name has one, all names are compared
    folded, which must keep the names of either side apart.

    >>> partners(["B", "a", "c"], ["A", "b"]), partners(["1", "-1"], ["-1", "1"])
    ((1, 0), (1, 0))
    >>> partners(["a", "A"], ["A", "x"]) is None
    True
    """
    exact = {name: place for place, name in enumerate(names)}
    if len(exact) == len(names) and all(name in exact for name in wanted):
        return tuple(exact[name] for name in wanted)
    places, ours = folded(names), folded(wanted)
    if all(name in places for name in ours) and len(ours) == len(wanted):
        return tuple(places[name] for name in ours)
    return None


def check_label_map(
    label_map: Mapping[str, str] | None,
    models: Mapping[str, Sequence[str]],
    wanted: Sequence[str],
    *,
    answers: Collection[str] = (),
) -> None:
    """Refuse a label map of which nothing would come: a slip in it must not be passed over.

    Args:
        label_map: a model's name of a label -> the task's; `*` says that names do not count.
        models: the label names of each model that the map may speak of.
        wanted: the task's labels.
        answers: what models answered in words; several may mean one label.

    Raises:
        ConfigError: a label that no model has, one that the task does not have, or names after
            which a model's labels are not those of the task.

    >>> check_label_map({"LABEL_0": "no"}, {"a": ("LABEL_0", "yes"), "b": ("yes", "no")},
    ...     ("no", "yes"))
    >>> check_label_map({"LABEL_O": "no"}, {"a": ("LABEL_0", "yes")}, ("no", "yes"))
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: `label_map`: no model has a label 'LABEL_O', expected one of \
LABEL_0, yes; did you mean 'LABEL_0'?
    """
    named = dict(label_map or {})
    if set(named) <= {"*"}:
        return
    known = dict.fromkeys(name for names in models.values() for name in names)
    for name in named:
        if name not in known and name not in answers:
            raise _no_label("no model has a label", name, (*known, *sorted(answers)))
    ours = {fold(label): label for label in wanted}
    for name in named.values():
        if name not in wanted and fold(name) not in ours:
            raise _no_label("the task has no label", name, wanted)
    for model, names in models.items():
        renamed = [named.get(name, name) for name in names]
        if set(named) <= set(names) and partners(renamed, wanted) is None:
            raise ConfigError(
                "`label_map`",
                found=f"calls the labels of {model} {', '.join(renamed[:8])}",
                expected=f"each of {', '.join(wanted[:8])} once",
            )


def _no_label(fault: str, name: str, known: Sequence[str]) -> ConfigError:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return ConfigError(
        "`label_map`",
        found=f"{fault} {name!r}",
        expected="one of " + ", ".join(known[:8]) + (", …" if known[8:] else ""),
        remedy=f"did you mean {close[0]!r}?" if close else "",
    )
