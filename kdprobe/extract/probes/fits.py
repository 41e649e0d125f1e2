"""Probing classifiers on every layer and pooling of a model.

Does: fit the probe that was asked for on all cells of a task at once, and keep the results. Does
not: read the model (`features.py`), cut cells into groups (`groups.py`) or judge the numbers
(`analysis/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kdprobe.cache import Cache, CacheKey
from kdprobe.errors import ConfigError
from kdprobe.extract.probes.data import CellFits, ProbeData
from kdprobe.extract.probes.logistic import STRENGTHS, fit_logistic
from kdprobe.extract.probes.senteval import SentEvalProtocol, fit_senteval
from kdprobe.models.hidden import FeatureCell
from kdprobe.observations.probes import ProbeFit
from kdprobe.registry import known_name
from kdprobe.seeds import derive_seed
from kdprobe.tasks.probing.sets import ProbingSet

FITS_VERSION = 4
_THESIS = {"hidden": (50, 100, 200), "dropout": (0.0, 0.1, 0.2)}
_QUICK = {"batch": 256, "rate": 4e-3}

PROBES = {
    "logistic": "multinomial logistic regression on standardised features, L2 in "
    f"{{{', '.join(f'{s:g}' for s in STRENGTHS)}}} chosen on dev",
    "mlp": "one hidden layer of 50 sigmoid units on standardised features, Adam with early "
    "stopping and L2 chosen on dev",
    "senteval": "SentEval's protocol to the letter, no hidden layer, raw features",
    "senteval-sum": "SentEval's protocol with the loss summed over a minibatch, as torch did when "
    "its scores were published (L2 is 64 times weaker), no hidden layer, raw features",
    "thesis": "SentEval's protocol with hidden layers of 50, 100, 200 and dropout 0, .1, .2 "
    "chosen on dev, raw features",
    "fast": "the grid of SentEval's protocol with hidden layers of 50, 100, 200 and dropout 0, .1, "
    ".2, made fast: batches of 256, learning rate 0.004, and after the 2nd, 4th and 6th look at "
    "dev the worse half of the settings stops; raw features",
}
SEEDS = {"mlp": 3, "senteval": 1, "senteval-sum": 1, "thesis": 3, "fast": 3}
"""How many starts the scores of a probe are the mean of, unless another number is asked for."""

FEW_SEEDS = 3
"""Below it, gaps of a point or two between probes that are not convex mean nothing."""


@dataclass(frozen=True)
class ProbeOptions:
    """How probes are fitted.

    Args:
        probe: a key of `PROBES`.
        linear: whether the task allows no hidden layer.
        control: whether the control task is fitted, too.
        mdl: whether the online code length is measured, too.
        seed: of the starts (the first of SentEval's probes is SentEval's own) and of the code's
            order.
        seeds: how many starts, see `probe_seeds`; the control task is fitted from the first.
    """

    probe: str = "logistic"
    linear: bool = False
    control: bool = True
    mdl: bool = False
    seed: int = 0
    seeds: int = 1


def check_probe(name: str) -> str:
    """Return the probe that is meant.

    Raises:
        UnknownNameError: no probe goes by this name.
    """
    return known_name("probe", name, tuple(PROBES), option="probing.probe")


def probe_seeds(probe: str, seeds: int | None) -> int:
    """Return how many starts a probe gets: as many as asked for, else as many as is usual for it.

    Raises:
        ConfigError: fewer than one; or several of a probe that has no start.

    >>> [probe_seeds(name, None) for name in PROBES]
    [1, 3, 1, 1, 3, 3]
    """
    option = "`probing.probe_seeds`"
    if seeds is not None and seeds < 1:
        raise ConfigError(option, found=f"is {seeds}", expected="at least 1")
    if probe not in SEEDS and seeds not in (None, 1):
        raise ConfigError(
            option,
            found=f"is {seeds} with `probing.probe={probe}`, which is convex and draws nothing at "
            "random",
            expected="a probe that starts from a seed: " + ", ".join(SEEDS),
            remedy=f"leave {option} out, or name another `probing.probe`",
        )
    return SEEDS.get(probe, 1) if seeds is None else seeds


def described(probe: str, seeds: int) -> str:
    """Return in words which probe is fitted and from how many starts.

    >>> described("senteval", 2)
    "SentEval's protocol to the letter, no hidden layer, raw features; mean of 2 probe seeds"
    """
    return PROBES[probe] + (f"; mean of {seeds} probe seeds" if seeds > 1 else "")


def few_seeds(probe: str, seeds: int) -> bool:
    """Whether a probe is not convex and has so few starts that they may make a gap."""
    return SEEDS.get(probe, 1) > 1 and seeds < FEW_SEEDS


def protocols(options: ProbeOptions) -> list[SentEvalProtocol]:
    """Return the protocol of each probe seed; none for logistic regression, which has no seed."""
    if options.probe == "logistic":
        return []
    seeds = [derive_seed(options.seed, "probe", str(k)) % 2**31 for k in range(options.seeds)]
    if options.probe == "mlp":
        one = SentEvalProtocol(hidden=(0,) if options.linear else (50,), looks=26, **_QUICK)  # type: ignore[arg-type]
        return [replace(one, seed=seed) for seed in seeds]
    flat = options.linear or options.probe.startswith("senteval")
    one = SentEvalProtocol(summed=options.probe == "senteval-sum", **({} if flat else _THESIS))  # type: ignore[arg-type]
    if options.probe == "fast":
        one = replace(one, **_QUICK, halvings=(2, 4, 6))  # type: ignore[arg-type]
    return [one, *(replace(one, seed=seed) for seed in seeds[1:])]


def fit_cells(data: ProbeData, options: ProbeOptions) -> list[CellFits]:
    """Fit all cells; one result a seed.

    Seeds come one after the other: a stack of one seed already fills the processor's cache at the
    widths of encoders, so that a larger one is no faster (see `senteval`).
    """
    chosen = protocols(options)
    if not chosen:
        return [fit_logistic(data)]
    ready = data.standardised() if options.probe == "mlp" else data
    return [fit_senteval(ready, protocol) for protocol in chosen]


@dataclass(frozen=True)
class Fitted:
    """The numbers of one model on one task; see `observations.ProbeFit`."""

    dev: NDArray[np.float64]
    hits: NDArray[np.bool_]
    control: NDArray[np.bool_] | None
    flat: NDArray[np.int64]
    bits: NDArray[np.float64] | None = None

    def as_fit(
        self,
        cells: Sequence[FeatureCell],
        *,
        model: str,
        run: int,
        weights: Literal["trained", "random"],
        task: str,
    ) -> ProbeFit:
        """Return the numbers with their names."""
        return ProbeFit(
            model=model, run=run, weights=weights, task=task,
            layers=tuple(cell.layer for cell in cells),
            poolings=tuple(cell.pooling for cell in cells), dev=self.dev, hits=self.hits,
            control=self.control, flat=tuple(self.flat.tolist()), bits=self.bits,
        )  # fmt: skip


def fit_key(
    model_key: str,
    reading: str,
    poolings: Sequence[str],
    probing_set: ProbingSet,
    options: ProbeOptions,
    *,
    shards: bool = False,
) -> CacheKey:
    """Everything the fits depend on; `shards` says whether the last digits are those of shards."""
    return CacheKey(
        "probe fits",
        {
            **({"shards": 1} if shards else {}),
            "model": model_key,
            "reading": reading,
            "poolings": list(poolings),
            "set": probing_set.fingerprint,
            "probe": options.probe,
            "linear": options.linear,
            "control": options.control,
            "mdl": options.mdl,
            "seed": options.seed,
            "seeds": options.seeds,
            "version": FITS_VERSION,
        },
    )


def load_fits(cache: Cache | None, key: CacheKey) -> Fitted | None:
    """Return fits of an earlier run, or None."""
    held = cache.load(key) if cache is not None else None
    if held is None:
        return None
    return Fitted(
        held["dev"].astype(np.float64),
        held["hits"].astype(np.bool_),
        held["control"].astype(np.bool_) if "control" in held else None,
        held["flat"].astype(np.int64),
        held["bits"].astype(np.float64) if "bits" in held else None,
    )


def store_fits(cache: Cache | None, key: CacheKey, fits: Fitted, *, described: str) -> None:
    """Keep fits for the next run.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    if cache is None:
        return
    arrays: dict[str, NDArray[np.generic]] = {"dev": fits.dev, "hits": fits.hits, "flat": fits.flat}
    if fits.control is not None:
        arrays["control"] = fits.control
    if fits.bits is not None:
        arrays["bits"] = fits.bits
    cache.store(key, arrays, description=described)
