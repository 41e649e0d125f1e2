"""Predictions of a model for a split, with how they came about.

Does: turn a model's outputs, kept or computed (`models/stored_outputs.py`), into `Predictions` in
the split's order. Does not: know how a model is run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from kdprobe.cache import Cache
from kdprobe.models.handle import ModelHandle
from kdprobe.models.stored_outputs import stored_outputs
from kdprobe.observations.predictions import Predictions
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split
from kdprobe.workers.pool import ALONE, Workers


@dataclass(frozen=True)
class Extracted:
    """A model's predictions, and how they came about.

    Args:
        predictions: one row per example, in the split's order.
        truncated: the number of examples of which the model did not read every word.
        seconds: wall-clock seconds, looking up included.
        from_cache: whether the model had nothing to do.
    """

    predictions: Predictions
    truncated: int
    seconds: float
    from_cache: bool


def extract_predictions(
    handle: ModelHandle,
    split: Split,
    *,
    cache: Cache | None,
    batch_size: int,
    progress: Progress,
    workers: Workers = ALONE,
) -> Extracted:
    """Return what a model says of every example, each text computed once and kept.

    Args:
        handle: the model.
        split: the examples.
        cache: where outputs are kept, or None.
        batch_size: the most examples in one forward pass; moves no number beyond 1e-6.
        progress: told of every batch.
        workers: the processes that share the work.

    Raises:
        MisalignedError: an output is not finite; the example is named.
        OutputError: the cache cannot be written.
    """
    started = time.perf_counter()
    outputs = stored_outputs(
        handle, split, cache=cache, batch_size=batch_size, progress=progress, workers=workers
    )
    return Extracted(
        Predictions(handle.name, split.ids, outputs.values, outputs.scale),
        truncated=int(outputs.truncated.sum()),
        seconds=time.perf_counter() - started,
        from_cache=not outputs.computed,
    )
