"""The protocol of an objective, what it may read, and the registry of objectives.

Does: define the protocol that each file of `objectives/` answers, and its registry. Does not: run a
model (`forward.py`), add objectives up (`weighted_loss.py`) or train (`trainer.py`).

Reading order: `Need` and `Needs` (what an objective reads), `View` (the outputs of one model for a
batch), `Objective`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel
from torch import Tensor, nn

from kdprobe.observations.predictions import Scale
from kdprobe.registry import Plugins
from kdprobe.tasks.task import Task

Quantity = Literal["logits", "hidden", "first", "attention", "query", "key", "value", "bias"]


@dataclass(frozen=True, order=True)
class Need:
    """One quantity that a model computes for a batch.

    Args:
        quantity: `logits` `[B, C]`; `hidden` `[B, L, H]`; `first`, the hidden state of the first
            real token `[B, H]`; `attention`, the attention probabilities after dropout
            `[B, heads, L, L]`; `query`, `key`, `value`, the projections it is made of `[B, L, H]`;
            `bias`, what all layers add to its scores by position `[B, heads, L, L]` (MPNet).
        layer: for `hidden` and `first` 0 is the output of the embeddings and l that of the l-th
            layer; for attention and its parts the first layer is 1; 0 for `logits` and `bias`.
    """

    quantity: Quantity
    layer: int = 0


LOGITS, BIAS = Need("logits"), Need("bias")
WORDS = "words"
"""Beside the inputs of a model: which tokens make which word, float32 `[B, W, L]`."""
GROUPS = "groups"
"""Beside the inputs of a model that no padding may stand beside: texts of one number are run
together, all of one length; int64 `[B]`."""


@dataclass(frozen=True)
class Needs:
    """Everything an objective reads; the trainer computes the union once a batch.

    Args:
        student: quantities of the student.
        teacher: quantities of the teacher; nothing, or logits alone, are read from a store and
            the teacher is not run while the student trains.
        labels: whether gold labels are read.
        student_model: whether the student itself is read through `View.model` (gradients with
            respect to its embeddings, queries and keys computed again from hidden states).
        teacher_model: the same of the teacher.
        words: whether `View.words` is read of both.
    """

    student: frozenset[Need] = frozenset()
    teacher: frozenset[Need] = frozenset()
    labels: bool = False
    student_model: bool = False
    teacher_model: bool = False
    words: bool = False

    def __or__(self, other: Needs) -> Needs:
        """What both need together."""
        return Needs(
            student=self.student | other.student,
            teacher=self.teacher | other.teacher,
            labels=self.labels or other.labels,
            student_model=self.student_model or other.student_model,
            teacher_model=self.teacher_model or other.teacher_model,
            words=self.words or other.words,
        )

    @property
    def asks_teacher(self) -> bool:
        """Whether anything of the teacher is read."""
        return self.teacher_model or bool(self.teacher)


def needs_of_pairs(
    pairs: Iterable[tuple[int, int]], *quantities: Quantity, words: bool = False
) -> Needs:
    """Read the same quantities of pairs of layers, each of the student and the teacher's."""
    rows = tuple(pairs)
    return Needs(
        student=frozenset(Need(name, ours) for ours, _ in rows for name in quantities),
        teacher=frozenset(Need(name, theirs) for _, theirs in rows for name in quantities),
        words=words,
    )


@dataclass(frozen=True)
class ModelShape:
    """What objectives read of a model's build.

    Args:
        layers: the number of layers.
        width: of the hidden states.
        heads: attention heads of a layer; 0 for a model without attention.
        projections: whether its queries, keys and values can be read.
        inner: the width of what its embeddings give; 0: the same as that of the hidden states.
        blocks: whether the output of one of its layers can be replaced and differentiated.
        first_reads: whether its first token reads the others; not in causal models.
        undifferentiable: why its outputs cannot be differentiated by what its embeddings give;
            empty: they can.
        biased: whether it adds a `bias` to the scores of its attention.
    """

    layers: int
    width: int
    heads: int
    projections: bool = True
    inner: int = 0
    blocks: bool = True
    first_reads: bool = True
    undifferentiable: str = ""
    biased: bool = False

    @property
    def embedded(self) -> int:
        """The width of what the embeddings give."""
        return self.inner or self.width


@dataclass(frozen=True)
class ModelPair:
    """A student beside its teacher: task, builds and matched layers.

    Args:
        task: gives the kind and the classes.
        student: sizes of the student.
        teacher: sizes of the teacher; None when there is none (fine-tuning).
        layer_map: pairs of a student's layer and the teacher's that belongs to it, rising in the
            student's layers; layers count from 1, and 0 is the output of the embeddings.
        same_tokens: whether both models read the same token ids of every text, so that their
            positions can be matched.
        answers: what is known of a teacher that is a predictions file; None of any other.
    """

    task: Task
    student: ModelShape
    teacher: ModelShape | None = None
    layer_map: tuple[tuple[int, int], ...] = ()
    same_tokens: bool = False
    answers: Scale | None = None

    @property
    def layer_pairs(self) -> tuple[tuple[int, int], ...]:
        """The layer map without the embeddings."""
        return tuple(pair for pair in self.layer_map if pair[0] > 0 and pair[1] > 0)


@dataclass(frozen=True)
class View:
    """The outputs of one model for a batch.

    Args:
        values: the quantities that were needed, float32, on one device.
        inputs: the token ids and masks the model read.
        model: the model itself when an objective needs it, else None.
        columns: int64 `[C]`, the output of `model` for each label of the task; None: they are in
            the task's order.
        lasting: by the name of an objective, its teacher quantities from before the training; see
            `teacher_quantities.Lasting`.
        projection: of the student, the module that this objective trains with it, or None.
    """

    values: Mapping[Need, Tensor]
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    model: nn.Module | None = None
    columns: Tensor | None = None
    lasting: Mapping[str, Tensor] = field(default_factory=dict)
    projection: nn.Module | None = None

    def projected(self, vectors: Tensor) -> Tensor:
        """Apply the projection to vectors `[..., H]`; without one they stay as they are."""
        if self.projection is None:
            return vectors
        mapped: Tensor = self.projection(vectors)
        return mapped

    @property
    def words(self) -> Tensor:
        """How much of each token belongs to which word, float32 `[B, W, L]`, 0 at padding.

        Raises:
            ValueError: no objective needed words when the batch was built (a fault of the caller).
        """
        if WORDS not in self.inputs:
            raise ValueError("a batch without its words")
        return self.inputs[WORDS]

    @property
    def logits(self) -> Tensor:
        """The logits, float32 `[B, C]`."""
        return self.values[LOGITS]

    def hidden(self, layer: int) -> Tensor:
        """The hidden states of a layer, float32 `[B, L, H]`; 0 is the output of the embeddings."""
        return self.values[Need("hidden", layer)]

    def first(self, layer: int) -> Tensor:
        """The hidden states of the first real tokens, float32 `[B, H]`."""
        return self.values[Need("first", layer)]

    def attention(self, layer: int) -> Tensor:
        """The attention probabilities of a layer, float32 `[B, heads, L, L]`, layers from 1."""
        return self.values[Need("attention", layer)]


NOTHING = View({})


@dataclass(frozen=True)
class Batch:
    """What is known of a batch before any model has run.

    Args:
        mask: bool `[B, L]`, True at the student's real tokens, special ones included.
        labels: int64 class indices `[B]` or float32 scores `[B]`; None when unknown.
        progress: the share of all optimiser steps that are done, 0 to 1 (for schedules).
        models: the builds of student and teacher; objectives that compare layers read them.
    """

    mask: Tensor
    labels: Tensor | None = None
    progress: float = 0.0
    models: ModelPair | None = None

    @property
    def pair(self) -> ModelPair:
        """The builds of student and teacher.

        Raises:
            ValueError: the batch was made without them (a fault of the caller).
        """
        if self.models is None:
            raise ValueError("a batch without its models")
        return self.models

    @property
    def size(self) -> int:
        """The number of examples, B."""
        return int(self.mask.shape[0])


class Objective(Protocol):
    """One file of `objectives/`: a loss for each example of a batch, and no reduction.

    Definition: the loss of an example is `loss_sum` / `loss_count`. `loss_count` counts what
    `loss_sum` sums over (1 for an example, its real tokens, its pairs of real tokens), known from
    the masks alone, so that it can be added up over all micro-batches of a step before the first
    gradient; never the padded size, which would change with the other texts of a batch.
    """

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def version(self) -> int:
        """Raised when the meaning of its value changes."""

    @property
    def title(self) -> str:
        """What a reader calls it."""

    @property
    def options(self) -> type[BaseModel]:
        """The frozen model of its options; all have defaults."""

    def skip_reason(self, models: ModelPair, options: Any) -> str | None:
        """Return why it has no value for these models, in plain words, or None."""

    def needs(self, models: ModelPair, options: Any) -> Needs:
        """Return what it reads of both models."""

    def projection(self, models: ModelPair, options: Any) -> nn.Module | None:
        """Return a module that is trained with the student but is no part of it, or None."""

    def loss_count(self, batch: Batch, options: Any) -> Tensor:
        """Count what each example's loss sums over: float32 `[B]`, positive."""

    def loss_sum(self, student: View, teacher: View, batch: Batch, options: Any) -> Tensor:
        """Return each example's summed loss: float32 `[B]`, differentiable in the student."""


OBJECTIVES: Plugins[Objective] = Plugins(
    package="kdprobe.distillers.objectives",
    attribute="OBJECTIVE",
    kind="objective",
    entry_points="kdprobe.objectives",
)
