"""Narrower students that begin with what a wide model knows.

Does: say what a student of other sizes starts from, and project a model's embeddings. Does not: cut
weights (`truncation.py`), train, or score what is left of the function; the preflight tells that.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from kdprobe.errors import ConfigError
from kdprobe.models.architectures import NAMES
from kdprobe.models.low_rank import principal_directions
from kdprobe.models.parts import TABLES, Seen, observe, watched_modules
from kdprobe.models.projection import learn_projection, require_parts
from kdprobe.models.shapes import CopyShape
from kdprobe.models.surgery import Student, chosen_layers, empty_student, layers_of, make_student
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
    require_parts(source, found="the weights", remedy="init=random")
    names = NAMES[source.config.model_type]
    which = chosen_layers(shape, len(layers_of(source)))
    student = empty_student(shape, source, task, layers=len(which))
    _refuse_larger(student, source)
    if shape.init == "projection":
        note = learn_projection(student, source, tokenizer, texts, mode=shape.mode)
        return Student(student, None, (note,))
    modules = watched_modules(source, names, which)
    seen = observe(source, tokenizer, texts, modules)
    if shape.init == "principal":
        return _projected(student, source, seen)
    truncate(student, source, names, which, seen, columns)
    sizes = f"{student.config.hidden_size} of {source.config.hidden_size} columns"
    listed = " ".join(map(str, which))
    head = "the classifier head too" if columns is not None else "the classifier head at random"
    note = f"cut to {sizes}: embeddings, layers {listed} of {len(layers_of(source))}, {head}"
    return Student(student, which, (note,))


def _refuse_larger(student: PreTrainedModel, source: PreTrainedModel) -> None:
    for ours, theirs, what in (
        (student.config.hidden_size, source.config.hidden_size, "columns"),
        (student.config.num_attention_heads, source.config.num_attention_heads, "heads"),
        (_inner_size(student), _inner_size(source), "inner neurons"),
    ):
        if ours > theirs:
            raise ConfigError(
                "--student",
                found=f"{ours} {what} cut from {theirs}",
                expected=f"at most {theirs}",
                remedy="init=random",
            )


def _inner_size(model: PreTrainedModel) -> int:
    config = model.config
    return int(config.hidden_dim if config.model_type == "distilbert" else config.intermediate_size)


def _projected(student: PreTrainedModel, source: PreTrainedModel, seen: dict[str, Seen]) -> Student:
    width = int(student.config.hidden_size)
    before = seen["embeddings"].before
    directions = principal_directions(before, width)
    ours, theirs = (model.base_model.get_submodule("embeddings") for model in (student, source))
    with torch.no_grad():
        for name in TABLES:
            if hasattr(theirs, name):
                table = getattr(theirs, name).weight.double().cpu()
                getattr(ours, name).weight.copy_(table @ directions)
        if width == before.shape[1]:
            ours.LayerNorm.load_state_dict(theirs.LayerNorm.state_dict())
    centred = (before - before.mean(0)).double()
    share = float((centred @ directions).square().sum() / centred.square().sum())
    note = (
        f"its embeddings are the other model's in their {width} directions of largest variance "
        f"({share:.1%} of it); all else starts at random"
    )
    return Student(student, None, (note,))
