"""Narrower students that begin with what a wide model knows.

Does: say what a student of other sizes starts from, and project a model's embeddings. Does not: cut
weights (`truncation.py`), train, or score what is left of the function; the preflight tells that.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from kdprobe.errors import ConfigError
from kdprobe.models.activations import record_activations
from kdprobe.models.architectures import (
    EMBEDDING_TABLES,
    embedding_norm,
    embeddings_of,
    inner_size,
    layers_of,
    parts_of,
    require_parts,
)
from kdprobe.models.low_rank import principal_directions
from kdprobe.models.projection import learn_projection
from kdprobe.models.shapes import CopyShape
from kdprobe.models.surgery import Student, chosen_layers, empty_student, make_student
from kdprobe.models.truncation import truncate
from kdprobe.tasks.task import Task


def student_of(
    shape: CopyShape,
    source: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    task: Task,
    *,
    columns: tuple[int, ...] | None,
    texts: Sequence[str],
) -> Student:
    """Make a student from another model, whatever it starts from.

    Definition: copies and random weights are `surgery.make_student`'s. `projection` learns a map of
    the embeddings with the student; see `projection.learn_projection`. `principal` multiplies the
    embeddings of words, positions and segments with the principal directions of their sum over the
    tokens of sample texts, once (all else starts at random). `truncated` keeps, of the vectors
    that run through the layers, the columns that explain the others best (pivoted Cholesky) and
    lets every map read the others' least-squares fits; heads keep the products of queries and keys,
    and the outputs of values, of the lower rank that fits best; the heads, inner neurons and head
    units that matter least go, their means going into biases; scale and shift of each normalisation
    are fitted again. In full size both are the identity.

    Args:
        shape: the sizes and what it starts from.
        source: the model; in eval mode; left as it is.
        tokenizer: its tokenizer.
        task: gives the student's labels.
        columns: the source's output for each label of the task; None: its head is not trained.
        texts: training texts; up to 512 of them, evenly spaced, are read.

    Raises:
        ConfigError: a size larger than the source's, or layers it does not have.
        CapabilityError: an architecture whose parts are not known.
    """
    if shape.start in ("copy", "random"):
        return make_student(shape, source, task, columns=columns)
    names = require_parts(source, wanted="the weights", remedy="init=random")
    which = chosen_layers(shape, len(layers_of(source)))
    student = empty_student(shape, source, task, layers=len(which))
    _refuse_larger(student, source)
    if shape.init == "projection":
        note = learn_projection(student, source, tokenizer, texts, mode=shape.mode)
        return Student(student, None, (note,))
    modules = parts_of(source, names, which)
    activations = record_activations(source, tokenizer, texts, modules)
    if shape.init == "principal":
        return _projected(student, source, activations["embeddings"].before)
    truncate(student, source, names, which, activations, columns)
    sizes = f"{student.config.hidden_size} of {source.config.hidden_size} columns"
    listed = " ".join(map(str, which))
    head = "the classifier head too" if columns is not None else "the classifier head at random"
    note = f"cut to {sizes}: embeddings, layers {listed} of {len(layers_of(source))}, {head}"
    return Student(student, which, (note,))


def _refuse_larger(student: PreTrainedModel, source: PreTrainedModel) -> None:
    for ours, theirs, what in (
        (student.config.hidden_size, source.config.hidden_size, "columns"),
        (student.config.num_attention_heads, source.config.num_attention_heads, "heads"),
        (inner_size(student.config), inner_size(source.config), "inner neurons"),
    ):
        if ours > theirs:
            raise ConfigError(
                "`student`",
                found=f"{ours} {what} cut from {theirs}",
                expected=f"at most {theirs}",
                remedy="init=random",
            )


def _projected(student: PreTrainedModel, source: PreTrainedModel, before: Tensor) -> Student:
    width = int(student.config.hidden_size)
    directions = principal_directions(before, width)
    ours, theirs = embeddings_of(student), embeddings_of(source)
    with torch.no_grad():
        for name in EMBEDDING_TABLES:
            if hasattr(theirs, name):
                table = getattr(theirs, name).weight.double().cpu()
                getattr(ours, name).weight.copy_(table @ directions)
        if width == before.shape[1]:
            embedding_norm(student).load_state_dict(embedding_norm(source).state_dict())
    centred = (before - before.mean(0)).double()
    share = float((centred @ directions).square().sum() / centred.square().sum())
    note = (
        f"its embeddings are the other model's in their {width} directions of largest variance "
        f"({share:.1%} of it); all else starts at random"
    )
    return Student(student, None, (note,))
