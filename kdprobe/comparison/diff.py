"""`kdprobe.diff`: what changed between two reports of the same split.

Does: read two results documents and the predictions beside them, put them side by side, and give
what changed. Does not: open a model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.comparison.diff_matching import (
    both_numbers,
    match_models,
    metrics_of_both,
    other_definitions,
    setting_changes,
)
from kdprobe.comparison.diff_result import ReportDiff
from kdprobe.comparison.document import produced_by
from kdprobe.comparison.paired_changes import PairedStudies, number_changes, same_outputs
from kdprobe.comparison.result import Comparison
from kdprobe.comparison.stored_predictions import NotStored, same_examples, stored_study
from kdprobe.errors import ConfigError
from kdprobe.observations.label_sets import observed, outputs_as_given
from kdprobe.observations.study import Study
from kdprobe.portable import portable
from kdprobe.results.diff import DiffDocument, DiffSide, ModelChange, OtherDefinition
from kdprobe.results.io import read_document
from kdprobe.results.schema import Notice, Request, ResultsDocument

RESAMPLES = 2000


class _Side(NamedTuple):
    """A report that was read: what it is called, its document, and where its predictions lie."""

    name: str
    document: ResultsDocument
    folder: Path | None
    study: Study | None


def diff(
    before: str | Path | Comparison,
    after: str | Path | Comparison,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ReportDiff:
    """Tell what changed from one report to another of the same split.

    Numbers that follow from predictions (scores, agreement, confidence, calibration, slices) are
    drawn again from the `predictions.parquet` beside both documents, on the same resamples of the
    same examples, so that their changes have paired intervals; all others are subtracted without
    one. Numbers of one name that are defined otherwise are not compared.

    Args:
        before: the earlier report: its folder, its results.json, or a comparison.
        after: the later one.
        resamples: bootstrap resamples behind every interval.
        seed: of the resamples.

    Raises:
        ConfigError: reports of different tasks or splits.
        ResultsFormatError: a file that is no results document.
        TypeError: something else.

    >>> from kdprobe import compare_predictions
    >>> gold, teacher = [0, 1, 1, 0] * 25, [0, 1, 1, 1] * 25
    >>> old, new = (compare_predictions(gold, teacher=teacher, students={"s": s}, resamples=100)
    ...             for s in ([1, 1, 1, 0] * 25, [0, 1, 1, 0] * 25))
    >>> change = diff(old, new, resamples=200).get("accuracy", "s")
    >>> change.value, change.low > 0
    (0.25, True)
    """
    sides = [_read(given) for given in (before, after)]
    one, other = (side.document for side in sides)
    _require_one_split(one, other, [side.name for side in sides])
    models = match_models(one, other)
    definitions = other_definitions(one, other)
    numbers, analyses = both_numbers(one, other, models, definitions)
    metrics = metrics_of_both(other, numbers)
    studies, why = _studies(sides, models, definitions, seed=seed, resamples=resamples)
    same = studies is not None or one.task.fingerprint == other.task.fingerprint
    request = Request(command="", seed=seed, options={"device": "", "dtype": ""})
    document = DiffDocument(
        produced_by=produced_by(request),
        before=_side(sides[0]), after=_side(sides[1]),
        same_examples=same, seed=seed, resamples=resamples,
        models=models, metrics=metrics,
        changes=number_changes(numbers, metrics, studies, why),
        definitions=definitions,
        analyses=analyses,
        settings=setting_changes(one, other),
        notices=_notices(sides, models, definitions, same=same, why=why if not studies else ""),
    )  # fmt: skip
    return ReportDiff(document)


def _read(given: object) -> _Side:
    if isinstance(given, Comparison):
        folder = given.folder
        name = portable(str(folder)) if folder else f"{given.document.task.name} (in memory)"
        return _Side(name, given.document, folder, given.study)
    if not isinstance(given, str | Path):
        raise TypeError(
            f"diff() takes a results.json, a folder that holds one, or a comparison, not "
            f"{type(given).__name__}"
        )
    place = Path(given)
    folder = place if place.is_dir() else place.parent
    return _Side(portable(str(place)), read_document(place), folder, None)


def _side(side: _Side) -> DiffSide:
    document = side.document
    return DiffSide(
        name=side.name, schema_version=document.schema_version, produced_by=document.produced_by,
        request=document.request, task=document.task,
    )  # fmt: skip


def _require_one_split(one: ResultsDocument, other: ResultsDocument, names: Sequence[str]) -> None:
    """Refuse reports that have no number in common.

    Raises:
        ConfigError: they are of other tasks, kinds, labels or splits.
    """
    for what in ("name", "kind", "labels", "split"):
        mine, theirs = getattr(one.task, what), getattr(other.task, what)
        if mine != theirs:
            raise ConfigError(
                f"{names[0]} and {names[1]}",
                found=f"are of different {'tasks' if what != 'split' else 'splits'} ({what}: "
                f"{_listed(mine)} and {_listed(theirs)})",
                expected="two reports of one split of one task",
            )


def _listed(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _studies(
    sides: Sequence[_Side],
    models: Sequence[ModelChange],
    definitions: Sequence[OtherDefinition],
    *,
    seed: int,
    resamples: int,
) -> tuple[PairedStudies | None, str]:
    """Return the studies behind both reports, or why they cannot be paired."""
    studies = []
    for side, which in zip(sides, ("earlier", "later"), strict=True):
        try:
            studies.append(_study(side, seed=seed, resamples=resamples))
        except NotStored as reason:
            return None, f"of the {which} report, {reason}"
    ordered = same_examples(*studies)
    if ordered is None:
        return None, "the two reports are of different examples"
    same = {one.after: one.before for one in models if one.state == "same weights"}
    unmoved = same_outputs(studies[0], ordered, same)
    apart = {one.analysis for one in definitions if not one.metric}
    options = _options(sides[0].document, sides[1].document, apart)
    before, after = (
        observed(one.split, one.models, seed=seed, resamples=resamples)
        for one in (studies[0], ordered)
    )
    return PairedStudies(before, after, frozenset(same), unmoved, options), ""


def _options(
    before: ResultsDocument, after: ResultsDocument, apart: Collection[str]
) -> dict[str, BaseModel]:
    """Return the options of the analyses that both reports have; those of others are unknown."""
    options = {}
    for result in after.analyses:
        if result.name not in ANALYSES.names() or result.name in apart:
            continue
        if before.analysis(result.name) is None:
            continue
        with contextlib.suppress(ValidationError):  # options that another kdprobe had
            options[result.name] = ANALYSES.load(result.name).options(**result.options)
    return options


def _study(side: _Side, *, seed: int, resamples: int) -> Study:
    """Return the examples and the outputs of all models, as they were given."""
    if side.study is not None:
        return Study(*outputs_as_given(side.study), seed=seed, resamples=resamples)
    if side.folder is None:
        raise NotStored("its predictions are not at hand")
    return stored_study(side.document, side.folder, seed=seed, resamples=resamples)


def _notices(
    sides: Sequence[_Side],
    models: Sequence[ModelChange],
    definitions: Sequence[OtherDefinition],
    *,
    same: bool,
    why: str,
) -> tuple[Notice, ...]:
    """Return what the reader must know before the numbers."""
    one, other = (side.document.task for side in sides)
    notices = []
    if not same:
        message = (
            f"The examples are not the same ({one.n:,} and {other.n:,}): a change of a number is "
            "one of the examples too. Compare both on one split, with equal limits."
        )
        notices.append(Notice(code="other-examples", severity="alarm", message=message))
    elif why:
        message = f"No change has a paired interval: {why}."
        notices.append(Notice(code="not-paired", severity="warning", message=message))
    teacher = next(model for model in models if model.role == "teacher" and model.after)
    if teacher.state == "other weights":
        message = (
            f"The teacher {teacher.after} has other weights: what students have in common with it "
            "moved for two reasons."
        )
        notices.append(Notice(code="other-teacher", severity="warning", message=message))
    if definitions:
        named = sorted({".".join(filter(None, (d.analysis, d.metric))) for d in definitions})
        message = f"Defined otherwise, and not compared: {', '.join(named)}."
        notices.append(Notice(code="other-definitions", severity="warning", message=message))
    return tuple(notices)
