"""What stays in float32 where autocast multiplies in bfloat16.

Does: keep normalisations, softmax, sums, recurrent layers and small weights out of bfloat16 while a
model runs under autocast, on a CPU and on a GPU alike; run a recurrent layer in float32 whatever
its weights are kept in. Does not: switch autocast on (`distillers.arguments` does) or choose a
precision (`distillers.precision`).

bfloat16 keeps 8 bits of a number: sums stop growing at 256 times a summand, and an LSTM's cell
state, which is such a sum over the words of a text, forgets.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

SMALL_WEIGHT = 1 << 16
"""Elements; a smaller matrix is multiplied in float32: bfloat16 saves no time on it."""

_HALF = (torch.bfloat16, torch.float16)
# What autocast runs in float32 on CUDA ("CUDA Ops that can autocast to float32" in PyTorch's notes
# on torch.amp, the ones that models and poolings call), and recurrent layers. On a CPU its own list
# lacks these, so that one command would give a GPU and a CPU different students.
_FLOAT32: frozenset[Any] = frozenset(
    {
        torch.cumsum, torch.exp, torch.logsumexp, torch.mean, torch.norm, torch.pow, torch.sum,
        torch.log_softmax, torch.softmax, torch.gru, torch.lstm, torch.rnn_relu, torch.rnn_tanh,
        torch.linalg.vector_norm, functional.group_norm, functional.layer_norm,
        functional.log_softmax, functional.normalize, functional.rms_norm, functional.softmax,
        functional.softmin, Tensor.cumsum, Tensor.exp, Tensor.log_softmax, Tensor.logsumexp,
        Tensor.mean, Tensor.norm, Tensor.pow, Tensor.softmax, Tensor.sum,
    }
)  # fmt: skip
# Products of a batch with a weight, and the place of the weight among the arguments.
_PRODUCTS: Mapping[Any, int] = {functional.linear: 1, torch.addmm: 2}


def widen(value: Any) -> Any:
    """Return a half-precision tensor in float32; anything else is left as it is."""
    return value.float() if isinstance(value, Tensor) and value.dtype in _HALF else value


class _Float32Regions(TorchFunctionMode):
    """Calls the functions above with autocast off and their arguments in float32."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func not in _FLOAT32 and not _is_small(func, args, kwargs):
            return func(*args, **kwargs)
        with without_autocast():
            return func(*tree_map(widen, args), **tree_map(widen, kwargs))


def _is_small(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    place = _PRODUCTS.get(func)
    if place is None:
        return False
    weight = args[place] if len(args) > place else kwargs.get("weight", kwargs.get("mat2"))
    return isinstance(weight, Tensor) and weight.numel() < SMALL_WEIGHT


@contextlib.contextmanager
def without_autocast() -> Iterator[None]:
    """Switch autocast off on every device inside the block."""
    with torch.autocast("cpu", enabled=False):
        if not torch.is_autocast_enabled("cuda"):
            yield
            return
        with torch.autocast("cuda", enabled=False):
            yield


def float32_regions() -> contextlib.AbstractContextManager[Any]:
    """Keep what bfloat16 would spoil in float32 inside the block; nothing without autocast."""
    on = torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
    return _Float32Regions() if on else contextlib.nullcontext()


def run_recurrent(layer: nn.RNNBase, inputs: Any) -> Any:
    """Run a recurrent layer in float32, under autocast and with half-precision weights too.

    Args:
        layer: its weights stay as they are kept.
        inputs: a packed sequence or a tensor; a float64 layer's is float64.

    Returns:
        What the layer gives, float32 where its weights are half precision.
    """
    with without_autocast():
        if layer.weight_ih_l0.dtype not in _HALF:
            return layer(_widened(inputs))
        weights = {name: weight.float() for name, weight in layer.named_parameters()}
        try:
            return torch.func.functional_call(layer, cast(Any, weights), (_widened(inputs),))
        finally:  # the layer's own list of its weights would go on holding the wide ones
            names: Sequence[str] = layer._flat_weights_names
            layer._flat_weights = [getattr(layer, name) for name in names]


def _widened(inputs: Any) -> Any:
    if isinstance(inputs, PackedSequence):
        return inputs._replace(data=widen(inputs.data))
    return widen(inputs)


def products(model: nn.Module) -> tuple[int, int]:
    """Count the weight matrices that autocast multiplies in bfloat16, and all of them.

    Definition: matrices of at least `SMALL_WEIGHT` elements (none of a model that is
    `whole_in_float32`, as a BiLSTM is), and all; tables of embeddings, which are looked up, and
    recurrent layers do not count.

    >>> products(nn.Sequential(nn.Linear(256, 256), nn.Linear(256, 2), nn.Embedding(999, 256)))
    (1, 2)
    """
    looked_up = (nn.Embedding, nn.RNNBase)
    sizes = [
        weight.numel()
        for module in model.modules()
        if not isinstance(module, looked_up) and not _holds_table(module)
        for weight in module.parameters(recurse=False)
        if weight.ndim == 2
    ]
    whole = bool(getattr(model, "whole_in_float32", False))
    return 0 if whole else sum(size >= SMALL_WEIGHT for size in sizes), len(sizes)


def _holds_table(module: nn.Module) -> bool:
    return hasattr(module, "num_embeddings")
