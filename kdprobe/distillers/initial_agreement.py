"""How close a student is to its teacher before the first step.

Does: compare a student that begins with its teacher's weights with the teacher. Does not: train or
change it.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.initial_student import InitialStudent
from kdprobe.distillers.teacher_store import all_logits
from kdprobe.distillers.validation_scores import fidelity
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split

_MOST, _BATCH = 512, 64


def initial_agreement(
    student: InitialStudent,
    split: Split,
    encoded: Encoded,
    teacher: NDArray[np.float32],
    *,
    device: str,
    progress: Progress,
) -> list[tuple[str, str]]:
    """Compute how close a student begins to its teacher; nothing for random weights.

    Definition: agreement, Cohen's kappa and KL (nats) with the teacher, or Pearson's correlation
    and the mean squared difference of a regression, on up to 512 evenly spaced examples.

    Args:
        student: the student; it is moved to the device.
        split: the examples.
        encoded: the same as the student reads them.
        teacher: the teacher's logits, float32 `[n, C]`.
        device: where it runs.
        progress: a display.
    """
    if student.copied is None:
        return []
    rows = range(0, len(split), -(-len(split) // _MOST))
    logits = all_logits(
        student.model.to(device),
        encoded.take(rows),
        columns=None,
        device=torch.device(device),
        batch_size=_BATCH,
        progress=progress,
        title="score the student before its first step",
    )
    scores = fidelity(split.task, teacher[list(rows)].astype(np.float64), logits.astype(np.float64))
    values = ", ".join(
        f"{name} {score.undefined if score.value is None else f'{score.value:.4f}'}"
        for name, score in scores.items()
    )
    return [("before the first step", f"{values} (to the teacher, {len(rows)} of {split.name})")]
