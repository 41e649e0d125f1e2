"""The attention of two encoders in every resample of the examples.

Does: average over runs and draw. Does not: make estimates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.estimates import resamples_of
from kdprobe.analysis.probing.cells import equal_depth
from kdprobe.observations.attention import AttentionPairs
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import draw_run_weights, mean_over_runs


@dataclass(frozen=True)
class AttentionDraws:
    """The teacher's heads against another encoder's; draws `[B + 1]` last, the value first.

    Args:
        first: the first run, whose matches and nearest heads are named.
        layers: divergence of each pair of layers, `[layers, other layers, B + 1]`.
        nearest: of each of the teacher's heads from the nearest, `[layers, heads, B + 1]`.
        own_layers: `stats.attention.STATISTICS` of the other's layers, `[7, layers, B + 1]`.
        teacher_layers: of the teacher's.
    """

    first: AttentionPairs
    layers: Floats
    nearest: Floats
    own_layers: Floats
    teacher_layers: Floats

    def diagonal(self) -> list[tuple[int, int]]:
        """The places of layers at equal relative depth, from 0; embeddings attend to nothing."""
        depths = self.layers.shape[:2]
        return [(max(int(one), 1) - 1, int(other) - 1) for one, other in equal_depth(*depths)[1:]]

    def best(self) -> list[int]:
        """The teacher's layer most like each of the other's layers, from 0."""
        places: list[int] = self.layers[:, :, 0].argmin(axis=0).tolist()
        return places

    def summaries(self) -> dict[str, Floats]:
        """The draws of first, last, equally deep and most similar layers, by their metrics."""
        places = self.diagonal()
        return {
            "first_layer_attention_js": self.layers[0, 0],
            "last_layer_attention_js": self.layers[-1, -1],
            "mean_attention_js": np.mean([self.layers[place] for place in places], axis=0),
            "best_layer_attention_js": np.mean(
                [self.layers[row, column] for column, row in enumerate(self.best())], axis=0
            ),
        }


def attention_draws(study: Study, runs: Sequence[AttentionPairs]) -> AttentionDraws | None:
    """Join the runs of one encoder; None where there is none."""
    if not runs:
        return None
    weights = draw_run_weights(study.seed, runs[0].model, len(runs), study.resamples)

    def drawn(name: str) -> Floats:
        each_run = []
        for run in runs:
            held = np.asarray(getattr(run, name), dtype=np.float64)
            resamples = resamples_of(study, study.split.only(run.ids))
            sums = resamples.sums(held.reshape(-1, len(run.ids)).T)
            means = (sums / resamples.totals[:, None]).T
            each_run.append(means.reshape(*held.shape[:-1], -1))
        stacked = np.stack(each_run)
        averaged: Floats = np.empty(stacked.shape[1:])
        for place in np.ndindex(*averaged.shape[:-1]):
            averaged[place] = mean_over_runs(stacked[:, *place], weights)
        return averaged

    return AttentionDraws(
        runs[0], drawn("layers"), drawn("nearest_js"), drawn("own_layers"), drawn("teacher_layers")
    )
