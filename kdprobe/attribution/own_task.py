"""The task that a model is explained by where no data say one: that of its own labels.

Does: read them off its config, or off what a function gives. Does not: open it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kdprobe.errors import CapabilityError
from kdprobe.models.model_like import kind_of
from kdprobe.tasks.task import Task


def own_task(model: Any, name: str, texts: tuple[str, ...], *, offline: bool) -> Task:
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
