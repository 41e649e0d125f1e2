"""Predictions that are at hand as arrays, as a `ModelHandle`.

Does: give the outputs of the examples asked about, joined by their ids. Does not: answer about
other examples, or read what arrays mean; `array_outputs.py` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from kdprobe.errors import MisalignedError
from kdprobe.models.handle import Capability, Outputs, ProgressCall
from kdprobe.models.predictions.answers import Lack
from kdprobe.models.predictions.unanswered import Unanswered
from kdprobe.observations.predictions import Predictions
from kdprobe.results.schema import ModelSource
from kdprobe.tasks.task import Split, Task


class GivenPredictions:
    """Predictions at hand, as a model; see `models.handle.ModelHandle` for the properties.

    Args:
        predictions: the outputs, by id; columns in the order of the task's labels.
        name: the name people gave it.
        task: what they speak of.
        notes: what the reader of the report must know of them.
        lacking: why there is no output of an example, by its id.

    Raises:
        MisalignedError: outputs of a task of another kind, or of another number of classes.
    """

    source: ModelSource = "arrays"
    architecture: str = ""
    parameters: int | None = None
    disk_bytes: int | None = None
    folder: str = "arrays in memory"
    reading: str = ""
    capabilities: frozenset[Capability] = frozenset()
    lacks: Mapping[Capability, str] = MappingProxyType(
        {
            "logits": "new texts cannot be put to predictions that are at hand",
            "texts": "new texts cannot be put to predictions that are at hand",
            "hidden_states": "predictions that are at hand have no layers",
            "attentions": "predictions that are at hand have no attention",
            "gradients": "predictions that are at hand have no gradients",
        }
    )
    repeats: bool = False
    alarms: tuple[str, ...] = ()

    def __init__(
        self,
        predictions: Predictions,
        *,
        name: str,
        task: Task,
        notes: tuple[str, ...] = (),
        lacking: Mapping[str, Lack] = MappingProxyType({}),
    ) -> None:
        self.name, self.labels, self.notes = name, task.labels, notes
        self.shown = f"{name} ({self.folder})"
        self._held, self._lacking = predictions, lacking
        self.fingerprint = hashlib.sha256(predictions.values.tobytes()).hexdigest()
        columns, scale = predictions.values.shape[1], predictions.scale
        fits = columns == (1 if scale == "labels" else task.outputs)
        of_labels = scale in ("label logits", "label sets")
        other = (scale == "scores", of_labels) != (
            task.kind == "regression", task.kind == "multilabel"
        )  # fmt: skip
        if other or not fits:
            raise MisalignedError(
                name, found=f"{scale} in {columns} columns",
                expected="one score each" if task.kind == "regression"
                else f"outputs of {task.outputs} classes, as {task.name} has",
            )  # fmt: skip

    def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
        """Return the predictions of every example; `batch_size` changes nothing.

        Raises:
            MisalignedError: an example has none.
        """
        lacking = self.unanswered(split)
        if lacking.count:
            raise lacking.refusal(self.shown, split)
        advance(len(split))
        places = {key: row for row, key in enumerate(self._held.ids)}
        rows = [places[key] for key in split.ids]
        cut = np.zeros(len(split), dtype=np.bool_)
        return Outputs(self._held.values[rows], self._held.scale, cut)

    def unanswered(self, split: Split) -> Unanswered:
        """Return the examples of which it holds nothing."""
        held = set(self._held.ids)
        mask = np.array([key not in held for key in split.ids], dtype=np.bool_)
        first = next((f"id {key!r}" for key in split.ids if key not in held), "")
        lacks = [self._lacking.get(key) for key in split.ids if key not in held]
        return Unanswered(mask, lacks, first)
