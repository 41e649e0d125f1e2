"""Whether a converted model still gives what its original gives.

Does: find the original of each model that has one, ask it about the same examples, and raise an
alarm where logits lie further apart than rounding takes them. Does not: judge what is lost; the
analyses do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kdprobe.collectors.session import ComparedModel, Session
from kdprobe.config.options import InferenceRuntime
from kdprobe.models.path_options import options_of
from kdprobe.observations.predictions import Predictions
from kdprobe.progress import Progress
from kdprobe.results.copies import PARITY
from kdprobe.results.schema import Notice
from kdprobe.stats.arrays import Floats

if TYPE_CHECKING:
    from kdprobe.models.handle import ModelHandle

ROUNDING: Mapping[str, float] = {"float32": 1e-3, "float16": 0.02, "bfloat16": 0.05, "int8": 0.25}
"""How far logits may lie from the original's, as a share of one plus the largest of these."""
_SIZES = ("model_type", "num_hidden_layers", "hidden_size", "vocab_size", "num_labels")


class Converted(NamedTuple):
    """A run of a model, and the original whose logits it should give.

    Args:
        model: the compared model.
        run: which of its runs.
        original: the original, opened.
        named: whether a person named it, or it is the teacher of the same shape.
    """

    model: ComparedModel
    run: int
    original: ModelHandle
    named: bool


def converted_models(
    session: Session, *, runtime: InferenceRuntime, label_map: Mapping[str, str] | None
) -> tuple[Converted, ...]:
    """Find the original of each run that has one.

    Definition: what `?original=` names, a compared model or a path; of an ONNX graph that names
    none the teacher, where their configs have one shape.

    Raises:
        UsageError: an original that cannot be opened.
    """
    from kdprobe.models.open import open_model

    opened = {model.name: model.runs[0] for model in session.models}
    places = {str(model.spec.paths[0]): model.runs[0] for model in session.models[::-1]
              if model.spec.paths and not options_of(model.spec.paths[0]).shown}  # fmt: skip
    pairs = []
    for model in session.models:
        for run, path in enumerate(model.spec.paths):
            named, handle = options_of(path).original, model.runs[run]
            original = opened.get(named) or places.get(named)
            if named and original is None:
                original = open_model(
                    named, name=f"the original of {model.name}", task=session.task,
                    device=runtime.device, offline=runtime.offline, label_map=label_map,
                )  # fmt: skip
            if not named and handle.source == "ONNX folder":
                first = session.models[0].runs[0]
                original = first if first is not handle and _alike(handle, first) else None
            if original is not None and original is not handle:
                pairs.append(Converted(model, run, original, bool(named)))
    return tuple(pairs)


def parity_notices(
    session: Session, pairs: Sequence[Converted], progress: Progress
) -> tuple[Notice, ...]:
    """Return the largest difference of logits of each converted model to those of its original.

    Definition: the maximum over examples and labels of |converted - original|, in the task's label
    order; an alarm beyond `ROUNDING` times one plus the largest |original|. The note of a true copy
    names its original second, where that is compared too.

    Args:
        session: with the predictions of all models.
        pairs: what `converted_models` gives.
        progress: where to show progress.
    """
    return tuple(_notice(session, pair, progress) for pair in pairs)


def _notice(session: Session, pair: Converted, progress: Progress) -> Notice:
    held = _outputs(session, pair.model.runs[pair.run], progress)
    original = _outputs(session, pair.original, progress)
    name, other = pair.model.name, pair.original.name
    if {held.scale, original.scale} - {"logits", "scores"}:
        message = f"{name} could not be held against {other}: both must give logits."
        return Notice(code=PARITY, severity="warning", message=message, models=(name,))
    gap, allowed = largest_gap(held.values, original.values, precision=_precision(pair))
    size = (
        f"the logits of {name} lie up to {gap:.2g} from those of {other} over "
        f"{len(session.split):,} examples (rounding alone: up to {allowed:.2g})"
    )
    if gap <= allowed:
        message = f"Parity: {size}."
        compared = any(pair.original in model.runs for model in session.models)
        models = (name, other) if compared else (name,)
        return Notice(code=PARITY, severity="note", message=message, models=models)
    remedy = "" if pair.named else " If it was made from another model, name it: `?original=PATH`."
    message = (
        f"Parity: {size}. It is not a true copy: look at the order of its labels, the columns that "
        f"its graph takes (token_type_ids, attention_mask) and how it was exported.{remedy}"
    )
    return Notice(code=PARITY, severity="alarm", message=message, models=(name,))


def largest_gap(values: Floats, original: Floats, *, precision: str) -> tuple[float, float]:
    """Return the largest difference of two arrays `[n, c]`, and the largest that rounding explains.

    >>> largest_gap(np.array([[1.0, -3.0]]), np.array([[1.0, -2.5]]), precision="float16")
    (0.5, 0.07)
    """
    share = ROUNDING.get(precision, ROUNDING["int8"])
    return float(np.abs(values - original).max()), share * (1.0 + float(np.abs(original).max()))


def _precision(pair: Converted) -> str:
    """Return the coarser of the numbers that both are computed in."""
    both = [getattr(pair.model.runs[pair.run], "precision", "float32")]
    both.append(getattr(pair.original, "precision", "float32"))
    return max(both, key=lambda name: ROUNDING.get(name, 1.0))


def _outputs(session: Session, handle: ModelHandle, progress: Progress) -> Predictions:
    """Return the outputs of an original, which is compared too or is asked now."""
    from kdprobe.extract.predictions import extract_predictions

    for model, outputs in zip(session.models, session.outputs.models, strict=True):
        for each, held in zip(model.runs, outputs.runs, strict=True):
            if each is handle:
                return held
    return extract_predictions(
        handle, session.split, cache=session.cache, batch_size=session.batch_size,
        progress=progress,
    ).predictions  # fmt: skip


def _alike(handle: ModelHandle, other: ModelHandle) -> bool:
    """Return whether two models' configs name one architecture and the same sizes."""
    both: list[Any] = [getattr(getattr(each, "model", None), "config", None)
                       for each in (handle, other)]  # fmt: skip
    if None in both:
        return False
    return all(getattr(both[0], size, None) == getattr(both[1], size, None) for size in _SIZES)
