"""What is explained: which examples, which of their words, and which class.

Does: say what was asked for, choose the examples, and cut each to what every model reads of it.
Does not: explain anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kdprobe.cache import Cache
from kdprobe.config.base import parse
from kdprobe.errors import ConfigError
from kdprobe.observations.attributions import Word
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.progress import Progress
from kdprobe.stats.arrays import Bools, Ints
from kdprobe.tasks.own_sentences import OWN
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from kdprobe.extract.sentence import Sentence
    from kdprobe.models.hf import HfModel
    from kdprobe.models.reader import Reader

DEFAULT_METHODS = ("integrated_gradients", "lime", "shap")
DEFAULT_SENTENCES = 200
OPTION = "--method-set"
Target = Literal["teacher", "gold", "own"]


@dataclass(frozen=True)
class AttributionRequest:
    """What of the attributions was asked for.

    Args:
        methods: which, in the order of the report; see `kdprobe list methods`.
        sentences: how many examples are explained, a stratified choice.
        file: a file of sentences to explain instead of examples: a text file with one a line, or a
            table with a column `text`.
        target: whose class is explained: the teacher's prediction or the gold label for all models,
            or each model's own prediction.
        output: `log-odds` or `probability`; `removal`: `delete` or `mask`.
        options: options of methods by name, `{"lime": {"samples": 5000}}`.
        own: the sentences of `file`; a comparison fills it in.

    Raises:
        UnknownNameError: a method nothing goes by.
        ConfigError: a method given twice, fewer than one sentence, options of a method that was not
            asked for, an unknown option (the nearest is offered), or a value of the wrong kind.
    """

    methods: tuple[str, ...] = DEFAULT_METHODS
    sentences: int = DEFAULT_SENTENCES
    file: str | Path | None = None
    target: Target = "teacher"
    output: Literal["log-odds", "probability"] = "log-odds"
    removal: Literal["delete", "mask"] = "delete"
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    own: Split | None = None

    def __post_init__(self) -> None:
        """Check the methods, their options and the number of sentences."""
        from kdprobe.extract.method import METHODS

        methods = tuple(METHODS.find(name, option="methods") for name in self.methods)
        object.__setattr__(self, "methods", methods)
        if len(set(self.methods)) != len(self.methods):
            raise ConfigError("--methods", found="a method is given twice", expected="each once")
        if self.sentences < 1:
            raise ConfigError(
                "--attribution-sentences", found=f"is {self.sentences}", expected="at least 1"
            )
        for name, given in self.options.items():
            where = f"{OPTION} {name}"
            if name not in self.methods:
                raise ConfigError(
                    where,
                    found=f"{name} is not among the methods",
                    expected="one of " + ", ".join(self.methods),
                )
            if not isinstance(given, Mapping):
                raise ConfigError(
                    where, found=f"is {given!r}", expected=f"an option: {name}.KEY=VALUE"
                )
            parse(METHODS.load(name).options, dict(given), where)

    @property
    def origin(self) -> str | None:
        """The name of the file of own sentences."""
        return self.own.origin if self.own is not None else None


@dataclass(frozen=True)
class Plan:
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
        """Give the sentences as one model is asked about them."""
        if model not in self.own_target:
            return self.sentences
        return tuple(
            replace(one, target=int(target))
            for one, target in zip(self.sentences, self.own_target[model], strict=True)
        )


def plan_of(study: Study, models: Sequence[Sequence[HfModel]], request: AttributionRequest) -> Plan:
    """Choose the examples and cut them to what all models read; those without words go."""
    from kdprobe.extract.sampling import choose_rows
    from kdprobe.extract.sentence import Sentence
    from kdprobe.models.read_spans import common, moved, within
    from kdprobe.models.reader import Reader
    from kdprobe.models.words import split_words

    split = study.split
    pairs: Sequence[str | None] = split.pairs or [None] * study.n
    words = [split_words(text, pair) for text, pair in zip(split.texts, pairs, strict=True)]
    target = _targets(study, request)
    said = np.stack([population.first.predicted for population in study.models])
    labels = _strata(study, target)
    lengths = np.array([len(parts) for parts in words], dtype=np.int64)
    explicable = lengths > 0
    if request.target == "gold":
        explicable &= split.has_gold
    spoken = np.flatnonzero(explicable)
    chosen = choose_rows(
        tuple(split.ids[row] for row in spoken), labels[spoken],
        (said == said[0]).all(axis=0)[spoken], lengths[spoken],
        count=request.sentences, seed=study.seed,
    )  # fmt: skip
    rows = [int(spoken[place]) for place in chosen]
    readers = [Reader(member) for members in models for member in members]
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
    counts = Counter(word.text.lower() for found in words for word in found)
    return Plan(
        tuple(split.ids[row] for row in held), tuple(words[row] for row in held), target[held],
        tuple(sentences), tuple(read), dict(counts), _own_targets(study, request, held),
        _notes(readers, texts=[text for one in sentences for text in one.texts]),
    )  # fmt: skip


def _strata(study: Study, target: Ints) -> Ints:
    """Give the labels in proportion to which examples are chosen: gold, else what is explained."""
    labels = study.split.labels
    if labels is None:
        return target
    known = study.split.has_gold
    return np.where(known, np.where(known, labels, 0).astype(np.int64), target).astype(np.int64)


def _targets(study: Study, request: AttributionRequest) -> Ints:
    if study.split.task.kind == "regression":
        return np.zeros(study.n, dtype=np.int64)
    if request.target == "gold" and study.split.labels is not None:
        return study.split.labels.astype(np.int64)
    return study.teacher.first.predicted


def _own_targets(study: Study, request: AttributionRequest, rows: list[int]) -> dict[str, Ints]:
    """Give each model's own class of the chosen examples, when these are what is explained."""
    if request.target != "own" or study.split.task.kind == "regression":
        return {}
    return {model.name: model.first.predicted[rows] for model in study.models}


def _notes(readers: Sequence[Reader], *, texts: Sequence[str]) -> tuple[str, ...]:
    from kdprobe.segmentation import how_cut

    cut = how_cut(texts)
    notes = () if cut is None else (f"{cut[0].upper()}{cut[1:]}.",)
    lower = sorted({str(reader.dtype).removeprefix("torch.") for reader in readers} - {"float32"})
    if not lower:
        return notes
    return (
        *notes,
        f"Methods that leave words out (LIME, SHAP, occlusion, deletion) ran in {lower[0]}; "
        "gradients in float32, of the same rounded weights.",
    )


def own_study(
    study: Study,
    split: Split,
    models: Mapping[str, Sequence[HfModel]],
    *,
    cache: Cache | None,
    batch_size: int,
    progress: Progress,
) -> Study:
    """Ask the models about a person's own sentences, and join what they say to a study.

    Args:
        study: the comparison; gives seed, resamples and the roles.
        split: the sentences, with ids that the comparison's examples do not have.
        models: the models that can be asked, by name, the teacher among them.
        cache: where answers are kept, or None.
        batch_size: the most sentences in one forward pass.
        progress: told of every batch.
    """
    from kdprobe.extract.predictions import extract_predictions

    taken = set(study.split.ids)
    split = replace(split, ids=tuple(_free(key, taken) for key in split.ids))
    asked = [
        Population(
            population.name,
            population.role,
            tuple(
                extract_predictions(
                    member, split, cache=cache, batch_size=batch_size, progress=progress
                ).predictions
                for member in models[population.name]
            ),
        )
        for population in study.models
        if population.name in models
    ]
    return Study(split=split, models=tuple(asked), seed=study.seed, resamples=study.resamples)


def _free(key: str, taken: set[str]) -> str:
    return _free(f"{key}~", taken) if key in taken else key


def sampling_note(study: Study, plan: Plan) -> str:
    """Say which examples were explained, and how they were chosen."""
    n = len(plan.ids)
    if study.split.name == OWN:
        return f"{n} of {study.n} sentences of {study.split.origin} were explained."
    if n == study.n:
        return f"All {n} examples were explained."
    if not n:
        return f"None of the {study.n} examples was explained: no word of them is read."
    places = {key: row for row, key in enumerate(study.split.ids)}
    rows = [places[key] for key in plan.ids]
    said = np.stack([population.first.predicted for population in study.models])
    agreeing = int((said == said[0]).all(axis=0)[rows].sum())
    lengths = [len(words) for words in plan.words]
    told = (
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
        told += f"{label} ({shares}), agreement of the models (all agree on {agreeing}) and length "
    else:
        told += "length "
    return told + f"({min(lengths)} to {max(lengths)} words)."
