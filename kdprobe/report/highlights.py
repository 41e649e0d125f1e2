"""Word scores as coloured words: the same words in the same columns, a row per method and model.

Does: give each score of a sentence a step of colour. Does not: choose sentences or scale scores
between models.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.results.schema import ExampleWords, ResultsDocument, Table

STEPS = 5


@dataclass(frozen=True)
class Mark:
    """One word in one row: its score, and a class (`t3`: toward, `a1`: against, empty: neither)."""

    word: str
    score: float | None
    tint: str

    @property
    def shown(self) -> str:
        """The score in two decimals; a dash where the model does not read the word.

        >>> Mark("a", -0.004, "").shown, Mark("a", -1.5, "a5").shown, Mark("a", None, "").shown
        ('0.00', '−1.50', '–')
        """
        if self.score is None:
            return "–"
        return f"{self.score:.2f}".replace("-0.00", "0.00").replace("-", "−")


@dataclass(frozen=True)
class Line:
    """The words of one sentence as one method sees them for one model.

    `note`: what a reader must know of these scores (sampled, …); empty: nothing.
    """

    method: str
    model: str
    marks: tuple[Mark, ...]
    note: str = ""

    @property
    def backwards(self) -> bool:
        """Whether the words run from right to left: the first letter with a direction does."""
        sides = (unicodedata.bidirectional(char) for mark in self.marks for char in mark.word)
        return next((side for side in sides if side in ("L", "R", "AL")), "L") != "L"

    @property
    def model_noted(self) -> str:
        """The model's name with the note behind it."""
        return f"{self.model} ({self.note})" if self.note else self.model


@dataclass(frozen=True)
class Marked:
    """One sentence with all its lines; `why` it is shown and the explained class."""

    example: str
    why: str
    explained: str
    lines: tuple[Line, ...]


def tint(score: float | None, most: float) -> str:
    """Return the class of a score: how far it reaches towards the largest size in its line.

    >>> tint(0.9, 1.0), tint(-0.21, 1.0), tint(0.01, 1.0), tint(None, 1.0)
    ('t5', 'a2', '', '')
    """
    if score is None or not most:
        return ""
    step = min(STEPS, int(STEPS * abs(score) / most + 0.999))
    if abs(score) < 0.05 * most:
        return ""
    return f"{'t' if score > 0 else 'a'}{step}"


def marks(words: Sequence[str], scores: Sequence[float | None]) -> tuple[Mark, ...]:
    """Colour the words of one line."""
    most = max((abs(score) for score in scores if score is not None), default=0.0)
    return tuple(
        Mark(word, score, tint(score, most)) for word, score in zip(words, scores, strict=True)
    )


def marked(document: ResultsDocument, table: Table | None) -> tuple[Marked, ...]:
    """Return the sentences that a table of explained sentences names, with the words they hold."""
    examples = {example.id: example.words for example in document.examples}
    return tuple(
        _marked(str(example), str(why), words, document.task.labels)
        for example, why in (table.rows if table else ())
        if (words := examples.get(str(example))) is not None
    )


def _marked(example: str, why: str, words: ExampleWords, labels: Sequence[str]) -> Marked:
    lines = tuple(
        Line(line.method, line.model, marks(words.words, line.scores)) for line in words.scores
    )
    known = words.explained is not None and words.explained < len(labels)
    return Marked(example, why, labels[words.explained or 0] if known else "", lines)
