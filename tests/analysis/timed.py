"""A study whose models were measured: counts by hand, times drawn from a seed.

Does: give every model sizes and three sizes of rounds, ever smaller and faster. Does not: measure.
"""

from __future__ import annotations

import numpy as np

from kdprobe.observations.efficiency import COUNTS, SPEED, Efficiency, ModelCost, Times
from kdprobe.observations.study import Study

ROUNDS = {1: 120, 32: 6, 128: 4}


def cost(name: str, place: int, *, rounds: dict[int, int] | None = None) -> ModelCost:
    """What a model costs that is `place + 1` times smaller and faster than the first."""
    generator = np.random.Generator(np.random.PCG64(place))
    counts = {
        "parameters": 1e6, "parameters_without_embeddings": 6e5, "bytes": 4e6,
        "multiply_adds": 5e7, "peak_memory": 5e8, "model_memory": 2e7,
    }  # fmt: skip
    counts = {metric: value / (place + 1) for metric, value in counts.items()}
    times = {
        size: 0.01 / (place + 1) * generator.lognormal(0.0, 0.2, size=count) / size**0.5
        for size, count in (rounds or ROUNDS).items()
    }
    return ModelCost(name, {**counts, "tokens": 11.5}, {}, Times(times))


def timed(study: Study, *, untimed: str = "") -> Study:
    """The study with costs; one model of them may be a predictions file, which has none."""
    reason = "new texts cannot be put to a predictions file"
    models = tuple(
        ModelCost(model.name, {}, dict.fromkeys((*COUNTS, SPEED), reason))
        if model.name == untimed
        else cost(model.name, place)
        for place, model in enumerate(study.models)
    )
    return study.with_observations(Efficiency(models, ("Machine: synthetic.",)))
