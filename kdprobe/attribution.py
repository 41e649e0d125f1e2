"""`kdprobe attribute`: the words of one text, explained by one model or several.

Does: open each model with its own labels, explain one label of one text by the methods asked for,
and write it as a small page or drawing. Does not: compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kdprobe.errors import ConfigError, TaskError
from kdprobe.models.spec import parse_specs
from kdprobe.report.highlights import Line, marks
from kdprobe.tasks.task import Task

if TYPE_CHECKING:
    from kdprobe.models.hf import HfModel

DEFAULT_METHODS = ("integrated_gradients",)
_LARGEST_GAP = 0.01
"""Scores that miss the change of the output by more do not add up, and say so."""


@dataclass(frozen=True)
class WordScores:
    """What one method says of the text; a score of None: the model does not read the word."""

    method: str
    scores: tuple[float | None, ...]
    gap: float | None
    sampled: bool


@dataclass(frozen=True)
class Attributed:
    """One explained text.

    Args:
        model: the model's name.
        words: the words, in order; segments: the text of the pair each stands in, 0 or 1.
        read: how many of them the model reads.
        explained: the explained label; empty for a regression.
        probability: of that label (a regression: the predicted number).
        methods: one entry per method.
        cut: how words were found where no blanks stand between them; empty where they do.
    """

    model: str
    words: tuple[str, ...]
    segments: tuple[int, ...]
    read: int
    explained: str
    probability: float
    methods: tuple[WordScores, ...]
    cut: str = ""


def attribute_all(
    models: Sequence[str],
    text: str,
    *,
    text_pair: str | None = None,
    methods: Sequence[str] = DEFAULT_METHODS,
    label: str | None = None,
    device: str = "auto",
    offline: bool = False,
    seed: int = 0,
) -> tuple[Attributed, ...]:
    """Explain one text by several models, one label for all: the first model's, if none is given.

    Args:
        models: checkpoint folders or hub ids; `NAME=PATH` names one.
        text: the text, with at least one word.
        text_pair: the second text, for models of pairs.
        methods: names of methods, the same for all models.
        label: the label to explain; None: the one the first model predicts.
        device: auto, cpu, cuda, cuda:N or mps.
        offline: never ask the hub.
        seed: of methods that sample.

    Raises:
        TaskError, UnknownNameError, ConfigError: see `attribute`; also two models of one name, or
            several seeds of a model.
    """
    found: list[Attributed] = []
    for spec in parse_specs(models):
        if len(spec.paths) > 1:
            raise ConfigError(
                spec.name, found=f"{len(spec.paths)} paths", expected="one",
                remedy="give each run a name of its own",
            )  # fmt: skip
        one = attribute(
            spec.paths[0], text, text_pair=text_pair, methods=methods,
            label=label or (found[0].explained or None if found else None),
            device=device, offline=offline, seed=seed,
        )  # fmt: skip
        found.append(replace(one, model=spec.name))
    return tuple(found)


def attribute(
    model: str,
    text: str,
    *,
    text_pair: str | None = None,
    methods: Sequence[str] = DEFAULT_METHODS,
    label: str | None = None,
    device: str = "auto",
    offline: bool = False,
    seed: int = 0,
) -> Attributed:
    """Explain one text.

    Args:
        model: a checkpoint folder or a hub id.
        text: the text, with at least one word.
        text_pair: the second text, for a model of pairs.
        methods: names of methods; see `kdprobe list methods`.
        label: the label to explain; None: the predicted one.
        device: auto, cpu, cuda, cuda:N or mps.
        offline: never ask the hub.
        seed: of methods that sample.

    Raises:
        TaskError: the text holds no word.
        UnknownNameError: a method nothing goes by.
        ConfigError: a label that the model does not have.
    """
    from kdprobe.extract.attributions import explain_model
    from kdprobe.extract.coalitions import output_of
    from kdprobe.extract.method import METHODS
    from kdprobe.extract.sentence import Sentence
    from kdprobe.extract.settings import ExplanationSettings
    from kdprobe.models.hf import open_hf
    from kdprobe.models.read_spans import moved, within
    from kdprobe.models.reader import Reader
    from kdprobe.models.words import split_words
    from kdprobe.progress import Silent
    from kdprobe.segmentation import how_cut

    words = split_words(text, text_pair)
    if not words:
        raise TaskError("`text`", found="holds no word", expected="a text to explain")
    names = [METHODS.find(name, option="methods") for name in methods]
    chosen = {name: METHODS.load(name).options() for name in names}
    task = _own_task(model, offline=offline)
    handle: HfModel = open_hf(model, name=model, task=task, device=device, offline=offline)
    reader = Reader(handle)
    texts = (text,) if text_pair is None else (text, text_pair)
    spans = reader.words_read(texts, words)
    read = tuple(word for word in words if within(word, spans))
    cut = tuple(part[start:end] for part, (start, end) in zip(texts, spans, strict=True))
    kept = tuple(moved(word, spans) for word in read)
    encoded = reader.encode(cut)
    logits = reader.logits([(encoded.ids, encoded.types)])
    target = _target(handle.folder, task, label, logits)
    sentence = Sentence("text", cut, kept, target)
    setting = ExplanationSettings(chosen, seed=seed, deletion=False)
    found = explain_model(handle, [sentence], setting, cache=None, progress=Silent())
    places = {word: place for place, word in enumerate(read)}
    return Attributed(
        model=handle.folder,
        words=tuple(word.text for word in words),
        segments=tuple(word.segment for word in words),
        read=len(read),
        explained=task.labels[target] if task.labels else "",
        probability=float(output_of(logits, target, "probability")[0]),
        methods=tuple(
            WordScores(
                name,
                tuple(_score(one.scored.scores, places.get(word)) for word in words),
                float(one.scored.gap) if np.isfinite(one.scored.gap) else None,
                one.scored.sampled,
            )
            for name, (one,) in found.items()
        ),
        cut=how_cut(texts) or "",
    )


def _score(scores: np.ndarray, place: int | None) -> float | None:
    if place is None or place >= len(scores) or not np.isfinite(scores[place]):
        return None
    return float(scores[place])


def _target(model: str, task: Task, label: str | None, logits: np.ndarray) -> int:
    if not task.labels:
        return 0
    if label is None:
        return int(logits[0].argmax())
    if label not in task.labels:
        raise ConfigError(
            f"`label={label}`", found=f"{model} has no such label",
            expected="one of " + ", ".join(task.labels),
        )  # fmt: skip
    return task.labels.index(label)


def _own_task(model: str, *, offline: bool) -> Task:
    """Make a task of the labels that a model's config names."""
    from kdprobe.models.folder import check_folder, locate
    from kdprobe.models.label_names import label_names

    folder = locate(model, offline=offline)
    labels = label_names(check_folder(folder), where=f"{model}: config.json")
    if len(labels) == 1:
        return Task("text", 1, "regression", (), "pearson")
    return Task("text", 1, "classification", labels, "accuracy")


def title_of(found: Sequence[Attributed]) -> str:
    """Say which label was explained, and how probable each model finds it."""
    label = found[0].explained
    told = ", ".join(f"{one.model} {one.probability:.3f}" for one in found)
    return f"{label}: probability {told}" if label else f"score: {told}"


def _whole_title(found: Sequence[Attributed]) -> str:
    """The title of a drawing that stands alone: also how its words were found, where it is said."""
    return "; ".join(filter(None, (title_of(found), found[0].cut)))


def lines_of(found: Sequence[Attributed]) -> list[Line]:
    """Lay out a line for each method and model, the models of a method below each other."""
    return [
        Line(
            first.method,
            one.model,
            marks(one.words, one.methods[place].scores),
            _note(one, one.methods[place]),
        )
        for place, first in enumerate(found[0].methods)
        for one in found
    ]


def _note(one: Attributed, found: WordScores) -> str:
    """Say what a reader must know of scores: noise, sums that miss, words that were not read."""
    told = ["sampled"] if found.sampled else []
    if found.gap is not None and found.gap > _LARGEST_GAP:
        told.append(f"sum off by {found.gap:.0%}")
    if one.read < len(one.words):
        told.append(f"{one.read} of {len(one.words)} words read")
    return ", ".join(told)


def page_of(found: Sequence[Attributed]) -> str:
    """Write an explained text as a page of its own, with no script and no network request."""
    from kdprobe.report.snippet import snippet

    return snippet(_whole_title(found), lines_of(found))


def drawing_of(found: Sequence[Attributed]) -> str:
    """Write an explained text as an SVG of its own."""
    from kdprobe.report.word_svg import words_svg

    return words_svg(_whole_title(found), lines_of(found))
