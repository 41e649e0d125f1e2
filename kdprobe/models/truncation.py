"""All weights of a wide model, cut to other sizes.

Does: write a narrow encoder's weights such that it computes about what the wide one computed on
sample texts. Does not: choose the sizes or the texts; `narrowing.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from kdprobe.models.activations import Activations
from kdprobe.models.architectures import (
    EMBEDDING_TABLES,
    LAYER_PARTS,
    PartNames,
    embedding_norm,
    embeddings_of,
    layers_of,
)
from kdprobe.models.low_rank import (
    KeptColumns,
    Linear,
    keep,
    keep_best,
    output_factors,
    pick_columns,
    product_factors,
    refit_norm,
    stacked,
)


def _linear(module: Any) -> Linear:
    return Linear(module.weight.detach().double().cpu(), module.bias.detach().double().cpu())


def _put(module: Any, values: Linear) -> None:
    """Write weight and bias of a linear map or a normalisation."""
    with torch.no_grad():
        module.weight.copy_(values.weight)
        module.bias.copy_(values.bias)


def _put_norm(ours: Any, theirs: Any, activations: Activations, picked: Tensor) -> None:
    weight, bias = theirs.weight.detach().cpu()[picked], theirs.bias.detach().cpu()[picked]
    norm = Linear(weight, bias)
    if len(picked) < activations.before.shape[1]:
        norm = refit_norm(
            activations.before[:, picked],
            activations.after[:, picked],
            weight=weight,
            bias=bias,
            eps=theirs.eps,
        )
    _put(ours, norm)


def truncate(
    student: PreTrainedModel,
    source: PreTrainedModel,
    names: PartNames,
    which: Sequence[int],
    activations: dict[str, Activations],
    columns: tuple[int, ...] | None,
) -> None:
    """Write the weights of a truncated student; see `narrowing.student_of`.

    Args:
        student: of the wanted sizes; written to.
        source: the wide model.
        names: where both keep their parts.
        which: the source's layers, from 0, for each of the student's.
        activations: what went through the source's parts.
        columns: the source's output for each label; None leaves the student's head as it is.
    """
    places = [name for name in activations if name == "embeddings" or name.endswith("norm")]
    stream = stacked([activations[place].after for place in places])
    picked = pick_columns(stream.T @ stream, int(student.config.hidden_size))
    ours, theirs = embeddings_of(student), embeddings_of(source)
    with torch.no_grad():
        for name in EMBEDDING_TABLES:
            if hasattr(theirs, name):
                getattr(ours, name).weight.copy_(getattr(theirs, name).weight.cpu()[:, picked])
    _put_norm(embedding_norm(student), embedding_norm(source), activations["embeddings"], picked)
    last = keep(activations["embeddings"].after, picked)
    for new, old in enumerate(which):
        # a layer reads what came before it in the source, also where that layer is left out
        reads = keep(activations[f"{new}.query"].before, picked)
        part = {name: activations[f"{new}.{name}"] for name in LAYER_PARTS}
        ours, theirs = layers_of(student)[new], layers_of(source)[old]
        heads = int(student.config.num_attention_heads), int(source.config.num_attention_heads)
        _cut_attention(ours, theirs, names, part, reads, heads)
        _cut_inner(ours, theirs, names, part, picked)
        for name in ("attention_norm", "norm"):
            norm = getattr(names, name)
            _put_norm(ours.get_submodule(norm), theirs.get_submodule(norm), part[name], picked)
        last = keep(part["norm"].after, picked)
    if columns is not None:
        _cut_head(student, source, names, last, activations["output"].before, torch.tensor(columns))


def _cut_attention(
    ours: nn.Module,
    theirs: nn.Module,
    names: PartNames,
    activations: dict[str, Activations],
    reads: KeptColumns,
    heads: tuple[int, int],
) -> None:
    """Write queries, keys, values and the map that joins the heads."""
    query, key, value = (
        _linear(theirs.get_submodule(name)).through(reads)
        for name in (names.query, names.key, names.value)
    )
    joined = _linear(theirs.get_submodule(names.joined)).rows(reads.picked)
    width, wide = len(reads.picked), joined.weight.shape[1]
    rank, size = width // heads[0], wide // heads[1]
    context = activations["joined"].before.double()
    rows = [torch.arange(head * size, (head + 1) * size) for head in range(heads[1])]
    spread = [
        float(((context[:, at] - context[:, at].mean(0)) @ joined.weight[:, at].T).square().sum())
        for at in rows
    ]
    best = sorted(sorted(range(heads[1]), key=lambda head: -spread[head])[: heads[0]])
    bias = joined.bias.clone()
    for head in set(range(heads[1])) - set(best):
        bias += joined.weight[:, rows[head]] @ context[:, rows[head]].mean(0)
    maps: dict[str, list[Linear]] = {"query": [], "key": [], "value": []}
    outward = []
    for head in best:
        at = rows[head]
        left, right = product_factors(
            activations["query"].after[:, at], activations["key"].after[:, at], rank
        )
        inward, outer = output_factors(context[:, at], joined.weight[:, at], rank)
        # products are divided by the root of the heads' width, which is another one now
        for name, whole, factor in (
            ("query", query, left * (rank / size) ** 0.5),
            ("key", key, right),
            ("value", value, inward),
        ):
            maps[name].append(Linear(factor.T @ whole.weight[at], factor.T @ whole.bias[at]))
        outward.append(outer)
    for name, parts in maps.items():
        weight, shift = (torch.cat(values) for values in zip(*parts, strict=True))
        _put(ours.get_submodule(getattr(names, name)), Linear(weight, shift))
    _put(ours.get_submodule(names.joined), Linear(torch.cat(outward, 1), bias))


def _cut_inner(
    ours: nn.Module,
    theirs: nn.Module,
    names: PartNames,
    activations: dict[str, Activations],
    picked: Tensor,
) -> None:
    """Write the two maps around the inner neurons."""
    inner, outer = (_linear(theirs.get_submodule(name)) for name in (names.inner, names.outer))
    outer = outer.rows(picked)
    count = _linear(ours.get_submodule(names.inner)).weight.shape[0]
    units = keep_best(
        activations["outer"].before, count, weights=torch.linalg.vector_norm(outer.weight, dim=0)
    )
    reads = keep(activations["attention_norm"].after, picked)
    _put(ours.get_submodule(names.inner), inner.through(reads).rows(units.picked))
    _put(ours.get_submodule(names.outer), outer.through(units))


def _cut_head(
    student: PreTrainedModel,
    source: PreTrainedModel,
    names: PartNames,
    reads: KeptColumns,
    activations: Tensor,
    columns: Tensor,
) -> None:
    """Write the map above the first token and the outputs."""
    dense, output = (_linear(source.get_submodule(name)) for name in (names.dense, names.output))
    output = output.rows(columns)
    weights = torch.linalg.vector_norm(output.weight, dim=0)
    units = keep_best(activations, len(reads.picked), weights=weights)
    _put(student.get_submodule(names.dense), dense.through(reads).rows(units.picked))
    _put(student.get_submodule(names.output), output.through(units))
