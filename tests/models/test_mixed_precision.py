"""Tests of what stays in float32 under autocast; autocast is switched on, no processor is read."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.mixed_precision import (
    SMALL_WEIGHT,
    float32_regions,
    products,
    run_recurrent,
    widen,
)
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, tiny_tokenizer

HALF = torch.bfloat16
TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")


def autocast() -> torch.autocast:
    return torch.autocast("cpu", dtype=HALF)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda x: functional.softmax(x, dim=-1),
    "torch.softmax": lambda x: torch.softmax(x, -1),
    "Tensor.softmax": lambda x: x.softmax(-1),
    "log_softmax": lambda x: functional.log_softmax(x, dim=-1),
    "layer_norm": lambda x: functional.layer_norm(x, (8,)),
    "sum": lambda x: x.sum(1),
    "mean": lambda x: x.mean(1),
    "torch.mean": lambda x: torch.mean(x, 1),
    "logsumexp": lambda x: torch.logsumexp(x, -1),
    "norm": lambda x: torch.linalg.vector_norm(x, dim=-1),
    "exp": lambda x: x.exp(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sums_and_normalisations_are_float32(name: str) -> None:
    """Guards what a CPU's own autocast leaves in bfloat16 and a GPU's does not."""
    values = drawn(2, 5, 8).to(HALF)
    expected = FUNCTIONS[name](values.float())
    with autocast():
        assert FUNCTIONS[name](values).dtype == HALF  # without the regions; else this is no test
        with float32_regions():
            found = FUNCTIONS[name](values)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


def test_small_weights_are_float32_and_large_ones_not() -> None:
    """Guards the size: nothing is won on a small matrix, and a large one must be the fast one."""
    small, large = nn.Linear(255, 256), nn.Linear(256, 256)
    assert small.weight.numel() < SMALL_WEIGHT == large.weight.numel()
    values = drawn(3, 256)
    with autocast(), float32_regions():
        assert torch.equal(small(values[:, :255]), functional.linear(
            values[:, :255], small.weight, small.bias))  # fmt: skip
        assert large(values).dtype == HALF
        bias = torch.zeros(256)
        assert torch.addmm(bias, values, large.weight).dtype == HALF  # GPT-2's maps
        assert torch.addmm(bias[:4], values, large.weight[:, :4]).dtype == torch.float32
        narrow = functional.linear(input=values.to(HALF), weight=large.weight[:4])
        assert narrow.dtype == torch.float32
    model = nn.Sequential(small, large, nn.Embedding(999, 256), nn.LSTM(300, 300))
    assert products(model) == (1, 2)


def test_nothing_happens_without_autocast() -> None:
    """Guards float32 trainings: no call goes through the regions."""
    values = drawn(2, 8).to(HALF)
    with float32_regions():
        assert values.softmax(-1).dtype == HALF
    assert widen("text") == "text"
    assert widen(values).dtype == torch.float32
    assert widen(values.double()).dtype == torch.float64


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("lengths", [(5, 5, 5), (5, 3, 1)])
def test_recurrent_layers_are_float32(
    kind: type[nn.LSTM] | type[nn.GRU], lengths: tuple[int, ...]
) -> None:
    """Guards the cell state, the sum over a text's words: in bfloat16 it forgets.

    torch runs packed texts of equal lengths in bfloat16 and others in float32, so that length
    groups decided what a student learnt.
    """
    torch.manual_seed(0)
    layer = kind(4, 6, batch_first=True, bidirectional=True)
    packed = pack_padded_sequence(drawn(3, 5, 4), torch.tensor(lengths), batch_first=True)
    expected = layer(packed)[0].data
    with autocast():
        assert torch.equal(run_recurrent(layer, packed)[0].data, expected)
        with float32_regions():
            assert torch.equal(layer(packed)[0].data, expected)
    kept = copy.deepcopy(layer).to(HALF)
    half = PackedSequence(packed.data.to(HALF), packed.batch_sizes)
    found = run_recurrent(kept, half)[0].data
    rounded = copy.deepcopy(kept).float()(half._replace(data=half.data.float()))[0].data
    assert torch.equal(found, rounded)  # the rounded weights and inputs, but no rounded state
    assert all(weight is not None and weight.dtype == HALF for weight in kept._flat_weights)
    assert kept._flat_weights[0] is kept.weight_ih_l0


@pytest.mark.parametrize("sentence", ["last", "max"])
@pytest.mark.parametrize("pairs", [False, True])
def test_a_bilstm_runs_in_every_precision(sentence: str, pairs: bool) -> None:
    """Guards the crash of the first demo: a float32 minimum does not fit into bfloat16."""
    torch.manual_seed(0)
    tokenizer = tiny_tokenizer("bert")
    shape = LstmShape(8, 10, 2, embed=12, sentence=sentence)  # type: ignore[arg-type]
    model = build_lstm(shape, TASK, tokenizer=tokenizer, pairs=pairs)
    others = list(reversed(SENTENCES)) if pairs else None
    batch = tokenizer(list(SENTENCES), others, padding=True, return_tensors="pt")
    exact = model(**batch, output_hidden_states=True)
    with autocast():
        under = model(**batch, output_hidden_states=True)
        with float32_regions():
            same = model(**batch).logits
    assert torch.equal(same, exact.logits)
    assert torch.equal(under.logits, exact.logits)
    assert products(model) == (0, 2)
    kept = copy.deepcopy(model).to(HALF)(**batch, output_hidden_states=True)
    assert kept.logits.dtype == HALF
    for found, dtype in ((under, torch.float32), (kept, HALF)):
        assert torch.allclose(found.logits.float(), exact.logits, atol=0.02)
        assert [state.dtype for state in found.hidden_states] == [dtype] * 3
        for state, right in zip(found.hidden_states, exact.hidden_states, strict=True):
            assert torch.allclose(state.float(), right, atol=0.03)
