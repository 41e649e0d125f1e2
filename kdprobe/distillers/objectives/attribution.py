"""Attribution maps: which tokens the teacher's answer rests on (AD-KD).

Does: compare how much each token counts for every class, by integrated gradients that are
differentiated once more. Does not: store the teacher's maps; it is asked at every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn

from kdprobe.config.base import Options
from kdprobe.distillers.gradients import attribute
from kdprobe.distillers.masked import ones, token_counts
from kdprobe.distillers.objective import Batch, Needs, Situation, View
from kdprobe.distillers.obstacles import first_of, no_teacher, other_tokens, too_few_pairs
from kdprobe.models.gradients import attribution_maps


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
    """

    steps: Annotated[int, Field(ge=1)] = 1
    baseline: Literal["zero", "pad"] = "zero"
    of: Literal["probability", "log_probability", "logit"] = "probability"
    views: Literal["all", "gold"] = "all"
    top_dimensions: Annotated[int, Field(ge=0)] = 0
    layer: Literal["input", "first", "penultimate", "uniform"] = "input"
    distance: Literal["norm", "squared"] = "norm"


def _layers(situation: Situation, which: str) -> tuple[tuple[int, int], ...]:
    """The layers that are attributed to, the student's first."""
    teacher = situation.teacher or situation.student
    if which == "input":
        return ((0, 0),)
    if which == "first":
        return ((1, 1),)
    if which == "penultimate":
        return ((situation.student.layers - 1, teacher.layers - 1),)
    return situation.layer_pairs


def _maps(
    view: View, batch: Batch, options: AttributionOptions, *, layer: int, student: bool
) -> Tensor:
    """Unit maps of one model, `[B, views x L]`, 0 at padding."""
    attributed = attribute(
        view,
        layer=layer,
        of=options.of,
        picked=_gold(batch) if options.views == "gold" else None,
        steps=options.steps,
        baseline=options.baseline,
        pad=int(getattr(getattr(view.model, "config", None), "pad_token_id", 0) or 0),
        follow=student,
    )
    top = 0 if student else options.top_dimensions
    return attribution_maps(attributed, batch.mask, top=top)


def _gold(batch: Batch) -> Tensor:
    """The gold classes; a regression has one output and reads none of them."""
    if batch.labels is None:
        raise ValueError("attribution got a batch without labels")
    return batch.labels.long()


@dataclass(frozen=True)
class Attribution:
    """Distance between the unit attribution maps of teacher and student.

    Definition (Wu et al. 2023, AD-KD, eq. 4 to 11): with IG the integrated gradients of class c at
    the embeddings, a token's score is the L2 norm over the width (of the teacher's K largest
    magnitudes); a map is scaled to unit norm over the real tokens; the maps of all classes are
    joined, and the value is the norm of the difference. Denominator: 1, or real tokens for
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

    @property
    def options(self) -> type[BaseModel]:
        """The model of its options."""
        return AttributionOptions

    def unmet(self, situation: Situation, options: AttributionOptions) -> str | None:
        """It needs equal tokens."""
        few = too_few_pairs(situation) if options.layer == "uniform" else None
        return first_of(no_teacher(situation), other_tokens(situation), few)

    def needs(self, situation: Situation, options: AttributionOptions) -> Needs:
        """Both models, to differentiate."""
        gold = options.views == "gold" and situation.task.kind != "regression"
        return Needs(student_model=True, teacher_model=True, labels=gold)

    def bridge(self, situation: Situation, options: AttributionOptions) -> None:
        """Nothing else is trained."""
        return

    def denominators(self, batch: Batch, options: AttributionOptions) -> Tensor:
        """One an example, or the real tokens for `squared`."""
        return token_counts(batch) if options.distance == "squared" else ones(batch)

    def numerators(
        self,
        student: View,
        teacher: View,
        batch: Batch,
        options: AttributionOptions,
        bridge: nn.Module | None,
    ) -> Tensor:
        """Each example's distance, `[B]`."""
        pairs = _layers(batch.known, options.layer)
        values = []
        for ours, theirs in pairs:
            left = _maps(student, batch, options, layer=ours, student=True)
            right = _maps(teacher, batch, options, layer=theirs, student=False)
            gaps = left - right
            squared = options.distance == "squared"
            values.append((gaps**2).sum(-1) if squared else torch.linalg.vector_norm(gaps, dim=-1))
        return torch.stack(values).mean(0)

    def remark(self, situation: Situation, options: AttributionOptions) -> str | None:
        """Say what a reader of its value must know here, or None."""
        if len(situation.task.labels) == 2 and options.views == "all":
            return (
                "attribution maps of two classes are each other's double with one step: the second "
                "only scales the term"
            )
        return None


OBJECTIVE = Attribution()
