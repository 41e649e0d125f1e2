"""What the example browser knows of an explained example: its words and their scores.

Does: frozen types of the results document. Does not: compute or render.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat, model_validator

from kdprobe.results.parts import Count, Frozen

EXPLAINED_SENTENCES = "explained_sentences"
"""The table that names the examples whose words a page shows side by side, and why these."""


class WordScores(Frozen):
    """One score per word, of one model by one method; None: the model does not read the word."""

    method: str
    model: str
    scores: tuple[FiniteFloat | None, ...]


class WordAgreement(Frozen):
    """Spearman's correlation of teacher and student on one example, by one method."""

    method: str
    student: str
    value: Annotated[float, Field(ge=-1, le=1)]


class ExampleWords(Frozen):
    """How the words of an example were explained.

    `explained` is an index into the task's labels (None for a regression). `words` and `scores` are
    empty where the example is not among those whose word scores the document carries; they are in
    `attributions.parquet` then. An agreement that cannot be ranked is left out of `agreement`.
    `second` is the place of the second text's first word, None where there is one text.
    """

    explained: Count | None = None
    words: tuple[str, ...] = ()
    second: Count | None = None
    scores: tuple[WordScores, ...] = ()
    agreement: tuple[WordAgreement, ...] = ()

    @model_validator(mode="after")
    def _a_score_for_every_word(self) -> ExampleWords:
        for line in self.scores:
            if len(line.scores) != len(self.words):
                raise ValueError(
                    f"{line.method} of {line.model}: {len(line.scores)} scores for "
                    f"{len(self.words)} words"
                )
        return self
