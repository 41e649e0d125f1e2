"""What a comparison of a suite asks collectors for, among the keywords of `compare`.

Does: part tables of evidence from the other keywords and check them, and find the files that they
name. Does not: compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kdprobe.collectors.protocol import CollectorOptions, options_of
from kdprobe.config.probing import GOLD, open_probing_tasks
from kdprobe.tasks.probing.build import find_file

_NAMED = {"probing": "probes"}  # as `compare` calls it: the collector
_PLACES = ("file", "folder", "probing_dir")
"""The options of collectors that name a file or folder."""
_PROBED = {"probes": "tasks", "causal_use": "properties"}
"""The collectors that read probing tasks, and the option that names these."""


def part_evidence(
    named: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, CollectorOptions]]:
    """Part the tables of evidence from a comparison's other keywords.

    Args:
        named: keywords; a table other than `settings` is the options of a collector.

    Returns:
        The other keywords, and the options by collector.

    Raises:
        UsageError: a collector that nothing goes by, or an option that it does not take.

    >>> others, options = part_evidence({"resamples": 100, "probing": {"sentences": 50}})
    >>> others, options["probes"].sentences
    ({'resamples': 100}, 50)
    """
    tables = {
        key: value for key, value in named.items()
        if isinstance(value, Mapping) and key != "settings"
    }  # fmt: skip
    others = {key: value for key, value in named.items() if key not in tables}
    by_collector = {_NAMED.get(key, key): value for key, value in tables.items()}
    return others, {name: options_of(name)(**value) for name, value in by_collector.items()}


def placed(named: Mapping[str, Any], place: Callable[[str], str]) -> dict[str, Any]:
    """Return keywords with another text in the place of each file or folder of evidence.

    >>> placed({"limit": 9, "minimal_pairs": {"folder": "blimp"}}, str.upper)
    {'limit': 9, 'minimal_pairs': {'folder': 'BLIMP'}}
    """
    changed = dict(named)
    for key, table in named.items():
        if isinstance(table, Mapping) and key != "settings":
            places = {name: place(table[name]) for name in _PLACES
                      if isinstance(table.get(name), str)}  # fmt: skip
            changed[key] = {**table, **places}
    return changed


def read_by(named: Mapping[str, Any]) -> list[Path]:
    """Return the files of probing tasks that a comparison reads, wherever they are.

    Raises:
        UsageError: a folder without them.
    """
    _, options = part_evidence(named)
    files: list[Path] = []
    for collector, option in _PROBED.items():
        if (own := options.get(collector)) is None:
            continue
        names = tuple(n for n in getattr(own, option) if n.casefold() != GOLD)
        files += [Path(name) for name in names if name.endswith(".toml")]
        tasks = open_probing_tasks(names)
        held = (find_file(task, probing_dir=vars(own)["probing_dir"]) for task in tasks)
        files += [file for file in held if file is not None]
    return files
