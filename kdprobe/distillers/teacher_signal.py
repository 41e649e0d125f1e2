"""The outputs of a teacher for the batches of a training: stored logits, or a pass at every step.

Does: offer both kinds under one protocol. Does not: compute what is stored; `teacher_store.py` and
`teacher_memory.py` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.forward import read
from kdprobe.distillers.objective import LOGITS, NOTHING, Need, View

if TYPE_CHECKING:
    from transformers import PreTrainedModel


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
