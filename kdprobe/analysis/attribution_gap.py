"""Attribution gap: how far do the token maps of AD-KD lie apart, on train and on dev?

Does: average the distance of teacher's and student's maps with intervals, and train against dev.
Does not: compute maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.estimates import EstimateKey, estimate, undefined_estimate
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.observations.attribution_maps import MapGaps
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Metric
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import draw_resamples

NOT_ASKED = "the maps were not asked for; add them with `attribution_gap=200`"
_HOW = "bootstrap over examples, percentile"
METRICS = (
    Metric(
        name="attribution_gap", label="attribution gap",
        definition="Distance of the teacher's and the student's attribution maps of one example, "
        "those of all classes joined and each of unit norm, averaged over examples: 0 is the same "
        "map, the square root of two for each class the largest. The subset is the split.",
        minimum=0, higher_is_better=False, source="Wu et al. 2023 (AD-KD)",
    ),
    Metric(
        name="generalisation", label="attribution gap, held out minus train",
        definition="How much further the maps lie apart on examples that were not trained on.",
    ),
)  # fmt: skip


def _draws(study: Study, maps: MapGaps, split: str, gaps: Floats) -> Floats:
    """Average the distances in every resample, float64 `[B + 1]`; the same for all students."""
    if split in maps.clusters:
        clusters = tuple(maps.clusters[split].tolist())
        return draw_resamples(study.seed, len(gaps), study.resamples, clusters).mean(gaps)
    generator = derive_generator(study.seed, "attribution gap", split)
    n = len(gaps)
    means = np.empty(study.resamples + 1)
    means[0] = gaps.mean()
    for row in range(1, study.resamples + 1):
        means[row] = gaps[generator.integers(0, n, size=n)].mean()
    return means


def _student(study: Study, maps: MapGaps, student: str) -> list[Estimate]:
    teacher = study.teacher.name
    reason = maps.reasons.get(student)
    if reason is not None:
        places = [
            EstimateKey("attribution_gap", teacher, student, subset=split) for split in maps.splits
        ]
        return [undefined_estimate(one, reason) for one in places]
    draws = {split: _draws(study, maps, split, maps.gaps[student, split]) for split in maps.splits}
    how = _HOW.replace("examples", "clusters of examples") if maps.clusters else _HOW
    estimates = [
        estimate(
            EstimateKey("attribution_gap", teacher, student, subset=split),
            split_draws, n=len(maps.gaps[student, split]), undefined="no example", how=how,
        )
        for split, split_draws in draws.items()
    ]  # fmt: skip
    held_out = [split for split in maps.splits if split != "train"]
    if "train" in draws and held_out:
        at = EstimateKey("generalisation", teacher, student, subset=f"{held_out[0]} minus train")
        n = sum(len(maps.gaps[student, split]) for split in ("train", held_out[0]))
        apart = draws[held_out[0]] - draws["train"]
        estimates.append(estimate(at, apart, n=n, undefined="no example", how=how))
    return estimates


def _notes(maps: MapGaps) -> tuple[str, ...]:
    taken = ", ".join(f"{count} of {split}" for split, count in maps.splits.items())
    path = "gradient times input (one step)" if maps.steps == 1 else f"{maps.steps} steps"
    wide = f"the teacher's {maps.top} largest dimensions" if maps.top else "all dimensions"
    notes = [f"Examples: {taken}, a seeded choice. Integrated gradients by {path}, {wide}."]
    if maps.classes == 2:
        notes.append("With two classes both maps are the same: the gap is that of one times 1.41.")
    return tuple(notes)


@dataclass(frozen=True)
class AttributionGapAnalysis:
    """Distance of attribution maps on train and on the compared split."""

    name: str = "attribution_gap"
    version: int = 1
    title: str = "Attribution gap"
    after: tuple[str, ...] = ()
    gold: Gold = "unread"
    reads: tuple[type, ...] = (MapGaps,)
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies whose maps were not asked for."""
        return None if study.has(MapGaps) else NOT_ASKED

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Measure every student against the teacher."""
        maps = study.get(MapGaps)
        return AnalysisResult(
            **described(self, options),
            caption="How far the maps of important tokens, which AD-KD trains towards each other, "
            "lie apart. A gap that is small on train and large on held-out examples was learnt by "
            "heart.",
            metrics=METRICS,
            estimates=tuple(
                one for student in study.students for one in _student(study, maps, student.name)
            ),
            notes=_notes(maps),
        )


ANALYSIS = AttributionGapAnalysis()
