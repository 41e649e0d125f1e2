"""Logistic probes added up shard by shard: the same loss, and the same probes, as all at once."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.extract.layer_features import LayerFeatures
from kdprobe.extract.probes import groups, shards
from kdprobe.extract.probes.data import ProbeData, with_ones
from kdprobe.extract.probes.fits import ProbeOptions
from kdprobe.extract.probes.logistic import STRENGTHS, Loss, rotated
from kdprobe.models.hidden import FeatureCell
from kdprobe.tasks.probing.sets import ProbingPart, ProbingSet

WIDTHS = (5, 5, 3)
SIZES = (700, 90, 400)


@pytest.fixture
def task(tmp_path: Path) -> tuple[LayerFeatures, ProbingSet]:
    """Vectors of three cells, one of which tells the class, in an order that is not the parts'."""
    generator = np.random.Generator(np.random.PCG64(0))
    n = sum(SIZES)
    values = generator.normal(size=(n, sum(WIDTHS))).astype(np.float16) + np.float16(3)
    labels = generator.integers(0, 3, size=n)
    values[np.arange(n), labels] += np.float16(2)
    values[:, 12] = 1.0  # a dimension that does not vary
    path = tmp_path / "held.features"
    values.tofile(path)
    texts = [f"sentence {row}" for row in range(n)]
    places = generator.permutation(n)
    features = LayerFeatures(
        cells=tuple(FeatureCell(layer, "mean") for layer in "012"),
        widths=WIDTHS,
        values=np.memmap(path, dtype=np.float16, mode="r", shape=values.shape),
        row={text: row for row, text in enumerate(texts)},
        path=path, seconds=0.0, read=n,
    )  # fmt: skip
    ends = np.cumsum([0, *SIZES])
    train, dev, test = (
        ProbingPart(tuple(texts[row] for row in places[a:b]), labels[places[a:b]])
        for a, b in itertools.pairwise(ends)
    )
    return features, ProbingSet("t", ("a", "b", "c"), train, dev, test, "made")


def _whole(features: LayerFeatures, task: ProbingSet, cells: list[int]) -> ProbeData:
    x = [torch.from_numpy(features.take(features.rows(p.sentences), cells)) for p in task.parts]
    y = [torch.from_numpy(part.labels) for part in task.parts]
    return ProbeData(x[0], x[1], x[2], y[0], y[1], y[2], 3)


@pytest.mark.parametrize("numbers", [60, 4_000_000])
def test_the_loss_and_its_gradient_are_those_of_all_sentences(
    task: tuple[LayerFeatures, ProbingSet], numbers: int, monkeypatch: pytest.MonkeyPatch
):
    """Guards against a shard that is left out or counted twice, and axes of something else."""
    monkeypatch.setattr(shards, "NUMBERS", numbers)
    features, probing_set = task
    data = _whole(features, probing_set, [0, 1])
    part = shards.ShardedPart(features, [0, 1], probing_set.train, 3)
    assert len(list(part)) == (350 if numbers == 60 else 1)
    axes = shards.axes_of(part)
    along = (data.train - axes.mean) @ axes.turn
    standard, (_, spread) = data.standardised().train, rotated(data.standardised())
    assert axes.spread.numpy() == pytest.approx(spread.numpy(), abs=1e-5)
    assert along.mean(dim=1).abs().max() < 1e-5
    assert along.var(dim=1, correction=0).numpy() == pytest.approx(spread.numpy(), abs=1e-4)
    assert along.norm(dim=2).numpy() == pytest.approx(standard.norm(dim=2).numpy(), abs=1e-4)
    weights = torch.randn(2, 6, 4, 3, generator=torch.Generator().manual_seed(0))
    plain = Loss(with_ones(along), data.y_train, 3, STRENGTHS)
    loss = shards.ShardedLoss(part, data.y_train, 3, axes, STRENGTHS)
    (expected, slope), (given, given_slope) = plain(weights), loss(weights)
    assert given.numpy() == pytest.approx(expected.numpy(), rel=1e-5)
    assert given_slope.numpy() == pytest.approx(slope.numpy(), abs=2e-5)


def test_the_losses_of_some_cells_are_theirs_among_all(
    task: tuple[LayerFeatures, ProbingSet], monkeypatch: pytest.MonkeyPatch
):
    """Guards against axes of other cells than the vectors, also when cells end a second time."""
    monkeypatch.setattr(shards, "NUMBERS", 60)
    features, probing_set = task
    part = shards.ShardedPart(features, [0, 1], probing_set.train, 3)
    loss = shards.ShardedLoss(
        part, torch.from_numpy(probing_set.train.labels), 3, shards.axes_of(part), STRENGTHS
    )
    weights = torch.randn(2, 6, 4, 3, generator=torch.Generator().manual_seed(0))
    whole = loss(weights)
    second = loss.only(torch.tensor([True, True])).only(torch.tensor([False, True]))
    assert second.shape == (1, 6)
    for given, expected in zip(second(weights[1:]), whole, strict=True):
        assert given.numpy() == pytest.approx(expected[1:].numpy(), abs=1e-6)


def test_probes_fitted_in_shards_are_those_fitted_at_once(
    task: tuple[LayerFeatures, ProbingSet], monkeypatch: pytest.MonkeyPatch
):
    """Guards against another strength, labels of another sentence, or a flat cell not named."""
    features, probing_set = task
    options = ProbeOptions()
    train, dev, test = reversed_labels(probing_set)
    control = ProbingSet("c", probing_set.labels, train, dev, test, "made")
    at_once = groups.fit_probes(features, probing_set, options, control=control)
    monkeypatch.setattr(groups, "_BYTES", 100)
    monkeypatch.setattr(shards, "NUMBERS", 500)
    assert groups.sharded(probing_set, options, 5)
    in_shards = groups.fit_probes(features, probing_set, options, control=control)
    assert at_once.dev[0, 0] > 0.8
    assert in_shards.dev == pytest.approx(at_once.dev, abs=1e-12)
    assert (in_shards.hits == at_once.hits).mean() > 0.998
    assert in_shards.control is not None
    assert at_once.control is not None
    assert (in_shards.control == at_once.control).mean() > 0.998
    assert in_shards.flat.tolist() == at_once.flat.tolist()


def reversed_labels(probing_set: ProbingSet) -> list[ProbingPart]:
    return [ProbingPart(part.sentences, part.labels[::-1].copy()) for part in probing_set.parts]


def test_other_probes_and_small_sets_are_fitted_at_once(task: tuple[LayerFeatures, ProbingSet]):
    """Guards against numbers of a common size that move with the way of adding."""
    _, probing_set = task
    assert not groups.sharded(probing_set, ProbeOptions(), 50_000)
    assert groups.sharded(probing_set, ProbeOptions(), 60_000)
    assert not groups.sharded(probing_set, ProbeOptions("senteval"), 60_000)
    assert not groups.sharded(probing_set, ProbeOptions(mdl=True), 60_000)
