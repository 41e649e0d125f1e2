"""kdprobe: what a distilled text classifier kept of its teacher, and what it lost.

The public functions are loaded when they are first asked for; importing the package loads
neither torch nor transformers and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kdprobe.version import __version__

if TYPE_CHECKING:
    from kdprobe.augmentation import augment
    from kdprobe.collectors.attributions.options import AttributionRequest
    from kdprobe.collectors.probes.options import ProbingRequest
    from kdprobe.comparison.compare import compare
    from kdprobe.comparison.result import load_results
    from kdprobe.distillation import distill
    from kdprobe.finetuning import finetune
    from kdprobe.sweeping.run import sweep

__all__ = [
    "AttributionRequest", "ProbingRequest", "__version__", "augment", "compare", "distill",
    "finetune", "load_results", "sweep",
]  # fmt: skip

_HOMES = {
    "AttributionRequest": "kdprobe.collectors.attributions.options",
    "ProbingRequest": "kdprobe.collectors.probes.options",
    "augment": "kdprobe.augmentation",
    "compare": "kdprobe.comparison.compare",
    "load_results": "kdprobe.comparison.result",
    "distill": "kdprobe.distillation",
    "finetune": "kdprobe.finetuning",
    "sweep": "kdprobe.sweeping.run",
}


def __getattr__(name: str) -> object:
    """Load a public function when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'kdprobe' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
