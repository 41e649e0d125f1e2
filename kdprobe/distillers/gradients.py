"""Gradients of a model that an objective is shown.

Does: take model, inputs and label columns out of a `View`. Does not: differentiate;
`models.gradients` does.
"""

from __future__ import annotations

from torch import Tensor
from transformers import PreTrainedModel

from kdprobe.distillers.objective import View, model_inputs
from kdprobe.models import gradients
from kdprobe.models.gradients import Attributed, Baseline, Output


def attribute(
    view: View,
    *,
    layer: int,
    of: Output,
    picked: Tensor | None = None,
    steps: int = 1,
    baseline: Baseline = "zero",
    pad: int = 0,
    follow: bool,
) -> list[Attributed]:
    """Differentiate the outputs of a model that is shown; see `models.gradients.attribute`."""
    model = view.model
    if not isinstance(model, PreTrainedModel):
        raise ValueError("gradients of a model that was not shown")
    return gradients.attribute(
        model, model_inputs(view.inputs), columns=view.columns, layer=layer, of=of, picked=picked,
        steps=steps, baseline=baseline, pad=pad, follow=follow,
    )  # fmt: skip
