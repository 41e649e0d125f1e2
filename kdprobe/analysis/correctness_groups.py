"""Every example in one of five groups: who gets it right, the teacher or the students?

Does: count the groups with intervals, average the teacher's confidence in each, and show seeded
samples. Does not: ask why; the samples are for reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from kdprobe.analysis.estimates import EstimateKey, estimate, resamples_of, undefined_estimate
from kdprobe.analysis.examples import (
    EXAMPLE,
    GOLD,
    gold_cells,
    model_cells,
    model_columns,
    random_rows,
)
from kdprobe.analysis.gold import (
    NO_PROBABILITIES,
    first_run_note,
    gold_of,
    hits_of,
    no_right_and_wrong,
)
from kdprobe.analysis.protocol import Gold, described
from kdprobe.config.base import Options
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Cell, Column, Estimate, Metric, Table
from kdprobe.stats.arrays import Bools
from kdprobe.stats.bootstrap import mean_within

ALL, SOME = "all right", "some students right"
TEACHER, STUDENTS, NONE = "only the teacher right", "only students right", "none right"
GROUPS = {
    ALL: "the teacher and every student are right",
    SOME: "the teacher and at least one student are right, and at least one student is wrong",
    TEACHER: "the teacher is right and every student is wrong: lost in distillation",
    STUDENTS: "the teacher is wrong and at least one student is right",
    NONE: "the teacher and every student are wrong",
}
_SEED = "buckets"  # the name this analysis had when its generators were named
_ONE_STUDENT = "with a single student this group cannot hold anything"

METRICS = (
    Metric(
        name="share",
        label="share of the group",
        definition="The share of all examples that fall into the group named in `subset`; the "
        "five shares add up to 1.",
        unit="share",
        minimum=0,
        maximum=1,
        source="the example categories of the lost-in-kd study of distilled classifiers",
    ),
    Metric(
        name="mean_teacher_confidence",
        label="teacher's mean confidence",
        definition="The average probability that the teacher gives to the class it predicts, over "
        "the examples of the group: is what got lost what the teacher itself was unsure of?",
        unit="probability",
        minimum=0,
        maximum=1,
    ),
)


class CorrectnessGroupsOptions(Options):
    """How many examples of each group are shown."""

    sample: int = Field(default=10, ge=0, le=1000, description="examples shown of each group")


def groups_of(study: Study) -> dict[str, Bools]:
    """Return the examples of each group, by the first run of each model.

    Returns:
        Bucket name -> bool `[n]`; each example is in exactly one.
    """
    gold = gold_of(study)
    teacher = hits_of(study.teacher.first, gold)
    students = np.stack([hits_of(student.first, gold) for student in study.students])
    every, any_ = students.all(axis=0), students.any(axis=0)
    return {
        ALL: teacher & every,
        SOME: teacher & any_ & ~every,
        TEACHER: teacher & ~any_,
        STUDENTS: ~teacher & any_,
        NONE: ~teacher & ~any_,
    }


def _estimates(study: Study, group: str, mask: Bools) -> tuple[Estimate, Estimate]:
    """Estimate the share of a group and the teacher's mean confidence in it."""
    teacher = study.teacher
    share = EstimateKey("share", teacher.name, subset=group)
    sure = EstimateKey("mean_teacher_confidence", teacher.name, subset=group)
    if group == SOME and len(study.students) == 1:
        return (
            undefined_estimate(share, _ONE_STUDENT, n=study.n),
            undefined_estimate(sure, _ONE_STUDENT, n=0),
        )
    resamples = resamples_of(study)
    size = int(mask.sum())
    return (
        estimate(
            share,
            resamples.mean(mask),
            n=study.n,
            undefined="no examples",
            share=True,
            clusters=study.clusters_in(),
        ),
        estimate(
            sure,
            mean_within(resamples, mask, teacher.first.confidence),
            n=size,
            undefined="no example falls into this group",
        )
        if teacher.first.has_probabilities
        else undefined_estimate(sure, NO_PROBABILITIES, n=size),
    )


def _overview(groups: Mapping[str, Bools], estimates: tuple[Estimate, ...]) -> Table:
    """Lay out all groups with counts and shares."""
    by_place = {(item.metric, item.subset): item for item in estimates}
    rows: list[tuple[Cell, ...]] = []
    for group, mask in groups.items():
        share, sure = by_place["share", group], by_place["mean_teacher_confidence", group]
        count = int(mask.sum())
        rows.append((group, GROUPS[group], count, share.value, share.low, share.high, sure.value))
    return Table(
        name="groups",
        title="Who gets it right",
        caption="Each example stands in exactly one group. An empty cell: the number does not "
        "exist here.",
        columns=(
            Column(name="group", label="group"),
            Column(name="meaning", label="meaning"),
            Column(name="count", label="examples", kind="count"),
            Column(name="share", label="share", kind="share"),
            Column(name="low", label="95 % from", kind="share"),
            Column(name="high", label="95 % to", kind="share"),
            Column(
                name="teacher_confidence",
                label="teacher's mean confidence",
                kind="number",
                unit="probability",
            ),
        ),
        rows=tuple(rows),
    )


def _samples(study: Study, groups: Mapping[str, Bools], sample: int) -> Table:
    """Lay out a seeded sample of each group."""
    rows: list[tuple[Cell, ...]] = []
    for group, mask in groups.items():
        picked = random_rows(study, mask, top=sample, names=(_SEED, group))
        answers = model_cells(study, study.models, picked)
        for row, gold, cells in zip(
            picked.tolist(), gold_cells(study, picked), answers, strict=True
        ):
            rows.append((group, study.split.ids[row], gold, *cells))
    return Table(
        name="samples",
        title="Examples of each group",
        caption=f"Up to {sample} examples of each group, drawn at random with the run's seed.",
        columns=(
            Column(name="group", label="group"),
            EXAMPLE,
            GOLD,
            *model_columns(study.models),
        ),
        rows=tuple(rows),
    )


@dataclass(frozen=True)
class CorrectnessGroups:
    """Sort examples by who gets them right."""

    name: str = "correctness_groups"
    version: int = 1
    title: str = "Who gets it right"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "needed"
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
    options: type[CorrectnessGroupsOptions] = CorrectnessGroupsOptions

    def skip_reason(self, study: Study) -> str | None:
        """Right and wrong must exist, and a student."""
        if not study.students:
            return "the groups tell teacher and students apart, and there is no student"
        return no_right_and_wrong(study)

    def run(
        self, study: Study, options: CorrectnessGroupsOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Count the groups and sample them."""
        groups = groups_of(study)
        estimates = tuple(
            item for group, mask in groups.items() for item in _estimates(study, group, mask)
        )
        return AnalysisResult(
            **described(self, options),
            caption="What only the teacher gets right is what distillation lost; what only "
            "students get right, it gained.",
            metrics=METRICS,
            estimates=estimates,
            tables=(_overview(groups, estimates), _samples(study, groups, options.sample)),
            notes=first_run_note(study, "The groups"),
        )


ALIASES = ("groups",)
ANALYSIS = CorrectnessGroups()
