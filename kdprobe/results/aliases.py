"""What else people call a number.

Does: map the field's other names to an analysis and the name of its metric, for gates and for
`Comparison.get`. Does not: rename anything; results hold each number once, by its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kdprobe.results.turned import DIFFERENCES

ALIASES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "kappa": ("agreement", "cohens_kappa"),
        "churn": ("agreement", "churn"),
        "agreement_difference": (DIFFERENCES, "agreement"),
        "label_loyalty": ("agreement", "agreement"),
        "flip_rate": ("agreement", "churn"),
        "negative_flip_rate": ("overlap", "negative_flips"),
        "positive_flip_rate": ("overlap", "positive_flips"),
        "latency": ("efficiency", "latency_p50"),
        "compression_ratio": ("efficiency", "parameters_ratio"),
    }
)
"""Another name -> the analysis that is meant and its metric."""


def metric_aliases(known: tuple[str, ...]) -> dict[str, str]:
    """Return the other names of those metrics that there are.

    >>> metric_aliases(("churn", "accuracy"))
    {'churn': 'churn', 'flip_rate': 'churn'}
    """
    return {name: metric for name, (_, metric) in ALIASES.items() if metric in known}
