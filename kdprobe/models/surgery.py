"""Smaller models made from larger ones: layers left out, heads re-partitioned.

Does: build a classifier whose embeddings, layers, pooler and head are exact copies of another's.
Does not: train it, or copy weights into other widths (such a student starts from random weights,
and says so).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.architectures import architecture_of, layers_of
from kdprobe.models.building import build_fresh
from kdprobe.models.layer_choice import spread_layers
from kdprobe.models.shapes import CopyShape, label_settings
from kdprobe.tasks.task import Task

_SIZES = {"heads": "num_attention_heads", "hidden": "hidden_size"}


class Student(NamedTuple):
    """A student before training.

    `layers` are the copied layers of the other model, counted from 0, or None when nothing was
    copied; `notes` say how it was made.
    """

    model: PreTrainedModel
    layers: tuple[int, ...] | None
    notes: tuple[str, ...]


def make_student(
    shape: CopyShape, source: PreTrainedModel, task: Task, *, columns: tuple[int, ...] | None
) -> Student:
    """Make a student from another model.

    Args:
        shape: what differs.
        source: the teacher, or the pretrained encoder; left as it is.
        task: gives the student's labels, in its order.
        columns: `columns[i]` is the source's output for label i of the task: the head is copied
            with its outputs in that order; None: the source has no trained head, and the student
            gets a fresh one from torch's global generator.

    Returns:
        The student, in eval mode. With all layers and the head it gives the source's logits.

    Raises:
        ConfigError: layers that the source does not have, heads that do not divide the width.
        CapabilityError: an architecture whose layers cannot be taken apart.
    """
    own = architecture_of(source)
    available = len(layers_of(source))
    if own.shared:
        available = _runs_of_one_layer(source)
    which = chosen_layers(shape, available)
    student = empty_student(shape, source, task, layers=len(which), copied=which)
    if shape.start == "random":
        why = "" if shape.init else "its width differs from the other model's, so "
        return Student(student, None, (f"{why}all its weights start at random",))
    if which[0] and own.first:
        raise ConfigError(
            "`student`", found=f"layer {which[0]} as the first of a {type(source).__name__}",
            expected="layer 0 among those that are kept", remedy=own.first,
        )  # fmt: skip
    notes = [_copied_note(source, which, available)]
    _copy_weights(student, source, which)
    if columns is None:
        notes.append("its classifier head starts at random")
    else:
        _copy_head(student, source, columns)
        notes.append("its classifier head is copied too")
    if shape.heads is not None:
        notes.append(f"its {shape.heads} heads split the copied weights anew; the function changes")
    return Student(student, which, tuple(notes))


def _copied_note(source: PreTrainedModel, which: tuple[int, ...], available: int) -> str:
    """Say what was copied; of layers that differ by their place also which kind each is."""
    if architecture_of(source).shared:
        times = f"run {len(which)} times instead of {available}"
        return f"copied: embeddings and the shared layer, {times}"
    listed = " ".join(str(layer) for layer in which)
    note = f"copied: embeddings, layers {listed} of {available}, counted from 0"
    kinds = getattr(source.config, "layer_types", None)
    if not kinds or len(set(kinds)) < 2:
        return note
    taken = [kinds[layer] for layer in which]
    words = " ".join(kind.removesuffix("_attention") for kind in taken)
    period = "keeps" if taken == list(kinds[: len(taken)]) else "breaks"
    return f"{note}; each keeps its attention ({words}), which {period} the period of the other"


def _runs_of_one_layer(source: PreTrainedModel) -> int:
    """Return how often a model runs its one shared layer.

    Raises:
        CapabilityError: it has several groups of layers, and which is run when depends on their
            number.
    """
    groups = len(layers_of(source))
    if groups > 1:
        raise CapabilityError(
            type(source).__name__, found=f"shares its layers in {groups} groups",
            expected="one group, which a student can run fewer times",
            remedy="start the student from scratch (bert:L4,H128) or from a folder",
        )  # fmt: skip
    return int(source.config.num_hidden_layers)


def empty_student(
    shape: CopyShape,
    source: PreTrainedModel,
    task: Task,
    *,
    layers: int,
    copied: Sequence[int] = (),
) -> PreTrainedModel:
    """Build a student of a source's architecture with random weights, in eval mode.

    Args:
        shape: what differs.
        source: the other model.
        task: gives the student's labels.
        layers: how many it has.
        copied: the layers of the source that stand at their places, where they do: settings that
            hold an entry for each layer follow them.

    Raises:
        ConfigError: heads that do not divide the width.
    """
    config = copy.deepcopy(source.config)
    for name, value in label_settings(task).items():
        setattr(config, name, value)
    for name in architecture_of(source).per_layer:
        entries = getattr(config, name, None)
        if isinstance(entries, list):
            setattr(config, name, [entries[layer] for layer in copied or range(layers)])
    config.num_hidden_layers = layers
    for name, attribute in _SIZES.items():
        if (size := getattr(shape, name)) is not None:
            setattr(config, attribute, size)
    if shape.intermediate is not None:
        setattr(config, architecture_of(source).inner, shape.intermediate)
    if config.hidden_size % getattr(config, "num_attention_heads", 1):
        raise ConfigError(
            "`student`",
            found=f"{config.num_attention_heads} heads for a width of {config.hidden_size}",
            expected="heads that divide it",
        )
    make = AutoModelForSequenceClassification.from_config
    return build_fresh(make, config, where="`student`").float().eval()


def chosen_layers(shape: CopyShape, available: int) -> tuple[int, ...]:
    """Return the layers of a source of `available` layers that a student takes, from 0.

    Raises:
        ConfigError: a layer that is not there.
    """
    if isinstance(shape.which, tuple):
        if max(shape.which) >= available:
            raise ConfigError(
                "`student`",
                found=f"layer {max(shape.which)}",
                expected=f"layers from 0 to {available - 1}",
            )
        return shape.which
    count = available if shape.layers is None else shape.layers
    return spread_layers(count, available, shape.which)


def _copy_weights(
    student: PreTrainedModel, source: PreTrainedModel, which: tuple[int, ...]
) -> None:
    """Copy everything below the head, layer by layer."""
    if architecture_of(source).shared:
        student.base_model.load_state_dict(source.base_model.state_dict(), strict=True)
        return
    prefix = architecture_of(source).layers + "."
    wanted = {f"{prefix}{old}.": f"{prefix}{new}." for new, old in enumerate(which)}
    state: dict[str, torch.Tensor] = {}
    for name, tensor in source.base_model.state_dict().items():
        if not name.startswith(prefix):
            state[name] = tensor
            continue
        end = name.index(".", len(prefix)) + 1
        if name[:end] in wanted:
            state[wanted[name[:end]] + name[end:]] = tensor
    _divide_anew(state, student)
    # strict: a weight that has no place, or a place without weight, is a fault of the table above
    student.base_model.load_state_dict(state, strict=True)


def _divide_anew(state: dict[str, torch.Tensor], student: PreTrainedModel) -> None:
    """Divide among other numbers of heads what is kept for each head, in place.

    Definition: a new head takes of the table of distances (MPNet) the mean of the old heads whose
    widths it covers, by the shares of its width.

    Raises:
        CapabilityError: another weight is kept for each head (XLNet).
    """
    table = architecture_of(student).score_bias + ".weight"
    for name, own in student.base_model.state_dict().items():
        if name not in state or state[name].shape == own.shape:
            continue
        if name != table:
            raise CapabilityError(
                type(student).__name__, found=f"keeps {name} for each of its heads",
                expected="as many heads as the other model",
                remedy="leave `heads` out of `student`",
            )  # fmt: skip
        state[name] = state[name] @ head_shares(state[name].shape[1], own.shape[1]).T


def head_shares(old: int, new: int) -> torch.Tensor:
    """Return how much of each new head's width each old head had, float32 `[new, old]`.

    >>> head_shares(4, 2).tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    >>> head_shares(3, 2).sum(1).tolist()
    [1.0, 1.0]
    """
    ends = torch.arange(old + 1) / old
    edges = torch.arange(new + 1) / new
    right = torch.minimum(edges[1:, None], ends[None, 1:])
    left = torch.maximum(edges[:-1, None], ends[None, :-1])
    return (right - left).clamp(min=0) * new


def _copy_head(student: PreTrainedModel, source: PreTrainedModel, columns: tuple[int, ...]) -> None:
    """Copy what lies above the encoder, with the outputs in the task's order."""
    below = source.base_model_prefix + "."
    head = {n: t for n, t in source.state_dict().items() if not n.startswith(below)}
    ours = {n: t for n, t in student.state_dict().items() if not n.startswith(below)}
    outputs = int(source.config.num_labels)
    order = torch.tensor(columns)
    last = {name for name in head if _is_output(name, source, outputs)}
    for name, tensor in head.items():
        ours[name].copy_(tensor.index_select(0, order) if name in last else tensor)


def _is_output(name: str, source: PreTrainedModel, outputs: int) -> bool:
    """Whether a weight belongs to the last linear map, whose rows are the outputs."""
    module = source.get_submodule(name.rsplit(".", 1)[0])
    linears = [part for part in source.modules() if isinstance(part, nn.Linear)]
    return module is linears[-1] and module.out_features == outputs
