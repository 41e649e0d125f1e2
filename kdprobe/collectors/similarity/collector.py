"""How alike the layers of teacher and students are on the same sentences.

Does: choose the sentences, read every model once, compare all pairs of layers and say beforehand
how long it takes. Does not: judge; the analysis `similarity` does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kdprobe.collectors.guarding import unable_or_failed, unpaired
from kdprobe.collectors.probes.encoders import Encoder, encoders_of
from kdprobe.collectors.probes.work import duration, reading_time
from kdprobe.collectors.protocol import Collected
from kdprobe.collectors.session import Session
from kdprobe.collectors.similarity.options import SimilarityOptions
from kdprobe.collectors.similarity.work import PairedEncoder, compared, paired_with
from kdprobe.models.handle import Capability
from kdprobe.observations.layer_similarity import LayerSimilarities
from kdprobe.observations.probes import Unread
from kdprobe.plain_text import how_many
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.seeds import derive_generator
from kdprobe.stats.layer_similarity import FEWEST
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from kdprobe.models.hidden import LayerReader


class PreparedSimilarity(NamedTuple):
    """The options, the sentences, and the students whose layers cannot be read."""

    options: SimilarityOptions
    texts: tuple[str, ...]
    unread: dict[str, str]


@dataclass(frozen=True)
class SimilarityCollector:
    """The teacher's layers against those of students, untrained students and its other runs."""

    name: str = "similarity"
    kind: type[LayerSimilarities] = LayerSimilarities
    options: type[SimilarityOptions] = SimilarityOptions
    needs: frozenset[Capability] = frozenset({"hidden_states"})
    after: tuple[str, ...] = ("predictions", "minimal_pairs")
    by_default: bool = False

    def versions(self, options: SimilarityOptions) -> dict[str, int]:
        """Return those of what is kept, by what they are of."""
        from kdprobe.extract.features import FEATURES_VERSION
        from kdprobe.extract.layer_similarity import SIMILARITY_VERSION

        return {"features": FEATURES_VERSION, "similarity": SIMILARITY_VERSION}

    def prepare(self, session: Session, options: SimilarityOptions) -> PreparedSimilarity | Skipped:
        """Choose the sentences; a reason where there are too few, or no two models to compare."""
        lacking = session.lacking(self.needs)
        skipped = unpaired(self.name, [model.name for model in session.models], lacking)
        if skipped is not None:
            return skipped
        texts = _sentences(session.split, options.sentences, session.seed)
        if len(texts) < FEWEST:
            there = how_many(len(texts), "sentence", "different sentences")
            reason = f"{session.split.name} has {there}; layers are compared on {FEWEST} or more"
            return Skipped(what=self.name, reason=reason)
        return PreparedSimilarity(options, texts, lacking)

    def collect(
        self, session: Session, prepared: PreparedSimilarity, progress: Progress
    ) -> Collected[LayerSimilarities]:
        """Compare the teacher's first run with every other encoder; one that fails is listed."""
        from kdprobe.extract.layer_similarity import SHUFFLED
        from kdprobe.models.hidden import LayerReader

        started, texts = time.perf_counter(), prepared.texts
        teacher, *others = session.models
        try:
            first, *reseeded = (
                Encoder(teacher.name, run, False, LayerReader(handle, prepared.options.poolings))
                for run, handle in enumerate(teacher.runs)
            )
        except Exception as error:
            failed = unable_or_failed(self.name, teacher.name, error, model=teacher.name)
            return Collected(None, (failed,))
        read = [model for model in others if model.name not in prepared.unread]
        encoders, unmade = encoders_of(read, prepared.options.poolings, seed=session.seed)
        skipped = [line.model_copy(update={"what": self.name}) for line in unmade]
        mates = [
            paired_with(first.reader, encoder, texts, prepared.options, session)
            for encoder in (*reseeded, *encoders)
        ]
        _say_estimate(first.reader, mates, texts, progress, jobs=session.workers.jobs)
        pairs, failures = compared(first, mates, texts, session, progress)
        students = {model.name for model in read}
        if not any(pair.model in students and pair.weights == "trained" for pair in pairs):
            return Collected(None, (*skipped, *failures))
        observation = LayerSimilarities(
            tuple(pairs), prepared.options.poolings, len(texts), prepared.options.biased,
            (prepared.options.permutations, min(len(texts), SHUFFLED)),
            _unread(prepared.unread, (first, *encoders)),
            _notes(session.split, [first, *encoders]),
        )  # fmt: skip
        seconds = {"similarity of layers": time.perf_counter() - started}
        return Collected(observation, (*skipped, *failures), seconds)


def _sentences(split: Split, count: int, seed: int) -> tuple[str, ...]:
    """Choose different texts of the split, in its order; of pairs each text is one."""
    unique = list(dict.fromkeys((*split.texts, *(split.pairs or ()))))
    unique = [text for text in unique if text.strip()]
    if count >= len(unique):
        return tuple(unique)
    generator = derive_generator(seed, "similarity", "sentences", split.name)
    rows = np.sort(generator.choice(len(unique), size=count, replace=False))
    return tuple(unique[row] for row in rows.tolist())


def _say_estimate(
    first: LayerReader,
    mates: Sequence[PairedEncoder],
    texts: Sequence[str],
    progress: Progress,
    *,
    jobs: int,
) -> None:
    """Show how much is to be read and compared, and how long it takes, measured on a little."""
    from kdprobe.extract.features import reading_seconds
    from kdprobe.extract.layer_similarity import comparing_seconds, pair_count
    from kdprobe.models.precision import bfloat16_advice

    missing = {mate.key.digest: mate for mate in mates if mate.known is None}.values()
    if not missing:
        return
    readers = [first, *(mate.encoder.reader for mate in missing)]
    reading = 0.0
    for reader in readers:
        try:
            reading += reading_seconds(reader, texts)
        except Exception as error:
            unable_or_failed("similarity", reader.handle.name, error, model=reader.handle.name)
    comparing = sum(
        comparing_seconds(first, mate.encoder.reader, len(texts), mate.settings) for mate in missing
    )
    layers = reading_time(reading, readers, jobs)
    pairs = sum(pair_count(first, mate.encoder.reader) for mate in missing)
    progress.say(
        f"Similarity reads {how_many(len(texts), 'sentence')} with "
        f"{how_many(len(readers), 'encoder')}, random weights included: about "
        f"{duration(layers.seconds)} in {layers.where}; then {how_many(pairs, 'pair')} of layers: "
        f"about {duration(comparing)}."
        + bfloat16_advice(reading, first.handle.precision, first.handle.device.type)
    )


def _unread(models: dict[str, str], encoders: Sequence[Encoder]) -> tuple[Unread, ...]:
    return (
        *(Unread(name, "", reason) for name, reason in models.items()),
        *(
            Unread(each.model, pooling, reason)
            for each in encoders
            if not each.random and not each.run
            for pooling, reason in each.reader.undefined.items()
        ),
    )


def _notes(split: Split, encoders: Sequence[Encoder]) -> tuple[str, ...]:
    apart = ["Both texts of a pair are read, each on its own."] if split.pairs is not None else []
    shapes = dict.fromkeys(f"{note}." for each in encoders for note in each.reader.notes)
    return (*apart, *shapes)


COLLECTOR = SimilarityCollector()
