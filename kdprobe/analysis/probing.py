"""Probing: what every layer of the teacher and the students knows, against what guessing gives.

Does: accuracies by task, layer and pooling with baselines and selectivity, paired gaps at best
layers and at equal relative depth, retention, centre of gravity. Does not: read models or fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis._bootstrap import At, estimate, interval, undefined_estimate
from kdprobe.analysis._gaps import gap_estimate, paired_p, with_q
from kdprobe.analysis._probing_cells import (
    HOW,
    Cells,
    cells_of,
    gravity_draws,
    matched_layers,
    resamples_of_task,
)
from kdprobe.analysis._probing_metrics import METRICS
from kdprobe.analysis._probing_views import best_table, gap_matrix, small_multiple
from kdprobe.analysis._stats import mcnemar_p
from kdprobe.config.base import Options
from kdprobe.observations import Study
from kdprobe.observed_probes import ProbeFits, ProbeTask
from kdprobe.results.schema import AnalysisResult, Estimate, Notice

_SMALL = 400


class ProbingOptions(Options):
    """This analysis has nothing to choose."""


@dataclass(frozen=True)
class _Seen:
    """One task: the cells of every model, trained and random."""

    task: ProbeTask
    trained: Mapping[str, Cells]
    random: Mapping[str, Cells]


def _see(study: Study, probes: ProbeFits, task: ProbeTask) -> _Seen:
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
    return _Seen(task, held["trained"], held["random"])


def _scores(seen: _Seen) -> list[Estimate]:
    """Estimate every cell's accuracy and selectivity, and the baselines."""
    made = []
    n, task = seen.task.test, seen.task.name
    for metric, models in (("accuracy", seen.trained), ("random_accuracy", seen.random)):
        for model, cells in models.items():
            for at, (layer, pooling) in enumerate(zip(cells.layers, cells.poolings, strict=True)):
                where = At(metric, model, subset=task, layer=layer, pooling=pooling)
                found = estimate(
                    where, cells.draws[:, at], n=n, undefined="no test sentences", share=True,
                    how=HOW,
                )  # fmt: skip
                below = (found.value or 0.0) < seen.task.majority
                if below and metric == "accuracy":
                    found = found.model_copy(update={"note": "below the majority class"})
                made.append(found)
                if metric == "accuracy" and cells.control is not None:
                    made.append(
                        estimate(
                            At("selectivity", model, subset=task, layer=layer, pooling=pooling),
                            cells.draws[:, at] - cells.control[:, at],
                            n=n,
                            undefined="no test sentences",
                            how=HOW,
                        )
                    )
    for metric, name, value in (
        ("majority", "majority class", seen.task.majority),
        ("word_endings", "word endings", seen.task.endings),
    ):
        made.append(Estimate(metric=metric, model_a=name, subset=task, value=value, n=n))
    return made


def _gap(seen: _Seen, at: At, teacher: int, student: int) -> Estimate:
    t, s = seen.trained[at.model_a], seen.trained[at.model_b]
    left, right = t.hits[:, teacher], s.hits[:, student]
    if len(left) == 1 and len(right) == 1:
        p = mcnemar_p(int((left & ~right).sum()), int((~left & right).sum()))
        p_value: float | None = p
    else:
        p_value = paired_p(left.astype(np.float64), right.astype(np.float64))
    return gap_estimate(
        at,
        t.draws[:, teacher] - s.draws[:, student],
        n=seen.task.test,
        undefined="no test sentences",
        share=True,
        p_value=p_value,
        how=HOW,
    )


def _gaps(
    seen: _Seen, teacher: str, student: str, poolings: Sequence[str]
) -> tuple[list[Estimate], list[Estimate]]:
    """Estimate the gaps of the best layers, and those of all layers at equal relative depth."""
    t, s, task = seen.trained[teacher], seen.trained[student], seen.task.name
    best = [
        _gap(
            seen,
            At("gap", teacher, student, subset=task, layer="best", pooling=pooling),
            t.best(pooling),
            s.best(pooling),
        )
        for pooling in poolings
    ]
    layers: list[Estimate] = []
    for one, other in matched_layers(t, s):
        for pooling in poolings if one.isdigit() else ("",):
            left, right = t.cell(one, pooling), s.cell(other, pooling)
            if left is None or right is None:
                continue
            where = At(
                "gap", teacher, student, subset=task, layer=f"{one}:{other}", pooling=pooling
            )
            layers.append(_gap(seen, where, left, right))
    return best, layers


def _retention(seen: _Seen, teacher: str, student: str, pooling: str) -> Estimate:
    at = At("retention", teacher, student, subset=seen.task.name, layer="best", pooling=pooling)
    if teacher not in seen.random:
        return undefined_estimate(at, "no encoder with random weights was probed")
    t, s, floor = seen.trained[teacher], seen.trained[student], seen.random[teacher]
    low = floor.draws[:, floor.best(pooling)]
    above = t.draws[:, t.best(pooling)] - low
    bounds = interval(above)
    if bounds is None or bounds[0] <= 0:
        reason = "the teacher is not beyond random weights by more than noise"
        return undefined_estimate(at, f"{reason} ({above[0]:+.3f})", n=seen.task.test)
    kept = s.draws[:, s.best(pooling)] - low
    draws = np.full(len(kept), np.nan)
    np.divide(kept, above, out=draws, where=above > 0)
    return estimate(at, draws, n=seen.task.test, undefined="nothing to keep", how=HOW)


def _gravity(seen: _Seen, study: Study, poolings: Sequence[str]) -> list[Estimate]:
    made = []
    reason = "no layer is above the majority class"
    for pooling in poolings:
        draws = {
            model: gravity_draws(cells, pooling, seen.task.majority)
            for model, cells in seen.trained.items()
        }
        for model, values in draws.items():
            at = At("centre_of_gravity", model, subset=seen.task.name, pooling=pooling)
            made.append(estimate(at, values, n=seen.task.test, undefined=reason, how=HOW))
        for student in study.students:
            teacher = study.teacher.name
            at = At(
                "centre_of_gravity_shift", teacher, student.name, subset=seen.task.name,
                pooling=pooling,
            )  # fmt: skip
            shift = draws[student.name] - draws[teacher]
            made.append(estimate(at, shift, n=seen.task.test, undefined=reason, how=HOW))
    return made


def _notices(study: Study, probes: ProbeFits) -> list[Notice]:
    notices = []
    small = [task.name for task in probes.tasks if task.test < _SMALL]
    if small:
        notices.append(
            Notice(
                code="probing-small",
                severity="warning",
                message=f"Fewer than {_SMALL} test sentences: {', '.join(small)}. Gaps of a few "
                "points mean nothing there.",
            )
        )
    flat = sorted({fit.model for fit in probes.fits if fit.flat and fit.weights == "trained"})
    if flat and "raw" in probes.probe:
        notices.append(
            Notice(
                code="probing-flat",
                severity="warning",
                message=f"Some layers of {', '.join(flat)} vary little against their mean: "
                "SentEval's probe hardly trains on them; the default probe standardises.",
                models=tuple(flat),
            )
        )
    return notices


@dataclass(frozen=True)
class Probing:
    """What every layer knows, teacher and students paired."""

    name: str = "probing"
    version: int = 1
    title: str = "Probing"
    after: tuple[str, ...] = ()
    options: type[ProbingOptions] = ProbingOptions

    def unmet(self, study: Study) -> str | None:
        """Refuse studies whose layers were not probed."""
        if study.probes is None or not study.probes.fits:
            return "no layer was probed, as it takes minutes; --probe-tasks all adds it"
        return None

    def run(
        self, study: Study, options: ProbingOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Score every cell, measure the students' gaps, and draw."""
        probes = study.probes
        assert probes is not None  # unmet() has refused studies without
        teacher = study.teacher.name
        scores: list[Estimate] = []
        best: dict[str, list[Estimate]] = {s.name: [] for s in study.students}
        layers: dict[str, list[Estimate]] = {s.name: [] for s in study.students}
        rest: list[Estimate] = []
        curves = []
        cells: dict[str, Mapping[str, Cells]] = {}
        for task in probes.tasks:
            seen = _see(study, probes, task)
            cells[task.name] = seen.trained
            scores += _scores(seen)
            for student in study.students:
                at_best, at_layers = _gaps(seen, teacher, student.name, probes.poolings)
                best[student.name] += at_best
                layers[student.name] += at_layers
                rest += [_retention(seen, teacher, student.name, p) for p in probes.poolings]
            rest += _gravity(seen, study, probes.poolings)
            curves.append(
                small_multiple(task, seen.trained, seen.random, probes.poolings[0], teacher)
            )
        gaps = [gap for name in best for gap in (*with_q(best[name]), *with_q(layers[name]))]
        matrices = [
            gap_matrix(student.name, probes.tasks, gaps, pooling, place)
            for place, student in enumerate(study.students, start=1)
            for pooling in probes.poolings
        ]
        return AnalysisResult(
            name=self.name,
            version=self.version,
            title=self.title,
            caption="One probing classifier a task, layer and pooling, trained on vectors of whole "
            f"sentences: {probes.probe}. Baselines: majority class, layer 0, random weights.",
            options=options.model_dump(mode="json"),
            metrics=METRICS,
            estimates=(*scores, *gaps, *rest),
            tables=(best_table(probes.tasks, cells, probes.poolings),),
            matrices=tuple(matrices),
            curves=tuple(curves),
            warnings=tuple(_notices(study, probes)),
            notes=probes.notes,
        )


ANALYSIS = Probing()
