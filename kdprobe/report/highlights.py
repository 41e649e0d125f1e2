"""Word scores as coloured words: the same words in the same columns, a row per method and model.

Does: group the rows of a table of word scores by sentence and give each score a step of colour.
Does not: choose sentences or scale scores between models.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.results.schema import Cell

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


def marked(rows: Sequence[Sequence[Cell]]) -> tuple[Marked, ...]:
    """Group rows of (example, why, explained, method, model, word no., word, score) by sentence."""
    grouped: dict[tuple[str, str, str], dict[tuple[str, str], list[tuple[str, Cell]]]] = {}
    for example, why, explained, method, model, _, word, score in rows:
        sentence = grouped.setdefault((str(example), str(why), str(explained)), {})
        sentence.setdefault((str(method), str(model)), []).append((str(word), score))
    sentences = []
    for (example, why, explained), by_model in grouped.items():
        lines = []
        for (method, model), cells in by_model.items():
            scores = [float(score) if score is not None else None for _, score in cells]
            lines.append(Line(method, model, marks([word for word, _ in cells], scores)))
        sentences.append(Marked(example, why, explained, tuple(lines)))
    return tuple(sentences)
