"""A study whose layers were compared: vectors drawn from a seed, as a collector would compare them.

Does: give every model two or three layers under two poolings, a head, and weights of before
training. Does not: compute any expected value.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np

from kdprobe.observations.layer_similarity import LayerPairs, LayerSimilarities, LayerVector
from kdprobe.observations.probes import Unread
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Floats
from kdprobe.stats.layer_permutation import permutation_p
from kdprobe.stats.layer_similarity import similarity, vectors_of

N = 40
POOLINGS = ("mean", "cls")


def cells(layers: int) -> tuple[LayerVector, ...]:
    """Layers 0 to `layers` under both poolings, and the head."""
    names = [LayerVector(str(at), pooling) for at in range(layers + 1) for pooling in POOLINGS]
    return (*names, LayerVector("head", ""))


def vectors(layers: int, width: int, *, seed: int, noise: float) -> list[Floats]:
    """What each cell holds of N sentences; the first token before block 1 is always the same."""
    shared = np.random.Generator(np.random.PCG64(99)).normal(size=(N, 3))
    generator = np.random.Generator(np.random.PCG64(seed))
    held = [
        shared @ generator.normal(size=(3, width)) + noise * generator.normal(size=(N, width))
        for _ in cells(layers)
    ]
    held[POOLINGS.index("cls")][:] = 1.0
    return held


def pairs_of(
    rows: list[Floats], columns: list[Floats], depths: tuple[int, int], model: str, *, run: int = 0,
    weights: Literal["trained", "random"] = "trained", biased: bool = False,
) -> LayerPairs:  # fmt: skip
    """Compare all cells of one pooling, as the collector does."""
    shape = (len(rows), len(columns))
    numbers = {name: np.full(shape, np.nan) for name in ("cka", "procrustes", "p_values")}
    influences = {name: np.zeros((*shape, N)) for name in ("cka_influence", "procrustes_influence")}
    sides = [
        [vectors_of(partial(iter, [each]), biased=biased) for each in held]
        for held in (rows, columns)
    ]
    names = [cells(depth) for depth in depths]
    for row, column in np.ndindex(shape):
        one, other = names[0][row], names[1][column]
        alike = similarity(sides[0][row], sides[1][column], biased=biased)
        if alike is None or (one.pooling and other.pooling and one.pooling != other.pooling):
            continue
        numbers["cka"][row, column] = alike.cka
        numbers["procrustes"][row, column] = alike.procrustes
        for name, values in influences.items():
            values[row, column] = getattr(alike, name)
    if weights == "trained":
        drawn = permutation_p(rows, columns, draws=19, generator=np.random.default_rng(0))
        numbers["p_values"] = np.where(np.isnan(numbers["cka"]), np.nan, drawn)
    return LayerPairs(
        model=model, run=run, weights=weights, rows=names[0], columns=names[1], **numbers,
        **influences, flat_rows=np.array([side.flat for side in sides[0]]),
        flat_columns=np.array([side.flat for side in sides[1]]),
    )  # fmt: skip


def layered(study: Study, *, runs: int = 1, biased: bool = False) -> Study:
    """The study with layers: a teacher of two blocks, students of one, ever less like it."""
    teacher, depths = vectors(2, 6, seed=1, noise=0.5), (2, 1)
    pairs = [
        pairs_of(
            teacher, vectors(2, 6, seed=1, noise=0.6), (2, 2), study.teacher.name, run=run,
            biased=biased,
        )
        for run in range(1, runs)
    ]  # fmt: skip
    for place, student in enumerate(study.students, start=1):
        for run in range(runs):
            held = vectors(1, 4, seed=10 * place + run, noise=0.5 * place)
            pairs.append(pairs_of(teacher, held, depths, student.name, run=run, biased=biased))
        untrained = vectors(1, 4, seed=7, noise=4.0)
        pairs.append(
            pairs_of(teacher, untrained, depths, student.name, weights="random", biased=biased)
        )
    return study.with_observations(
        LayerSimilarities(
            tuple(pairs), POOLINGS, N, biased=biased, permutations=(19, N),
            unread=(Unread(study.teacher.name, "max", "it has no such pooling"),),
            notes=("Synthetic.",),
        )
    )  # fmt: skip
