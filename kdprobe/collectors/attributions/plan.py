"""What is explained: which examples, which of their words, and which class.

Does: choose the examples, and cut each to what every model reads of it. Does not: explain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.observations.attributions import Word
from kdprobe.observations.label_sets import LabelOutputs, as_given, labels_of
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Bools, Ints
from kdprobe.tasks.own_sentences import OWN

if TYPE_CHECKING:
    from kdprobe.extract.sentence import Sentence
    from kdprobe.models.handle import ModelHandle
    from kdprobe.models.texts_reader import TextsReader


@dataclass(frozen=True)
class ExplanationPlan:
    """The chosen examples: all their words, what is explained of them, and how often words are.

    `own_target` is, for models explained by their own prediction, its class of each example;
    `notes` are for the reader of the report.
    """

    ids: tuple[str, ...]
    words: tuple[tuple[Word, ...], ...]
    target: Ints
    sentences: tuple[Sentence, ...]
    read: tuple[Bools, ...]
    counts: Mapping[str, int]
    own_target: Mapping[str, Ints] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of(self, model: str) -> tuple[Sentence, ...]:
        """Return the sentences as one model is asked about them."""
        if model not in self.own_target:
            return self.sentences
        return tuple(
            replace(one, target=int(target))
            for one, target in zip(self.sentences, self.own_target[model], strict=True)
        )


def plan_of(
    study: Study, models: Sequence[Sequence[ModelHandle]], request: AttributionRequest
) -> ExplanationPlan:
    """Choose the examples and cut them to what all models read; those without words go."""
    from kdprobe.extract.sampling import choose_rows
    from kdprobe.extract.sentence import Sentence
    from kdprobe.models.read_spans import common, moved, within
    from kdprobe.models.texts_reader import reader_of
    from kdprobe.models.words import split_words

    split = study.split
    pairs: Sequence[str | None] = split.pairs or [None] * study.n
    words = [split_words(text, pair) for text, pair in zip(split.texts, pairs, strict=True)]
    target = _targets(study, request)
    predicted = np.stack([population.first.predicted for population in study.models])
    labels = _strata(study, study.teacher.first.predicted if study.split.task.sets else target)
    lengths = np.array([len(parts) for parts in words], dtype=np.int64)
    explicable = lengths > 0
    if request.target == "gold":
        explicable &= split.has_gold
    with_words = np.flatnonzero(explicable)
    chosen = choose_rows(
        tuple(split.ids[row] for row in with_words), labels[with_words],
        (predicted == predicted[0]).all(axis=0)[with_words], lengths[with_words],
        count=request.sentences, seed=study.seed,
    )  # fmt: skip
    rows = [int(with_words[place]) for place in chosen]
    readers = [reader_of(member) for members in models for member in members]
    sentences, read, held = [], [], []
    for row in rows:
        pair = pairs[row]
        texts = (split.texts[row],) if pair is None else (split.texts[row], pair)
        least = common([reader.words_read(texts, words[row]) for reader in readers])
        inside = np.array([within(word, least) for word in words[row]])
        if not inside.any():
            continue
        kept = tuple(
            moved(word, least) for word, here in zip(words[row], inside, strict=True) if here
        )
        cut = tuple(text[start:end] for text, (start, end) in zip(texts, least, strict=True))
        sentences.append(Sentence(split.ids[row], cut, kept, int(target[row])))
        read.append(inside)
        held.append(row)
    counts = Counter(word.text.lower() for each in words for word in each)
    return ExplanationPlan(
        tuple(split.ids[row] for row in held), tuple(words[row] for row in held), target[held],
        tuple(sentences), tuple(read), dict(counts), _own_targets(study, request, held),
        _notes(readers, texts=[text for one in sentences for text in one.texts]),
    )  # fmt: skip


def _strata(study: Study, target: Ints) -> Ints:
    """Return the labels in proportion to which examples are chosen: gold, else the explained."""
    labels = study.split.labels
    if labels is None:
        return target
    known = study.split.has_gold
    return np.where(known, np.where(known, labels, 0).astype(np.int64), target).astype(np.int64)


def _targets(study: Study, request: AttributionRequest) -> Ints:
    if study.split.task.kind == "regression":
        return np.zeros(study.n, dtype=np.int64)
    if request.label:
        place = as_given(study).task.labels.index(request.label)
        return np.full(study.n, place, dtype=np.int64)
    if request.target == "gold" and study.split.labels is not None:
        return study.split.labels.astype(np.int64)
    return _likeliest(study, study.teacher)


def _likeliest(study: Study, model: Population) -> Ints:
    """Return the class that a model predicts, or of several labels the most probable; `[n]`."""
    if not study.has(LabelOutputs):
        return model.first.predicted
    return labels_of(study).runs[model.name][0].values.argmax(axis=1).astype(np.int64)


def _own_targets(study: Study, request: AttributionRequest, rows: list[int]) -> dict[str, Ints]:
    """Return each model's own class of the chosen examples, when these are explained."""
    if request.target != "own" or study.split.task.kind == "regression":
        return {}
    return {model.name: _likeliest(study, model)[rows] for model in study.models}


def _notes(readers: Sequence[TextsReader], *, texts: Sequence[str]) -> tuple[str, ...]:
    from kdprobe.segmentation import how_cut

    cut = how_cut(texts)
    notes = () if cut is None else (f"{cut[0].upper()}{cut[1:]}.",)
    lower = sorted({reader.precision for reader in readers} - {"float32", ""})
    if not lower:
        return notes
    return (
        *notes,
        f"Methods that leave words out (LIME, SHAP, occlusion, deletion) ran in {lower[0]}; "
        "gradients in float32, of the same rounded weights.",
    )


def sampling_note(study: Study, plan: ExplanationPlan) -> str:
    """Return a sentence on which examples were explained, and how they were chosen."""
    n = len(plan.ids)
    if study.split.name == OWN:
        return f"{n} of {study.n} sentences of {study.split.origin} were explained."
    if n == study.n:
        return f"All {n} examples were explained."
    if not n:
        return f"None of the {study.n} examples was explained: no word of them is read."
    places = {key: row for row, key in enumerate(study.split.ids)}
    rows = [places[key] for key in plan.ids]
    predicted = np.stack([population.first.predicted for population in study.models])
    agreeing = int((predicted == predicted[0]).all(axis=0)[rows].sum())
    lengths = [len(words) for words in plan.words]
    note = (
        f"{n} of {study.n} examples were explained, chosen by seed {study.seed} in proportion to "
    )
    if study.split.task.kind == "classification":
        known = study.split.has_gold
        kinds = _strata(study, study.teacher.first.predicted)
        totals = np.bincount(kinds[rows], minlength=len(study.split.task.labels))
        shares = ", ".join(
            f"{name} {total}"
            for name, total in zip(study.split.task.labels, totals.tolist(), strict=True)
            if total
        )
        label = "label" if known.any() else "the teacher's label"
        if known.any() and not known.all():
            label = "label, the teacher's where there is no gold label,"
        note += f"{label} ({shares}), agreement of the models (all agree on {agreeing}) and length "
    else:
        note += "length "
    return note + f"({min(lengths)} to {max(lengths)} words)."
