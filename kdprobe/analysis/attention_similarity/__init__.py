"""Attention: do the student's heads read the same tokens as the teacher's?

Does: divergence of all pairs of layers with intervals, a floor and a ceiling; heads without a
counterpart; entropy, distance and sinks. Does not: run models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.attention_similarity.draws import AttentionDraws, attention_draws
from kdprobe.analysis.attention_similarity.metrics import METRICS
from kdprobe.analysis.attention_similarity.views import (
    divergence_line,
    heads_table,
    heat_map,
    lost_table,
    maps_table,
    statistic_lines,
    without_counterpart,
)
from kdprobe.analysis.estimates import EstimateKey, estimate
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.observations.attention import AttentionSimilarities
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Notice, Table
from kdprobe.stats.arrays import Floats
from kdprobe.stats.attention import STATISTICS

NOT_ASKED = (
    "attention was not compared, as it takes a minute; `attention_similarity.examples=500` adds it"
)
_TOKENS = {
    "words": "Attention among words, each row renormalised; sinks are measured before.",
    "all": "All tokens, special ones with them.",
}


class _AttentionOfAll(NamedTuple):
    """The draws of every encoder, by student; `random` those of untrained students."""

    students: dict[str, AttentionDraws]
    random: dict[str, AttentionDraws]
    ceiling: AttentionDraws | None


def _gathered(study: Study, observed: AttentionSimilarities) -> _AttentionOfAll:
    held: dict[str, dict[str, AttentionDraws]] = {"trained": {}, "random": {}}
    for model in study.models:
        for weights, by_name in held.items():
            runs = [
                pair
                for pair in observed.pairs
                if (pair.model, pair.weights) == (model.name, weights)
            ]
            draws = attention_draws(study, runs)
            if draws is not None:
                by_name[model.name] = draws
    ceiling = held["trained"].pop(study.teacher.name, None)
    random = {name: draws for name, draws in held["random"].items() if name in held["trained"]}
    return _AttentionOfAll(held["trained"], random, ceiling)


class _HeadEstimates(NamedTuple):
    """Makes the estimates of one comparison."""

    teacher: str

    def number(self, at: EstimateKey, draws: Floats, n: int) -> Estimate:
        """Make one estimate; a mean of examples is always defined."""
        return estimate(at, draws, n=n, undefined="no example was compared")

    def layers(
        self, metric: str, student: str, draws: AttentionDraws, *, prefix: str = ""
    ) -> Iterator[Estimate]:
        """Estimate the summaries and every pair of layers."""
        n = draws.first.layers.shape[-1]
        if student:
            for name, each in draws.summaries().items():
                at = EstimateKey(f"{prefix}{name}", self.teacher, student)
                yield self.number(at, each, n)
        for row, column in np.ndindex(*draws.layers.shape[:2]):
            at = EstimateKey(metric, self.teacher, student, layer=f"{row + 1}:{column + 1}")
            yield self.number(at, draws.layers[row, column], n)

    def heads(self, metric: str, student: str, draws: AttentionDraws) -> Iterator[Estimate]:
        """Estimate how far each of the teacher's heads is from the nearest."""
        for layer, head in np.ndindex(*draws.nearest.shape[:2]):
            at = EstimateKey(
                metric, self.teacher, student, layer=f"{layer + 1}", method=f"head {head + 1}"
            )
            yield self.number(at, draws.nearest[layer, head], draws.first.layers.shape[-1])

    def looks(self, model: str, layers: Floats, n: int) -> Iterator[Estimate]:
        """Estimate where the heads of each layer look."""
        for at, statistic in enumerate(STATISTICS):
            for layer, draws in enumerate(layers[at]):
                key = EstimateKey(f"attention_{statistic}", model, layer=f"{layer + 1}")
                yield self.number(key, draws, n)


def _estimates(writer: _HeadEstimates, gathered: _AttentionOfAll) -> Iterator[Estimate]:
    for student, draws in gathered.students.items():
        yield from writer.layers("attention_js", student, draws)
        yield from writer.heads("nearest_head_js", student, draws)
        floor = gathered.random.get(student)
        if floor is not None:
            lost = without_counterpart(draws, floor)
            yield Estimate(
                metric="heads_without_counterpart", model_a=writer.teacher, model_b=student,
                value=float(lost.mean()), n=lost.size, note="no interval: it counts intervals",
            )  # fmt: skip
            yield from writer.layers("random_attention_js", student, floor, prefix="random_")
            yield from writer.heads("random_nearest_head_js", student, floor)
    if gathered.ceiling is not None:
        yield from writer.layers("reseeded_attention_js", "", gathered.ceiling)
    first = next(iter(gathered.students.values()))
    yield from writer.looks(writer.teacher, first.teacher_layers, first.first.layers.shape[-1])
    for student, draws in gathered.students.items():
        yield from writer.looks(student, draws.own_layers, draws.first.layers.shape[-1])


def _tables(
    study: Study, observed: AttentionSimilarities, gathered: _AttentionOfAll
) -> list[Table]:
    teacher, students = study.teacher.name, gathered.students
    tables = [lost_table(students, gathered.random), heads_table(teacher, students)]
    if observed.maps:
        texts = dict(zip(study.split.ids, study.split.texts, strict=True))
        tables.append(maps_table(observed.maps, teacher, students, texts))
    return tables


@dataclass(frozen=True)
class AttentionSimilarity:
    """All heads, the teacher's with each student's."""

    name: str = "attention_similarity"
    version: int = 1
    title: str = "Similarity of attention"
    after: tuple[str, ...] = ()
    gold: Gold = "unread"
    reads: tuple[type, ...] = (AttentionSimilarities,)
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies whose attention was not compared."""
        return None if study.has(AttentionSimilarities) else NOT_ASKED

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Estimate and draw."""
        observed = study.get(AttentionSimilarities)
        gathered = _gathered(study, observed)
        students, teacher = gathered.students, study.teacher.name
        return AnalysisResult(
            **described(self, options),
            caption="Rows of attention of the teacher's heads against those of a student's heads, "
            "on examples that both cut into the same tokens. Floor: the student before training; "
            "ceiling: the teacher's other seeds, where there are any.",
            metrics=METRICS,
            estimates=tuple(_estimates(_HeadEstimates(teacher), gathered)),
            tables=tuple(_tables(study, observed, gathered)),
            matrices=tuple(
                heat_map(f"attention-{place}", student, draws)
                for place, (student, draws) in enumerate(students.items(), start=1)
            ),
            curves=(
                divergence_line(students, gathered.random, gathered.ceiling),
                *statistic_lines(teacher, students),
            ),
            warnings=tuple(
                Notice(
                    code="attention-unread",
                    severity="note",
                    message=f"The attention of {model} is not compared: {reason}.",
                    models=(model,),
                )
                for model, reason in observed.reasons.items()
            ),
            notes=(_TOKENS[observed.tokens], *observed.notes),
        )


ANALYSIS = AttentionSimilarity()
