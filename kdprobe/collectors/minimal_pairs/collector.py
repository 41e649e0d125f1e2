"""Minimal pairs, judged by every model.

Does: find the pairs that are asked for, or the embedded task's own, and ask every model about both
sentences of each. Does not: score; the analysis `minimal_pairs` does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kdprobe.collectors.guarding import unable
from kdprobe.collectors.minimal_pairs.options import MinimalPairOptions
from kdprobe.collectors.predictions import outputs_of
from kdprobe.collectors.protocol import Collected
from kdprobe.collectors.session import Session
from kdprobe.errors import ConfigError
from kdprobe.models.handle import Capability
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.tasks.pairs import PairTexts
from kdprobe.tasks.task import Split

_GRAMMAR_PAIRS = 50
"""Pairs of each phenomenon of the embedded task, when no number is given."""


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
        return None if texts is None else self._unable(session) or texts

    def _unable(self, session: Session) -> Skipped | None:
        """Return which models cannot judge sentences and why, as far as is known by now."""
        reasons = session.lacking(self.needs)
        return unable(self.name, reasons) if reasons else None

    def collect(
        self, session: Session, prepared: PairTexts, progress: Progress
    ) -> Collected[MinimalPairs] | Skipped:
        """Ask every model about both sentences of each pair."""
        skipped = self._unable(session)  # what a function gives is known once it was called
        if skipped is not None:
            return skipped
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
