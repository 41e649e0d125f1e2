"""The encoders that probing reads, and how long reading them takes.

Does: make a reader of every run and of every architecture with random weights, and estimate the
time before it starts. Does not: read all sentences.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kdprobe.progress import Progress
from kdprobe.seeds import derive_seed

if TYPE_CHECKING:
    from kdprobe.models.handle import ModelHandle
    from kdprobe.models.hidden import LayerReader


class Named(NamedTuple):
    """A model of the comparison with its runs."""

    name: str
    members: Sequence[ModelHandle]


class Reader(NamedTuple):
    """One encoder to read: a run of a model, or its architecture with random weights."""

    model: str
    run: int
    random: bool
    reader: LayerReader


def readers_of(models: Sequence[Named], poolings: tuple[str, ...], *, seed: int) -> list[Reader]:
    """Every run of every model, and each model's architecture once with random weights."""
    from kdprobe.models.hidden import LayerReader

    drawn = derive_seed(seed, "random weights") % 2**31
    readers = []
    for model in models:
        readers += [
            Reader(model.name, run, False, LayerReader(member, poolings))
            for run, member in enumerate(model.members)
        ]
        random = LayerReader(model.members[0], poolings, random_seed=drawn)
        readers.append(Reader(model.name, 0, True, random))
    return readers


def tell_estimate(readers: Sequence[Reader], texts: Sequence[str], progress: Progress) -> None:
    """Say how long reading takes, measured on a few sentences of each model."""
    few = texts[:: max(len(texts) // 48, 1)][:48]
    seconds = 0.0
    for each in readers:
        ids = each.reader.encode(few)
        each.reader.read(ids[0][None])  # the first call is slower
        started = time.perf_counter()
        for row in ids[::4]:
            each.reader.read(row[None].repeat(4, axis=0))
        seconds += (time.perf_counter() - started) / len(few) * len(texts)
    minutes = seconds / 60
    about = f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{seconds:.0f} seconds"
    progress.say(
        f"Probing reads {len(texts):,} sentences with {len(readers)} encoders, random weights "
        f"included: about {about}, then the probes."
    )
