"""Minimal pairs, judged by every model.

Does: find the pairs that are asked for, or the embedded task's own, and ask every model about both
sentences of each. Does not: score; the analysis `minimal_pairs` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, JsonValue

from kdprobe.collectors.predictions import outputs_of
from kdprobe.collectors.protocol import Collected, CollectorOptions
from kdprobe.collectors.session import Session
from kdprobe.config.flags import Flag, Panel
from kdprobe.errors import ConfigError
from kdprobe.models.handle import Capability
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.tasks.pairs import PairTexts
from kdprobe.tasks.task import Split

_GRAMMAR_PAIRS = 50
"""Pairs of each phenomenon of the embedded task, when no number is given."""


class MinimalPairOptions(CollectorOptions):
    """Which minimal pairs are judged.

    Args:
        folder: of BLiMP's jsonl files, for a task of acceptability; None: those of the embedded
            task, and none of any other.
        per_phenomenon: at most so many pairs of each phenomenon, a seeded choice; None: all, or 50
            of the embedded task.
    """

    group: ClassVar[str] = "minimal_pairs"
    panel: ClassVar[Panel] = "what to compare"
    asks: ClassVar[tuple[str, ...]] = ("folder",)

    folder: Annotated[
        Path | None,
        Flag(
            "A folder of BLiMP's jsonl files.", name="minimal-pairs", metavar="DIR", everyday=True
        ),
    ] = None
    per_phenomenon: Annotated[
        Annotated[int, Field(ge=1)] | None,
        Flag("At most N of each.", name="pairs-per-phenomenon", metavar="N"),
    ] = None

    @classmethod
    def described(cls, options: Any) -> dict[str, JsonValue]:
        """Return the name of the folder and the number of pairs."""
        folder = None if options is None else options.folder
        return {
            "minimal_pairs": folder.name if folder else None,
            "pairs_per_phenomenon": None if options is None else options.per_phenomenon,
        }


@dataclass(frozen=True)
class MinimalPairsCollector:
    """How much more acceptable every model finds the good sentence of each pair."""

    name: str = "minimal_pairs"
    kind: type[MinimalPairs] = MinimalPairs
    options: type[MinimalPairOptions] = MinimalPairOptions
    needs: frozenset[Capability] = frozenset({"logits"})
    after: tuple[str, ...] = ("predictions",)
    by_default: bool = True

    def prepare(self, session: Session, options: MinimalPairOptions) -> PairTexts | Skipped | None:
        """Read the pairs; None where there are none, a reason where models cannot judge them."""
        texts = _pair_texts(session, options)
        unable = tuple(session.lacking(self.needs))
        if texts is None or not unable:
            return texts
        reason = f"{', '.join(unable)}: a predictions file cannot judge new sentences"
        return Skipped(what=self.name, reason=reason, models=unable)

    def collect(
        self, session: Session, prepared: PairTexts, progress: Progress
    ) -> Collected[MinimalPairs]:
        """Ask every model about both sentences of each pair."""
        split = Split(
            task=session.task,
            name="minimal pairs",
            ids=tuple(f"{key}-{side}" for side in ("good", "bad") for key in prepared.ids),
            texts=(*prepared.good, *prepared.bad),
            origin=prepared.origin,
        )
        acceptable = session.task.labels.index(session.task.acceptable)
        margins, seconds, half = {}, {}, len(prepared.ids)
        for model in session.models:
            outputs = outputs_of(model, split, session, progress)
            seconds[f"minimal pairs of {model.name}"] = outputs.seconds
            scores = np.stack([run.log_probabilities[:, acceptable] for run in outputs.runs])
            margins[model.name] = scores[:, :half] - scores[:, half:]
        return Collected(
            MinimalPairs(
                ids=prepared.ids,
                phenomena=prepared.phenomena,
                fields=prepared.fields,
                good=prepared.good,
                bad=prepared.bad,
                acceptable=acceptable,
                margins=margins,
                origin=prepared.origin,
            ),
            seconds=seconds,
        )


def _pair_texts(session: Session, options: MinimalPairOptions) -> PairTexts | None:
    """Find the minimal pairs: those asked for, or the embedded task's own."""
    from kdprobe.tasks.pairs import grammar_pairs, read_minimal_pairs

    if options.folder is None:
        if not session.is_generated:
            return None
        size = options.per_phenomenon or _GRAMMAR_PAIRS
        return grammar_pairs(size_per_phenomenon=size, seed=session.seed)
    if not session.task.acceptable:
        raise ConfigError(
            "`minimal_pairs.folder`",
            found=f"{session.task.name} has no label that means acceptable",
            expected="an acceptability task such as cola",
            remedy='name the label in the task file: acceptable = "…"',
        )
    return read_minimal_pairs(
        options.folder, limit_per_phenomenon=options.per_phenomenon, seed=session.seed
    )


COLLECTOR = MinimalPairsCollector()
