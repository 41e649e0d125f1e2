"""A study whose layers were probed: hits drawn from a seed, accuracies known by hand."""

from __future__ import annotations

import numpy as np

from kdprobe.observations.probes import ProbeFit, ProbeFits, ProbeTask
from kdprobe.observations.study import Study

LAYERS = ("0", "1", "2", "head")
POOLINGS = ("mean", "mean", "mean", "")
N = 200


def fit(
    model: str, right: tuple[float, ...], *, task: str = "past_present", weights: str = "trained",
    seeds: int = 1, run: int = 0, layers: tuple[str, ...] = LAYERS,
) -> ProbeFit:  # fmt: skip
    """Probes with exactly these shares of right test sentences, the first sentences right."""
    hits = np.zeros((seeds, len(right), N), dtype=bool)
    for cell, share in enumerate(right):
        hits[:, cell, : round(share * N)] = True
    return ProbeFit(
        model=model,
        run=run,
        weights="trained" if weights == "trained" else "random",
        task=task,
        layers=layers,
        poolings=tuple("" if layer == "head" else "mean" for layer in layers),
        dev=np.tile(np.array(right), (seeds, 1)),
        hits=hits,
        control=hits[0] & (np.arange(N) % 2 == 0) if weights == "trained" else None,
    )


def probes_of(*fits: ProbeFit) -> ProbeFits:
    """The fits of one task with a majority of one half."""
    task = ProbeTask("past_present", "semantics", ("PAST", "PRES"), 400, 200, N, 0.5, 0.6, "toy")
    return ProbeFits((task,), fits, "toy probe", ("mean",), ("Sentences: toy.",))


def probed(study: Study, *, seeds: int = 1) -> Study:
    """The study with probes: the teacher knows at layer 1 what its students know less."""
    fits = [
        fit("teacher", (0.6, 0.9, 0.8, 0.7), seeds=seeds),
        fit("teacher", (0.55, 0.6, 0.6, 0.5), weights="random"),
    ]
    for place, student in enumerate(study.students):
        fits.append(fit(student.name, (0.55, 0.75 - 0.1 * place, 0.7, 0.45), seeds=seeds))
        fits.append(fit(student.name, (0.5, 0.5, 0.5, 0.5), weights="random"))
    return study.with_observations(probes_of(*fits))
