"""DeepLIFT by its definition, without hooks: the rescale rule in the modules' own backward pass.

Does: give the multipliers of a model's word vectors (Shrikumar et al. 2017, section 3.5.1): at
ReLU, Tanh, Sigmoid, Softplus and ELU modules the change of the output over the change of the
input, the gradient everywhere else. Does not: know captum.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

KINDS = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.ELU)


class _Rescaled(torch.autograd.Function):
    """A function of a text and its baseline, one below the other, by the rescale rule."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.function = function
        ctx.save_for_backward(values)
        return function(values)

    @staticmethod
    def backward(ctx: Any, *given: Any) -> Any:
        (values,) = ctx.saved_tensors
        slope = given[0]
        with torch.enable_grad():
            again = values.detach().requires_grad_()
            out = ctx.function(again)
            (plain,) = torch.autograd.grad(out, again, slope)
        half = len(values) // 2
        change, moved = values[:half] - values[half:], (out[:half] - out[half:]).detach()
        change, moved = torch.cat([change, change]), torch.cat([moved, moved])
        still = change.abs() < 1e-10
        return torch.where(still, plain, slope * moved / change.masked_fill(still, 1.0)), None


@contextlib.contextmanager
def rescaled(model: nn.Module) -> Iterator[None]:
    """Let the modules of `KINDS` pass gradients by the rescale rule inside the block."""
    changed = [module for module in model.modules() if type(module) in KINDS]
    for module in changed:
        own = module.forward
        module.forward = lambda values, own=own: _Rescaled.apply(values, own)
    try:
        yield
    finally:
        for module in changed:
            del module.forward


def multipliers(
    model: nn.Module, call: Callable[[Tensor], Tensor], here: Tensor, start: Tensor
) -> Tensor:
    """Give the scores of tokens `[t]`: multipliers times the way from the baseline.

    Args:
        model: whose modules are rescaled.
        call: its output for word vectors, `[k, t, d]` to `[k]`.
        here: the text, `[1, t, d]`.
        start: the baseline, `[1, t, d]`.
    """
    both = torch.cat([here, start]).detach().requires_grad_()
    with rescaled(model):
        call(both)[0].backward()
    assert both.grad is not None
    return ((here - start)[0] * both.grad[0]).sum(-1).detach()
