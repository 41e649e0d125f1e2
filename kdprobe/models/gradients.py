"""Gradients of a classifier's outputs with respect to what one of its layers gives, and their maps.

Does: run a model with that layer's output in hand and differentiate each output by it, so that the
result can be differentiated once more; reduce gradients to attribution maps (AD-KD). The one home
of both: distilling by maps and measuring their gap read it. Does not: compare maps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from kdprobe.errors import CapabilityError
from kdprobe.models.architectures import layers_of
from kdprobe.models.embedding_table import embedding_table
from kdprobe.models.model_inputs import evaluating
from kdprobe.models.text_model import TextModel

_TINY = 1e-12

Output = Literal["probability", "log_probability", "logit"]
Baseline = Literal["zero", "pad"]


def precise(values: Tensor) -> Tensor:
    """Widen half precision to float32; float64 stays as it is."""
    return values if values.dtype == torch.float64 else values.float()


def unit(vectors: Tensor) -> Tensor:
    """Scale vectors along the last axis to length 1; a zero vector stays, with a zero gradient.

    >>> unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    norms = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return torch.where(norms > _TINY, vectors / norms.clamp_min(_TINY), torch.zeros_like(vectors))


class LayerAttribution(NamedTuple):
    """One output's gradient.

    `gradient` is `[B, L, H]`, with respect to the layer's output; `product` is its path mean times
    (output - baseline), the integrated gradients.
    """

    gradient: Tensor
    product: Tensor


def site_of(model: PreTrainedModel, layer: int) -> nn.Module:
    """Return the module whose output is `hidden_states[layer]`; 0 is the embeddings.

    Of a model that keeps its embeddings in no module of their own (GPT-2 adds positions later) 0 is
    its word embeddings.

    Raises:
        CapabilityError: it names none.
    """
    if layer:
        return layers_of(model)[layer - 1]
    whole = getattr(model.base_model, "embeddings", None)
    if isinstance(whole, nn.Module):
        return whole
    words = embedding_table(model)
    if words is None:
        raise CapabilityError(
            type(model).__name__,
            found="does not say which of its parts are the embeddings",
            expected="get_input_embeddings(), for what gradients are taken by",
        )
    return words


def input_obstacle(text: TextModel) -> str:
    """Return why outputs cannot be differentiated by what the embeddings give; empty: they can.

    Definition: on a text of a few words the embeddings run once and give one vector a token.
    """
    shapes: list[tuple[int, ...]] = []

    def keep(_: nn.Module, __: object, output: Tensor | tuple[Tensor, ...]) -> None:
        whole = output if isinstance(output, Tensor) else output[0]
        shapes.append(tuple(whole.shape))

    tokens = text.encode(["a b a b a"])
    inputs = text.tensors(tokens.columns, [0])
    try:
        handle = site_of(text.model, 0).register_forward_hook(keep)
    except CapabilityError as error:
        return error.found
    try:
        with evaluating(text.model), torch.no_grad():
            text.forward(inputs)
    finally:
        handle.remove()
    wanted = tuple(inputs["input_ids"].shape)
    if len(shapes) != 1:
        return f"the embeddings it names are run {len(shapes)} times for one text, not once"
    if shapes[0][:2] != wanted:
        return f"its embeddings give {shapes[0][:2]} vectors for {wanted} tokens"
    return ""


def _traced(
    model: PreTrainedModel,
    inputs: Mapping[str, Tensor],
    columns: Tensor | None,
    layer: int,
    move: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor, Tensor]:
    """Run the model with a layer's output moved.

    Returns:
        The logits, the layer's output, and the moved output that the logits depend on.
    """
    runs: list[tuple[Tensor, Tensor]] = []

    def hook(_: nn.Module, __: object, output: Tensor | tuple[Tensor, ...]) -> object:
        whole = output if isinstance(output, Tensor) else output[0]
        point = move(whole)
        if not point.requires_grad:
            point.requires_grad_(True)
        runs.append((whole, point))
        return point if isinstance(output, Tensor) else (point, *output[1:])

    handle = site_of(model, layer).register_forward_hook(hook)
    try:
        # the recurrent kernels of cuDNN have no second derivative
        with torch.backends.cudnn.flags(enabled=False):
            logits = precise(model(**inputs, return_dict=True).logits)
    finally:
        handle.remove()
    if columns is not None:
        logits = logits.index_select(1, columns)
    whole, point = runs[0]
    return logits, whole, point


def _targets(
    logits: Tensor, of: Output, picked: Tensor | None, classes: Literal["all", "picked"]
) -> list[Tensor]:
    """Return the outputs that are differentiated, each `[B]`; a regression has one, its score."""
    if logits.shape[1] == 1 or of == "logit":
        outputs = logits
    else:
        outputs = torch.log_softmax(logits, -1)
        outputs = outputs.exp() if of == "probability" else outputs
    if classes == "all" or logits.shape[1] == 1:
        return list(outputs.unbind(1))
    if picked is None:
        raise ValueError("gradients of one class without its labels")
    return [outputs.gather(1, picked[:, None]).squeeze(1)]


def attribute(
    model: PreTrainedModel,
    inputs: Mapping[str, Tensor],
    *,
    columns: Tensor | None = None,
    layer: int,
    of: Output,
    picked: Tensor | None = None,
    steps: int = 1,
    baseline: Baseline = "zero",
    pad: int = 0,
    follow: bool,
) -> list[LayerAttribution]:
    """Differentiate a model's outputs by a layer's output, along a path from a baseline.

    Definition: (x - x') times the mean over k = 1..m of dF(x' + k / m (x - x')) / dx
    (Sundararajan, Taly and Yan 2017, right-hand sums), x the layer's output and x' zeros, or what
    the layer gives for a text of [PAD] in the same places. With dropout on, every step of the path
    draws its own.

    Args:
        model: a classifier.
        inputs: what it reads, `input_ids` `[B, L]` among them.
        columns: int64, the model's output for each label; None: in their order.
        layer: 0 is the output of the embeddings.
        of: which function of the logits is F.
        picked: int64 `[B]`, the one class of each example; None: one result for every class.
        steps: m.
        baseline: x'.
        pad: the id of [PAD].
        follow: True keeps the graph, so that the result can be differentiated by the weights.

    Returns:
        One result for every class, or one for the picked classes.
    """
    classes: Literal["all", "picked"] = "all" if picked is None else "picked"
    with torch.enable_grad():
        start: Tensor | None = None
        if baseline == "pad":
            blank = {**inputs, "input_ids": torch.full_like(inputs["input_ids"], pad)}
            start = _traced(model, blank, columns, layer, lambda whole: whole)[1]
            start = start if follow else start.detach()
        gradients: list[Tensor] = []
        products: list[Tensor] = []
        for step in range(1, steps + 1):
            share = step / steps

            def move(whole: Tensor, share: float = share) -> Tensor:
                whole = whole if follow else whole.detach()
                origin = torch.zeros_like(whole) if start is None else start
                return origin + share * (whole - origin)

            logits, whole, point = _traced(model, inputs, columns, layer, move)
            length = whole if start is None else whole - start
            length = length if follow else length.detach()
            targets = _targets(logits, of, picked, classes)
            for place, target in enumerate(targets):
                last = place == len(targets) - 1
                (slope,) = torch.autograd.grad(
                    target.sum(), point, create_graph=follow, retain_graph=follow or not last
                )
                if step == 1:
                    gradients.append(slope)
                    products.append(slope * length)
                else:
                    gradients[place] = gradients[place] + slope
                    products[place] = products[place] + slope * length
    return [
        LayerAttribution(g / steps, p / steps) for g, p in zip(gradients, products, strict=True)
    ]


def word_sums(scores: Tensor, shares: Tensor) -> Tensor:
    """Add up the scores of each word's tokens: `[B, W]` of `[B, L]`; their total is kept."""
    return (shares.to(scores.dtype) @ scores[:, :, None]).squeeze(-1)


def attribution_maps(
    attributed: Sequence[LayerAttribution],
    mask: Tensor,
    *,
    top: int = 0,
    words: Tensor | None = None,
) -> Tensor:
    """Reduce integrated gradients to maps over tokens or words, those of all classes joined.

    Definition (Wu et al. 2023, AD-KD, eq. 6 to 9): a token's score is the L2 norm of its integrated
    gradients over the width, of the K largest magnitudes only when `top` is K; a map is scaled to
    unit norm over the real tokens; the maps of all classes are joined.

    Args:
        attributed: one entry per class, `product` `[B, L, H]`.
        mask: bool `[B, L]`, the real tokens; `[B, W]`, the real words, with `words`.
        top: K; 0 takes all dimensions.
        words: how much of each token belongs to which word, float32 `[B, W, L]`; a word's score is
            then the sum of its tokens'.

    Returns:
        `[B, classes x L]` (or `W`), 0 at padding; each class's part has norm 1, or 0 where nothing
        counts.
    """
    maps = []
    for attribution in attributed:
        sizes = precise(attribution.product)
        if top:
            sizes = sizes.abs().topk(min(top, sizes.shape[-1]), dim=-1).values
        scores = torch.linalg.vector_norm(sizes, dim=-1)
        if words is not None:
            scores = word_sums(scores, words)
        maps.append(unit(scores * mask))
    return torch.cat(maps, dim=-1)
