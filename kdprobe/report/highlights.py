"""Word scores as coloured words: by method, the same words in the same columns, a row a model.

Does: give each score of a sentence a step of colour. Does not: choose sentences or scale scores
between models.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.report.examples import kept_examples, page_ids
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
    """One sentence as one method sees it for every model.

    `example` is its id and `place` the id it goes by on the page; `why` it is shown, the explained
    class, and how many of its words belong to the first of two texts (0: there is one text).
    """

    example: str
    place: str
    why: str
    explained: str
    first: int
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


def marked(document: ResultsDocument, table: Table | None) -> dict[str, tuple[Marked, ...]]:
    """Return method -> the sentences that a table names, as far as the page holds their words."""
    kept = kept_examples(document)
    held = {example.id: (page_id, example.words) for example, page_id in zip(
        kept, page_ids(kept), strict=True)}  # fmt: skip
    named = [(str(row[0]), str(row[1])) for row in (table.rows if table else ())]
    by_method: dict[str, list[Marked]] = {}
    for example, why in named:
        place, words = held.get(example, ("", None))
        if words is None:
            continue
        for method in dict.fromkeys(line.method for line in words.scores):
            sentence = _marked(example, why, words, document, method, place)
            by_method.setdefault(method, []).append(sentence)
    return {method: tuple(sentences) for method, sentences in by_method.items()}


def _marked(
    example: str, why: str, words: ExampleWords, document: ResultsDocument, method: str, place: str
) -> Marked:
    order = [document.teacher.name, *(student.name for student in document.students)]
    scores = {line.model: line.scores for line in words.scores if line.method == method}
    lines = tuple(
        Line(method, model, marks(words.words, scores[model])) for model in order if model in scores
    )
    labels = document.task.labels
    known = words.explained is not None and words.explained < len(labels)
    named = labels[words.explained or 0] if known else ""
    return Marked(example, place, why, named, words.second or 0, lines)
