"""The teacher's heads against those of every other encoder.

Does: make the encoders, look up what an earlier run computed, compare the rest, and list what
fails. Does not: choose examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kdprobe.collectors.attention_similarity.options import AttentionOptions
from kdprobe.collectors.guarding import unable_or_failed
from kdprobe.collectors.probes.work import duration
from kdprobe.collectors.session import ComparedModel, Session
from kdprobe.observations.attention import AttentionPairs
from kdprobe.plain_text import how_many
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from kdprobe.cache import Arrays, CacheKey
    from kdprobe.extract.attention_similarity import SharedTokens
    from kdprobe.models.attention import AttentionReader

NAME = "attention_similarity"


class PairedReader(NamedTuple):
    """An encoder that the teacher's first run is compared with."""

    model: str
    run: int
    ids: tuple[str, ...]
    reader: AttentionReader
    shared: SharedTokens
    key: CacheKey
    known: Arrays | None

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.model}{', random weights' if self.reader.random else ''}"


class PairedReaders(NamedTuple):
    """The encoders to compare, and those that cannot be: why, or what failed."""

    mates: list[PairedReader]
    reasons: dict[str, str]
    skipped: list[Skipped]


def paired_readers(
    first: AttentionReader,
    models: Sequence[ComparedModel],
    split: Split,
    session: Session,
    options: AttentionOptions,
) -> PairedReaders:
    """Open every run of every student, its architecture with random weights, and other seeds.

    Args:
        first: the teacher's first run.
        models: the teacher, then the students to compare.
        split: the examples that were chosen.
        session: the comparison.
        options: `tokens` is read.
    """
    from kdprobe.errors import CapabilityError
    from kdprobe.extract.attention_similarity import OTHER_TOKENS, attention_key, shared_tokens
    from kdprobe.models.attention import AttentionReader
    from kdprobe.models.random_init import twin_seed

    gathered = PairedReaders([], {}, [])
    drawn = twin_seed(session.seed)
    for place, model in enumerate(models):
        try:
            readers = [AttentionReader(run) for run in model.runs[0 if place else 1 :]]
            if place:
                readers.append(AttentionReader(model.runs[0], random_seed=drawn))
        except CapabilityError as error:
            gathered.reasons[model.name] = error.found
            continue
        except Exception as error:
            gathered.skipped.append(unable_or_failed(NAME, model.name, error, model=model.name))
            continue
        for number, reader in enumerate(readers, start=0 if place else 1):
            shared = shared_tokens(first, reader, split.texts, split.pairs)
            if shared is None:
                gathered.reasons[model.name] = OTHER_TOKENS
                break
            if not len(shared.kept):
                gathered.reasons[model.name] = "no example has two words that it reads"
                break
            key = attention_key(first, reader, split.texts, split.pairs, options.tokens)
            known = session.cache.load(key) if session.cache else None
            run = 0 if reader.random else number
            ids = tuple(split.ids[row] for row in shared.kept)
            gathered.mates.append(PairedReader(model.name, run, ids, reader, shared, key, known))
    return gathered


def say_estimate(
    first: AttentionReader,
    mates: Sequence[PairedReader],
    options: AttentionOptions,
    progress: Progress,
) -> None:
    """Show how much is to be read and compared, and how long it takes, measured on a little."""
    from kdprobe.extract.attention_similarity import attention_seconds
    from kdprobe.models.precision import bfloat16_advice

    missing = {mate.key.digest: mate for mate in mates if mate.known is None}.values()
    seconds = 0.0
    for mate in missing:
        try:
            seconds += attention_seconds(first, mate.reader, mate.shared, options.tokens)
        except Exception as error:  # its comparison will tell
            unable_or_failed(NAME, mate.model, error, model=mate.model)
    if missing:
        count = max(len(mate.shared.kept) for mate in missing)
        progress.say(
            f"Attention of {how_many(count, 'example')}, {how_many(len(missing), 'encoder')} "
            f"beside the teacher, random weights included: about {duration(seconds)}."
            + bfloat16_advice(seconds, first.handle.precision, first.handle.device.type)
        )


def compared(
    first: AttentionReader,
    mates: Sequence[PairedReader],
    options: AttentionOptions,
    session: Session,
    progress: Progress,
) -> tuple[list[AttentionPairs], list[Skipped]]:
    """Compare what is not in the cache; encoders of one shape and seed are compared once."""
    from kdprobe.extract.attention_similarity import compare_attention

    done = {mate.key.digest: mate.known for mate in mates if mate.known is not None}
    skipped: list[Skipped] = []
    pairs: list[AttentionPairs] = []
    for mate in mates:
        if mate.key.digest not in done:
            title = f"attention of {first.handle.name} and {mate.title}"
            try:
                with progress.stage(title, len(mate.shared.kept)) as stage:
                    arrays = compare_attention(
                        first, mate.reader, mate.shared, options.tokens, stage.advance
                    )
            except Exception as error:
                skipped.append(unable_or_failed(NAME, mate.title, error, model=mate.model))
                continue
            if session.cache is not None:
                session.cache.store(mate.key, arrays, description=title)
            done[mate.key.digest] = arrays
        pair = _pairs(mate, done[mate.key.digest])
        alike = [one for one in pairs if (one.model, one.weights) == (pair.model, pair.weights)]
        if alike and alike[0].heads.shape != pair.heads.shape:
            reason = f"run {pair.run + 1} of {pair.model} has other layers or heads than its others"
            skipped.append(Skipped(what=NAME, reason=reason, models=(pair.model,), requested=True))
            continue
        pairs.append(pair)
    return pairs, skipped


def _pairs(mate: PairedReader, arrays: Arrays) -> AttentionPairs:
    values: dict[str, Any] = dict(arrays)
    return AttentionPairs(
        model=mate.model,
        run=mate.run,
        weights="random" if mate.reader.random else "trained",
        ids=mate.ids,
        **values,
    )
