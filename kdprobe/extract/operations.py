"""How much a model computes for a sentence, and how many of its weights are embeddings.

Does: count the multiplications of one forward pass with torch's own counter, with a rule for what
that counter leaves out without a word: LSTM layers, attention on a CPU, int8 layers. Does not: time
anything. An operation that nobody has a rule for is a reason, not a count that is too small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from kdprobe.models.hf import HfModel
from kdprobe.models.model_inputs import evaluating
from kdprobe.tasks.task import Split

Shape = Sequence[int]

_MATRIX_WORDS = frozenset(
    {
        "mm", "bmm", "addmm", "baddbmm", "mv", "addmv", "dot", "vdot", "matmul", "linear",
        "bilinear", "einsum", "convolution", "conv1d", "conv2d", "conv3d", "rnn", "lstm", "gru",
        "attention", "fft", "encoder", "tensordot",
    }
)  # fmt: skip
"""An operation of torch with one of these in its name multiplies numbers by the thousand."""
_ELEMENTWISE = frozenset({"_thnn_fused_lstm_cell", "_thnn_fused_gru_cell"})
"""Gates of products that were counted before, in spite of their names."""


class Operations(NamedTuple):
    """The multiply-adds of one example, or the reason why they cannot be counted.

    Args:
        multiply_adds: None: not all operations have a rule.
        reason: which have none.
        tokens: how many tokens the example has, special ones among them.
        mean: the mean number of tokens over the split.
    """

    multiply_adds: int | None
    reason: str
    tokens: int
    mean: float


def _attention(query: Shape, key: Shape, value: Shape, *rest: Any, **named: Any) -> int:
    """2 (q k' + p v) of `[..., L, d]`: scores, and their products with the values."""
    *heads, queries, width = query
    return 2 * prod(heads) * queries * key[-2] * (width + value[-1])


def _one_direction(states: Shape, inner: Shape, recurrent: Shape, *rest: Any, **named: Any) -> int:
    """Every step multiplies with both matrices of its gates once."""
    return 2 * prod(states[:-1]) * (prod(inner) + prod(recurrent))


def _all_layers(states: Shape, weights: Sequence[Shape], *rest: Any, **named: Any) -> int:
    """Every step multiplies with every matrix once, biases left out."""
    return 2 * prod(states[:-1]) * sum(prod(weight) for weight in weights if len(weight) == 2)


def _matrix_vector(matrix: Shape, vector: Shape, *rest: Any, **named: Any) -> int:
    return 2 * prod(matrix)


def _packed_linear(states: Shape, *rest: Any, out_shape: Shape, **named: Any) -> int:
    """The weights of an int8 layer are packed: their shape is that of input and output."""
    return 2 * prod(states) * out_shape[-1]


_RULES: dict[str, Callable[..., int]] = {
    "aten._scaled_dot_product_flash_attention_for_cpu": _attention,
    "aten._scaled_dot_product_attention_math_for_mps": _attention,
    "aten._scaled_dot_product_fused_attention_overrideable": _attention,
    "aten.mkldnn_rnn_layer": _one_direction,
    "aten._cudnn_rnn": _all_layers,
    "aten.mv": _matrix_vector,
    "quantized.linear_dynamic": _packed_linear,
    "quantized.linear_relu_dynamic": _packed_linear,
}
"""torch counts two operations for a multiply-add; so do these."""


def counting_rules() -> dict[Any, Callable[..., int]]:
    """Return rules for what torch's counter leaves out, by what this torch calls the operations."""
    packets = {}
    for name, rule in _RULES.items():
        room, operation = name.split(".")
        packet = getattr(getattr(torch.ops, room), operation, None)
        if packet is not None:
            packets[packet] = rule
    return packets


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operation that runs inside."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: set[Any] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:  # torch calls it so
        self.operations.add(func.overloadpacket)
        return func(*args, **(kwargs or {}))


def _is_uncounted(packet: Any, counted: Any) -> bool:
    room, _, name = str(packet).partition(".")
    if packet in counted or name in _ELEMENTWISE:
        return False
    return room not in ("aten", "prim", "prims") or not _MATRIX_WORDS.isdisjoint(name.split("_"))


def count_multiply_adds(call: Callable[[], object]) -> tuple[int | None, str]:
    """Count what a call computes: half of torch's floating-point operations.

    Definition: multiplications of matrices (layers, attention, LSTM gates); additions of biases,
    activations, normalisation and look-ups are left out, as in the literature.

    Returns:
        The multiply-adds, and an empty reason; or None and the operations without a rule.

    >>> weights = torch.ones(4, 3)
    >>> count_multiply_adds(lambda: torch.ones(2, 4) @ weights)
    (24, '')
    """
    rules = counting_rules()
    recorder, counter = _Recorder(), FlopCounterMode(display=False, custom_mapping=rules)
    with torch.no_grad(), recorder, counter:
        call()
    counted = {**flop_registry, **rules}
    unknown = sorted(str(each) for each in recorder.operations if _is_uncounted(each, counted))
    if unknown:
        return None, f"torch has no rule for what {', '.join(unknown[:3])} computes"
    return counter.get_total_flops() // 2, ""


def operations_of(handle: HfModel, split: Split) -> Operations:
    """Count the multiply-adds of an example of the split's mean length.

    The example whose number of tokens is nearest to the mean; of several the first.
    """
    tokens = handle.text.encode(split.texts, split.pairs)
    mean = float(tokens.lengths.mean())
    row = int(abs(tokens.lengths - mean).argmin())
    inputs = handle.text.tensors(tokens.columns, [row])
    with evaluating(handle.model):
        count, reason = count_multiply_adds(lambda: handle.text.forward(inputs))
    return Operations(count, reason, int(tokens.lengths[row]), mean)


def embedding_parameters(handle: HfModel) -> int:
    """Return how many of a model's parameters are look-up tables: words, positions, segments."""
    tables = {
        id(weight): weight.numel()
        for module in handle.model.modules()
        if isinstance(module, torch.nn.Embedding)
        for weight in module.parameters(recurse=False)
    }
    return sum(tables.values())
