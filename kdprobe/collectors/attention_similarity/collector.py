"""How alike the heads of teacher and students attend to the same tokens.

Does: choose the examples, run every student beside the teacher, compare all heads, and keep the
attention of a few short examples. Does not: judge; the analysis `attention_similarity` does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kdprobe.collectors.attention_similarity.options import AttentionOptions
from kdprobe.collectors.attention_similarity.work import (
    PairedReader,
    compared,
    paired_readers,
    say_estimate,
)
from kdprobe.collectors.guarding import unable_or_failed, unpaired
from kdprobe.collectors.protocol import Collected
from kdprobe.collectors.session import Session
from kdprobe.models.handle import Capability
from kdprobe.observations.attention import AttentionMap, AttentionSimilarities
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from kdprobe.models.attention import AttentionReader

_LONGEST_SHOWN = 24
"""Tokens of an example whose every head is shown."""


class PreparedAttention(NamedTuple):
    """The options, the examples, and the models that give no attention."""

    options: AttentionOptions
    split: Split
    lacking: dict[str, str]


@dataclass(frozen=True)
class AttentionCollector:
    """The teacher's heads against those of students, untrained students and its other runs."""

    name: str = "attention_similarity"
    kind: type[AttentionSimilarities] = AttentionSimilarities
    options: type[AttentionOptions] = AttentionOptions
    needs: frozenset[Capability] = frozenset({"attentions"})
    after: tuple[str, ...] = ("predictions", "minimal_pairs")
    by_default: bool = False

    def versions(self, options: AttentionOptions) -> dict[str, int]:
        """Return those of what is kept, by what they are of."""
        from kdprobe.extract.attention_similarity import ATTENTION_VERSION

        return {"attention": ATTENTION_VERSION}

    def prepare(self, session: Session, options: AttentionOptions) -> PreparedAttention | Skipped:
        """Choose the examples; a reason where no two models give attention."""
        lacking = session.lacking(self.needs)
        skipped = unpaired(self.name, [model.name for model in session.models], lacking)
        if skipped is not None:
            return skipped
        generator = derive_generator(session.seed, "attention", "examples", session.split.name)
        return PreparedAttention(
            options, session.split.sample(options.examples, generator), lacking
        )

    def collect(
        self, session: Session, prepared: PreparedAttention, progress: Progress
    ) -> Collected[AttentionSimilarities]:
        """Compare the teacher's first run with every other encoder; one that fails is listed."""
        from kdprobe.models.attention import AttentionReader

        started, options, split = time.perf_counter(), prepared.options, prepared.split
        teacher = session.models[0]
        try:
            first = AttentionReader(teacher.runs[0])
        except Exception as error:
            failed = unable_or_failed(self.name, teacher.name, error, model=teacher.name)
            return Collected(None, (failed,))
        models = [model for model in session.models if model.name not in prepared.lacking]
        mates, reasons, skipped = paired_readers(first, models, split, session, options)
        say_estimate(first, mates, options, progress)
        pairs, failures = compared(first, mates, options, session, progress)
        skipped += failures
        reasons |= prepared.lacking
        trained = {pair.model for pair in pairs if pair.weights == "trained"} - {teacher.name}
        if not trained:
            skipped += [
                Skipped(what=self.name, reason=f"{name}: {reason}", models=(name,))
                for name, reason in reasons.items()
            ]
            return Collected(None, tuple(skipped))
        first_runs = [mate for mate in mates if mate.model in trained and mate.run == 0]
        shown = [mate for mate in first_runs if not mate.reader.random]
        observation = AttentionSimilarities(
            tuple(pairs), options.tokens, reasons, _notes(first, shown),
            _maps(first, shown, split, options.maps),
        )  # fmt: skip
        seconds = {"similarity of attention": time.perf_counter() - started}
        return Collected(observation, tuple(skipped), seconds)


def _notes(first: AttentionReader, mates: Sequence[PairedReader]) -> tuple[str, ...]:
    readers = [first, *(mate.reader for mate in mates)]
    counts = [
        f"{reader.handle.name} {reader.shape[0]} layers of {reader.shape[1]} heads"
        for reader in readers
    ]
    tokenizer = first.handle.tokenizer
    special = ", ".join(
        token for token in map(str, tokenizer.all_special_tokens) if token != tokenizer.unk_token
    )
    shapes = f"{'; '.join(counts)}. Special tokens: {special or 'none'}."
    joined = [
        f"Of {reader.handle.name}, an encoder-decoder, the encoder's attention."
        for reader in readers
        if getattr(reader.model.config, "is_encoder_decoder", False)
    ]
    return (shapes, *joined)


def _maps(
    first: AttentionReader, mates: Sequence[PairedReader], split: Split, count: int
) -> tuple[AttentionMap, ...]:
    """Keep all attention of the first short examples that are compared, of each first run."""
    from kdprobe.models.attention import eager_attention

    shared = mates[0].shared
    rows = [row for row in shared.kept.tolist() if len(shared.words[row]) <= _LONGEST_SHOWN]
    maps = []
    for place, reader in enumerate((first, *(mate.reader for mate in mates))):
        columns = shared.columns[0] if not place else mates[place - 1].shared.columns[1]
        with eager_attention(reader.model):
            for row in rows[:count]:
                ids = shared.columns[0]["input_ids"][row]
                names = first.handle.tokenizer.convert_ids_to_tokens(ids)
                maps.append(
                    AttentionMap(
                        split.ids[row], reader.handle.name, tuple(map(str, names)),
                        reader.read(columns, [row])[:, :, 0].astype(np.float64),
                    )
                )  # fmt: skip
    return tuple(maps)


COLLECTOR = AttentionCollector()
