"""The last layer for the first token only: the same logits and gradients, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from kdprobe.models import reader as reading
from kdprobe.models.first_token import first_token_only, is_enough, last_attention
from kdprobe.models.hf import open_hf
from kdprobe.models.reader import Reader
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")


@pytest.mark.parametrize(
    ("arch", "wanted"), [("bert", True), ("roberta", True), ("distilbert", False)]
)
def test_logits_and_gradients_are_those_of_the_whole_layer(
    arch: Any, wanted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):  # fmt: skip
    """Guards against a shortcut that changes what is explained."""
    place = tiny_checkpoint(tmp_path / arch, labels=TASK.labels, arch=arch)
    found = []
    for short in (True, False):
        if not short:
            monkeypatch.setattr(reading, "is_enough", lambda *_, **__: False)
        reader = Reader(open_hf(str(place), name=arch, task=TASK, device="cpu"))
        rows = [(e.ids, e.types) for e in (reader.encode((text,)) for text in SENTENCES)]
        with reader.evaluating():
            assert reader._short is (wanted and short)
            inputs = reader.tensors(rows)
            vectors = reader.table(inputs["input_ids"]).detach().requires_grad_()
            reader.run_embedded(vectors, inputs)[:, 1].sum().backward()
        found.append((reader.logits(rows), vectors.grad))
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-6)
    torch.testing.assert_close(found[0][1], found[1][1], atol=1e-6, rtol=1e-4)


class Queries(TorchFunctionMode):
    """Counts the queries of every fused attention."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def __torch_function__(
        self, function: Any, types: Any, given: Any = (), named: Any = None
    ) -> Any:
        """Call the function."""
        if function is torch.nn.functional.scaled_dot_product_attention:
            self.counts.append(given[0].shape[-2])
        return function(*given, **(named or {}))


@pytest.mark.parametrize("padded", [False, True])
def test_in_the_last_layer_the_first_token_alone_attends(padded: bool, tmp_path: Path):
    """Guards against attention of tokens that nobody reads: half of all of it in two layers.

    The answer is that of all queries, with padding and without; an error inside leaves nothing
    behind.
    """
    place = tiny_checkpoint(tmp_path / "bert", labels=TASK.labels)
    model = open_hf(str(place), name="m", task=TASK, device="cpu").model.eval()
    ids = torch.tensor([[2, 7, 8, 9, 3], [2, 7, 3, 0, 0]])
    given = {"input_ids": ids, "attention_mask": (ids > 0).long()} if padded else {"input_ids": ids}
    with torch.no_grad(), Queries() as whole:
        wanted = model(**given).logits
    with torch.no_grad(), Queries() as short, first_token_only(model, attention=True):
        torch.testing.assert_close(model(**given).logits, wanted, atol=1e-6, rtol=1e-6)
    assert short.counts == whole.counts[:-1]
    with pytest.raises(IndexError), first_token_only(model, attention=True):
        model(input_ids=torch.tensor([[10**6]]))
    with torch.no_grad(), Queries() as after:
        assert torch.equal(model(**given).logits, wanted)
    assert after.counts == whole.counts


class Pooled(torch.nn.Module):
    """An encoder of the usual names whose head takes the mean over tokens."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.inner = model

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states = self.inner.bert(input_ids=ids).last_hidden_state
        logits: torch.Tensor = self.inner.classifier(states.mean(dim=1))
        return logits


def test_a_head_that_reads_all_tokens_is_found_out(tmp_path: Path):
    """Guards against mean pooling over one token, and a hook that is left behind."""
    place = tiny_checkpoint(tmp_path / "bert", labels=TASK.labels)
    model = Pooled(open_hf(str(place), name="m", task=TASK, device="cpu").model.eval())
    ids = torch.tensor([[2, 7, 8, 9, 3]])
    before = model(ids)
    assert last_attention(model) is not None
    assert not is_enough(model, lambda: model(ids))
    assert torch.equal(model(ids), before)
    with pytest.raises(ZeroDivisionError), first_token_only(model):
        _ = 1 / 0
    assert torch.equal(model(ids), before)


def test_a_head_that_breaks_on_one_token_runs_whole(tmp_path: Path):
    """Guards against a crash where a head asks for all tokens."""
    place = tiny_checkpoint(tmp_path / "bert", labels=TASK.labels)
    model = open_hf(str(place), name="m", task=TASK, device="cpu").model.eval()
    ids = torch.tensor([[2, 7, 8, 9, 3]])

    def third() -> torch.Tensor:
        states: torch.Tensor = model.bert(input_ids=ids).last_hidden_state[:, 2]
        return states

    assert not is_enough(model, third)
    assert not is_enough(torch.nn.Linear(2, 2), lambda: torch.zeros(1, 2))


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("arch", ["bert", "roberta"])
def test_one_token_of_attention_is_its_first_row(
    arch: Any, kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):  # fmt: skip
    """Guards the attention that is worked out without keys and values: padding, biases, dropout.

    What dropout keeps is set by hand, so that both ways drop the same tokens.
    """
    place = tiny_checkpoint(tmp_path / arch, labels=TASK.labels, arch=arch)
    model = open_hf(str(place), name=arch, task=TASK, device="cpu").model.train()
    model.set_attn_implementation(kernel)
    model.requires_grad_()
    if kernel == "eager":  # the fused kernel draws inside

        def drop(given: torch.Tensor, p: float = 0.5, training: bool = True, *_: bool) -> Any:
            kept = torch.arange(given.shape[-1]) % 4 != 1
            return given * kept / (1 - p) if training and p else given

        monkeypatch.setattr(torch.nn.functional, "dropout", drop)
    else:
        model.eval()
    for bias in (n for n, _ in model.named_parameters() if n.endswith(("key.bias", "value.bias"))):
        torch.nn.init.normal_(model.get_parameter(bias))
    ids = torch.tensor([[2, 7, 8, 9, 3], [2, 9, 3, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    found = []
    for attention in (True, False):
        model.zero_grad()
        with first_token_only(model, attention=attention):
            logits = model(input_ids=ids, attention_mask=mask).logits
        logits[:, 1].sum().backward()
        found.append([logits.detach(), *(w.grad for _, w in sorted(model.named_parameters()))])
    for short, whole in zip(*found, strict=True):
        torch.testing.assert_close(short, whole, atol=1e-6, rtol=1e-4)
    assert "forward" not in vars(last_attention(model)[0])  # type: ignore[index]


def test_an_attention_that_is_not_known_runs_whole(tmp_path: Path):
    """Guards an attention with linear maps of another kind (adapters), which would be passed by."""
    place = tiny_checkpoint(tmp_path / "bert", labels=TASK.labels)
    model = open_hf(str(place), name="m", task=TASK, device="cpu").model
    own = last_attention(model)[0]  # type: ignore[index]
    with first_token_only(model, attention=True):
        assert "forward" in vars(own)
    own.key = torch.nn.Sequential(own.key)
    with first_token_only(model, attention=True):
        assert "forward" not in vars(own)
