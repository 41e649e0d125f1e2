"""One explained text in the hand: its scores as a frame, a page or a drawing.

Does: hold the scores of each model and method, and show them. Does not: explain.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from kdprobe import atomic
from kdprobe.errors import ConfigError
from kdprobe.plain_text import printable
from kdprobe.registry import unknown_name
from kdprobe.report.highlights import Line, marks
from kdprobe.results.io import csv_cell

if TYPE_CHECKING:
    import pandas as pd

_SCORES = ("model", "method", "word", "segment", "score")
_LARGEST_GAP = 0.01
"""Scores that miss the change of the output by more do not add up, and say so."""


@dataclass(frozen=True)
class MethodScores:
    """The scores of one method; a score of None: the model does not read the word.

    `gap` is how far the scores miss the change of the output, as a share of it; `sampled` whether
    they hold sampling noise.
    """

    method: str
    scores: tuple[float | None, ...]
    gap: float | None
    sampled: bool


@dataclass(frozen=True, repr=False)
class TextAttribution:
    """One text, explained by one model.

    Args:
        model: the model's name.
        words: the words, in order; segments: the text of the pair each stands in, 0 or 1.
        read: how many of them the model reads.
        explained: the explained label; empty for a regression.
        probability: of that label (a regression: the predicted number).
        methods: one entry per method.
        cut: how words were found where no blanks stand between them; empty where they do.
        rounding: how far all of it lies from float32; empty: it is float32.
    """

    model: str
    words: tuple[str, ...]
    segments: tuple[int, ...]
    read: int
    explained: str
    probability: float
    methods: tuple[MethodScores, ...]
    cut: str = ""
    rounding: str = ""

    def __repr__(self) -> str:
        """The label, and the words of each method with their scores."""
        return repr(TextAttributions((self,)))

    def _repr_html_(self) -> str:
        """Show the words in colour in a notebook."""
        return drawing_of((self,))


@dataclass(frozen=True, repr=False)
class TextAttributions(Sequence[TextAttribution]):
    """One text, explained by one model or several: one label for all, an entry each."""

    models: tuple[TextAttribution, ...]

    @overload
    def __getitem__(self, place: int) -> TextAttribution: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[TextAttribution, ...]: ...
    def __getitem__(self, place: int | slice) -> TextAttribution | tuple[TextAttribution, ...]:
        """Return the explanation of one model, in the order given."""
        return self.models[place]

    def __len__(self) -> int:
        """The number of models."""
        return len(self.models)

    @property
    def metrics(self) -> pd.DataFrame:
        """A row a model and method: the explained label, its probability, and how sure scores are.

        `gap` is NaN where the method's scores need not add up; `read` counts the words of `words`
        that the model reads.
        """
        import pandas as pd

        rows = [
            (model.model, method.method, model.explained, model.probability, method.gap,
             method.sampled, len(model.words), model.read)
            for model in self.models for method in model.methods
        ]  # fmt: skip
        names = ["model", "method", "explained", "probability", "gap", "sampled", "words", "read"]
        return pd.DataFrame(rows, columns=names).astype({"gap": "float64"})

    @property
    def scores(self) -> pd.DataFrame:
        """A row a model, method and word: `model`, `method`, `word`, `segment`, `score`.

        `score` is float64, NaN where the model does not read the word.
        """
        import pandas as pd

        frame = pd.DataFrame(self._rows(), columns=list(_SCORES))
        return frame.astype({"score": "float64"})

    def _rows(self) -> list[tuple[str, str, str, int, float | None]]:
        return [
            (model.model, method.method, word, segment, score)
            for model in self.models
            for method in model.methods
            for word, segment, score in zip(model.words, model.segments, method.scores, strict=True)
        ]

    def get(self, method: str, model: str = "") -> MethodScores:
        """Return the scores of one method and model; the model may be left out where it is one.

        Raises:
            UnknownNameError: there is none of this name; the nearest are named.
        """
        names = tuple(each.model for each in self.models)
        model = model or (names[0] if len(names) == 1 else "")
        if model not in names:
            raise unknown_name("model", model, names)
        methods = {each.method: each for each in self.models[names.index(model)].methods}
        if method not in methods:
            raise unknown_name("method", method, tuple(methods))
        return methods[method]

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write a page (.html), a drawing (.svg), or both and scores.csv into a folder.

        Args:
            path: a file, or a new or empty folder.
            force: write into a folder that is not empty.

        Raises:
            ConfigError: another ending.
            OutputError: the folder is not empty, or the place cannot be written.
        """
        place = Path(path)
        pages = {".html": page_of, ".htm": page_of, ".svg": drawing_of}
        if place.is_dir() or not place.suffix:
            atomic.require_empty_folder(place, force=force)
            with atomic.staged_folder(place) as stage:
                for ending in (".html", ".svg"):
                    text = pages[ending](self)
                    (stage / f"attribution{ending}").write_text(text, encoding="utf-8")
                rows = [list(map(csv_cell, row)) for row in self._rows()]
                with (stage / "scores.csv").open("w", encoding="utf-8", newline="") as file:
                    csv.writer(file, lineterminator="\n").writerows([_SCORES, *rows])
            return place
        if place.suffix.lower() not in pages:
            raise ConfigError(
                f"`path={place.name}`",
                found=f"ends in {place.suffix!r}",
                expected=".html for a page, .svg for a drawing, or a folder for both",
            )
        atomic.write_text(place, pages[place.suffix.lower()](self))
        return place

    def __repr__(self) -> str:
        """The label, and the words of each model and method with their scores."""
        lines = [title_of(self)]
        for model in self.models:
            for method in model.methods:
                words = " ".join(
                    word if score is None else f"{word} ({score:+.2f})"
                    for word, score in zip(model.words, method.scores, strict=True)
                )
                lines.append(f"  {model.model}, {method.method}: {words}")
        return "\n".join(map(printable, lines))

    def _repr_html_(self) -> str:
        """Show the words in colour in a notebook."""
        return drawing_of(self)


def title_of(texts: Sequence[TextAttribution]) -> str:
    """Return which label was explained, and its probability by each model."""
    label = texts[0].explained
    outputs = ", ".join(f"{each.model} {each.probability:.3f}" for each in texts)
    return f"{label}: probability {outputs}" if label else f"score: {outputs}"


def _whole_title(texts: Sequence[TextAttribution]) -> str:
    """The title of a drawing that stands alone: also how words were found, and what was rounded."""
    rounded = [f"{one.model} in {one.rounding}" for one in texts if one.rounding]
    return "; ".join(filter(None, (title_of(texts), texts[0].cut, *rounded)))


def lines_of(texts: Sequence[TextAttribution]) -> list[Line]:
    """Lay out a line for each method and model, the models of a method below each other."""
    return [
        Line(
            first.method,
            one.model,
            marks(one.words, one.methods[place].scores),
            _note(one, one.methods[place]),
        )
        for place, first in enumerate(texts[0].methods)
        for one in texts
    ]


def _note(one: TextAttribution, scores: MethodScores) -> str:
    """Return what a reader must know of scores: noise, sums that miss, words not read."""
    notes = ["sampled"] if scores.sampled else []
    if scores.gap is not None and scores.gap > _LARGEST_GAP:
        notes.append(f"sum off by {scores.gap:.0%}")
    if one.read < len(one.words):
        notes.append(f"{one.read} of {len(one.words)} words read")
    return ", ".join(notes)


def page_of(texts: Sequence[TextAttribution]) -> str:
    """Write an explained text as a page of its own, with no script and no network request."""
    from kdprobe.report.snippet import snippet

    return snippet(_whole_title(texts), lines_of(texts))


def drawing_of(texts: Sequence[TextAttribution]) -> str:
    """Write an explained text as an SVG of its own."""
    from kdprobe.report.word_svg import words_svg

    return words_svg(_whole_title(texts), lines_of(texts))
