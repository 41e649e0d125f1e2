"""The logits of a model for a whole split, and what stored quantities of a teacher belong to.

Does: run a model in eval mode over a split, and compare stored quantities with those of a few
rows computed again. Does not: keep anything: a teacher's logits are kept by
`models.stored_outputs`, and more by `teacher_memory.py` where it is small enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import JsonValue

from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.first_token_forward import first_token_forward, first_token_suffices
from kdprobe.distillers.forward import predict
from kdprobe.distillers.processes import ALONE, ProcessGroup
from kdprobe.models.batches import grouped_batches
from kdprobe.progress import Progress
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split
from kdprobe.workers.pieces import Held, WorkPiece
from kdprobe.workers.pool import Workers

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
    workers: Workers | None = None,
    enough: bool | None = None,
) -> NDArray[np.float32]:
    """Compute the logits of a whole split, in eval mode; the model's mode is put back after.

    Processes of `group` share the batches, and each gets the whole; so do those of `workers`, with
    one result. None: all is done in this process, with the threads it has. `enough` is what
    `first_token_suffices` says of the model; None: it is tried.

    Returns:
        float32 `[n, C]`, rows in the split's order, columns in the task's label order.
    """
    classes = int(model.config.num_labels) if columns is None else len(columns)
    out = np.zeros((len(encoded.lengths), classes), dtype=np.float32)
    training = model.training
    model.eval()
    if enough is None:
        enough = first_token_suffices(model, encoded)
    strict = torch.are_deterministic_algorithms_enabled()
    run = _TeacherRun(model, encoded, columns, device, enough, strict)
    held = Held(run, title, size=_bytes(model), here="" if device.type == "cpu" else "a GPU")
    groups = _grouped(group.share(list(encoded.batches(batch_size))), encoded)
    pieces = [WorkPiece(held, batches) for batches in groups]
    sharing = workers or Workers(threads=torch.get_num_threads())
    try:
        with progress.stage(title, len(encoded.lengths)) as stage:
            for place, logits in sharing.map(_run_batches, pieces):
                for rows, of_batch in zip(groups[place], logits, strict=True):
                    out[rows] = of_batch
                    stage.advance(len(rows))
    finally:
        held.forget()
        model.train(training)
    return group.total(torch.from_numpy(out)).numpy()


class _TeacherRun(NamedTuple):
    """What a process needs to run batches of a split."""

    model: PreTrainedModel
    encoded: Encoded
    columns: tuple[int, ...] | None
    device: torch.device
    enough: bool
    strict: bool


def _run_batches(run: _TeacherRun, batches: Sequence[list[int]]) -> list[NDArray[np.float32]]:
    """Run batches of rows in eval mode; logits of each."""
    picked = None if run.columns is None else torch.tensor(run.columns, device=run.device)
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(run.strict)
    logits = []
    with first_token_forward(run.model, enough=run.enough):
        for rows in batches:
            inputs = {n: ids.to(run.device) for n, ids in run.encoded.batch(rows).items()}
            logits.append(predict(run.model, inputs, columns=picked).cpu().numpy())
    torch.use_deterministic_algorithms(before)
    return logits


def _grouped(batches: Sequence[list[int]], encoded: Encoded) -> list[list[list[int]]]:
    """Put neighbouring batches together, so that one process has some seconds of work."""
    arrays = [np.array(rows, dtype=np.int64) for rows in batches]
    groups = grouped_batches(arrays, encoded.lengths)
    return [[rows.tolist() for rows in group.batches] for group in groups]


def _bytes(model: PreTrainedModel) -> int:
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


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
            "version": 3,
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
