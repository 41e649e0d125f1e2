"""What each model reaches on one probing task, and what guessing reaches.

Does: accuracies, selectivity, code lengths and baselines as estimates. Does not: set models against
each other; `probing.py` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kdprobe.analysis.estimates import EstimateKey, estimate, undefined_estimate
from kdprobe.analysis.probing.cells import HOW, Cells, cells_of, compression, resamples_of_task
from kdprobe.observations.probes import ProbeFits, ProbeTask
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate

_NO_TEST = "no test sentences"


@dataclass(frozen=True)
class ProbedTask:
    """One task: the cells of every model, trained and random.

    Args:
        task: the task.
        trained, random: model -> its cells.
        reasons: (model, pooling) -> why the model has no such pooling.
    """

    task: ProbeTask
    trained: Mapping[str, Cells]
    random: Mapping[str, Cells]
    reasons: Mapping[tuple[str, str], str]

    def without(self, model: str, pooling: str) -> str:
        """State why a model has no cell."""
        reason = self.reasons.get((model, pooling), "it has no such layer")
        return f"{model}: {reason}"


def probed_task(study: Study, probes: ProbeFits, task: ProbeTask) -> ProbedTask:
    """Draw the accuracies of every model on one task, trained and random."""
    resamples = resamples_of_task(study, task)
    held: dict[str, dict[str, Cells]] = {"trained": {}, "random": {}}
    for population in study.models:
        for weights, cells in held.items():
            fits = [
                fit
                for fit in probes.fits
                if (fit.model, fit.task, fit.weights) == (population.name, task.name, weights)
            ]
            if fits:
                cells[population.name] = cells_of(study, task, fits, resamples)
    reasons = {(each.model, each.pooling): each.reason for each in probes.unread}
    return ProbedTask(task, held["trained"], held["random"], reasons)


def score_estimates(probed: ProbedTask) -> list[Estimate]:
    """Estimate every cell's accuracy, selectivity and code length, and the baselines."""
    estimates: list[Estimate] = []
    for prefix, models in (("", probed.trained), ("random_", probed.random)):
        for model, cells in models.items():
            for at, (layer, pooling) in enumerate(zip(cells.layers, cells.poolings, strict=True)):
                estimates += _of_cell(probed.task, cells, at, prefix, (model, layer, pooling))
    for metric, name, value in (
        ("majority", "majority class", probed.task.majority),
        ("word_endings", "word endings", probed.task.endings),
    ):
        estimates.append(
            Estimate(
                metric=metric,
                model_a=name,
                subset=probed.task.name,
                value=value,
                n=probed.task.test,
            )
        )
    return estimates


def _of_cell(
    task: ProbeTask, cells: Cells, at: int, prefix: str, named: tuple[str, str, str]
) -> Iterator[Estimate]:
    def where(metric: str) -> EstimateKey:
        model, layer, pooling = named
        return EstimateKey(metric, model, subset=task.name, layer=layer, pooling=pooling)

    draws, n = cells.draws[:, at], task.test
    if draws[0] < task.majority:
        yield undefined_estimate(where(f"{prefix}accuracy"), below_majority(draws[0], task), n=n)
    else:
        accuracy = where(f"{prefix}accuracy")
        yield estimate(accuracy, draws, n=n, undefined=_NO_TEST, share=True, how=HOW)
    if cells.control is not None and not prefix:
        minus = draws - cells.control[:, at]
        yield estimate(where("selectivity"), minus, n=n, undefined=_NO_TEST, how=HOW)
    if cells.bits is not None:
        yield from _code(task, float(cells.bits[at]), prefix, where("mdl_bits"))


def _code(task: ProbeTask, bits: float, prefix: str, at: EstimateKey) -> Iterator[Estimate]:
    """The code length of a trained model, and the compression; one order, so no interval."""
    place = {"model_a": at.model_a, "subset": at.subset, "layer": at.layer, "pooling": at.pooling}
    if not prefix:
        yield Estimate(metric="mdl_bits", value=bits, n=task.train, **place)
    saved = compression(task, bits)
    yield Estimate(metric=f"{prefix}mdl_compression", value=saved, n=task.train, **place)


def below_majority(accuracy: float, task: ProbeTask) -> str:
    """State that a score is below the majority class."""
    return f"below the majority class ({accuracy:.3f} against {task.majority:.3f})"
