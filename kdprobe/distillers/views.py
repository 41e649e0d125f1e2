"""Run a model once and keep what the objectives asked for.

Does: ask for hidden states and attention probabilities only when they are needed, and give every
quantity in float32. Does not: know what the quantities are used for.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from kdprobe.distillers.objective import LOGITS, ModelShape, Need

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def shape_of(model: PreTrainedModel) -> ModelShape:
    """Give the sizes of a model that objectives ask about."""
    config = model.config
    return ModelShape(config.num_hidden_layers, config.hidden_size, config.num_attention_heads)


def prepare(model: PreTrainedModel, needs: Set[Need]) -> None:
    """Switch a model to the attention that can show its probabilities, when they are needed.

    Fused attention gives none: it returns an empty tuple without an error.
    """
    if any(need.quantity == "attention" for need in needs):
        model.set_attn_implementation("eager")


def read(
    model: PreTrainedModel,
    inputs: Mapping[str, Tensor],
    needs: Set[Need],
    *,
    columns: Tensor | None = None,
) -> dict[Need, Tensor]:
    """Run a model and give the quantities asked for, logits always among them.

    Args:
        model: a sequence classifier, in the mode it should run in.
        inputs: token ids and masks, `[B, L]`.
        needs: the quantities.
        columns: int64 `[C]`, the model's output for each label of the task; None: they are in
            the task's order.

    Raises:
        ValueError: a layer that the model does not have (a fault of an objective).
    """
    hidden = any(need.quantity == "hidden" for need in needs)
    attention = any(need.quantity == "attention" for need in needs)
    output = model(
        **inputs, output_hidden_states=hidden, output_attentions=attention, return_dict=True
    )
    logits = output.logits if columns is None else output.logits.index_select(1, columns)
    values = {LOGITS: logits.float()}
    for need in sorted(needs - {LOGITS}):
        layers = output.hidden_states if need.quantity == "hidden" else output.attentions
        index = need.layer if need.quantity == "hidden" else need.layer - 1
        if not 0 <= index < len(layers):
            raise ValueError(f"no {need.quantity} of layer {need.layer} in {type(model).__name__}")
        values[need] = layers[index].float()
    return values


class Trainable(nn.Module):
    """What the optimiser sees: the student, and the bridges that some objectives train with it."""

    def __init__(self, student: PreTrainedModel, bridges: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.student = student
        self.bridges = nn.ModuleDict(dict(bridges))

    def forward(self, inputs: dict[str, Tensor], needs: frozenset[Need]) -> dict[Need, Tensor]:
        """Run the student; see `read`."""
        return read(self.student, inputs, needs)


@torch.no_grad()
def predict(
    model: PreTrainedModel,
    batches: Mapping[str, Tensor],
    *,
    columns: Tensor | None = None,
) -> Tensor:
    """Give the logits of one batch, float32 `[B, C]`, without a gradient."""
    return read(model, batches, frozenset(), columns=columns)[LOGITS]
