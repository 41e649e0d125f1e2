"""The answers of what can be asked about texts, each text asked once, as those of a file.

Does: ask about the texts of a training, keep every answer for as long as the source lives, and give
them again by text. Does not: know objectives or students.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kdprobe.cache import Cache
from kdprobe.distillers.processes import process_group
from kdprobe.models.handle import ModelHandle, Outputs, ProgressCall
from kdprobe.models.predictions.unanswered import Unanswered
from kdprobe.models.stored_outputs import TextKey, stored_outputs, text_keys
from kdprobe.observations.predictions import Scale
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split

WHAT = {
    "function": "a function of texts", "ONNX folder": "an ONNX graph",
    "transformers": "a model of rounded weights",
}  # fmt: skip
"""What is asked, in words, by its source."""


@dataclass
class KnownAnswers:
    """What was answered so far.

    Args:
        values: by text, float64 `[c]`, columns in the order of the task's labels.
        scale: what the values are; None: nothing was asked.
    """

    values: dict[TextKey, NDArray[np.float64]] = field(default_factory=dict)
    scale: Scale | None = None


class AskedAnswers:
    """The answers of a model that can be asked; see `recorded_teacher.TeacherAnswers`.

    Of several processes that train together the first one asks, and the others get what it got.

    Args:
        model: a function of texts, or a folder whose weights cannot be copied.
        known: what it answered already; new answers are put there.
        progress: shows the texts that are asked about.
    """

    def __init__(self, model: ModelHandle, known: KnownAnswers, progress: Progress) -> None:
        self._model, self._known, self._progress = model, known, progress
        self.folder = self.shown = model.folder
        self.source, self.labels = model.source, model.labels
        self.gives = f"{WHAT.get(model.source, 'a model')} that gives"

    @property
    def notes(self) -> tuple[str, ...]:
        """How its answers were read, and whether they are the same twice."""
        return (*self._model.notes, *self._model.alarms)

    @property
    def fingerprint(self) -> str:
        """Of its version; without one, SHA-256 over all that it answered, by text."""
        if self._model.fingerprint:
            return self._model.fingerprint
        digest = hashlib.sha256()
        for key in sorted(self._known.values):
            digest.update(key + self._known.values[key].tobytes())
        return digest.hexdigest()

    def ask(self, split: Split) -> None:
        """Ask about the texts that are not known.

        Raises:
            UsageError: the model fails, or gives something else than a row a text.
        """
        known = self._known
        missing = [row for row, key in enumerate(text_keys(split)) if key not in known.values]
        if not missing:
            return
        part, group = split.take(missing), process_group()
        answers = None
        if group.leads:
            answers = stored_outputs(
                self._model, part, cache=Cache.default(), progress=self._progress
            )
        outputs = group.from_leader(answers)
        assert outputs is not None  # the first process has asked
        known.values.update(zip(text_keys(part), outputs.values, strict=True))
        known.scale = outputs.scale

    def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
        """Return its answer to every example; `batch_size` changes nothing.

        Raises:
            UsageError: as `ask`.
        """
        self.ask(split)
        advance(len(split))
        assert self._known.scale is not None  # a split has an example
        values = np.stack([self._known.values[key] for key in text_keys(split)])
        return Outputs(values, self._known.scale, np.zeros(len(split), dtype=np.bool_))

    def unanswered(self, split: Split) -> Unanswered:
        """Return no example: it answers every text, or stops the command."""
        return Unanswered(np.zeros(len(split), dtype=np.bool_), ())
