"""`kdprobe.attribute`: the words of one text, explained by one model or several.

Does: open each model with its own labels, and explain one label of one text by the methods asked
for. Does not: compare, or show; `result.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kdprobe.attribution.own_task import own_task
from kdprobe.attribution.result import MethodScores, TextAttribution, TextAttributions
from kdprobe.attribution.rounding import with_effect
from kdprobe.config.commands import Seeded
from kdprobe.config.options import ExplainingRuntime
from kdprobe.errors import ConfigError, TaskError
from kdprobe.models.handle import is_rounded
from kdprobe.models.model_like import ModelsLike, specs_of_models
from kdprobe.models.path_options import in_float32
from kdprobe.progress import Progress, display_of
from kdprobe.tasks.task import Task
from kdprobe.workers.pool import Workers
from kdprobe.workers.process import bounded_threads

if TYPE_CHECKING:
    from pydantic import BaseModel

    from kdprobe.extract.coalitions import Output
    from kdprobe.extract.method import Attribution
    from kdprobe.extract.sentence import Sentence
    from kdprobe.models.handle import ModelHandle
    from kdprobe.observations.attributions import Word

DEFAULT_METHODS = ("integrated_gradients",)


def attribute(
    models: ModelsLike,
    text: str,
    *,
    text_pair: str | None = None,
    methods: str | Sequence[str] = DEFAULT_METHODS,
    label: str | None = None,
    device: str = "auto",
    dtype: str = "float32",
    offline: bool = False,
    seed: int = 0,
    jobs: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
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
        dtype: float32, bf16 or fp16; a model that is rounded is explained in float32, too, and its
            `rounding` says how far the two lie apart. Gradients are taken in float32.
        offline: never ask the hub.
        seed: of methods that sample.
        jobs: processes that share the work of models and methods, with the numbers of one; None:
            one for each core. They start when that saves time.
        threads: of each process; None: 1.
        progress: shows how far it is; None: nothing is shown.

    Raises:
        TypeError: a text that is none, or something else than names, or no display.
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
    runtime = ExplainingRuntime(
        device=device, offline=offline, jobs=jobs, threads=threads, dtype=dtype
    )
    shown = display_of(progress)
    known = _methods(names)
    requests: list[_ExplainedModel] = []
    whole: dict[int, _ExplainedModel] = {}
    for spec in specs_of_models(models):
        runs = (*spec.paths, *spec.objects)
        if len(runs) > 1:
            raise ConfigError(
                spec.name, found=f"{len(runs)} paths", expected="one",
                remedy="give each run a name of its own",
            )  # fmt: skip
        first = requests[0].explained if requests else ""
        requests.append(
            _ask(runs[0], text, text_pair, name=spec.name, label=label or first or None,
                 runtime=runtime)
        )  # fmt: skip
        if is_rounded(requests[-1].handle):
            whole[len(requests) - 1] = _ask(
                in_float32(runs[0]), text, text_pair, name=spec.name,
                label=requests[-1].explained or None,
                runtime=runtime.model_copy(update={"dtype": "float32"}),
            )  # fmt: skip
    with Workers(runtime.jobs, threads=runtime.threads or 1, say=shown.say) as workers:
        scores = _explained([*requests, *whole.values()], known, seed, shown, workers)
    texts = list(map(_attribution, requests, scores))
    for (place, full), known_scores in zip(whole.items(), scores[len(requests) :], strict=True):
        kind = str(getattr(requests[place].handle, "precision", ""))
        texts[place] = with_effect(texts[place], _attribution(full, known_scores), kind)
    return TextAttributions(tuple(texts))


class _Outputs(NamedTuple):
    """What is explained of a label, and its probability."""

    odds: Output
    share: Output


_OUTPUTS = {
    "rest": _Outputs("log-odds", "probability"),
    "own": _Outputs("label log-odds", "label probability"),
}
"""Of labels that exclude each other, and of those that do not."""


class _ExplainedModel(NamedTuple):
    """A model with what is explained to it: `read` are the words that it reads of all."""

    name: str
    handle: ModelHandle
    words: tuple[Word, ...]
    read: tuple[Word, ...]
    sentence: Sentence
    outputs: _Outputs
    explained: str
    probability: float
    cut: str


def _methods(names: Sequence[str]) -> dict[str, BaseModel]:
    """Return the methods that go by these names, with their defaults."""
    from kdprobe.extract.method import METHODS

    known = [METHODS.find(name, option="methods") for name in names]
    return {name: METHODS.load(name).options() for name in known}


def _ask(
    model: object,
    text: str,
    text_pair: str | None,
    *,
    name: str,
    label: str | None,
    runtime: ExplainingRuntime,
) -> _ExplainedModel:
    """Open a model and put the text to it; see `attribute`."""
    from kdprobe.extract.coalitions import output_of
    from kdprobe.extract.sentence import Sentence
    from kdprobe.models.open import open_model
    from kdprobe.models.read_spans import moved, within
    from kdprobe.models.texts_reader import reader_of
    from kdprobe.models.words import split_words
    from kdprobe.segmentation import how_cut

    words = split_words(text, text_pair)
    if not words:
        raise TaskError("`text`", found="holds no word", expected="a text to explain")
    texts = (text,) if text_pair is None else (text, text_pair)
    task = own_task(model, name, texts, offline=runtime.offline)
    handle = open_model(
        model, name=name, task=task, device=runtime.device, dtype=runtime.dtype,
        offline=runtime.offline,
    )  # fmt: skip
    reader = reader_of(handle)
    spans = reader.words_read(texts, words)
    read = tuple(word for word in words if within(word, spans))
    cut = tuple(part[start:end] for part, (start, end) in zip(texts, spans, strict=True))
    kept = tuple(moved(word, spans) for word in read)
    with bounded_threads(runtime.threads or 1):
        logits = reader.logits(reader.retokenise([cut]))
    target = _target(name, task, label, logits)
    outputs = _OUTPUTS["own" if task.kind == "multilabel" else "rest"]
    return _ExplainedModel(
        name, handle, words, read, Sentence("text", cut, kept, target), outputs,
        task.labels[target] if task.labels else "",
        float(output_of(logits, target, outputs.share)[0]), how_cut(texts) or "",
    )  # fmt: skip


def _explained(
    models: Sequence[_ExplainedModel],
    methods: Mapping[str, BaseModel],
    seed: int,
    progress: Progress,
    workers: Workers,
) -> list[dict[str, Attribution]]:
    """Explain the text to each model by each method, shared out by both.

    Methods that ask about all coalitions of the text do so together: what one asked, the others
    know. Every other one says the same alone; see `extract.explained_piece`.
    """
    from kdprobe.extract.attributions import ExplanationRequest, explain_models
    from kdprobe.extract.method import METHODS
    from kdprobe.extract.settings import ExplanationSettings

    requests, owners = [], []
    for place, one in enumerate(models):
        groups: dict[str, dict[str, BaseModel]] = {}
        for name, options in methods.items():
            exact = getattr(METHODS.load(name), "enumerates", None)
            whole = exact is not None and exact(len(one.read), options)
            groups.setdefault("" if whole else name, {})[name] = options
        for group in groups.values():
            setting = ExplanationSettings(group, output=one.outputs.odds, seed=seed, deletion=False)
            requests.append(ExplanationRequest(one.handle, [one.sentence], setting))
            owners.append(place)
    answers = explain_models(
        requests, title="explaining", cache=None, progress=progress, workers=workers
    )
    scores: list[dict[str, Attribution]] = [{} for _ in models]
    for place, explained in zip(owners, answers, strict=True):
        scores[place] |= {name: each.scored for name, (each,) in explained.items()}
    return [{name: each[name] for name in methods} for each in scores]


def _attribution(one: _ExplainedModel, scores: Mapping[str, Attribution]) -> TextAttribution:
    """Join what methods found of a model."""
    places = {word: place for place, word in enumerate(one.read)}
    return TextAttribution(
        model=one.name,
        words=tuple(word.text for word in one.words),
        segments=tuple(word.segment for word in one.words),
        read=len(one.read),
        explained=one.explained,
        probability=one.probability,
        methods=tuple(
            MethodScores(
                method,
                tuple(_score(scored.scores, places.get(word)) for word in one.words),
                float(scored.gap) if np.isfinite(scored.gap) else None,
                scored.sampled,
            )
            for method, scored in scores.items()
        ),
        cut=one.cut,
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
