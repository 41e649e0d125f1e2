"""Probing classifiers on every layer and pooling of a model.

Does: fit the probe that was asked for on all cells of a task at once, its control task too, and
keep the results. Does not: read the model (`features.py`) or judge the numbers (`analysis/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from kdprobe.cache import Cache, CacheKey
from kdprobe.errors import ConfigError
from kdprobe.extract._probe_data import CellFits, ProbeData, join_fits
from kdprobe.extract._probe_logistic import STRENGTHS, fit_logistic
from kdprobe.extract._probe_senteval import Protocol, fit_senteval
from kdprobe.extract.features import LayerFeatures
from kdprobe.observed_probes import ProbeFit
from kdprobe.seeds import derive_seed
from kdprobe.tasks.probing_sets import ProbingSet

FITS_VERSION = 1
_BYTES = 768_000_000
_SPREAD = 0.05
"""A mean deviation over mean size below this is called flat: SentEval's probe hardly trains."""

PROBES = {
    "logistic": "multinomial logistic regression on standardised features, L2 in "
    f"{{{', '.join(f'{s:g}' for s in STRENGTHS)}}} chosen on dev",
    "mlp": "one hidden layer of 50 sigmoid units on standardised features, Adam with early "
    "stopping and L2 chosen on dev, three seeds",
    "senteval": "SentEval's protocol to the letter, no hidden layer, raw features",
    "thesis": "SentEval's protocol with hidden layers of 50, 100, 200 and dropout 0, .1, .2 "
    "chosen on dev, raw features",
}


@dataclass(frozen=True)
class ProbeOptions:
    """How probes are fitted.

    Args:
        probe: a key of `PROBES`.
        linear: whether the task allows no hidden layer.
        control: whether the control task is fitted, too.
        seed: of the MLP's three starts; the other probes have none or their own.
    """

    probe: str = "logistic"
    linear: bool = False
    control: bool = True
    seed: int = 0


def check_probe(name: str) -> str:
    """Refuse an unknown probe.

    Raises:
        ConfigError: no probe goes by this name.
    """
    if name not in PROBES:
        raise ConfigError("--probe", found=repr(name), expected="one of " + ", ".join(PROBES))
    return name


def fit_cells(data: ProbeData, options: ProbeOptions) -> list[CellFits]:
    """Fit all cells; one result a seed."""
    if options.probe == "logistic":
        return [fit_logistic(data)]
    hidden = 0 if options.linear else 50
    if options.probe == "mlp":
        ready = data.standardised()
        seeds = [derive_seed(options.seed, "probe", str(k)) % 2**31 for k in range(3)]
        fast = {"batch": 256, "rate": 4e-3}
        return [
            fit_senteval(ready, Protocol(hidden=hidden, seed=seed, looks=26, **fast))  # type: ignore[arg-type]
            for seed in seeds
        ]
    if options.probe == "senteval" or options.linear:
        return [fit_senteval(data, Protocol())]
    grid = [
        fit_senteval(data, Protocol(hidden=h, dropout=p))
        for h in (50, 100, 200)
        for p in (0, 0.1, 0.2)
    ]
    return [_best(grid)]


def _best(grid: Sequence[CellFits]) -> CellFits:
    """Take each cell's first best setting of a grid by dev accuracy in percent, two digits."""
    dev = np.stack([fits.dev for fits in grid])
    first = np.argmax(np.round(100 * dev, 2), axis=0).tolist()
    return CellFits(
        np.array([grid[at].dev[cell] for cell, at in enumerate(first)]),
        np.stack([grid[at].hits[cell] for cell, at in enumerate(first)]),
        tuple(grid[at].chosen[cell] for cell, at in enumerate(first)),
        np.concatenate([fits.evaluations for fits in grid], axis=1),
    )


@dataclass(frozen=True)
class Fitted:
    """The numbers of one model on one task; see `observations.ProbeFit`."""

    dev: NDArray[np.float64]
    hits: NDArray[np.bool_]
    control: NDArray[np.bool_] | None
    flat: NDArray[np.int64]

    def as_fit(
        self,
        features_layers: Sequence[str],
        features_poolings: Sequence[str],
        *,
        model: str,
        run: int,
        weights: Literal["trained", "random"],
        task: str,
    ) -> ProbeFit:
        """Name the numbers."""
        return ProbeFit(
            model=model, run=run, weights=weights, task=task, layers=tuple(features_layers),
            poolings=tuple(features_poolings), dev=self.dev, hits=self.hits, control=self.control,
            flat=tuple(self.flat.tolist()),
        )  # fmt: skip


def fit_key(
    model_key: str, reading: str, poolings: Sequence[str], asked: ProbingSet, options: ProbeOptions
) -> CacheKey:
    """Everything the fits depend on."""
    return CacheKey(
        "probe fits",
        {
            "model": model_key,
            "reading": reading,
            "poolings": list(poolings),
            "set": asked.fingerprint,
            "probe": options.probe,
            "linear": options.linear,
            "control": options.control,
            "seed": options.seed,
            "version": FITS_VERSION,
        },
    )


def load_fits(cache: Cache | None, key: CacheKey) -> Fitted | None:
    """Give fits of an earlier run, or None."""
    held = cache.load(key) if cache is not None else None
    if held is None:
        return None
    return Fitted(
        held["dev"].astype(np.float64),
        held["hits"].astype(np.bool_),
        held["control"].astype(np.bool_) if "control" in held else None,
        held["flat"].astype(np.int64),
    )


def store_fits(cache: Cache | None, key: CacheKey, made: Fitted, *, described: str) -> None:
    """Keep fits for the next run.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    if cache is None:
        return
    arrays: dict[str, NDArray[np.generic]] = {"dev": made.dev, "hits": made.hits, "flat": made.flat}
    if made.control is not None:
        arrays["control"] = made.control
    cache.store(key, arrays, description=described)


def fit_probes(
    features: LayerFeatures,
    asked: ProbingSet,
    options: ProbeOptions,
    *,
    control: ProbingSet | None = None,
) -> Fitted:
    """Fit the probes of one model on one task.

    Args:
        features: hold every sentence of the set.
        asked: the sentences and their classes.
        options: which probe.
        control: the control task on the same sentences, or None.

    Returns:
        One row a probe seed, one column a cell; cells are read in groups, so that memory is bounded
        whatever the number of sentences.
    """
    rows = [features.rows(part.sentences) for part in asked.parts]
    total = sum(map(len, rows)) * features.values.shape[2] * 4
    step = max(1, _BYTES // max(3 * total, 1))
    groups: list[list[CellFits]] = []
    controls: list[CellFits] = []
    flat: list[int] = []
    for start in range(0, len(features.cells), step):
        cells = range(start, min(len(features.cells), start + step))
        x = [torch.from_numpy(features.take(part, cells)) for part in rows]
        data = _data(x, asked)
        spread = data.train.std(dim=1).mean(dim=1) / data.train.abs().mean(dim=(1, 2)).clamp_min(
            1e-9
        )
        flat += [start + at for at, value in enumerate(spread.tolist()) if value < _SPREAD]
        groups.append(fit_cells(data, options))
        if control is not None:
            controls.append(fit_cells(_data(x, control), options)[0])
    seeds = [join_fits([group[at] for group in groups]) for at in range(len(groups[0]))]
    return Fitted(
        dev=np.stack([fits.dev for fits in seeds]),
        hits=np.stack([fits.hits for fits in seeds]),
        control=join_fits(controls).hits if controls else None,
        flat=np.array(flat, dtype=np.int64),
    )


def _data(x: Sequence[torch.Tensor], asked: ProbingSet) -> ProbeData:
    y = [torch.from_numpy(part.labels) for part in asked.parts]
    return ProbeData(x[0], x[1], x[2], y[0], y[1], y[2], len(asked.labels))
