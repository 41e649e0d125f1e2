"""What it does to each number that a model is run in bfloat16 or float16.

Does: run each model that was rounded beside itself in float32 on a sample of the split, and say how
far its outputs, its layers and its word scores moved. Does not: judge; a comparison of rounded
models is one of rounded models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.collectors.guarding import failure
from kdprobe.collectors.session import ComparedModel, Session
from kdprobe.config.options import InferenceRuntime
from kdprobe.models.handle import is_rounded
from kdprobe.models.path_options import in_float32
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.own_sentences import OwnSentences
from kdprobe.progress import Progress
from kdprobe.results.numbers import show_number
from kdprobe.results.schema import Notice
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Floats
from kdprobe.stats.rank_agreement import comparable, spearman
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from kdprobe.models.hf import HfModel

EXAMPLES, LAYER_TEXTS, SENTENCES, MOST_WORDS = 200, 50, 20, 8


class OutputMoves(NamedTuple):
    """How far outputs lie from those in float32.

    Args:
        mean: of the absolute differences.
        largest: of them.
        flips: examples whose predicted labels changed; None: a regression has none.
    """

    mean: float
    largest: float
    flips: int | None


def output_moves(rounded: Floats, full: Floats, kind: str) -> OutputMoves:
    """Compare outputs `[n, c]` with those in float32.

    >>> output_moves(np.array([[0.0, 1.0], [1.0, 0.5]]), np.array([[0.0, 1.5], [0.0, 0.5]]),
    ...              "classification")
    OutputMoves(mean=0.375, largest=1.0, flips=1)
    """
    moves = np.abs(rounded - full)
    flips = None
    if kind == "classification":
        flips = int((rounded.argmax(axis=1) != full.argmax(axis=1)).sum())
    elif kind == "multilabel":
        flips = int(((rounded > 0) != (full > 0)).any(axis=1).sum())
    return OutputMoves(float(moves.mean()), float(moves.max()), flips)


def rounding_notices(
    session: Session,
    *,
    runtime: InferenceRuntime,
    label_map: Mapping[str, str] | None,
    explaining: AttributionRequest | None,
    progress: Progress,
) -> tuple[Notice, ...]:
    """Return, for each model that was rounded, how far each number moved; it is shown, too.

    Args:
        session: with everything that was observed of the models.
        runtime: device and type.
        label_map: as models were opened with.
        explaining: how words were explained; None: as usual, where they were at all.
        progress: where it is shown.
    """
    notices = []
    for model in session.models:
        rounded = model.runs[0]
        if not is_rounded(rounded):
            continue
        try:
            full = _in_float32(model, session, runtime, label_map)
            how = explaining or AttributionRequest()
            effect = _effect(model.name, cast("HfModel", rounded), full, session, how, progress)
        except Exception as error:
            effect = failure(model.name, error).reason
        message = f"{model.name} in {getattr(rounded, 'precision', '')} beside float32: {effect}"
        progress.say(message)
        notices.append(
            Notice(code="rounding", severity="note", message=message, models=(model.name,))
        )
    return tuple(notices)


def _in_float32(
    model: ComparedModel,
    session: Session,
    runtime: InferenceRuntime,
    label_map: Mapping[str, str] | None,
) -> HfModel:
    """Open a model's first run once more, in float32."""
    from kdprobe.models.open import open_model

    given = (*model.spec.paths, *model.spec.objects)[0]
    opened = open_model(
        in_float32(given), name=model.name, task=session.task, device=runtime.device,
        dtype="float32", offline=runtime.offline, label_map=label_map,
    )  # fmt: skip
    return cast("HfModel", opened)


def _effect(
    name: str,
    rounded: HfModel,
    full: HfModel,
    session: Session,
    explaining: AttributionRequest,
    progress: Progress,
) -> str:
    generator = derive_generator(session.seed, "rounding", session.split.name)
    sample = session.split.sample(EXAMPLES, generator)
    both = [
        model.outputs(sample, batch_size=session.batch_size, advance=lambda done: None).values
        for model in (rounded, full)
    ]
    moves = output_moves(both[0], both[1], session.task.kind)
    what = "scores" if session.task.kind == "regression" else "logits"
    parts = [
        f"over {len(sample):,} examples {what} moved by {show_number(moves.mean)} on average and "
        f"by {show_number(moves.largest)} at most"
    ]
    if moves.flips is not None:
        changed = "1 prediction" if moves.flips == 1 else f"{moves.flips or 'no'} predictions"
        parts.append(f"{changed} changed")
    layers = _layers(rounded, full, sample)
    if layers:
        least = min(layers, key=lambda layer: layers[layer])
        parts.append(
            f"mean-pooled layers keep a cosine of {np.mean(list(layers.values())):.5f} with "
            f"theirs (the least is {layers[least]:.5f}, layer {least})"
        )
    words = _word_scores(name, rounded, full, session, explaining, progress)
    if words:
        shown = ", ".join(f"{method} {value:.3f}" for method, value in words.items())
        parts.append(f"rank correlation of word scores (few short texts): {shown}")
    return "; ".join(parts) + "."


def _layers(rounded: HfModel, full: HfModel, sample: Split) -> dict[str, float]:
    """Return the mean cosine of each layer's mean-pooled vectors with those in float32."""
    if "hidden_states" not in rounded.capabilities:
        return {}
    from kdprobe.models.hidden import LayerReader

    readers = [LayerReader(model, ("mean",)) for model in (rounded, full)]
    texts = sample.texts[:LAYER_TEXTS]
    vectors = [
        np.concatenate([reader.read(row[None]) for row in reader.encode(texts)]).astype(np.float64)
        for reader in readers
    ]
    ends = np.cumsum(readers[0].widths)
    cosines = {}
    for cell, end, width in zip(readers[0].cells, ends, readers[0].widths, strict=True):
        one, other = (array[:, end - width : end] for array in vectors)
        sizes = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosines[cell.layer] = float(
            ((one * other).sum(axis=1)[sizes > 0] / sizes[sizes > 0]).mean()
        )
    return cosines


def _word_scores(
    name: str,
    rounded: HfModel,
    full: HfModel,
    session: Session,
    explaining: AttributionRequest,
    progress: Progress,
) -> dict[str, float]:
    """Return, by method that explained, the mean rank correlation with scores in float32.

    Of explained texts of at most `MOST_WORDS` words, which need no samples unless they are asked
    for, by the options that they were explained with.
    """
    study = session.study
    study = study.get(OwnSentences).study if study.has(OwnSentences) else study
    if not study.has(Attributions):
        return {}
    from kdprobe.collectors.attributions.collector import setting_of
    from kdprobe.extract.attributions import ExplanationRequest, explain_models
    from kdprobe.extract.sentence import Sentence

    explained, split = study.get(Attributions), study.split
    places = {key: row for row, key in enumerate(split.ids)}
    sentences = []
    targets = explained.own_target.get(name, explained.target)
    for key, words, target in zip(explained.ids, explained.words, targets, strict=True):
        row = places[key]
        texts = (split.texts[row],) if split.pairs is None else (split.texts[row], split.pairs[row])
        if 3 <= len(words) <= MOST_WORDS:
            sentences.append(Sentence(key, texts, words, int(target)))
    chosen = sentences[:SENTENCES]
    whole = setting_of(explaining, session.seed, several=session.task.kind == "multilabel")
    methods = {method: whole.methods[method] for method in explained.methods}
    setting = replace(whole, methods=methods)
    # What was just explained is read from the cache; of float32 no order of deletions is needed.
    requests = [
        ExplanationRequest(rounded, chosen, setting),
        ExplanationRequest(full, chosen, replace(setting, deletion=False)),
    ]
    one, other = explain_models(
        requests, title=f"explaining {name} in float32, too", cache=session.cache,
        progress=progress, workers=session.workers,
    )  # fmt: skip
    means = {}
    for method in methods:
        pairs = zip(one[method], other[method], strict=True)
        value = _mean_correlation([(a.scored.scores, b.scored.scores) for a, b in pairs])
        if np.isfinite(value):
            means[method] = value
    return means


def _mean_correlation(pairs: Sequence[tuple[Floats, Floats]]) -> float:
    known = [both for a, b in pairs if (both := comparable(a, b)) is not None]
    values = [value for a, b in known if np.isfinite(value := spearman(a, b))]
    return float(np.mean(values)) if values else float("nan")
