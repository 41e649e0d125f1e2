"""Attribution maps: which tokens the teacher's answer rests on (AD-KD).

Does: compare how much each token counts for every class, by integrated gradients that are
differentiated once more; the teacher's maps are the same at every step and may be kept. Does not:
keep them; `teacher_memory` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.alignment import Level, places, tokens_differ, words_read
from kdprobe.distillers.compatibility import (
    first_of,
    needs_softmax,
    no_blocks,
    no_gradients,
    no_teacher,
    too_few_pairs,
)
from kdprobe.distillers.forward import model_and_inputs
from kdprobe.distillers.loss_counts import WithoutProjection
from kdprobe.distillers.masked import ones
from kdprobe.distillers.objective import Batch, ModelPair, Needs, View
from kdprobe.models.gradients import attribute, attribution_maps


class AttributionOptions(Options):
    """Options of attribution.

    Args:
        steps: points on the path of the integrated gradients; 1 is gradient times input.
        baseline: where the path begins: `zero`, or what the layer gives for a text of [PAD].
        of: the output that is attributed: the `probability` of a class (the paper), its
            `log_probability` (the released code) or its `logit`; a regression has its score.
        views: a map for every class, or for the `gold` class only (the released code with two).
        top_dimensions: of the teacher, only so many dimensions of a token with the largest
            magnitudes count; 0 takes all.
        layer: where is attributed to: the `input` (the output of the embeddings), the `first`
            layer, the `penultimate`, or the mean over all pairs of the layer map (`uniform`).
        distance: `norm` of the difference of all maps of an example (the paper), or `squared`, the
            sum of squares (the released code, which divides by tokens: use reduction = "token").
        level: `token`, or `word`: a word's score is the sum of its tokens', so that models that cut
            texts differently can be compared; `squared` is then divided by nothing.
    """

    steps: Annotated[int, Field(ge=1, le=1000)] = 1
    baseline: Literal["zero", "pad"] = "zero"
    of: Literal["probability", "log_probability", "logit"] = "probability"
    views: Literal["all", "gold"] = "all"
    top_dimensions: Annotated[int, Field(ge=0)] = 0
    layer: Literal["input", "first", "penultimate", "uniform"] = "input"
    distance: Literal["norm", "squared"] = "norm"
    level: Level = "token"


def _layers(models: ModelPair, which: str) -> tuple[tuple[int, int], ...]:
    """The layers that are attributed to, the student's first."""
    teacher = models.teacher or models.student
    if which == "input":
        return ((0, 0),)
    if which == "first":
        return ((1, 1),)
    if which == "penultimate":
        return ((models.student.layers - 1, teacher.layers - 1),)
    return models.layer_pairs


def _maps(
    view: View,
    batch: Batch,
    options: AttributionOptions,
    *,
    layer: int,
    student: bool,
    real: Tensor,
) -> Tensor:
    """Unit maps of one model, `[B, views x places]`, 0 where `real` `[B, places]` is False."""
    model, inputs = model_and_inputs(view)
    attributed = attribute(
        model,
        inputs,
        columns=view.columns,
        layer=layer,
        of=options.of,
        picked=_gold(batch) if options.views == "gold" else None,
        steps=options.steps,
        baseline=options.baseline,
        pad=int(model.config.pad_token_id or 0),
        follow=student,
    )
    words = view.words if options.level == "word" else None
    top = 0 if student else options.top_dimensions
    return attribution_maps(attributed, real, top=top, words=words)


def _teacher_maps(
    teacher: View, batch: Batch, options: AttributionOptions, *, real: Tensor
) -> Tensor:
    """The teacher's unit maps, `[B, layers x views, places]`, 0 where `real` is False."""
    size, length = real.shape
    maps = [
        _maps(teacher, batch, options, layer=theirs, student=False, real=real)
        for _, theirs in _layers(batch.pair, options.layer)
    ]
    return torch.cat([layer_maps.view(size, -1, length) for layer_maps in maps], dim=1)


def _gold(batch: Batch) -> Tensor:
    """The gold classes; a regression has one output and reads none of them."""
    if batch.labels is None:
        raise ValueError("attribution got a batch without labels")
    return batch.labels.long()


@dataclass(frozen=True)
class AttributionObjective(WithoutProjection):
    """Distance between the unit attribution maps of teacher and student.

    Definition (Wu et al. 2023, AD-KD, eq. 4 to 11): with IG the integrated gradients of class c at
    the embeddings, a token's score is the L2 norm over the width (of the teacher's K largest
    magnitudes); a map is scaled to unit norm over the real tokens; the maps of all classes are
    joined, and the value is the norm of the difference. Loss count: 1, or real tokens for
    `squared`. In training mode the student's maps carry its dropout, as in the released code.

    Differs from the released code (d3cbb87), which starts from zeros where the paper says [PAD];
    attributes -log P where the paper says P (equal after scaling with one step, not with more);
    takes the gold class only where there are two (equal up to a factor with one step); sums squares
    and divides by the tokens of the batch; and leaves T squared out of its soft targets. The
    recipes adkd@paper and adkd@code are the two readings. Intermediate layers have no released
    code. A map that is zero everywhere has no direction and adds nothing to the gradient.
    """

    name: str = "attribution"
    version: int = 1
    title: str = "attribution maps"
    options: type[BaseModel] = AttributionOptions

    def skip_reason(self, models: ModelPair, options: AttributionOptions) -> str | None:
        """It needs equal tokens or words, and layers that can be differentiated by."""
        few = too_few_pairs(models) if options.layer == "uniform" else None
        blocks = no_blocks(models) if options.layer != "input" else None
        apart = tokens_differ(models, options.level)
        softmax = needs_softmax(models, options.of)
        several = options.views == "gold" and models.task.kind == "multilabel"
        gold = 'an example may have several gold labels; views = "all" works' if several else None
        return first_of(
            no_teacher(models), softmax, gold, no_gradients(models), apart, few, blocks
        )  # fmt: skip

    def needs(self, models: ModelPair, options: AttributionOptions) -> Needs:
        """Both models, to differentiate."""
        gold = options.views == "gold" and models.task.kind != "regression"
        words = options.level == "word"
        return Needs(student_model=True, teacher_model=True, labels=gold, words=words)

    def loss_count(self, batch: Batch, options: AttributionOptions) -> Tensor:
        """One an example, or the real tokens for `squared`."""
        return places(batch, options.level) if options.distance == "squared" else ones(batch)

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: AttributionOptions
    ) -> Tensor:
        """Each example's distance, `[B]`."""
        real = batch.mask if options.level == "token" else words_read(student, teacher)
        kept = teacher.lasting.get(self.name)
        maps = _teacher_maps(teacher, batch, options, real=real) if kept is None else kept
        layers = [ours for ours, _ in _layers(batch.pair, options.layer)]
        values = []
        for ours, right in zip(layers, maps.chunk(len(layers), dim=1), strict=True):
            left = _maps(student, batch, options, layer=ours, student=True, real=real)
            gaps = left - right.flatten(1)
            squared = options.distance == "squared"
            values.append((gaps**2).sum(-1) if squared else torch.linalg.vector_norm(gaps, dim=-1))
        return torch.stack(values).mean(0)

    def channels(self, models: ModelPair, options: AttributionOptions) -> int:
        """The number of the teacher's maps: layers times views."""
        views = models.task.outputs if options.views == "all" else 1
        return views * len(_layers(models, options.layer))

    def lasting(self, teacher: View, batch: Batch, options: AttributionOptions) -> Tensor:
        """The teacher's maps, `[B, layers x views, L]`."""
        return _teacher_maps(teacher, batch, options, real=batch.mask)

    def remark(self, models: ModelPair, options: AttributionOptions) -> str | None:
        """Return what a reader of its value must know for these models, or None."""
        two = models.task.kind == "classification" and len(models.task.labels) == 2
        if two and options.views == "all":
            return (
                "attribution maps of two classes are each other's double with one step: the second "
                "only scales the term"
            )
        return None


OBJECTIVE = AttributionObjective()
