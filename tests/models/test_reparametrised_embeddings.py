"""Tests of embeddings in another form: the same numbers and training, one table at the end."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kdprobe.models.bilstm_shape import Mode
from kdprobe.models.channels import Channels
from kdprobe.models.reparametrised_embeddings import (
    FORMS,
    ProjectedEmbedding,
    UsedRows,
    fold,
    folded_size,
    train_used_rows,
)

ROWS, WIDTH = 40, 6
IDS = torch.tensor([[3, 7, 7, 0], [9, 3, 21, 0]])
USED = torch.tensor([0, 3, 7, 9, 21])


class Reader(nn.Module):
    """An embedding, a map and a number an example."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words: nn.Module = nn.Embedding(ROWS, WIDTH, padding_idx=0)
        self.out = nn.Linear(WIDTH, 1)

    def forward(self, ids: Tensor) -> Tensor:
        return cast(Tensor, self.out(torch.tanh(self.words(ids)).mean(1)))


def projected(mode: Mode) -> Reader:
    """A reader with a projection of a wider table."""
    model = Reader()
    channels = Channels(ROWS, 2 * WIDTH, mode=mode)
    channels.begin_with(torch.randn(ROWS, 2 * WIDTH))
    wide = 2 * WIDTH * len(channels.tables)
    model.words = ProjectedEmbedding(channels, nn.Linear(wide, WIDTH), padding_idx=0)
    return model


def train(model: Reader, optimizer: torch.optim.Optimizer, *, clip: float) -> None:
    """Ten steps; the batches use other rows, so that moments outlive gradients."""
    for step in range(10):
        ids = IDS[:, : 2 + step % 3]
        loss = functional.mse_loss(model(ids).squeeze(1), torch.tensor([1.0, -1.0]))
        optimizer.zero_grad()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()


@pytest.mark.parametrize("clip", [0.0, 1e-3])
@pytest.mark.parametrize("kind", ["adamw", "fused", "adadelta"])
def test_used_rows_are_trained_as_the_whole_table(kind: str, clip: float) -> None:
    """Guards the shortcut: a row whose moments outlive its gradient must move on as ever.

    To the bit without a norm that is cut; that norm is a sum in another order.
    """
    found = []
    for shortcut in (False, True):
        model = Reader()
        if shortcut:
            train_used_rows(model, model.words, USED)
            assert isinstance(model.words, UsedRows)
            assert model.words.used.shape == (5, WIDTH)
        weights = list(model.parameters())
        optimizer: torch.optim.Optimizer = torch.optim.Adadelta(weights, lr=1.0)
        if kind != "adadelta":
            fused = kind == "fused"
            optimizer = torch.optim.AdamW(weights, lr=1e-2, weight_decay=0.0, fused=fused)
        train(model, optimizer, clip=clip)
        fold(model, *FORMS)
        found.append(model.state_dict())
    assert found[0].keys() == found[1].keys()
    for name, weight in found[0].items():
        assert torch.allclose(weight, found[1][name], rtol=0, atol=1e-6 if clip else 0.0), name
    moved = (found[0]["words.weight"] != Reader().state_dict()["words.weight"]).any(1).nonzero()
    assert moved.ravel().tolist() == USED[1:].tolist()  # [PAD] never moves


def test_rows_that_are_no_weights_are_read_too() -> None:
    """Guards the evaluation: words that only its texts hold must keep their vectors."""
    model, plain = Reader(), Reader()
    train_used_rows(model, model.words, USED)
    ids = torch.tensor([[1, 3, 39]])
    assert torch.equal(model(ids), plain(ids))
    assert torch.equal(model(ids[:, 1:2]), plain(ids[:, 1:2]))


def test_what_is_no_plain_table_is_left() -> None:
    """Guards models whose output shares the embedding's weight, and tables that are not trained."""
    model = Reader()
    model.words.requires_grad_(False)
    train_used_rows(model, model.words, USED)
    assert type(model.words) is nn.Embedding
    tied = nn.ModuleDict({"words": nn.Embedding(4, 3), "out": nn.Linear(3, 4)})
    tied["out"].weight = tied["words"].weight
    train_used_rows(tied, tied["words"], torch.tensor([1]))
    assert type(tied["words"]) is nn.Embedding


@pytest.mark.parametrize("mode", ["static", "non-static", "multichannel"])
def test_a_folded_projection_gives_the_same(mode: Mode) -> None:
    """Guards the fold: a lost bias, channel or transposition would save another student."""
    model = projected(mode)
    train_used_rows(model, model.words, USED)
    assert isinstance(model.words, ProjectedEmbedding)
    tuned = isinstance(model.words.channels.tuned, UsedRows)
    assert tuned == (mode != "static")
    start = model(IDS).detach()
    train(model, torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0), clip=0.0)
    before = model(IDS).detach()
    assert not torch.allclose(before, start)
    size = folded_size(model)
    fold(model, *FORMS)
    assert size == sum(weight.numel() for weight in model.parameters()) == ROWS * WIDTH + 7
    assert [type(part) for part in model.children()] == [nn.Embedding, nn.Linear]
    assert cast(nn.Embedding, model.words).padding_idx == 0
    assert torch.allclose(model(IDS), before, atol=1e-6)


def test_folding_rows_alone_keeps_the_projection() -> None:
    """Guards the estimate of a training: what is learnt through must be there afterwards."""
    model = projected("non-static")
    train_used_rows(model, model.words, USED)
    fold(model, UsedRows)
    assert isinstance(model.words, ProjectedEmbedding)
    assert type(model.words.channels.tuned) is nn.Embedding


def test_a_projection_by_hand() -> None:
    """Guards the order of the channels: the frozen one comes first."""
    channels = Channels(2, 1, mode="multichannel")
    channels.begin_with(torch.tensor([[1.0], [2.0]]))
    assert channels.tuned is not None
    with torch.no_grad():
        channels.tuned.weight.copy_(torch.tensor([[10.0], [20.0]]))
    projection = nn.Linear(2, 1)
    with torch.no_grad():
        projection.weight.copy_(torch.tensor([[3.0, 1.0]]))
        projection.bias.fill_(0.5)
    part = ProjectedEmbedding(channels, projection, padding_idx=None)
    assert part.weight.tolist() == [[13.5], [26.5]]  # 3 x 1 + 10 + .5, 3 x 2 + 20 + .5
    assert part(torch.tensor([[1]])).tolist() == [[[26.5]]]
