"""What a comparison of a suite asks collectors for, among the keywords of `compare`.

Does: part tables of evidence from the other keywords and check them. Does not: compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdprobe.collectors.protocol import CollectorOptions, options_of

_NAMED = {"probing": "probes"}  # as `compare` calls it: the collector


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
