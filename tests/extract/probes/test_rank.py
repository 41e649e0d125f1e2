"""Features of low rank: units that never fire, as behind the ReLU of a small head."""

import torch

from kdprobe.extract.probes.data import ProbeData
from kdprobe.extract.probes.logistic import fit_logistic


def test_units_that_never_fire_change_nothing():
    """Guards against a factorisation that fails or gives no numbers on many equal eigenvalues."""
    for seed in range(24):  # in single precision one of five fails or gives NaN
        generator = torch.Generator().manual_seed(seed)
        live = torch.randperm(64, generator=generator)[:10]
        x = torch.zeros(1, 600, 64)
        x[0][:, live] = torch.randn(600, 10, generator=generator)
        y = (x[0, :, live[0]] > 0).long()

        def fit(x: torch.Tensor, y: torch.Tensor = y):
            train, dev, test = x[:, :400], x[:, 400:500], x[:, 500:]
            return fit_logistic(ProbeData(train, dev, test, y[:400], y[400:500], y[500:], 2))

        made = fit(x)
        assert made.hits.mean() > 0.9
        assert (made.hits == fit(x[:, :, live]).hits).all()
