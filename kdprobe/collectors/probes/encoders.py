"""The encoders that probing reads, and the sentences they read.

Does: make an encoder of every run and of every architecture with random weights. Does not: read
sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kdprobe.collectors.guarding import unable_or_failed
from kdprobe.collectors.session import ComparedModel
from kdprobe.results.schema import Skipped

if TYPE_CHECKING:
    from kdprobe.config.probing import ProbingTask
    from kdprobe.models.hidden import LayerReader
    from kdprobe.tasks.probing.sets import ProbingSet


class Encoder(NamedTuple):
    """One encoder to read: a run of a model, or its architecture with random weights."""

    model: str
    run: int
    random: bool
    reader: LayerReader

    @property
    def shape(self) -> tuple[object, ...]:
        """What tells encoders apart; random weights of one shape and seed are one encoder."""
        own = () if self.random else (self.model, self.run)
        return (*own, self.reader.key, self.reader.reading, self.reader.poolings)


class TaskData(NamedTuple):
    """One task with its sentences, and its control task."""

    task: ProbingTask
    set: ProbingSet
    control: ProbingSet | None


def sentences_of(tasks: Sequence[TaskData]) -> list[str]:
    """Return the different sentences of some tasks, in their order."""
    parts = (part for each in tasks for part in each.set.parts)
    return list(dict.fromkeys(sentence for part in parts for sentence in part.sentences))


def encoders_of(
    models: Sequence[ComparedModel], poolings: tuple[str, ...], *, seed: int
) -> tuple[list[Encoder], tuple[Skipped, ...]]:
    """Return every run of every model, and each model's architecture once with random weights.

    Returns:
        The encoders, and those that a library could not make, with what was raised: of a model none
        of its runs is read then, of an architecture no random weights.
    """
    from kdprobe.models.hidden import LayerReader
    from kdprobe.models.random_init import twin_seed

    drawn = twin_seed(seed)
    encoders: list[Encoder] = []
    unread: list[Skipped] = []
    for model in models:
        where = model.name
        try:
            encoders += [
                Encoder(model.name, number, False, LayerReader(run, poolings))
                for number, run in enumerate(model.runs)
            ]
            where = f"{model.name} with random weights"
            random = LayerReader(model.runs[0], poolings, random_seed=drawn)
        except Exception as error:
            unread.append(unable_or_failed("probes", where, error, model=model.name))
            continue
        encoders.append(Encoder(model.name, 0, True, random))
    return encoders, tuple(unread)
