"""The outputs of the teacher for every example: stored once, or computed at every step.

Does: run the teacher in eval mode over a split, keep its logits in the cache, checked when they are
read again, and offer both kinds under one protocol. Does not: keep anything but logits;
`teacher_memory.py` keeps more where it is small enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.cache import Cache, CacheKey
from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.first_token_forward import first_token_forward, first_token_suffices
from kdprobe.distillers.forward import predict, read
from kdprobe.distillers.objective import LOGITS, NOTHING, Need, View
from kdprobe.distillers.processes import ALONE, ProcessGroup
from kdprobe.progress import Progress
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_BATCH = 64
_CHECKED_ROWS = 16
_TOLERANCE = 1e-3  # float32 logits differ by 1e-6 between batch sizes and by 1e-4 between devices


class TeacherSignal(Protocol):
    """The outputs of a teacher for the batches of a student's training."""

    def view(self, rows: Sequence[int], device: torch.device) -> View:
        """Return the teacher's outputs for these examples, without gradients."""


class NoTeacher:
    """The signal of a fine-tuning."""

    def view(self, rows: Sequence[int], device: torch.device) -> View:
        """Return no outputs."""
        return NOTHING


@dataclass(frozen=True)
class StoredTeacher:
    """Logits computed before the training: float32 `[n, C]`, in the task's label order."""

    logits: Tensor

    def view(self, rows: Sequence[int], device: torch.device) -> View:
        """Return the stored logits of these rows."""
        return View({LOGITS: self.logits[torch.as_tensor(rows)].to(device)})


@dataclass(frozen=True)
class LiveTeacher:
    """A teacher that runs at every step.

    Args:
        model: in eval mode; it is held outside the trained module, so that no `train()`, no
            optimiser and no checkpoint reaches it.
        encoded: the training examples as the teacher reads them.
        needs: the quantities the objectives read.
        columns: the teacher's output for each label of the task.
        shows_model: whether an objective reads the model itself.
    """

    model: PreTrainedModel
    encoded: Encoded
    needs: frozenset[Need]
    columns: tuple[int, ...]
    shows_model: bool = False

    def view(self, rows: Sequence[int], device: torch.device) -> View:
        """Run the teacher over the rows."""
        inputs = {name: ids.to(device) for name, ids in self.encoded.batch(rows).items()}
        columns = torch.tensor(self.columns, device=device)
        # no_grad, not inference_mode: tensors of the latter cannot enter a squared error
        with torch.no_grad():
            values = read(self.model, inputs, self.needs, columns=columns)
        return View(values, inputs, self.model if self.shows_model else None, columns)


def all_logits(
    model: PreTrainedModel,
    encoded: Encoded,
    *,
    columns: tuple[int, ...] | None,
    device: torch.device,
    batch_size: int,
    progress: Progress,
    title: str,
    group: ProcessGroup = ALONE,
) -> NDArray[np.float32]:
    """Compute the logits of a whole split, in eval mode; the model's mode is put back after.

    Several processes share the batches, and each gets the whole.

    Returns:
        float32 `[n, C]`, rows in the split's order, columns in the task's label order.
    """
    picked = None if columns is None else torch.tensor(columns, device=device)
    classes = int(model.config.num_labels) if columns is None else len(columns)
    out = np.zeros((len(encoded.lengths), classes), dtype=np.float32)
    training = model.training
    model.eval()
    enough = first_token_suffices(model, encoded)
    try:
        with (
            progress.stage(title, len(encoded.lengths)) as stage,
            first_token_forward(model, enough=enough),
        ):
            for rows in group.share(list(encoded.batches(batch_size))):
                inputs = {n: ids.to(device) for n, ids in encoded.batch(rows).items()}
                out[rows] = predict(model, inputs, columns=picked).cpu().numpy()
                stage.advance(len(rows))
    finally:
        model.train(training)
    return group.total(torch.from_numpy(out)).numpy()


@dataclass(frozen=True)
class TeacherFile:
    """What stored logits belong to.

    Args:
        fingerprint: the teacher's; see `models.folder.fingerprint`.
        split: the examples.
        max_length: tokens the teacher reads of an example.
        columns: its output for each label of the task.
        device: where it runs; another device gives other last digits.
    """

    fingerprint: str
    split: Split
    max_length: int
    columns: tuple[int, ...]
    device: torch.device

    @property
    def key(self) -> CacheKey:
        """The key in the cache."""
        return CacheKey(
            "teacher-logits",
            {
                "version": 2,
                "model": self.fingerprint,
                "split": self.split.fingerprint,
                "max_length": self.max_length,
                "columns": list(self.columns),
                "device": self.device.type,
            },
        )


def teacher_logits(
    model: PreTrainedModel,
    encoded: Encoded,
    file: TeacherFile,
    *,
    cache: Cache,
    progress: Progress,
    title: str,
) -> NDArray[np.float32]:
    """Return a teacher's logits for a split, from the cache when it holds them, else computed.

    A stored entry is trusted only after 16 of its rows have been computed again.

    Returns:
        float32 `[n, C]`, rows in the split's order, columns in the task's label order.
    """
    held = cache.load(file.key, say=progress.say)
    if held is not None:
        stored = held["logits"].astype(np.float32)
        if _agrees(stored, model, encoded, file):
            return stored
        progress.say("The stored logits are not what the teacher gives now; computed again.")
    logits = all_logits(
        model,
        encoded,
        columns=file.columns,
        device=file.device,
        batch_size=_BATCH,
        progress=progress,
        title=title,
    )
    split = file.split
    cache.store(file.key, {"logits": logits}, description=f"{split.task.name} {split.name}")
    return logits


def _agrees(
    stored: NDArray[np.float32], model: PreTrainedModel, encoded: Encoded, file: TeacherFile
) -> bool:
    count = len(encoded.lengths)
    if len(stored) != count:
        return False
    rows = checked_rows(count)
    inputs = {name: ids.to(file.device) for name, ids in encoded.batch(rows).items()}
    columns = torch.tensor(file.columns, device=file.device)
    again = predict(model.eval(), inputs, columns=columns).cpu().numpy()
    return close_enough(stored[rows], again)


def checked_rows(count: int) -> list[int]:
    """Choose the rows of `count` that are computed again."""
    picked = derive_generator(0, "rows of the teacher checked again").permutation(count)
    return [int(row) for row in picked[:_CHECKED_ROWS]]


def close_enough(stored: NDArray[np.generic], again: NDArray[np.generic]) -> bool:
    """Whether stored values are what the teacher gives now, but for rounding."""
    if stored.shape != again.shape:
        return False
    return bool(np.allclose(stored, again, atol=_TOLERANCE, rtol=_TOLERANCE))
