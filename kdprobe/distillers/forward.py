"""Run a model once and keep the quantities that the objectives read.

Does: ask for hidden states, attention probabilities and the projections behind them only when they
are needed, and give every quantity in float32. Does not: know what the quantities are used for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Set
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdprobe.distillers.masked import first_tokens
from kdprobe.distillers.objective import BIAS, GROUPS, LOGITS, WORDS, ModelShape, Need, View
from kdprobe.errors import CapabilityError
from kdprobe.foreign import said
from kdprobe.models.architectures import LAYER_LISTS, PROJECTIONS, architecture_of, layers_of
from kdprobe.models.attention import attentions_of
from kdprobe.models.bilstm import MODEL_TYPE
from kdprobe.models.gradients import input_obstacle
from kdprobe.models.measured import first_token_reads, states_of
from kdprobe.models.mixed_precision import float32_regions
from kdprobe.models.model_inputs import accepted_inputs, begun_anew
from kdprobe.models.text_model import TextModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def model_inputs(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what the model itself reads; `transformers` would ignore the rest silently."""
    return {name: value for name, value in inputs.items() if name not in (WORDS, GROUPS)}


def shape_of(model: PreTrainedModel, text: TextModel | None = None) -> ModelShape:
    """Return what objectives read of a model's build.

    Args:
        model: the model.
        text: the same with its tokenizer, to measure what its tokens read and whether it can be
            differentiated; None: not measured.
    """
    config = model.config
    heads = getattr(config, "num_attention_heads", 0)
    inner = getattr(config, "embedding_size", 0) if config.model_type == MODEL_TYPE else 0
    if inner and config.mode == "multichannel":
        inner *= 2
    return ModelShape(
        config.num_hidden_layers,
        config.hidden_size,
        heads,
        config.model_type in PROJECTIONS,
        inner,
        blocks=config.model_type in LAYER_LISTS,
        first_reads=text is None or first_token_reads(text),
        undifferentiable="" if text is None else _undifferentiable(text),
        biased=bool(architecture_of(model).score_bias),
    )


def _undifferentiable(text: TextModel) -> str:
    """Return why a model's outputs cannot be differentiated by its embeddings in padded batches."""
    if text.together in ("equal", "alone"):
        return "padding moves its outputs, so that texts of several lengths cannot be run at once"
    return input_obstacle(text)


def model_and_inputs(view: View) -> tuple[PreTrainedModel, dict[str, Tensor]]:
    """Return the model that an objective differentiates, and its inputs.

    Raises:
        ValueError: the view holds no model (a fault of the caller).
    """
    if view.model is None:
        raise ValueError("gradients of a model that was not shown")
    model = cast("PreTrainedModel", view.model)
    accepted = accepted_inputs(model)
    inputs = model_inputs(view.inputs)
    return model, {name: value for name, value in inputs.items() if name in accepted}


def prepare(model: PreTrainedModel, needs: Set[Need], *, gradients: bool = False) -> None:
    """Switch a model to plain attention where fused attention cannot give what is needed.

    Fused attention shows no probabilities (it returns an empty tuple without an error) and has no
    second derivative.

    Args:
        model: switched in place; one without attention is left as it is.
        needs: what is read of it.
        gradients: whether objectives differentiate its gradients.
    """
    shown = any(need.quantity == "attention" for need in needs)
    if (shown or gradients) and shape_of(model).heads:
        model.set_attn_implementation("eager")


@contextlib.contextmanager
def _attention_inputs(
    model: PreTrainedModel, needs: Set[Need], values: dict[Need, Tensor]
) -> Iterator[None]:
    """Keep the parts of attention that are needed while the model runs; no hook is left."""
    hooks = []
    try:
        if BIAS in needs:
            table = model.base_model.get_submodule(architecture_of(model).score_bias)

            def keep_bias(_: nn.Module, __: object, output: Tensor) -> None:
                values[BIAS] = output.permute(2, 0, 1).unsqueeze(0).float()

            hooks.append(table.register_forward_hook(keep_bias))
        for need in needs:
            if need.quantity not in ("query", "key", "value"):
                continue
            names = PROJECTIONS.get(model.config.model_type)
            layers = layers_of(model)
            if names is None or not 1 <= need.layer <= len(layers):
                raise ValueError(
                    f"no {need.quantity} of layer {need.layer} in {type(model).__name__}"
                )
            module = layers[need.layer - 1].get_submodule(getattr(names, need.quantity))

            def keep(_: nn.Module, __: object, output: Tensor, need: Need = need) -> None:
                values[need] = output.float()

            hooks.append(module.register_forward_hook(keep))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def read(
    model: PreTrainedModel,
    inputs: Mapping[str, Tensor],
    needs: Set[Need],
    *,
    columns: Tensor | None = None,
) -> dict[Need, Tensor]:
    """Run a model and return the quantities needed, logits always among them.

    Texts that may not stand together (`objective.GROUPS`), and a batch that the model's forward
    refuses (BART: different numbers of end tokens), are run apart, and what they give is laid out
    as if they had stood together.

    Args:
        model: a sequence classifier, in the mode it should run in.
        inputs: token ids and masks, `[B, L]`.
        needs: the quantities.
        columns: int64 `[C]`, the model's output for each label of the task; None: they are in
            the task's order.

    Raises:
        ValueError: a layer that the model does not have (a fault of an objective).
        CapabilityError: a text that its forward cannot run.
    """
    if GROUPS in inputs:
        return read_apart(model, inputs, needs, inputs[GROUPS], columns=columns)
    hidden = any(need.quantity in ("hidden", "first") for need in needs)
    attention = any(need.quantity == "attention" for need in needs)
    values: dict[Need, Tensor] = {}
    accepted = accepted_inputs(model)
    own_inputs = {n: v for n, v in model_inputs(inputs).items() if n in accepted}
    size = len(inputs["input_ids"])
    with _attention_inputs(model, needs, values), begun_anew(model):
        try:
            output = model(
                **own_inputs,
                output_hidden_states=hidden,
                output_attentions=attention,
                return_dict=True,
            )
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # whatever an architecture raises; see `TextModel.forward`
            if size == 1:
                raise CapabilityError(
                    type(model).__name__,
                    found=f"its forward cannot run one of the texts ({said(error)})",
                    expected="texts that this architecture takes",
                ) from error
            output = None
    if output is None:
        each = torch.arange(size, device=inputs["input_ids"].device)
        return read_apart(model, inputs, needs, each, columns=columns)
    if BIAS in values:  # of positions alone; laid out as the rest is
        values[BIAS] = values[BIAS].expand(size, -1, -1, -1)
    logits = output.logits if columns is None else output.logits.index_select(1, columns)
    values[LOGITS] = logits.float()
    for need in sorted(needs - set(values)):
        probabilities = need.quantity == "attention"
        layers = attentions_of(output) if probabilities else states_of(output) or ()
        index = need.layer - 1 if probabilities else need.layer
        if not 0 <= index < len(layers):
            raise ValueError(f"no {need.quantity} of layer {need.layer} in {type(model).__name__}")
        value = layers[index].float()
        if need.quantity == "first":
            value = first_tokens(value, inputs["attention_mask"])
        values[need] = value
    return values


def read_apart(
    model: PreTrainedModel,
    inputs: Mapping[str, Tensor],
    needs: Set[Need],
    groups: Tensor,
    *,
    columns: Tensor | None = None,
) -> dict[Need, Tensor]:
    """Run the groups of a batch one after the other, each without padding; see `read`.

    Args:
        model: as in `read`.
        inputs: as in `read`.
        needs: as in `read`.
        columns: as in `read`.
        groups: int64 `[B]`; texts of one number have one length and are run together.

    Returns:
        As `read`, with zeros where padding stands in `inputs`.
    """
    mask = inputs["attention_mask"].bool()
    left = not bool(mask[:, 0].all())
    order: list[Tensor] = []
    parts: dict[Need, list[Tensor]] = {}
    for group in sorted(set(groups.tolist())):
        rows = (groups == group).nonzero().ravel()
        length = int(mask[rows[0]].sum())
        inside = slice(mask.shape[1] - length, None) if left else slice(0, length)
        part = {name: value[rows][:, inside] for name, value in model_inputs(inputs).items()}
        order.append(rows)
        for need, value in read(model, part, needs, columns=columns).items():
            gap = mask.shape[1] - length
            edge = (gap, 0) if left else (0, gap)
            if need.quantity in ("attention", "bias"):
                value = functional.pad(value, (*edge, *edge))
            elif need.quantity not in ("logits", "first"):
                value = functional.pad(value, (0, 0, *edge))
            parts.setdefault(need, []).append(value)
    back = torch.cat(order).argsort()
    return {need: torch.cat(values)[back] for need, values in parts.items()}


class Trainable(nn.Module):
    """The module that is trained: the student, and the projections of some objectives.

    Args:
        student: the model that is saved at the end.
        projections: by the name of their objective; thrown away at the end.
    """

    def __init__(self, student: PreTrainedModel, projections: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.student = student
        # The name in checkpoints of every version: a run goes on from those of an earlier one.
        self.bridges = nn.ModuleDict(dict(projections))

    @property
    def projections(self) -> nn.ModuleDict:
        """The modules that are trained beside the student, by the name of their objective."""
        return self.bridges

    def forward(self, inputs: dict[str, Tensor], needs: frozenset[Need]) -> dict[Need, Tensor]:
        """Run the student; see `read`. Under autocast parts of it stay in float32."""
        with float32_regions():
            return read(self.student, inputs, needs)


@torch.no_grad()
def predict(
    model: PreTrainedModel,
    batches: Mapping[str, Tensor],
    *,
    columns: Tensor | None = None,
) -> Tensor:
    """Return the logits of one batch, float32 `[B, C]`, without a gradient."""
    return read(model, batches, frozenset(), columns=columns)[LOGITS]
