"""What each objective added to the loss since the last log.

Does: add up the terms of a loss, measure the share of the gradient of each, and return both for the
log. Does not: weigh or reduce anything; `weighted_loss.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from kdprobe.distillers.processes import ProcessGroup
from kdprobe.distillers.weighted_loss import Term


class TermLog:
    """Sums of the terms between two logs.

    Args:
        terms: the recipe's.
        student: the model whose gradients are measured.
        group: the processes that share each batch.
    """

    def __init__(self, terms: Sequence[Term], student: nn.Module, group: ProcessGroup) -> None:
        self.terms, self.student, self.group = terms, student, group
        self._sums: dict[str, Tensor] = {}
        self._norms: dict[str, float] = {}
        self._since = 0

    def add(self, losses: Mapping[str, Tensor], step: int) -> None:
        """Add a micro-batch's terms, and once between two logs measure their gradients."""
        if not self._sums:
            self._since = step
            if len(losses) > 1:
                self._norms = {name: self._norm(term) for name, term in losses.items()}
        for name, term in losses.items():
            value = term.detach()
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value

    def _norm(self, term: Tensor) -> float:
        """The length of a term's gradient, over all processes' shares of the batch."""
        weights = [weight for weight in self.student.parameters() if weight.requires_grad]
        parts = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
        if not self.group.many:
            lengths = [torch.linalg.vector_norm(part) for part in parts if part is not None]
            return float(torch.stack(lengths).norm()) if lengths else 0.0
        whole = [
            torch.zeros_like(weight) if part is None else part
            for weight, part in zip(weights, parts, strict=True)
        ]
        return float(self.group.total(torch.cat([part.ravel() for part in whole])).norm())

    def drain(self, step: int) -> dict[str, float]:
        """Return each term's value, its share of the loss and of the gradient, and begin anew."""
        if not self._sums:
            return {}
        sums = self.group.total(torch.stack(list(self._sums.values())))
        weighted = dict(zip(self._sums, sums.tolist(), strict=True))
        steps = max(1, step - self._since)
        entries: dict[str, float] = {}
        total, norms = sum(weighted.values()), sum(self._norms.values())
        for term in self.terms:
            if term.name not in weighted:
                continue
            value = weighted[term.name]
            entries[f"{term.name}_value"] = value / term.weight / steps
            if len(weighted) > 1 and total:
                entries[f"{term.name}_share"] = value / total
            if norms:
                entries[f"{term.name}_gradient_share"] = self._norms.get(term.name, 0.0) / norms
        self._sums, self._norms = {}, {}
        return entries
