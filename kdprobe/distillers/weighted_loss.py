"""The weighted sum of a recipe's objectives.

Does: reduce per-example values so that the split of an optimiser step into micro-batches changes
nothing, weigh them, and keep each term's value for the log. Does not: run a model or step an
optimiser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from kdprobe.config.base import parse
from kdprobe.config.recipe import ObjectiveSetting
from kdprobe.distillers.objective import (
    OBJECTIVES,
    Batch,
    Needs,
    Objective,
    Situation,
    View,
)
from kdprobe.distillers.processes import Team
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

    `examples` is their number; `denominators` the sum of each term's denominators.
    """

    examples: int
    denominators: Mapping[str, float]

    def over(self, crew: Team) -> Window:
        """Add what the other processes count in the same step."""
        if not crew.many:
            return self
        own = [float(self.examples), *self.denominators.values()]
        examples, *sums = crew.total(torch.tensor(own, dtype=torch.float64)).tolist()
        return Window(int(examples), dict(zip(self.denominators, sums, strict=True)))


class Losses(NamedTuple):
    """The loss of a micro-batch.

    `total` is its share of the step's loss, to be differentiated; `terms` what each weighted term
    adds to it; `examples` the share of each example, `[B]`, to find one that is not finite.
    """

    total: Tensor
    terms: Mapping[str, Tensor]
    examples: Tensor

    def as_nothing(self) -> Losses:
        """Give the same with a value and a gradient of 0, of the same weights."""
        terms = {name: 0.0 * term for name, term in self.terms.items()}
        return Losses(0.0 * self.total, terms, self.examples[:0])


@dataclass(frozen=True)
class Mixture:
    """A recipe's objectives.

    Args:
        terms: the objectives, at least one.
        reduction: `example` gives the mean over the step's examples of numerator / denominator;
            `token` the sum of all numerators over the sum of all denominators.
    """

    terms: tuple[Term, ...]
    reduction: Reduction = "example"

    def needs(self, situation: Situation) -> Needs:
        """Everything the terms read."""
        parts = (term.objective.needs(situation, term.options) for term in self.terms)
        return reduce(lambda left, right: left | right, parts, Needs())

    def bridges(self, situation: Situation) -> dict[str, nn.Module]:
        """The modules that are trained beside the student, by the name of their objective."""
        made = {t.name: t.objective.bridge(situation, t.options) for t in self.terms}
        return {name: bridge for name, bridge in made.items() if bridge is not None}

    def window(self, batches: Sequence[Batch]) -> Window:
        """Count what the micro-batches of one optimiser step sum over."""
        if self.reduction == "example":
            return Window(sum(batch.size for batch in batches), {})
        sums = {
            term.name: sum(
                float(term.objective.denominators(batch, term.options).sum()) for batch in batches
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
        bridges: Mapping[str, nn.Module],
    ) -> Losses:
        """Add the terms up for one micro-batch.

        Args:
            student: what the student said of it.
            teacher: what the teacher said of it.
            batch: its labels and masks.
            window: what the whole optimiser step sums over.
            bridges: see `bridges`.
        """
        total = torch.zeros((), device=batch.mask.device)
        examples = torch.zeros(batch.size, device=batch.mask.device)
        terms: dict[str, Tensor] = {}
        for term in self.terms:
            if not term.counts(batch.progress):
                continue
            bridge = bridges[term.name] if term.name in bridges else None  # noqa: SIM401 (ModuleDict)
            shares = self._shares(term, student, teacher, batch, window, bridge)
            terms[term.name] = term.weight * shares.sum()
            total = total + terms[term.name]
            examples = examples + term.weight * shares.detach()
        return Losses(total, terms, examples)

    def _shares(
        self,
        term: Term,
        student: View,
        teacher: View,
        batch: Batch,
        window: Window,
        bridge: nn.Module | None,
    ) -> Tensor:
        numerators = term.objective.numerators(student, teacher, batch, term.options, bridge)
        if self.reduction == "token":
            return numerators / window.denominators[term.name]
        denominators = term.objective.denominators(batch, term.options)
        return numerators / denominators / window.examples


def option_names(settings: Sequence[ObjectiveSetting]) -> dict[str, tuple[str, ...]]:
    """Give the option names of each objective of a recipe.

    Raises:
        UnknownNameError: no objective has such a name.
    """
    return {
        setting.name: tuple(OBJECTIVES.load(setting.name).options.model_fields)
        for setting in settings
    }


def build_mixture(
    settings: Sequence[ObjectiveSetting], *, reduction: Reduction, where: str
) -> Mixture:
    """Load a recipe's objectives and check their options.

    Args:
        settings: names, weights and options as written; those of weight 0 are left out.
        reduction: see `Mixture`.
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
        given: dict[str, Any] = dict(setting.options)
        options = parse(objective.options, given, f"{where}, objective {setting.name}")
        terms.append(Term(objective, setting.weight, options, setting.during))
    return Mixture(tuple(terms), reduction)


def refuse_unmet(mixture: Mixture, situation: Situation) -> None:
    """Stop before training when an objective has no value for this pair of models.

    Raises:
        CapabilityError: the first such objective, with its reason.
    """
    for term in mixture.terms:
        reason = term.objective.unmet(situation, term.options)
        if reason is not None:
            raise CapabilityError(
                f"objective {term.name}",
                found=reason,
                remedy="leave it out of the recipe, or choose another student",
            )


@runtime_checkable
class Remarking(Protocol):
    """An objective whose value means something else for some pairs of models."""

    def remark(self, situation: Situation, options: Any) -> str | None:
        """Say what a reader of its value must know here, or None."""


def remarks(mixture: Mixture, situation: Situation) -> tuple[str, ...]:
    """Give what the preflight must say of the objectives for this pair of models."""
    found = (
        term.objective.remark(situation, term.options)
        for term in mixture.terms
        if isinstance(term.objective, Remarking)
    )
    return tuple(remark for remark in found if remark is not None)
