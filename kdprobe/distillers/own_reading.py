"""Whether the outputs of a model in the batches of a training are its own of each text alone.

Does: hold a few of the outputs that are learnt from, or the first outputs of a student, against the
model's own tokenizer and forward of that one text, and stop the training where they differ. Does
not: mend a reading.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.forward import read
from kdprobe.distillers.objective import Need, View
from kdprobe.distillers.teacher_signal import TeacherSignal
from kdprobe.errors import CapabilityError
from kdprobe.models.deviation import Compared, Deviation, largest_deviation, tolerance_of
from kdprobe.models.measured import hidden_obstacle
from kdprobe.models.model_inputs import evaluating
from kdprobe.models.text_model import TextModel
from kdprobe.models.tokens import Texts
from kdprobe.tasks.task import Split

FIRST_BATCH = 64
"""Examples of the batches of which the first is looked at."""
_LOOKED_AT = 6


@dataclass(frozen=True)
class OwnReading:
    """A model with a few of the texts of a training, as it reads each of them alone.

    Args:
        text: the model with its tokenizer.
        split: the examples.
        encoded: the same as the training reads them.
        longest: the most tokens that are read of an example.
        columns: the model's output for each label of the task; None: they are in the task's order.
    """

    text: TextModel
    split: Split
    encoded: Encoded
    longest: int
    columns: tuple[int, ...] | None = None

    @cached_property
    def rows(self) -> list[int]:
        """Choose some examples of the longest, as many as a batch holds, and the shortest of all.

        They are read as one batch, so that the shortest stands beside the most padding there is.
        """
        batch = np.argsort(-self.encoded.lengths, kind="stable")[:FIRST_BATCH].tolist()
        places = np.linspace(0, len(batch) - 1, min(_LOOKED_AT, len(batch))).astype(np.int64)
        chosen = [batch[place] for place in places]
        if chosen:
            chosen.append(int(self.encoded.lengths.argmin()))
        return list(dict.fromkeys(chosen))

    def require_signal(self, signal: TeacherSignal, *, share: float = 0.0) -> None:
        """Stop unless all outputs of a teacher for a batch are its own of each text alone.

        What objectives compute of a teacher themselves (`View.lasting`) is not looked at.

        Args:
            signal: the teacher.
            share: a tolerance wider than `tolerance_of` gives, for what was kept by another device.

        Raises:
            CapabilityError: a quantity differs beyond the tolerance.
        """
        self._require(signal.view(self.rows, self.text.device), share)

    def require_student(self) -> None:
        """Stop unless a student's outputs in the batches of its training are its own of each text.

        Its first layer is held against its own too, where it can be read: a new head hardly
        separates one text from another.

        Raises:
            CapabilityError: its outputs differ beyond `TextModel`'s tolerance.
        """
        model, device = self.text.model, self.text.device
        inputs = {name: ids.to(device) for name, ids in self.encoded.batch(self.rows).items()}
        needs = frozenset() if hidden_obstacle(self.text) else frozenset({Need("hidden", 1)})
        with evaluating(model), torch.no_grad():
            self._require(View(read(model, inputs, needs)))

    def _require(self, view: View, share: float = 0.0) -> None:
        share = max(share, tolerance_of(self.text.model))
        own = [self._own(self._texts(row), view.values.keys()) for row in self.rows]
        mask = self.encoded.batch(self.rows)["attention_mask"].bool().cpu()
        for need in sorted(view.values):
            compared = [
                Compared(self._texts(row), _array(values[need]), _real(view, need, place, mask))
                for place, (row, values) in enumerate(zip(self.rows, own, strict=True))
                if values
            ]
            whole = need.quantity in ("logits", "bias")
            name = need.quantity if whole else f"{need.quantity} of layer {need.layer}"
            self._stop(name, largest_deviation(compared, share=share))

    def _texts(self, row: int) -> Texts:
        first = self.split.texts[row]
        return (first,) if self.split.pairs is None else (first, self.split.pairs[row])

    def _own(self, texts: Texts, needs: Set[Need]) -> dict[Need, Tensor]:
        """Return the quantities of one text alone; nothing for a text of no token."""
        inputs = self.text.own_inputs(texts, longest=self.longest)
        if not inputs["input_ids"].shape[1]:
            return {}
        inputs.setdefault("attention_mask", torch.ones_like(inputs["input_ids"]))
        columns = self.columns
        picked = None if columns is None else torch.tensor(columns, device=self.text.device)
        with evaluating(self.text.model), torch.no_grad():
            values = read(self.text.model, inputs, needs, columns=picked)
        return {need: value[0] for need, value in values.items()}

    def _stop(self, quantity: str, deviation: Deviation | None) -> None:
        if deviation is None:
            return
        raise CapabilityError(
            self.text.name,
            found=f"its {quantity} for {deviation.text!r} in the batches of the training differ by "
            f"{deviation.size:.2g} from what the model says of that text alone (tolerance "
            f"{deviation.tolerance:.2g})",
            expected="one function: a model that is misread trains a wrong student",
            remedy="take another checkpoint, or see with `kdprobe compare` whether its answers "
            "are the same twice",
        )


def _real(view: View, need: Need, place: int, mask: Tensor) -> NDArray[Any]:
    """Return a quantity of one text of a batch, padding cut off."""
    value, real = view.values[need][place].cpu(), mask[place]
    if need.quantity in ("attention", "bias"):
        value = value[:, real][..., real]
    elif need.quantity not in ("logits", "first"):
        value = value[real]
    return _array(value)


def _array(value: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = value.detach().double().cpu().numpy()
    return array
