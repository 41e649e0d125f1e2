"""The weighted sum of a recipe's objectives.

Does: reduce per-example losses so that the split of an optimiser step into micro-batches changes
nothing, weigh them, and keep each term's value for the log. Does not: run a model or step an
optimiser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from kdprobe.config.base import parse
from kdprobe.config.recipe import ObjectiveSetting
from kdprobe.distillers.objective import OBJECTIVES, Batch, ModelPair, Needs, Objective, View
from kdprobe.distillers.processes import ProcessGroup
from kdprobe.errors import CapabilityError

Reduction = Literal["example", "token"]


@dataclass(frozen=True)
class Term:
    """One objective of a recipe with its weight and checked options."""

    objective: Objective
    weight: float
    options: BaseModel
    during: tuple[float, float] = (0.0, 1.0)

    def counts(self, progress: float) -> bool:
        """Whether it is part of the loss when this share of all steps is done."""
        start, end = self.during
        return start <= progress < end or (end == 1.0 and progress >= 1.0)

    @property
    def name(self) -> str:
        """The objective's name."""
        return self.objective.name


class Window(NamedTuple):
    """What one optimiser step sums over, counted before its first gradient.

    Args:
        examples: their number.
        loss_counts: by term, its `loss_count` summed over them; empty for `example`.
    """

    examples: int
    loss_counts: Mapping[str, float]

    def over(self, group: ProcessGroup) -> Window:
        """Add what the other processes count in the same step."""
        if not group.many:
            return self
        own = [float(self.examples), *self.loss_counts.values()]
        examples, *sums = group.total(torch.tensor(own, dtype=torch.float64)).tolist()
        return Window(int(examples), dict(zip(self.loss_counts, sums, strict=True)))


class WeightedLosses(NamedTuple):
    """The loss of a micro-batch.

    `total` is its share of the step's loss, to be differentiated; `terms` what each weighted term
    adds to it; `examples` the share of each example, `[B]`, to find one that is not finite.
    """

    total: Tensor
    terms: Mapping[str, Tensor]
    examples: Tensor

    def as_nothing(self) -> WeightedLosses:
        """Return the same with a value and a gradient of 0, of the same weights."""
        terms = {name: 0.0 * term for name, term in self.terms.items()}
        return WeightedLosses(0.0 * self.total, terms, self.examples[:0])


@dataclass(frozen=True)
class WeightedLoss:
    """A recipe's objectives.

    Args:
        terms: the objectives, at least one.
        reduction: `example` is the mean over the step's examples of loss_sum / loss_count; `token`
            the sum of all loss_sum over the sum of all loss_count.
    """

    terms: tuple[Term, ...]
    reduction: Reduction = "example"

    def needs(self, models: ModelPair) -> Needs:
        """Everything the terms read."""
        parts = (term.objective.needs(models, term.options) for term in self.terms)
        return reduce(lambda left, right: left | right, parts, Needs())

    def projections(self, models: ModelPair) -> dict[str, nn.Module]:
        """The modules that are trained beside the student, by the name of their objective."""
        modules = {t.name: t.objective.projection(models, t.options) for t in self.terms}
        return {name: module for name, module in modules.items() if module is not None}

    def window(self, batches: Sequence[Batch]) -> Window:
        """Count what the micro-batches of one optimiser step sum over."""
        if self.reduction == "example":
            return Window(sum(batch.size for batch in batches), {})
        sums = {
            term.name: sum(
                float(term.objective.loss_count(batch, term.options).sum()) for batch in batches
            )
            for term in self.terms
        }
        return Window(sum(batch.size for batch in batches), sums)

    def losses(
        self,
        student: View,
        teacher: View,
        batch: Batch,
        *,
        window: Window,
        projections: Mapping[str, nn.Module],
    ) -> WeightedLosses:
        """Add the terms up for one micro-batch.

        Args:
            student: the student's outputs.
            teacher: the teacher's outputs.
            batch: its labels and masks.
            window: what the whole optimiser step sums over.
            projections: see `projections`.
        """
        total = torch.zeros((), device=batch.mask.device)
        examples = torch.zeros(batch.size, device=batch.mask.device)
        terms: dict[str, Tensor] = {}
        for term in self.terms:
            if not term.counts(batch.progress):
                continue
            own = projections[term.name] if term.name in projections else None  # noqa: SIM401 (ModuleDict)
            view = replace(student, projection=own)
            shares = self._shares(term, view, teacher, batch, window)
            terms[term.name] = term.weight * shares.sum()
            total = total + terms[term.name]
            examples = examples + term.weight * shares.detach()
        return WeightedLosses(total, terms, examples)

    def _shares(
        self, term: Term, student: View, teacher: View, batch: Batch, window: Window
    ) -> Tensor:
        sums = term.objective.loss_sum(student, teacher, batch, term.options)
        if self.reduction == "token":
            return sums / window.loss_counts[term.name]
        counts = term.objective.loss_count(batch, term.options)
        return sums / counts / window.examples


def option_names(settings: Sequence[ObjectiveSetting]) -> dict[str, tuple[str, ...]]:
    """Return the option names of each objective of a recipe.

    Raises:
        UnknownNameError: no objective has such a name.
    """
    return {
        setting.name: tuple(OBJECTIVES.load(setting.name).options.model_fields)
        for setting in settings
    }


def build_weighted_loss(
    settings: Sequence[ObjectiveSetting], *, reduction: Reduction, where: str
) -> WeightedLoss:
    """Load a recipe's objectives and check their options.

    Args:
        settings: names, weights and options as written; those of weight 0 are left out.
        reduction: see `WeightedLoss`.
        where: the recipe, for messages.

    Raises:
        UnknownNameError: no objective has such a name.
        ConfigError: an option that the objective does not know or a value of the wrong kind.
    """
    terms = []
    for setting in settings:
        if not setting.weight:
            continue
        objective = OBJECTIVES.load(setting.name)
        options = parse(
            objective.options, dict(setting.options), f"{where}, objective {setting.name}"
        )
        terms.append(Term(objective, setting.weight, options, setting.during))
    return WeightedLoss(tuple(terms), reduction)


def require_values(weighted_loss: WeightedLoss, models: ModelPair) -> None:
    """Stop before training when an objective has no value for this pair of models.

    Raises:
        CapabilityError: the first such objective, with its reason.
    """
    for term in weighted_loss.terms:
        reason = term.objective.skip_reason(models, term.options)
        if reason is not None:
            raise CapabilityError(
                f"objective {term.name}",
                found=reason,
                remedy="leave it out of the recipe, or choose another student",
            )


@runtime_checkable
class Remarking(Protocol):
    """An objective whose value means something else for some pairs of models."""

    def remark(self, models: ModelPair, options: Any) -> str | None:
        """Return what a reader of its value must know for these models, or None."""


def remarks(weighted_loss: WeightedLoss, models: ModelPair) -> tuple[str, ...]:
    """Return the remarks of the objectives for this pair of models, for the preflight."""
    texts = (
        term.objective.remark(models, term.options)
        for term in weighted_loss.terms
        if isinstance(term.objective, Remarking)
    )
    return tuple(remark for remark in texts if remark is not None)
