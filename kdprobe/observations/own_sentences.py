"""A person's own sentences; an observation of a `Study`."""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.observations.study import Study


@dataclass(frozen=True)
class OwnSentences:
    """The study of the sentences that a person wants explained instead of the split's examples.

    It is a comparison of its own: other texts, the same models, seed and resamples.

    Args:
        study: with the attributions of these sentences among its observations.
    """

    study: Study

    def with_gold(self) -> OwnSentences:
        """Return those of them that have a gold label; itself where none or all have one."""
        labelled = self.study.with_gold()
        return self if labelled is self.study else OwnSentences(labelled)
