"""Online code length: by hand, against fits one by one, and its properties."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from kdprobe.extract.probes.data import ProbeData
from kdprobe.extract.probes.mdl import block_ends, code_lengths, uniform_bits
from kdprobe.seeds import derive_generator
from tests.extract.probes.test_fits import features


def fitted(x: np.ndarray, y: np.ndarray, classes: int, strength: float) -> np.ndarray:
    """Weights of multinomial logistic regression, biases held too, by scipy in 64 bits."""
    one = np.eye(classes)[y]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(x.shape[1], classes)
        logits = x @ w
        top = logits.max(axis=1, keepdims=True)
        logp = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        value = -(one * logp).sum() / len(y) + 0.5 * strength * (w**2).sum()
        gradient = x.T @ (np.exp(logp) - one) / len(y) + strength * w
        return float(value), gradient.ravel()

    found = minimize(loss, np.zeros(x.shape[1] * classes), jac=True, method="L-BFGS-B",
                     options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9})  # fmt: skip
    weights: np.ndarray = found.x.reshape(x.shape[1], classes)
    return weights


def nats(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    logits = x @ w
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float(-logp[np.arange(len(y)), y].sum())


def one_by_one(data: ProbeData, cell: int, strengths: tuple[float, ...]) -> float:
    """The definition, written out: one block, one strength after the other."""
    ready = data.standardised()
    order = derive_generator(0, "online code").permutation(len(data.y_train))
    x, dev = (
        np.concatenate([part[cell].double().numpy(), np.ones((part.shape[1], 1))], axis=1)
        for part in (ready.train, ready.dev)
    )
    x, y, y_dev = x[order], data.y_train.numpy()[order], data.y_dev.numpy()
    ends = block_ends(len(y))
    bits = ends[0] * np.log2(data.classes)
    for seen, end in itertools.pairwise(ends):
        fits = [fitted(x[:seen], y[:seen], data.classes, s) for s in strengths]
        best = int(np.argmin([nats(dev, y_dev, w) for w in fits]))
        bits += nats(x[seen:end], y[seen:end], fits[best]) / np.log(2)
    return float(bits)


def test_all_cells_at_once_equal_the_definition_one_by_one():
    """Guards against a block that is coded by a probe that has seen it, or by another strength."""
    data = features(cells=2, n=120, d=5, classes=3)
    strengths = (1e2, 1.0, 1e-1, 1e-2)
    made = code_lengths(data, seed=0, strengths=strengths)
    for cell in range(2):
        assert made[cell] == pytest.approx(one_by_one(data, cell, strengths), rel=2e-3)


def test_a_probe_that_knows_nothing_costs_the_uniform_code():
    """Guards against a first block that is free, or bits that are nats: n log2 K by hand."""
    data = features(cells=1, n=64, d=4, classes=4)
    assert uniform_bits(64, 4) == 128.0
    assert code_lengths(data, seed=0, strengths=(1e9,))[0] == pytest.approx(128.0, rel=1e-4)


def test_random_labels_compress_to_nothing_and_plain_ones_do():
    """Guards against a code that punishes or rewards what cannot be learned."""
    data = features(cells=3, n=600, d=20, classes=3)
    generator = torch.Generator().manual_seed(9)
    y, y_dev = (torch.randint(3, (n,), generator=generator) for n in (600, 80))
    noise = ProbeData(data.train, data.dev, data.test, y, y_dev, data.y_test, 3)
    uniform = uniform_bits(600, 3)
    random = uniform / code_lengths(noise, seed=0)
    assert np.all((random > 0.93) & (random < 1.03)), random
    plain = uniform / code_lengths(data, seed=0)
    assert np.all(np.diff(plain) > 0)  # cells of growing signal
    assert plain[-1] > 1.7


def test_labels_never_seen_cost_finitely_many_bits():
    """Guards against an infinite code for a class that comes late."""
    data = features(cells=1, n=100, d=4, classes=2)
    y = torch.zeros(100, dtype=torch.int64)
    y[derive_generator(0, "online code").permutation(100)[-1]] = 1  # the very last
    late = ProbeData(data.train, data.dev, data.test, y, data.y_dev * 0, data.y_test * 0, 2)
    bits = code_lengths(late, seed=0)[0]
    assert np.isfinite(bits)
    assert bits < 60


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 90), st.integers(2, 5), st.integers(1, 3))
def test_properties(n: int, classes: int, cells: int):
    """Guards against codes below 0, against NaN, and against cells that know of each other."""
    data = features(cells=cells, n=n, d=3, classes=classes, seed=n)
    ends = block_ends(n)
    assert ends[-1] == n
    assert ends == sorted(set(ends))
    assert ends[0] >= 1
    whole = code_lengths(data, seed=1)
    assert np.isfinite(whole).all()
    assert (whole > 0).all()
    alone = code_lengths(data.cells(cells - 1, cells), seed=1)
    np.testing.assert_allclose(whole[-1:], alone, rtol=1e-3)
