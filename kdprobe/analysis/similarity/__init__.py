"""Similarity: are the student's layers the teacher's?

Does: CKA and Procrustes distance of all pairs of layers with intervals, a floor and a ceiling, best
matches, equal depth. Does not: read models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.estimates import EstimateKey, estimate, undefined_estimate
from kdprobe.analysis.probing.cells import HEAD
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.analysis.similarity.grids import HOW, NOTHING, LayerGrid, grid_of
from kdprobe.analysis.similarity.metrics import METRICS
from kdprobe.analysis.similarity.views import depth_line, heat_map, matches_table, summary_table
from kdprobe.analysis.student_gaps.gaps import with_q
from kdprobe.observations.layer_similarity import LayerSimilarities
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Curve, Estimate, Matrix, Notice, Table
from kdprobe.stats.arrays import Floats

NOT_ASKED = "layers were not compared, as it takes a minute; `similarity.sentences=1000` adds it"


class _PooledGrids(NamedTuple):
    """The grids of one pooling, by student; `random` those of untrained students."""

    pooling: str
    students: dict[str, LayerGrid]
    random: dict[str, LayerGrid]
    ceiling: LayerGrid | None


def _compared(study: Study, layers: LayerSimilarities, pooling: str) -> _PooledGrids:
    grids: dict[str, dict[str, LayerGrid]] = {"trained": {}, "random": {}}
    for model in study.models:
        for weights, held in grids.items():
            pairs = [
                pair for pair in layers.pairs if (pair.model, pair.weights) == (model.name, weights)
            ]
            grid = grid_of(study, pairs, pooling)
            if grid is not None:
                held[model.name] = grid
    ceiling = grids["trained"].pop(study.teacher.name, None)
    return _PooledGrids(pooling, grids["trained"], grids["random"], ceiling)


class _LayerEstimates(NamedTuple):
    """Makes the estimates of one comparison."""

    teacher: str
    sentences: int
    method: str

    def cells(
        self, metric: str, draws: Floats, grid: LayerGrid, student: str, pooling: str, heads: bool
    ) -> Iterator[Estimate]:
        """Estimate every cell; that of both heads once, as it has no pooling."""
        for row, one in enumerate(grid.rows):
            for column, other in enumerate(grid.columns):
                both = one == other == HEAD
                if both and not heads:
                    continue
                at = EstimateKey(
                    metric, self.teacher, student, layer=f"{one}:{other}",
                    pooling="" if both else pooling, method=self.method_of(metric),
                )  # fmt: skip
                p = grid.p_values[row, column]
                yield self.number(
                    at, draws[row, column], grid.reason(row, column),
                    p=float(p) if metric == "cka" and np.isfinite(p) else None,
                )  # fmt: skip

    def number(
        self, at: EstimateKey, draws: Floats, reason: str, *, p: float | None = None
    ) -> Estimate:
        """Make one estimate."""
        return estimate(at, draws, n=self.sentences, undefined=reason, p_value=p, how=HOW)

    def method_of(self, metric: str) -> str:
        """Name the estimator where it is not the usual one; a distance has but one."""
        return "" if "procrustes" in metric else self.method

    def best(self, grid: LayerGrid, student: str, pooling: str) -> Iterator[Estimate]:
        """Estimate the best match of every layer of the teacher."""
        for row, layer in enumerate(grid.rows):
            at = EstimateKey("best_match_cka", self.teacher, student, layer=layer, pooling=pooling,
                             method=self.method)  # fmt: skip
            best = grid.best(row)
            if best is None:
                yield undefined_estimate(at, grid.reason(row, 0), n=self.sentences)
                continue
            yield self.number(at, grid.cka[row, best], "")

    def summaries(
        self, grid: LayerGrid, random: LayerGrid | None, student: str, pooling: str
    ) -> Iterator[Estimate]:
        """Estimate the means over layers, with random weights, and the difference."""
        draws = {
            "mean_best_match": grid.best_draws(),
            "mean_equal_depth": grid.equal_depth_draws(),
        }
        if random is not None:
            draws["random_mean_best_match"] = random.best_draws()
            draws["random_mean_equal_depth"] = random.equal_depth_draws()
            above = draws["mean_equal_depth"] - draws["random_mean_equal_depth"]
            draws["equal_depth_above_random"] = above
        for metric, each in draws.items():
            at = EstimateKey(metric, self.teacher, student, pooling=pooling, method=self.method)
            yield self.number(at, each, NOTHING)


def _of_pooling(writer: _LayerEstimates, compared: _PooledGrids, heads: set[str]) -> list[Estimate]:
    """Estimate everything under one pooling; `heads` are the students whose heads are done."""
    estimates: list[Estimate] = []
    pooling = compared.pooling
    for student, grid in compared.students.items():
        random, fresh = compared.random.get(student), student not in heads
        heads.add(student)
        estimates += writer.summaries(grid, random, student, pooling)
        estimates += writer.best(grid, student, pooling)
        cells = [*writer.cells("cka", grid.cka, grid, student, pooling, fresh)]
        estimates += with_q(cells)
        estimates += writer.cells("procrustes", grid.procrustes, grid, student, pooling, fresh)
        if random is not None:
            for metric, draws in (("cka", random.cka), ("procrustes", random.procrustes)):
                name = f"random_{metric}"
                estimates += writer.cells(name, draws, random, student, pooling, fresh)
    if compared.ceiling is not None:
        ceiling, fresh = compared.ceiling, writer.teacher not in heads
        heads.add(writer.teacher)
        at = EstimateKey("reseeded_mean_equal_depth", writer.teacher, pooling=pooling,
                         method=writer.method)  # fmt: skip
        estimates.append(writer.number(at, ceiling.equal_depth_draws(), NOTHING))
        estimates += writer.cells("reseeded_cka", ceiling.cka, ceiling, "", pooling, fresh)
    return estimates


def _pictures(
    compared: _PooledGrids, sentences: int
) -> tuple[list[Matrix], list[Curve], list[Table]]:
    matrices = [
        heat_map(f"{what}-{place}-{compared.pooling}", student, grid, compared.pooling,
                 distance=what == "procrustes")
        for place, (student, grid) in enumerate(compared.students.items(), start=1)
        for what in ("cka", "procrustes")
    ]  # fmt: skip
    if compared.ceiling is not None:
        matrices.append(
            heat_map(f"ceiling-{compared.pooling}", "the teacher's other seeds", compared.ceiling,
                     compared.pooling, distance=False)
        )  # fmt: skip
    parts = compared.students, compared.random, compared.ceiling
    lines = [depth_line(compared.pooling, *parts, best=best) for best in (True, False)]
    tables = [
        summary_table(compared.pooling, sentences, *parts[:2]),
        matches_table(compared.pooling, *parts),
    ]
    return matrices, [line for line in lines if line is not None], tables if parts[0] else []


def _notes(study: Study, layers: LayerSimilarities) -> tuple[str, ...]:
    n = layers.sentences
    draws, rows = layers.permutations
    notes = [f"{n:,} different sentences of the split, 16-bit features."]
    if draws:
        notes.append(f"Permutation test: {draws:,} shufflings of {rows:,} sentences.")
    if not layers.biased:
        spread = float(np.sqrt(2 / (n * (n - 3))))
        notes.append(
            f"With the sentences of one side shuffled, CKA is 0 with a standard deviation of "
            f"{spread:.2g}, whatever the layers hold."
        )
    if study.clusters_in() not in (None, study.n):
        notes.append(
            f"Sentences are resampled and shuffled one by one: intervals and p-values take those "
            f"of equal {study.split.clustered_by} for independent, and are too narrow where they "
            "are not."
        )
    return (*notes, *layers.notes)


@dataclass(frozen=True)
class Similarity:
    """All pairs of layers, the teacher's with each student's."""

    name: str = "similarity"
    version: int = 1
    title: str = "Similarity of layers"
    after: tuple[str, ...] = ()
    gold: Gold = "unread"
    reads: tuple[type, ...] = (LayerSimilarities,)
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies whose layers were not compared."""
        return None if study.has(LayerSimilarities) else NOT_ASKED

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Estimate and draw, pooling by pooling."""
        layers = study.get(LayerSimilarities)
        method = "biased" if layers.biased else ""
        writer = _LayerEstimates(study.teacher.name, layers.sentences, method)
        estimates: list[Estimate] = []
        matrices: list[Matrix] = []
        curves: list[Curve] = []
        tables: list[Table] = []
        heads: set[str] = set()
        for pooling in layers.poolings:
            compared = _compared(study, layers, pooling)
            estimates += _of_pooling(writer, compared, heads)
            pictures = _pictures(compared, layers.sentences)
            matrices += pictures[0]
            curves += pictures[1]
            tables += pictures[2]
        return AnalysisResult(
            **described(self, options),
            caption="Vectors of whole sentences from every layer of the teacher, set against every "
            "layer of a student: linear CKA, debiased, and the Procrustes distance. Floor: the "
            "student before training; ceiling: the teacher's other seeds, where there are any.",
            metrics=METRICS,
            estimates=tuple(estimates),
            tables=tuple(tables),
            matrices=tuple(matrices),
            curves=tuple(curves),
            warnings=tuple(
                Notice(
                    code="similarity-unread",
                    severity="note",
                    message=f"The layers of {model} are not compared"
                    f"{f' under {pooling}' if pooling else ''}: {reason}.",
                    models=(model,),
                )
                for model, pooling, reason in layers.unread
            ),
            notes=_notes(study, layers),
        )


ANALYSIS = Similarity()
