"""Probes fitted all at once against one by one: SentEval's protocol, logistic regression."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.errors import UnknownNameError
from kdprobe.extract.layer_features import LayerFeatures
from kdprobe.extract.probes import logistic
from kdprobe.extract.probes.data import ProbeData, with_ones
from kdprobe.extract.probes.fits import ProbeOptions, check_probe, fit_cells, protocols
from kdprobe.extract.probes.groups import fit_probes
from kdprobe.extract.probes.logistic import STRENGTHS, fit_logistic
from kdprobe.extract.probes.senteval import SentEvalProtocol, fit_senteval
from kdprobe.models.hidden import FeatureCell
from kdprobe.tasks.probing.sets import make_set, read_senteval, sample_set


def features(
    *, cells: int, n: int, d: int, classes: int, seed: int = 0, dev: int = 80, test: int = 80
) -> ProbeData:
    """Cells of growing signal."""
    generator = torch.Generator().manual_seed(seed)
    total = n + dev + test
    y = torch.randint(classes, (total,), generator=generator)
    means = torch.randn(classes, d, generator=generator)
    x = torch.stack(
        [
            0.3 * means[y] * (1 + cell) / cells + torch.randn(total, d, generator=generator)
            for cell in range(cells)
        ]
    )
    a, b = n, n + dev
    return ProbeData(x[:, :a], x[:, a:b], x[:, b:], y[:a], y[a:b], y[b:], classes)


def one_by_one(
    data: ProbeData, cell: int, l2: float, hidden: int = 0, dropout: float = 0.0, *,
    seed: int = 1111, reduction: str = "mean",
):  # fmt: skip
    """SentEval's classifier in plain torch, written for this test: dev, hits, looks."""
    state = np.random.RandomState(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        d = data.train.shape[2]
        if hidden:
            net = torch.nn.Sequential(
                torch.nn.Linear(d, hidden),
                torch.nn.Dropout(dropout),
                torch.nn.Sigmoid(),
                torch.nn.Linear(hidden, data.classes),
            )
        else:
            net = torch.nn.Sequential(torch.nn.Linear(d, data.classes))
        adam = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=l2)
        x, y = data.train[cell], data.y_train
        best, misses, looks, passes, kept = -1.0, 0, 0, 0, net
        while passes <= 200:
            net.train()
            for _ in range(4):
                order = torch.from_numpy(state.permutation(len(x)))
                for start in range(0, len(x), 64):
                    rows = order[start : start + 64]
                    adam.zero_grad()
                    loss = torch.nn.functional.cross_entropy(
                        net(x[rows]), y[rows], reduction=reduction
                    )
                    loss.backward()
                    adam.step()
            passes, looks = passes + 4, looks + 1
            net.eval()
            with torch.no_grad():
                dev = float((net(data.dev[cell]).argmax(1) == data.y_dev).double().mean())
                if dev > best:
                    best, kept = dev, copy.deepcopy(net)
                    continue
            if misses >= 5:
                break
            misses += 1
        with torch.no_grad():
            hits = (kept(data.test[cell]).argmax(1) == data.y_test).numpy()
    return best, hits, looks


GRID = SentEvalProtocol(hidden=(4, 6), dropout=(0.0, 0.2), strengths=(1e-4, 1e-2))


@pytest.mark.parametrize("protocol", [SentEvalProtocol(), GRID])
def test_all_at_once_equals_senteval_one_by_one(protocol: SentEvalProtocol):
    """Guards against a shared minibatch, mask or early stop that moves a single number."""
    data = features(cells=2, n=90, d=8, classes=3)
    state = torch.get_rng_state()
    made = fit_senteval(data, protocol)
    assert torch.equal(torch.get_rng_state(), state)
    for cell in range(2):
        fits = [one_by_one(data, cell, s.l2, s.hidden, s.dropout) for s in protocol.settings]
        assert [fit[2] for fit in fits] == made.evaluations[cell].tolist()
        first = int(np.argmax([round(100 * fit[0], 2) for fit in fits]))
        assert made.dev[cell] == fits[first][0]
        assert made.chosen[cell] == protocol.settings[first].name
        np.testing.assert_array_equal(made.hits[cell], fits[first][1])


def test_the_summed_loss_is_that_of_the_published_scores():
    """Guards against an option that moves no number, and a sum that is weighted by settings."""
    data = features(cells=1, n=90, d=8, classes=3, test=600)
    asked = protocols(ProbeOptions("senteval-sum"))[0]
    assert replace(asked, summed=False) == SentEvalProtocol()
    made = fit_senteval(data, asked)
    fits = [one_by_one(data, 0, l2, reduction="sum") for l2 in asked.strengths]
    assert [fit[2] for fit in fits] == made.evaluations[0].tolist()
    first = int(np.argmax([round(100 * fit[0], 2) for fit in fits]))
    np.testing.assert_array_equal(made.hits[0], fits[first][1])
    strong = replace(asked, strengths=(1.0,))
    mean = fit_senteval(data, replace(strong, summed=False))
    assert not np.array_equal(fit_senteval(data, strong).hits, mean.hits)


def test_a_file_in_any_order_is_trained_on_in_sentevals(tmp_path: Path):
    """Guards against minibatches that are seeded permutations of another order than SentEval's.

    The reference reads the lines itself and sorts them as SentEval's encoder does.
    """
    generator = np.random.default_rng(3)
    lines = []
    for part, size in (("tr", 90), ("va", 40), ("te", 900)):
        for k in range(size):
            words = " ".join(["w"] * int(generator.integers(2, 6)))
            lines.append((part, "cab"[int(generator.integers(3))], f"{words} {part}{k}"))
    file = tmp_path / "toy.txt"
    file.write_text("".join("\t".join(line) + "\n" for line in lines))
    vectors = {line[2]: generator.normal(size=6).astype(np.float16) for line in lines}
    asked = sample_set(read_senteval(file, "toy"), sentences=2000, seed=0)
    held = LayerFeatures(
        cells=(FeatureCell("0", "mean"),), widths=(6,), values=np.stack(list(vectors.values())),
        row={text: k for k, text in enumerate(vectors)}, path=Path("none"), seconds=0.0, read=1030,
    )  # fmt: skip
    made = fit_probes(held, asked, ProbeOptions("senteval"))
    x, y = [], []
    for part in ("tr", "va", "te"):
        rows = [(len(text.split()), "abc".index(label), text) for p, label, text in lines
                if p == part]  # fmt: skip
        if part == "tr":
            rows.sort(key=lambda row: row[:2])
        x.append(torch.from_numpy(np.stack([vectors[row[2]] for row in rows]).astype(np.float32)))
        y.append(torch.tensor([row[1] for row in rows]))
    theirs = ProbeData(x[0][None], x[1][None], x[2][None], y[0], y[1], y[2], 3)
    fits = [one_by_one(theirs, 0, l2) for l2 in SentEvalProtocol().strengths]
    first = int(np.argmax([round(100 * fit[0], 2) for fit in fits]))
    assert made.dev[0, 0] == fits[first][0]
    np.testing.assert_array_equal(made.hits[0, 0], fits[first][1])
    unsorted = fit_probes(held, read_senteval(file, "toy"), ProbeOptions("senteval"))
    assert not np.array_equal(unsorted.hits, made.hits)  # the order does move numbers


def test_the_fast_probe_halves_its_settings():
    """Guards against settings that train on unseen, and against the best that is stopped."""
    data = features(cells=2, n=300, d=8, classes=3)
    grid = SentEvalProtocol(hidden=(4, 6), batch=256, rate=4e-3, halvings=(2, 4, 6))
    made = fit_senteval(data, grid)
    for looks in made.evaluations:
        assert [int((looks > after).sum()) for after in (1, 2, 4, 6)] == [8, 4, 2, 1]
    assert all(name in {s.name for s in grid.settings} for name in made.chosen)


def test_the_fast_probe_stays_near_the_exact_one():
    """Guards against a shortcut that moves scores: the mean difference over cells is bounded."""
    data = features(cells=4, n=800, d=12, classes=3, dev=1000, test=4000)
    grid = SentEvalProtocol(hidden=(10, 20), dropout=(0.0, 0.1))
    exact = fit_senteval(data, grid)
    fast = fit_senteval(data, replace(grid, batch=256, rate=4e-3, halvings=(2, 4, 6)))
    differ = 100 * (fast.hits.mean(axis=1) - exact.hits.mean(axis=1))
    assert np.abs(differ).mean() < 0.75, differ
    assert abs(differ.mean()) < 0.5, differ
    assert fast.evaluations.sum() < 0.75 * exact.evaluations.sum()
    asked = protocols(ProbeOptions("fast"))[0]
    assert (asked.batch, asked.rate, asked.halvings, len(asked.settings)) == (
        256, 4e-3, (2, 4, 6), 36
    )  # fmt: skip
    assert len(protocols(ProbeOptions("fast", linear=True))[0].settings) == 4


def test_cells_of_any_width_end_up_in_their_own_column():
    """Guards against a BiLSTM whose layers change places when they are fitted in groups."""
    generator = np.random.default_rng(0)
    texts = [f"sentence {k}" for k in range(120)]
    labels = ["ab"[int(k)] for k in generator.integers(0, 2, size=120)]
    signal = np.array([label == "b" for label in labels])[:, None]
    widths = (4, 4, 6, 3)
    values = generator.normal(size=(120, sum(widths))).astype(np.float16)
    values[:, 8:14] += 2 * signal  # the third cell knows, the others do not
    held = LayerFeatures(
        cells=tuple(FeatureCell(str(at), "mean") for at in range(4)),
        widths=widths, values=values, row={text: k for k, text in enumerate(texts)},
        path=Path("none"), seconds=0.0, read=120,
    )  # fmt: skip
    rows = list(zip(labels, texts, strict=True))
    asked = make_set("toy", {"tr": rows[:60], "va": rows[60:90], "te": rows[90:]}, origin="toy")
    done: list[int] = []
    made = fit_probes(held, asked, ProbeOptions("logistic", mdl=True), tell=done.append)
    assert done == [2, 1, 1]
    assert made.dev.shape == (1, 4)
    assert made.bits is not None
    assert int(made.dev[0].argmax()) == int(made.bits.argmin()) == 2
    ends = np.cumsum(widths)
    for cell, width in enumerate(widths):
        x = torch.from_numpy(values[None, :, ends[cell] - width : ends[cell]].astype(np.float32))
        y = torch.from_numpy(np.concatenate([part.labels for part in asked.parts]))
        alone = fit_logistic(
            ProbeData(x[:, :60], x[:, 60:90], x[:, 90:], y[:60], y[60:90], y[90:], 2)
        )
        np.testing.assert_array_equal(made.hits[0, cell], alone.hits[0])


def test_logistic_equals_scikit_learn():
    """Guards against an optimiser that stops early, or regularises the biases."""
    linear = pytest.importorskip("sklearn.linear_model")
    data = features(cells=3, n=300, d=20, classes=4)
    made = fit_logistic(data)
    ready = data.standardised()
    for cell in range(3):
        l2 = float(made.chosen[cell].split()[1])
        theirs = linear.LogisticRegression(C=1 / (l2 * 300), max_iter=5000, tol=1e-8)
        theirs.fit(ready.train[cell].numpy(), data.y_train.numpy())
        right = theirs.predict(ready.test[cell].numpy()) == data.y_test.numpy()
        assert (right == made.hits[cell]).mean() > 0.98
        assert (
            abs(theirs.score(ready.dev[cell].numpy(), data.y_dev.numpy()) - made.dev[cell]) < 0.02
        )


def test_logistic_reaches_what_sentevals_probe_reaches_with_the_same_strengths():
    """Guards against a default probe whose scores are others than those of the field's probe.

    SentEval's own grid ends at an L2 of 0.01; with the same strengths on the same standardised
    features neither is better by half a point on average, nor by 1.5 in any cell (what remains is
    which strength some hundred sentences of dev prefer).
    """
    data = features(cells=3, n=400, d=24, classes=3, dev=400, test=4000).standardised()
    convex = fit_logistic(data).hits.mean(axis=1)
    theirs = fit_senteval(data, SentEvalProtocol(strengths=STRENGTHS)).hits.mean(axis=1)
    differ = 100 * (convex - theirs)
    assert abs(differ.mean()) < 0.5, differ
    assert np.abs(differ).max() < 1.5, differ


def test_cells_do_not_know_of_each_other():
    """Guards against a cell whose numbers depend on which others are fitted beside it."""
    data = features(cells=3, n=120, d=10, classes=2)
    whole, alone = fit_logistic(data), fit_logistic(data.cells(1, 2))
    np.testing.assert_array_equal(whole.hits[1], alone.hits[0])
    both, one = (
        fit_senteval(data, SentEvalProtocol()),
        fit_senteval(data.cells(2, 3), SentEvalProtocol()),
    )
    np.testing.assert_array_equal(both.hits[2], one.hits[0])


def test_a_constant_dimension_and_a_set_smaller_than_a_batch():
    """Guards against NaN from a dimension that never varies, and fewer rows than a batch."""
    data = features(cells=1, n=20, d=5, classes=2)
    data.train[:, :, 0] = 3.0
    for probe in ("logistic", "senteval", "mlp"):
        made = fit_cells(data, ProbeOptions(probe))
        assert np.isfinite(made[0].dev).all()


def test_an_unknown_probe_is_refused():
    """Guards against a silent default."""
    with pytest.raises(UnknownNameError) as told:
        check_probe("svm")
    assert str(told.value) == (
        "`probing.probe`: no probe is called 'svm', expected one of logistic, mlp, senteval, "
        "senteval-sum, thesis, fast"
    )


def test_cells_that_have_ended_are_left_out_and_keep_their_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Guards cells that are lost, exchanged or moved on when others go on without them."""
    data = features(cells=6, n=300, d=12, classes=3)
    stretched = data.train * (1 + 9 * torch.rand(6, 1, 12, generator=torch.manual_seed(0)))
    data, spread = logistic.rotated(replace(data, train=stretched))
    lengths: list[int] = []

    class Watched(logistic.Loss):
        def __call__(self, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            lengths.append(len(w))
            return super().__call__(w)

        def only(self, cells: torch.Tensor) -> "Watched":
            return Watched(self.x[cells], self.y, self.classes, self.strengths, free=self.free)

    def weights(crowded: float) -> torch.Tensor:
        monkeypatch.setattr(logistic, "_CROWDED", crowded)
        lengths.clear()
        return logistic.minimise(
            Watched(with_ones(data.train), data.y_train, 3, (1.0, 1e-3)), spread
        )

    together = weights(0.0)
    assert set(lengths) == {6}
    apart = weights(1.0)
    assert len(set(lengths)) > 2  # they end at different times
    assert lengths == sorted(lengths, reverse=True)
    torch.testing.assert_close(apart, together, rtol=0, atol=1e-5)
