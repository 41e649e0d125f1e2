"""A study whose attention was compared: maps drawn from a seed, as a collector would compare them.

Does: give a teacher of three layers and students of two, four heads each. Does not: compute any
expected value.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from kdprobe.extract.attention_similarity import summarised
from kdprobe.observations.attention import AttentionMap, AttentionPairs, AttentionSimilarities
from kdprobe.observations.study import Study
from kdprobe.stats.attention import Maps, head_divergence, head_statistics

N, TOKENS, HEADS = 24, 5, 4


def maps_of(layers: int, *, seed: int, noise: float) -> Maps:
    """Attention `[layers · heads, n, tokens, tokens]`; with less noise seeds share more."""
    shape = (layers * HEADS, N, TOKENS, TOKENS)
    shared = np.random.Generator(np.random.PCG64(5)).normal(size=(3 * HEADS, *shape[1:]))
    own = np.random.Generator(np.random.PCG64(seed)).normal(size=shape)
    weights = np.exp(shared[: layers * HEADS] + noise * own)
    return (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)


def pairs_of(
    ours: Maps, theirs: Maps, model: str, ids: tuple[str, ...], *, run: int = 0,
    weights: Literal["trained", "random"] = "trained",
) -> AttentionPairs:  # fmt: skip
    """Compare all heads, as the collector does."""
    words = np.array([False, *[True] * (TOKENS - 2), False])
    layers = [len(side) // HEADS for side in (ours, theirs)]
    divergence = head_divergence(ours, theirs).reshape(layers[0], HEADS, layers[1], HEADS, N)
    looks = [
        head_statistics(side, words, side).reshape(7, count, HEADS, N)
        for side, count in zip((ours, theirs), layers, strict=True)
    ]
    arrays = summarised(divergence, looks)
    return AttentionPairs(model=model, run=run, weights=weights, ids=ids, **arrays)


def attended(study: Study, *, runs: int = 1) -> Study:
    """The study with attention: students ever less like the teacher, heads in another order."""
    teacher, ids = maps_of(3, seed=1, noise=0.2), study.split.ids[:N]
    pairs = [
        pairs_of(teacher, maps_of(3, seed=50 + run, noise=0.3), study.teacher.name, ids, run=run)
        for run in range(1, runs)
    ]
    for place, student in enumerate(study.students, start=1):
        for run in range(runs):
            maps = maps_of(2, seed=10 * place + run, noise=0.4 * place)
            pairs.append(pairs_of(teacher, maps, student.name, ids, run=run))
        untrained = maps_of(2, seed=7, noise=4.0)
        pairs.append(pairs_of(teacher, untrained, student.name, ids, weights="random"))
    shown = [
        AttentionMap(
            study.split.ids[3], name, ("[CLS]", "a", "<b>", "c", "[SEP]"),
            maps[:, 0].reshape(-1, HEADS, TOKENS, TOKENS).astype(np.float64),
        )
        for name, maps in (
            (study.teacher.name, teacher),
            *((student.name, maps_of(2, seed=10 * place, noise=0.4 * place))
              for place, student in enumerate(study.students, start=1)),
        )
    ]  # fmt: skip
    return study.with_observations(
        AttentionSimilarities(
            tuple(pairs), "words", {"other": "it cuts texts into other tokens"}, ("Synthetic.",),
            tuple(shown),
        )
    )  # fmt: skip
