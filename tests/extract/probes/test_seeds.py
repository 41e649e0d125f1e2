"""Several starts of a probe: which they are, that each is its own fit, what they cost."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.errors import ConfigError
from kdprobe.extract.layer_features import LayerFeatures
from kdprobe.extract.probes.fits import (
    PROBES,
    SEEDS,
    ProbeOptions,
    few_seeds,
    fit_cells,
    fit_key,
    probe_seeds,
    protocols,
)
from kdprobe.extract.probes.groups import fit_probes
from kdprobe.models.hidden import FeatureCell
from kdprobe.tasks.probing.sets import make_set
from tests.extract.probes.test_fits import features, one_by_one


@pytest.mark.parametrize("probe", ["senteval", "senteval-sum", "thesis", "fast"])
def test_the_first_start_is_sentevals_own(probe: str):
    """Guards against a protocol to the letter that starts elsewhere, and seeds that are equal."""
    seeds = [one.seed for one in protocols(ProbeOptions(probe, seeds=4, seed=7))]
    assert seeds[0] == 1111
    assert len(set(seeds)) == 4
    other = [one.seed for one in protocols(ProbeOptions(probe, seeds=4, seed=8))]
    assert other[0] == 1111
    assert not set(seeds[1:]) & set(other[1:])
    one, *rest = protocols(ProbeOptions(probe, seeds=2))
    assert [each.settings for each in rest] == [one.settings]


def test_the_starts_of_the_mlp_are_its_own():
    """Guards against three fits from one start."""
    seeds = [one.seed for one in protocols(ProbeOptions("mlp", seeds=3))]
    assert len(set(seeds)) == 3
    assert protocols(ProbeOptions("logistic", seeds=1)) == []


def test_each_seed_equals_the_one_by_one_fit_of_that_seed():
    """Guards against seeds that share their start, order or masks with the first."""
    data = features(cells=2, n=90, d=8, classes=3)
    options = ProbeOptions("senteval", seeds=3)
    made = fit_cells(data, options)
    assert len(made) == 3
    for fits, protocol in zip(made, protocols(options), strict=True):
        theirs = [one_by_one(data, 1, s.l2, seed=protocol.seed) for s in protocol.settings]
        first = int(np.argmax([round(100 * fit[0], 2) for fit in theirs]))
        assert fits.dev[1] == theirs[first][0]
        np.testing.assert_array_equal(fits.hits[1], theirs[first][1])
    assert not np.array_equal(made[0].evaluations, made[1].evaluations)


def test_the_control_task_is_fitted_once(monkeypatch: pytest.MonkeyPatch):
    """Guards against a control task that costs as many fits as there are seeds, one of them used.

    Also against seeds that never reach the numbers: a row a seed, a column a cell.
    """
    from kdprobe.extract.probes import fits, groups

    asked = []
    generator = torch.Generator().manual_seed(0)
    texts = [f"sentence {k}" for k in range(60)]
    values = torch.randn(60, 4, generator=generator).numpy().astype(np.float16)
    held = LayerFeatures(
        cells=(FeatureCell("0", "mean"),), widths=(4,), values=values,
        row={text: k for k, text in enumerate(texts)}, path=Path("none"), seconds=0.0, read=60,
    )  # fmt: skip
    rows = [("ab"[k % 2], text) for k, text in enumerate(texts)]
    task = make_set("toy", {"tr": rows[:40], "va": rows[40:50], "te": rows[50:]}, origin="toy")
    real = fits.fit_cells

    def counted(data, options):
        asked.append(options.seeds)
        return real(data, options)

    monkeypatch.setattr(groups, "fit_cells", counted)
    made = fit_probes(held, task, ProbeOptions("senteval", seeds=2), control=task)
    assert asked == [2, 1]
    assert made.dev.shape == (2, 1)
    assert made.hits.shape == (2, 1, 10)
    assert made.control is not None
    # the control task here is the task itself: its one fit is the first seed's
    np.testing.assert_array_equal(made.control, made.hits[0])


def test_fits_of_other_seeds_are_not_taken_from_the_cache():
    """Guards against one start read back as three."""
    rows = [("ab"[k % 2], f"w {k}") for k in range(12)]
    task = make_set("toy", {"tr": rows, "va": rows, "te": rows}, origin="toy")
    made = [fit_key("m", "r", ["mean"], task, ProbeOptions("fast", seeds=n)) for n in (1, 2, 3)]
    assert len({key.digest for key in made}) == 3
    last = fit_key("m", "r", ["mean"], task, ProbeOptions("fast"), shards=True)
    assert last.digest not in {key.digest for key in made}


def test_how_many_starts_a_probe_gets():
    """Guards against a probe that is not convex and is judged by one start, unsaid."""
    usual = {name: probe_seeds(name, None) for name in PROBES}
    assert {name for name, seeds in usual.items() if seeds == 3} == {"mlp", "thesis", "fast"}
    assert set(usual.values()) == {1, 3}
    assert all(probe_seeds(name, 5) == 5 for name in SEEDS)
    assert probe_seeds("logistic", 1) == 1
    assert [few_seeds("thesis", n) for n in (1, 2, 3)] == [True, True, False]
    assert not few_seeds("logistic", 1)
    assert not few_seeds("senteval", 1)


def test_impossible_numbers_of_starts_are_refused():
    """Guards against seeds that are silently ignored, and a probe that is never fitted."""
    with pytest.raises(ConfigError) as told:
        probe_seeds("fast", 0)
    assert str(told.value) == "`probing.probe_seeds`: is 0, expected at least 1"
    with pytest.raises(ConfigError) as told:
        probe_seeds("logistic", 2)
    assert str(told.value) == (
        "`probing.probe_seeds`: is 2 with `probing.probe=logistic`, which is convex and draws "
        "nothing at random, "
        "expected a probe that starts from a seed: mlp, senteval, senteval-sum, "
        "thesis, fast; leave `probing.probe_seeds` out, or name another `probing.probe`"
    )
