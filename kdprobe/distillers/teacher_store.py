"""The logits of a model for a whole split, and what stored quantities of a teacher belong to.

Does: run a model in eval mode over a split, and compare stored quantities with those of a few
rows computed again. Does not: keep anything: a teacher's logits are kept by
`models.stored_outputs`, and more by `teacher_memory.py` where it is small enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import JsonValue

from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.first_token_forward import first_token_forward, first_token_suffices
from kdprobe.distillers.forward import predict
from kdprobe.distillers.processes import ALONE, ProcessGroup
from kdprobe.progress import Progress
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_CHECKED_ROWS = 16
TOLERANCE = 1e-3  # float32 logits differ by 1e-6 between batch sizes and by 1e-4 between devices


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
    """What stored quantities belong to.

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
    def parts(self) -> dict[str, JsonValue]:
        """Return the parts of a key in the cache."""
        return {
            "version": 2,
            "model": self.fingerprint,
            "split": self.split.fingerprint,
            "max_length": self.max_length,
            "columns": list(self.columns),
            "device": self.device.type,
        }


def checked_rows(count: int) -> list[int]:
    """Choose the rows of `count` that are computed again."""
    picked = derive_generator(0, "rows of the teacher checked again").permutation(count)
    return [int(row) for row in picked[:_CHECKED_ROWS]]


def close_enough(stored: NDArray[np.generic], again: NDArray[np.generic]) -> bool:
    """Whether stored values are what the teacher gives now, but for rounding."""
    if stored.shape != again.shape:
        return False
    return bool(np.allclose(stored, again, atol=TOLERANCE, rtol=TOLERANCE))
