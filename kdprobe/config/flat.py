"""Options of one call: objects and flat keywords, put together and checked once.

Does: join the keywords of a call with the options objects beside them. Does not: know any function.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from kdprobe.config.flags import FlagOptions

M = TypeVar("M", bound=FlagOptions)


def _akin(kind: type[FlagOptions], held: type) -> bool:
    """Return whether two options models have a base in common that has fields itself."""
    return any(
        issubclass(base, FlagOptions) and base.model_fields and issubclass(kind, base)
        for base in held.__mro__
    )


def gathered(
    call: str, flat: Mapping[str, object], objects: Mapping[str, tuple[type[M], FlagOptions | None]]
) -> dict[str, M]:
    """Join flat keywords with the options objects of the same call.

    Args:
        call: the function, for messages.
        flat: its keywords; None stands for what was not given.
        objects: by parameter name, the model it stands for and the object that was given; an
            object of a base class of the model is taken for what it has.

    Returns:
        The options by parameter name; `model_fields_set` of each is what was given.

    Raises:
        TypeError: an unknown keyword (the nearest is named), one that stands in an object too, or
            an object of another kind.
        ConfigError: a value that is wrong.

    >>> from kdprobe.config.options import Runtime, DataOptions
    >>> kinds = {"data": (DataOptions, None), "runtime": (Runtime, Runtime(device="cpu"))}
    >>> gathered("f", {"limit": 5}, kinds)["data"].limit
    5
    >>> gathered("f", {"limt": 5}, kinds)
    Traceback (most recent call last):
    TypeError: f() has no keyword 'limt'; did you mean 'limit'?
    >>> gathered("f", {"device": "cuda"}, kinds)
    Traceback (most recent call last):
    TypeError: f() has 'device' twice: as a keyword and in runtime
    """
    homes = {name: place for place, (kind, _) in objects.items() for name in kind.model_fields}
    for name in flat:
        if name not in homes:
            close = difflib.get_close_matches(name, homes, n=1, cutoff=0.5)
            remedy = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{call}() has no keyword {name!r}{remedy}")
    joined: dict[str, M] = {}
    for place, (kind, held) in objects.items():
        if held is not None and not _akin(kind, type(held)):
            raise TypeError(f"{call}() takes {place} as {kind.__name__}, not {type(held).__name__}")
        given = {n: v for n, v in flat.items() if homes[n] == place and v is not None}
        stored = {} if held is None else {n: getattr(held, n) for n in held.model_fields_set}
        for name in given:
            if name in stored:
                raise TypeError(f"{call}() has {name!r} twice: as a keyword and in {place}")
        joined[place] = kind(**(stored | given))
    return joined
