"""Probing classifiers on the layers, as arrays; an observation of a `Study`.

Does: hold tasks and fits in frozen types. Does not: know a model, a file or torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from kdprobe.stats.arrays import Bools, Floats


@dataclass(frozen=True)
class ProbeTask:
    """One probing task, and the accuracies that need no model.

    Args:
        name, group: of the task; the group is `surface`, `syntax`, `semantics` or `other`.
        labels: its classes.
        train, dev, test: sentences in each part.
        majority: test accuracy of the most frequent training class.
        endings: test accuracy of naive Bayes over the endings of words; no model is asked.
        origin: where the sentences come from.
    """

    name: str
    group: str
    labels: tuple[str, ...]
    train: int
    dev: int
    test: int
    majority: float
    endings: float
    origin: str


@dataclass(frozen=True)
class ProbeFit:
    """The probes of one checkpoint (or of its architecture with random weights) on one task.

    Args:
        model, run: whose; the run counts from 0.
        weights: `trained`, or `random` for the baseline.
        task: the probing task's name.
        layers, poolings: of each cell, `[cells]`: `0` (embeddings) … `L`, `head` without pooling.
        dev: accuracy of the chosen setting, float64 `[seeds, cells]`.
        hits: test sentences it gets right, bool `[seeds, cells, n]`.
        control: the same of the control task, bool `[cells, n]`, or None.
        flat: cells whose features hardly vary against their mean.
        bits: online code length of the training labels, float64 `[cells]`, or None.
    """

    model: str
    run: int
    weights: Literal["trained", "random"]
    task: str
    layers: tuple[str, ...]
    poolings: tuple[str, ...]
    dev: Floats
    hits: Bools
    control: Bools | None = None
    flat: tuple[int, ...] = ()
    bits: Floats | None = None


class Unread(NamedTuple):
    """What a model has not: one pooling, or with an empty one all of its layers."""

    model: str
    pooling: str
    reason: str


@dataclass(frozen=True)
class ProbeFits:
    """All probes of a comparison.

    Args:
        tasks: the probing tasks.
        fits: of every model, run and task.
        probe: which probe was fitted, in words for the reader.
        poolings: in the order asked for; the first is the one charts and gaps show.
        notes: choices that move the numbers.
        unread: poolings and models without a vector to probe, and why.
        seeds: how many starts each accuracy is the mean of.
        few_seeds: whether the probes are not convex and `seeds` is so small that the starts may
            make a gap.
    """

    tasks: tuple[ProbeTask, ...]
    fits: tuple[ProbeFit, ...]
    probe: str
    poolings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    seeds: int = 1
    few_seeds: bool = False
