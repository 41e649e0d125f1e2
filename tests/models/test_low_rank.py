"""Tests of the arithmetic of narrower students: by hand, by numpy, and what must stay exact."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kdprobe.models.low_rank import (
    Linear,
    keep,
    keep_best,
    output_factors,
    pick_columns,
    principal_directions,
    product_factors,
    refit_norm,
    stacked,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_columns_by_hand() -> None:
    """Guards the pivots: a column that another explains is not taken, whatever its variance."""
    gram = torch.tensor([[9.0, 8.9, 0.0], [8.9, 8.9, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    assert pick_columns(gram, 1).tolist() == [0]
    assert pick_columns(gram, 2).tolist() == [0, 2]
    assert pick_columns(gram, 3).tolist() == [0, 1, 2]
    assert pick_columns(torch.zeros(3, 3, dtype=torch.float64), 2).tolist() == [0, 1]


def test_fit_equals_least_squares() -> None:
    """Guards the reading of left-out columns, against numpy's least squares with a constant."""
    samples = normal(50, 6) @ normal(6, 6, seed=1) + 3
    picked = torch.tensor([0, 2, 5])
    found = keep(samples, picked)
    known = np.c_[samples[:, picked].numpy(), np.ones(50)]
    expected, *_ = np.linalg.lstsq(known, samples.numpy(), rcond=None)
    assert np.allclose(found.matrix.numpy(), expected[:3], atol=1e-4)
    assert np.allclose(found.offset.numpy(), expected[3], atol=1e-3)
    assert torch.equal(found.matrix[:, picked], torch.eye(3, dtype=torch.float64))


@settings(deadline=None, max_examples=25)
@given(rank=st.integers(1, 5), seed=st.integers(0, 99))
def test_low_rank_is_kept_exactly(rank: int, seed: int) -> None:
    """Guards exactness: samples of rank r lose nothing in r columns, and a map reads the same."""
    samples = normal(40, rank, seed=seed) @ normal(rank, 6, seed=seed + 1)
    found = keep_best(samples, rank)
    again = samples[:, found.picked] @ found.matrix + found.offset
    assert torch.allclose(again, samples, atol=1e-3 * float(samples.abs().max()))
    whole = Linear(normal(3, 6), normal(3))
    read = whole.through(found)
    expected = samples @ whole.weight.T + whole.bias
    given_ = samples[:, found.picked] @ read.weight.T + read.bias
    assert torch.allclose(given_, expected, atol=1e-2 * float(expected.abs().max()))


def test_products_keep_rank_and_beat_others() -> None:
    """Guards heads: products of rank 3 are exact in 3 numbers, and no cut of the same size beats.

    Eckart and Young: the mean square of what is lost is that of the singular values left out.
    """
    left, right = normal(200, 6), normal(300, 6, seed=1)
    low = normal(200, 3) @ normal(3, 6, seed=2)
    p, r = product_factors(low, right, 3)
    assert torch.allclose((low @ p) @ (right @ r).T, low @ right.T, atol=1e-6)
    products = left @ right.T
    p, r = product_factors(left, right, 4)
    lost = products - (left @ p) @ (right @ r).T
    sizes = torch.linalg.svdvals(products)
    assert torch.allclose(lost.square().sum(), sizes[4:].square().sum(), rtol=1e-9)
    same, other = product_factors(left, right, 8)
    assert torch.equal((left @ same) @ (right @ other).T, (left @ torch.eye(6, 8).double()) @ (
        right @ torch.eye(6, 8).double()
    ).T)  # fmt: skip


def test_outputs_keep_rank_and_beat_others() -> None:
    """Guards values: what a map makes of its inputs, by Eckart and Young again."""
    inputs, weight = normal(200, 6), normal(5, 6, seed=1)
    inward, outward = output_factors(inputs, weight, 3)
    lost = inputs @ weight.T - inputs @ inward @ outward.T
    sizes = torch.linalg.svdvals(inputs @ weight.T)
    assert torch.allclose(lost.square().sum(), sizes[3:].square().sum(), rtol=1e-9)
    inward, outward = output_factors(inputs, weight, 6)
    assert torch.equal(inward, torch.eye(6, dtype=torch.float64))
    assert torch.equal(outward, weight)
    thin = output_factors(inputs, normal(2, 6), 4)  # fewer outputs than numbers kept
    assert torch.allclose(inputs @ thin[0] @ thin[1].T, inputs @ normal(2, 6).T, atol=1e-9)


def test_directions() -> None:
    """Guards the projection: numpy's principal components, and the identity in full size."""
    samples = normal(100, 5) @ torch.diag(torch.tensor([5.0, 1, 3, 0.1, 2]).double()) + 7
    found = principal_directions(samples, 2).numpy()
    _, _, vh = np.linalg.svd(samples.numpy() - samples.numpy().mean(0))
    assert np.allclose(np.abs(found.T @ vh[:2].T), np.eye(2), atol=1e-9)
    assert torch.equal(principal_directions(samples, 5), torch.eye(5, dtype=torch.float64))


def test_norms_fit_again() -> None:
    """Guards scale and shift: two columns of four, equal in pairs, need the wide ones unchanged."""
    narrow = normal(30, 2)
    wide = torch.cat([narrow, narrow], 1)
    scale, shift = torch.tensor([2.0, -1.0]).double(), torch.tensor([0.5, 3.0]).double()
    after = torch.nn.functional.layer_norm(wide, (4,), scale.repeat(2), shift.repeat(2))
    found = refit_norm(narrow, after[:, :2], weight=scale, bias=shift, eps=1e-5)
    assert torch.allclose(found.weight, scale, atol=1e-6)
    assert torch.allclose(found.bias, shift, atol=1e-6)
    still = refit_norm(torch.ones(5, 2), torch.ones(5, 2), weight=scale, bias=shift, eps=1e-5)
    assert torch.equal(still.weight, scale)
    assert torch.equal(still.bias, shift)


def test_places_count_alike() -> None:
    """Guards the choice of columns: a layer of large numbers must not outvote the others."""
    parts = stacked([normal(10, 3), 1000 * normal(10, 3, seed=1)])
    assert parts.shape == (20, 3)
    assert torch.allclose(parts[:10].square().sum(), parts[10:].square().sum())
