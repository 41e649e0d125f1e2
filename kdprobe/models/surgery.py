"""Smaller models made from larger ones: layers left out, heads re-partitioned.

Does: build a classifier whose embeddings, layers, pooler and head are exact copies of another's.
Does not: train it, or copy weights into other widths (such a student starts from random weights,
and says so).
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from kdprobe.errors import ConfigError
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
    available = len(layers_of(source))
    which = chosen_layers(shape, available)
    student = empty_student(shape, source, task, layers=len(which))
    if shape.start == "random":
        why = "" if shape.init else "its width differs from the other model's, so "
        return Student(student, None, (f"{why}all its weights start at random",))
    listed = " ".join(str(layer) for layer in which)
    notes = [f"copied: embeddings, layers {listed} of {available}, counted from 0"]
    _copy_weights(student, source, which)
    if columns is None:
        notes.append("its classifier head starts at random")
    else:
        _copy_head(student, source, columns)
        notes.append("its classifier head is copied too")
    if shape.heads is not None:
        notes.append(f"its {shape.heads} heads split the copied weights anew; the function changes")
    return Student(student, which, tuple(notes))


def empty_student(
    shape: CopyShape, source: PreTrainedModel, task: Task, *, layers: int
) -> PreTrainedModel:
    """Build a student of a source's architecture with random weights, in eval mode.

    Raises:
        ConfigError: heads that do not divide the width.
    """
    config = copy.deepcopy(source.config)
    for name, value in label_settings(task).items():
        setattr(config, name, value)
    config.num_hidden_layers = layers
    for name, attribute in _SIZES.items():
        if (size := getattr(shape, name)) is not None:
            setattr(config, attribute, size)
    if shape.intermediate is not None:
        setattr(config, architecture_of(source).inner, shape.intermediate)
    if config.hidden_size % config.num_attention_heads:
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
    # strict: a weight that has no place, or a place without weight, is a fault of the table above
    student.base_model.load_state_dict(state, strict=True)


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
