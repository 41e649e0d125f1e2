"""The teacher's layers against those of every other encoder, pair by pair.

Does: look up what an earlier run computed, read and compare the rest, and list what fails. Does
not: choose sentences or encoders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from kdprobe.collectors.guarding import unable_or_failed
from kdprobe.collectors.probes.encoders import Encoder
from kdprobe.collectors.session import Session
from kdprobe.collectors.similarity.options import SimilarityOptions
from kdprobe.observations.layer_similarity import LayerPairs, LayerVector
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped

if TYPE_CHECKING:
    from kdprobe.cache import Arrays, CacheKey
    from kdprobe.extract.layer_similarity import LayerVectors, SimilaritySettings
    from kdprobe.models.hidden import LayerReader


class PairedEncoder(NamedTuple):
    """An encoder that the teacher's first run is compared with."""

    encoder: Encoder
    key: CacheKey
    settings: SimilaritySettings
    known: Arrays | None


def paired_with(
    first: LayerReader,
    encoder: Encoder,
    texts: Sequence[str],
    options: SimilarityOptions,
    session: Session,
) -> PairedEncoder:
    """Return an encoder with what an earlier run computed of it and the teacher."""
    from kdprobe.extract.layer_similarity import SimilaritySettings, similarity_key

    permutations = 0 if encoder.random else options.permutations
    settings = SimilaritySettings(options.biased, permutations, session.seed)
    key = similarity_key(first, encoder.reader, texts, settings)
    return PairedEncoder(encoder, key, settings, session.cache.load(key) if session.cache else None)


def compared(
    first: Encoder,
    mates: Sequence[PairedEncoder],
    texts: tuple[str, ...],
    session: Session,
    progress: Progress,
) -> tuple[list[LayerPairs], list[Skipped]]:
    """Compare what is not in the cache; encoders of one shape and seed are compared once."""
    done = {mate.key.digest: mate.known for mate in mates if mate.known is not None}
    skipped: list[Skipped] = []
    if any(mate.key.digest not in done for mate in mates):
        try:
            with _vectors(first.reader, texts, session, progress, mates[0].settings) as x:
                for mate in mates:
                    if mate.key.digest in done:
                        continue
                    try:
                        done[mate.key.digest] = _compare(x, first, mate, texts, session, progress)
                    except Exception as error:
                        skipped.append(_failed(mate.encoder, error))
        except Exception as error:
            skipped.append(_failed(first, error))
    pairs: list[LayerPairs] = []
    for mate in mates:
        if mate.key.digest in done:
            pair = _layer_pairs(first.reader, mate.encoder, done[mate.key.digest])
            other = _other_layers(pair, pairs)
            pairs += [] if other else [pair]
            skipped += [other] if other else []
    return pairs, skipped


def _other_layers(pair: LayerPairs, before: Sequence[LayerPairs]) -> Skipped | None:
    """List a run whose layers are not those of its model's other runs: there is no mean of both."""
    alike = [one for one in before if (one.model, one.weights) == (pair.model, pair.weights)]
    if all(one.columns == pair.columns for one in alike):
        return None
    reason = f"run {pair.run + 1} of {pair.model} has other layers than run {alike[0].run + 1}"
    return Skipped(what="similarity", reason=reason, models=(pair.model,), requested=True)


def _failed(encoder: Encoder, error: Exception) -> Skipped:
    kind = " with random weights" if encoder.random else ""
    return unable_or_failed("similarity", f"{encoder.model}{kind}", error, model=encoder.model)


@contextmanager
def _vectors(
    reader: LayerReader,
    texts: tuple[str, ...],
    session: Session,
    progress: Progress,
    settings: SimilaritySettings,
) -> Iterator[LayerVectors]:
    """Read the layers of one encoder; what a failure leaves on disk is deleted."""
    from kdprobe.extract.features import extract_features, forget_features
    from kdprobe.extract.layer_similarity import layer_vectors

    cache, rows = session.cache, 4 * session.batch_size
    try:
        with extract_features(
            reader, texts, cache=cache, progress=progress, rows=rows, workers=session.workers
        ) as features:
            yield layer_vectors(features, texts, biased=settings.biased)
    except Exception:
        if cache is not None:
            forget_features(reader, texts, cache=cache)
        raise


def _compare(
    x: LayerVectors,
    first: Encoder,
    mate: PairedEncoder,
    texts: tuple[str, ...],
    session: Session,
    progress: Progress,
) -> Arrays:
    from kdprobe.extract.layer_similarity import compare_layers, pair_count

    encoder = mate.encoder
    kind = ", random weights" if encoder.random else ""
    title = f"layers of {first.model} and {encoder.model}{kind}"
    same = (encoder.reader.key, encoder.reader.reading) == (first.reader.key, first.reader.reading)
    with (
        nullcontext(x)
        if same
        else _vectors(encoder.reader, texts, session, progress, mate.settings) as y,
        progress.stage(title, pair_count(first.reader, encoder.reader)) as stage,
    ):
        arrays = compare_layers(x, y, mate.settings, stage.advance)
    if session.cache is not None:
        session.cache.store(mate.key, arrays, description=title)
    return arrays


def _layer_pairs(first: LayerReader, encoder: Encoder, arrays: Arrays) -> LayerPairs:
    values: dict[str, Any] = dict(arrays)
    return LayerPairs(
        model=encoder.model,
        run=encoder.run,
        weights="random" if encoder.random else "trained",
        rows=tuple(LayerVector(*cell) for cell in first.cells),
        columns=tuple(LayerVector(*cell) for cell in encoder.reader.cells),
        **values,
    )
