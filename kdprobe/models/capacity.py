"""Sizes against memory, before memory is taken.

Does: say how much memory a process may still take, and refuse what needs more. Does not: measure
what a training takes beside its weights; `distillers/memory.py` does.
"""

from __future__ import annotations

import contextlib
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from kdprobe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_LAYERS = 1000
"""Layers of a model: several times the deepest published encoder; building each takes time."""
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def available_memory() -> int:
    """Return the bytes this process may still take.

    Definition: the least of what the machine has free (caches counted as free), what the control
    group allows, and what the limit of the process's address space leaves.
    """
    bounds = [int(psutil.virtual_memory().available)]
    for limit, used in _CGROUPS:
        with contextlib.suppress(OSError, ValueError):  # "max": no limit
            bounds.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most != resource.RLIM_INFINITY:
            bounds.append(most - int(psutil.Process().memory_info().vms))
    return max(0, min(bounds))


def count_of(shapes: Iterable[Sequence[int]]) -> int:
    """Return the numbers that tensors of these shapes hold.

    >>> count_of([(2, 3), (4,), ()])
    11
    """
    return sum(prod(shape) for shape in shapes)


def check_memory(
    needed: int, *, where: str, what: str, error: type[UsageError], remedy: str = ""
) -> None:
    """Refuse what needs more bytes than may be taken.

    Args:
        needed: bytes.
        where: the option or file that asks for it, for the message.
        what: what takes them, with its size, like `5.0 billion weights`.
        error: what a message is raised as.
        remedy: what the reader can do about it.

    Raises:
        UsageError: of the class `error`; the message names both sizes.
    """
    available = available_memory()
    if needed > available:
        raise error(
            where,
            found=f"{what}: {gigabytes(needed)} of memory",
            expected=f"at most the {gigabytes(available)} that are free",
            remedy=remedy,
        )


def check_layers(layers: int, *, where: str, error: type[UsageError]) -> None:
    """Refuse more layers than anybody trains: building them alone takes minutes.

    Raises:
        UsageError: of the class `error`: more than 1,000.
    """
    if layers > MOST_LAYERS:
        raise error(where, found=f"{layers:,} layers", expected=f"at most {MOST_LAYERS:,}")


def gigabytes(size: int) -> str:
    """Return a size for people.

    >>> gigabytes(20 * 10**9), gigabytes(3 * 10**6), gigabytes(10**30)
    ('20.0 GB', '0.003 GB', '1e+21 GB')
    """
    number = size / 1e9
    if number >= 1e6:
        return f"{number:.3g} GB"
    return f"{number:,.1f} GB" if number >= 0.1 else f"{number:.1g} GB"


def billions(count: int) -> str:
    """Return a number of weights for people.

    >>> billions(5_000_000_000), billions(66_000_000)
    ('5.0 billion weights', '66 million weights')
    """
    if count >= 10**15:
        return f"{count:.3g} weights"
    if count >= 10**9:
        return f"{count / 1e9:,.1f} billion weights"
    return f"{count / 1e6:.0f} million weights"
