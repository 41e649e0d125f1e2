"""Probing: what every layer of the teacher and the students knows, against what guessing gives.

Does: accuracies by task, layer and pooling with baselines and selectivity, paired gaps at best
layers and at equal relative depth, retention, centre of gravity. Does not: read models or fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kdprobe.analysis.estimates import EstimateKey, undefined_estimate
from kdprobe.analysis.probing.cells import HOW, Cells, matched_layers
from kdprobe.analysis.probing.metrics import METRICS
from kdprobe.analysis.probing.retention import gravity_of, retention_of
from kdprobe.analysis.probing.scores import ProbedTask, probed_task, score_estimates
from kdprobe.analysis.probing.views import best_table, gap_matrix, small_multiple
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.analysis.student_gaps.gaps import gap_estimate, paired_p, with_q
from kdprobe.observations.probes import ProbeFits
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Notice
from kdprobe.stats.hypothesis_tests import mcnemar_p

_SMALL = 400


def _gap(probed: ProbedTask, at: EstimateKey, teacher: int | None, student: int | None) -> Estimate:
    t, s = probed.trained[at.model_a], probed.trained[at.model_b]
    if teacher is None or student is None:
        lacking = at.model_a if teacher is None else at.model_b
        return undefined_estimate(at, probed.without(lacking, at.pooling))
    left, right = t.means(teacher), s.means(student)
    if len(t.hits) == 1 and len(s.hits) == 1:
        p_value: float | None = mcnemar_p(int((left > right).sum()), int((left < right).sum()))
    else:
        p_value = paired_p(left, right)
    return gap_estimate(
        at,
        t.draws[:, teacher] - s.draws[:, student],
        n=probed.task.test,
        undefined="no test sentences",
        share=True,
        p_value=p_value,
        how=HOW,
    )


class _Gaps(NamedTuple):
    """One student's gaps, in families of tests: best layers, equal relative depth, equal number."""

    best: list[Estimate]
    layers: list[Estimate]
    numbers: list[Estimate]


def _gaps(probed: ProbedTask, teacher: str, student: str, poolings: Sequence[str]) -> _Gaps:
    """Estimate the gaps of the best layers, and of all layers set against each other."""
    t, s, task = probed.trained[teacher], probed.trained[student], probed.task.name
    best = [
        _gap(
            probed,
            EstimateKey("gap", teacher, student, subset=task, layer="best", pooling=pooling),
            t.best(pooling),
            s.best(pooling),
        )
        for pooling in poolings
    ]
    layers: list[Estimate] = []
    for one, other in matched_layers(t, s):
        for pooling in poolings if one.isdigit() else ("",):
            left, right = t.cell(one, pooling), s.cell(other, pooling)
            if left is None and right is None:
                continue
            where = EstimateKey(
                "gap", teacher, student, subset=task, layer=f"{one}:{other}", pooling=pooling
            )
            layers.append(_gap(probed, where, left, right))
    return _Gaps(best, layers, _by_number(probed, teacher, student, poolings))


def _by_number(
    probed: ProbedTask, teacher: str, student: str, poolings: Sequence[str]
) -> list[Estimate]:
    """Estimate the gaps of layers of one number, where that is not their relative depth."""
    t, s = probed.trained[teacher], probed.trained[student]
    matched = matched_layers(t, s)
    layers = [str(k) for k in range(min(t.depth, s.depth) + 1)]
    return [
        _gap(
            probed,
            EstimateKey("gap_by_number", teacher, student, subset=probed.task.name,
                        layer=f"{k}:{k}", pooling=pooling),
            t.cell(k, pooling),
            s.cell(k, pooling),
        )
        for k in layers
        if (k, k) not in matched
        for pooling in poolings
    ]  # fmt: skip


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
    if probes.few_seeds:
        seeds = "one seed" if probes.seeds == 1 else f"{probes.seeds} seeds"
        notices.append(
            Notice(
                code="probing-few-seeds",
                severity="note",
                message=f"These probes start from {seeds}: gaps below one or two points may be "
                "their doing (`probing.probe_seeds=3` averages three).",
            )
        )
    notices += [
        Notice(
            code="probing-unread",
            severity="note",
            message=f"{model} is not probed{f' under {pooling}' if pooling else ''}: {reason}.",
            models=(model,),
        )
        for model, pooling, reason in probes.unread
    ]
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
    version: int = 3
    title: str = "Probing"
    after: tuple[str, ...] = ()
    gold: Gold = "unread"
    reads: tuple[type, ...] = (ProbeFits,)
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies whose layers were not probed."""
        if not study.has(ProbeFits) or not study.get(ProbeFits).fits:
            return "no layer was probed, as it takes minutes; `probing.tasks=all` adds it"
        return None

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Score every cell, measure the students' gaps, and draw."""
        probes = study.get(ProbeFits)
        teacher = study.teacher.name
        seen_models = {fit.model for fit in probes.fits}
        students = [s.name for s in study.students if s.name in seen_models]
        scores: list[Estimate] = []
        gaps_of = {student: _Gaps([], [], []) for student in students}
        rest: list[Estimate] = []
        curves = []
        cells: dict[str, Mapping[str, Cells]] = {}
        for task in probes.tasks:
            probed = probed_task(study, probes, task)
            cells[task.name] = probed.trained
            scores += score_estimates(probed)
            paired = [s for s in students if {s, teacher} <= probed.trained.keys()]
            for student in paired:
                families = _gaps(probed, teacher, student, probes.poolings)
                for family, more in zip(gaps_of[student], families, strict=True):
                    family += more
                rest += [retention_of(probed, teacher, student, p) for p in probes.poolings]
            rest += gravity_of(probed, teacher, paired, probes.poolings)
            curves.append(small_multiple(task, probed.trained, probed.random, probes.poolings[0]))
        gaps = [
            gap for families in gaps_of.values() for family in families for gap in with_q(family)
        ]
        matrices = [
            gap_matrix(student, probes.tasks, gaps, pooling, place)
            for place, student in enumerate(students, start=1)
            if gaps_of[student].layers
            for pooling in probes.poolings
            if not any(
                u.pooling == pooling and u.model in (teacher, student) for u in probes.unread
            )
        ]
        return AnalysisResult(
            **described(self, options),
            caption="One probing classifier a task, layer and pooling, trained on vectors of whole "
            f"sentences: {probes.probe}. Baselines: majority class, layer 0, random weights.",
            metrics=METRICS,
            estimates=(*scores, *gaps, *rest),
            tables=(best_table(probes.tasks, cells, probes.poolings),),
            matrices=tuple(matrices),
            curves=tuple(curves),
            warnings=tuple(_notices(study, probes)),
            notes=probes.notes,
        )


ANALYSIS = Probing()
