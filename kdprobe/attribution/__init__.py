"""`kdprobe.attribute`: the words of one text, explained by one model or several.

Does: open each model with its own labels, and explain one label of one text by the methods asked
for. Does not: compare, or show; `result.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kdprobe.attribution.result import MethodScores, TextAttribution, TextAttributions
from kdprobe.config.commands import Seeded
from kdprobe.errors import CapabilityError, ConfigError, TaskError
from kdprobe.models.model_like import ModelsLike, kind_of, specs_of_models
from kdprobe.tasks.task import Task

DEFAULT_METHODS = ("integrated_gradients",)


def attribute(
    models: ModelsLike,
    text: str,
    *,
    text_pair: str | None = None,
    methods: str | Sequence[str] = DEFAULT_METHODS,
    label: str | None = None,
    device: str = "auto",
    offline: bool = False,
    seed: int = 0,
) -> TextAttributions:
    """Explain one text by one model or several, one label for all.

    Args:
        models: checkpoint folders, hub ids or `python:MODULE:FUNCTION` (`NAME=PATH` names one),
            loaded models, pipelines or functions of texts, as `kdprobe.compare` takes them; one,
            several, or several by name.
            The labels of a function are those it names, or its columns, else `0`, `1`, ….
        text: the text, with at least one word.
        text_pair: the second text, for models of pairs.
        methods: names of methods, the same for all models; see `kdprobe list methods`.
        label: the label to explain; None: the one that the first model predicts.
        device: auto, cpu, cuda, cuda:N or mps.
        offline: never ask the hub.
        seed: of methods that sample.

    Raises:
        TypeError: a text that is none, or something else than names.
        TaskError: the text holds no word.
        UnknownNameError: a method nothing goes by.
        ConfigError: a label that a model does not have, two models of one name, or several seeds of
            a model.
    """
    for option, value in (("text", text), ("text_pair", text_pair)):
        if not (isinstance(value, str) or (value is None and option == "text_pair")):
            raise TypeError(f"attribute() takes {option} as text, not {type(value).__name__}")
    names = (methods,) if isinstance(methods, str) else methods
    if not (isinstance(names, list | tuple) and names and all(isinstance(n, str) for n in names)):
        raise TypeError(f"attribute() takes methods as one name or a list of names, not {names!r}")
    seed = Seeded(seed=seed).seed
    explained: list[TextAttribution] = []
    for spec in specs_of_models(models):
        runs = (*spec.paths, *spec.objects)
        if len(runs) > 1:
            raise ConfigError(
                spec.name, found=f"{len(runs)} paths", expected="one",
                remedy="give each run a name of its own",
            )  # fmt: skip
        explained += [
            _attribute(
                runs[0], text, name=spec.name, text_pair=text_pair, methods=names,
                label=label or (explained[0].explained or None if explained else None),
                device=device, offline=offline, seed=seed,
            )
        ]  # fmt: skip
    return TextAttributions(tuple(explained))


def _attribute(
    model: object,
    text: str,
    *,
    name: str,
    text_pair: str | None,
    methods: Sequence[str],
    label: str | None,
    device: str,
    offline: bool,
    seed: int,
) -> TextAttribution:
    """Explain one text by one model; see `attribute`."""
    from kdprobe.extract.attributions import explain_model
    from kdprobe.extract.coalitions import output_of
    from kdprobe.extract.method import METHODS
    from kdprobe.extract.sentence import Sentence
    from kdprobe.extract.settings import ExplanationSettings
    from kdprobe.models.open import open_model
    from kdprobe.models.read_spans import moved, within
    from kdprobe.models.texts_reader import reader_of
    from kdprobe.models.words import split_words
    from kdprobe.progress import Silent
    from kdprobe.segmentation import how_cut

    words = split_words(text, text_pair)
    if not words:
        raise TaskError("`text`", found="holds no word", expected="a text to explain")
    known = [METHODS.find(method, option="methods") for method in methods]
    chosen = {method: METHODS.load(method).options() for method in known}
    texts = (text,) if text_pair is None else (text, text_pair)
    task = _own_task(model, name, texts, offline=offline)
    handle = open_model(model, name=name, task=task, device=device, offline=offline)
    reader = reader_of(handle)
    spans = reader.words_read(texts, words)
    read = tuple(word for word in words if within(word, spans))
    cut = tuple(part[start:end] for part, (start, end) in zip(texts, spans, strict=True))
    kept = tuple(moved(word, spans) for word in read)
    logits = reader.logits(reader.retokenise([cut]))
    target = _target(name, task, label, logits)
    sentence = Sentence("text", cut, kept, target)
    several = task.kind == "multilabel"
    setting = ExplanationSettings(
        chosen, output="label log-odds" if several else "log-odds", seed=seed, deletion=False
    )
    explained = explain_model(handle, [sentence], setting, cache=None, progress=Silent())
    places = {word: place for place, word in enumerate(read)}
    return TextAttribution(
        model=name,
        words=tuple(word.text for word in words),
        segments=tuple(word.segment for word in words),
        read=len(read),
        explained=task.labels[target] if task.labels else "",
        probability=float(
            output_of(logits, target, "label probability" if several else "probability")[0]
        ),
        methods=tuple(
            MethodScores(
                method,
                tuple(_score(one.scored.scores, places.get(word)) for word in words),
                float(one.scored.gap) if np.isfinite(one.scored.gap) else None,
                one.scored.sampled,
            )
            for method, (one,) in explained.items()
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


def _own_task(model: Any, name: str, texts: tuple[str, ...], *, offline: bool) -> Task:
    """Make a task of the labels that a model names: in its config, or by what a function gives."""
    from kdprobe.config.kinds import PRIMARY_SCORES
    from kdprobe.models.label_names import label_names
    from kdprobe.models.label_sources import has_several_at_once
    from kdprobe.models.loaded import written_config
    from kdprobe.models.path_options import options_of
    from kdprobe.models.text_function import call_function, own_labels
    from kdprobe.models.written_config import written_labels

    kind = kind_of(model)
    if kind == "predictions":
        raise CapabilityError(
            name, found="new texts cannot be put to predictions", expected="a model or a function"
        )
    several = has_several_at_once(model, offline=offline)
    if kind == "function":
        labels = own_labels(model, name) or _columns(call_function(model, [texts], name=name), name)
    elif kind == "loaded model":
        labels = label_names(written_config(model, name), where=name)
    else:
        written = written_labels(str(model), options_of(model), offline=offline)
        labels = label_names(written, where=f"{model}: config.json")
    if len(labels) == 1:
        return Task("text", 1, "regression", (), "pearson")
    if several:
        return Task("text", 1, "multilabel", labels, PRIMARY_SCORES["multilabel"][0])
    return Task("text", 1, "classification", labels, "accuracy")


def _columns(answer: Any, name: str) -> tuple[str, ...]:
    """Return the names of the columns that a function gives for one text, else their numbers."""
    if hasattr(answer, "columns"):
        return tuple(map(str, answer.columns))
    try:
        array = np.asarray(answer)
    except (TypeError, ValueError, RuntimeError):  # rows of several lengths; a tensor of gradients
        array = np.empty(0)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise CapabilityError(
            name, found="its function gives no probabilities", expected="a row of them for a text"
        )
    return tuple(map(str, range(array.shape[1])))
