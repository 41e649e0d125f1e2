"""What models cost: size, operations, time and memory; an observation of a `Study`.

Does: hold counts, and the seconds that each repetition took, in frozen types. Does not: know a
model, a file or torch, or measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdprobe.stats.arrays import Floats

COUNTS = (
    "parameters", "parameters_without_embeddings", "bytes", "multiply_adds", "tokens",
    "peak_memory", "model_memory",
)  # fmt: skip
"""What is counted once of a model; `analysis/efficiency/metrics.py` says what each means."""
SPEED = "speed"
"""Where the reason stands why a model was not timed."""


@dataclass(frozen=True)
class Times:
    """Seconds a sentence, in the order of the rounds; a round asks every model the same.

    Args:
        rounds: sentences handed over at once -> float64 `[rounds]`.
    """

    rounds: Mapping[int, Floats]


@dataclass(frozen=True)
class ModelCost:
    """What one model costs.

    Args:
        model: its name.
        counts: of `COUNTS`, what could be counted: numbers of parameters, bytes, tokens, or
            multiply-adds of a sentence.
        reasons: of `COUNTS` and `SPEED`, why the others could not.
        times: None: it was not timed.
    """

    model: str
    counts: Mapping[str, float]
    reasons: Mapping[str, str]
    times: Times | None = None


@dataclass(frozen=True)
class Efficiency:
    """What every model costs.

    Args:
        models: the first run of each model of the study, in its order.
        conditions: machine, threads and repetitions, for people.
    """

    models: tuple[ModelCost, ...]
    conditions: tuple[str, ...]
