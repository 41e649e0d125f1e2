"""The parts of two results documents side by side: models, numbers, definitions, settings.

Does: tell which model of one report is which of the other, which numbers both have, and which of
them mean something else. Does not: subtract numbers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kdprobe.analysis.agreement.groups import ALL
from kdprobe.results.diff import AnalysisChange, ModelChange, OtherDefinition, SettingChange
from kdprobe.results.schema import AnalysisResult, Estimate, Metric, ModelInfo, ResultsDocument

Key = tuple[str, str, str, str, str, str, str, str]
"""Analysis, metric, the two models by their later names, subset, layer, pooling, method."""

_MEANS = ("definition", "unit", "higher_is_better", "minimum", "maximum")
_NO_SETTINGS = ("analyses", "missing")


class BothNumbers(NamedTuple):
    """A number of both reports."""

    analysis: str
    before: Estimate
    after: Estimate


def match_models(before: ResultsDocument, after: ResultsDocument) -> tuple[ModelChange, ...]:
    """Return which model is which, in the order of the later report, those that are gone last.

    Definition: a model is that of the same name; what is left is matched by the fingerprint of its
    weights, and the two teachers with each other where both are left.
    """
    earlier = {model.name: model for model in before.models}
    partner = {model.name: model.name for model in after.models if model.name in earlier}
    left = [model for model in after.models if model.name not in partner]
    free = {name: model for name, model in earlier.items() if name not in partner.values()}
    for model in left:
        same = [name for name, one in free.items() if _same_weights(one, model)]
        if len(same) == 1:
            partner[model.name] = same[0]
            del free[same[0]]
    mine, theirs = before.teacher, after.teacher
    if theirs.name not in partner and mine.name in free:
        partner[theirs.name] = mine.name
        del free[mine.name]
    changes = [
        _model_change(earlier.get(partner.get(model.name, "")), model, before)
        for model in after.models
    ]
    gone = [
        ModelChange(before=one.name, after="", role=one.role, state="gone",
                    fingerprint_before=one.fingerprint)
        for one in free.values()
    ]  # fmt: skip
    return (*changes, *gone)


def _same_weights(one: ModelInfo, other: ModelInfo) -> bool:
    return bool(one.fingerprint) and one.fingerprint == other.fingerprint


def _model_change(
    earlier: ModelInfo | None, later: ModelInfo, before: ResultsDocument
) -> ModelChange:
    if earlier is None:
        return ModelChange(
            before="", after=later.name, role=later.role, state="new",
            fingerprint_after=later.fingerprint,
        )  # fmt: skip
    known = bool(earlier.fingerprint and later.fingerprint)
    same = _same_weights(earlier, later) and earlier.runs == later.runs
    others = [
        one.name for one in before.models if one.name != earlier.name and _same_weights(one, later)
    ]
    notes = [
        f"was called {earlier.name}" if earlier.name != later.name else "",
        f"has the weights of what was called {others[0]}" if others and not same else "",
        f"was a {earlier.role}" if earlier.role != later.role else "",
        f"{earlier.runs} runs, now {later.runs}" if earlier.runs != later.runs else "",
    ]
    return ModelChange(
        before=earlier.name, after=later.name, role=later.role,
        state="not told" if not known else "same weights" if same else "other weights",
        fingerprint_before=earlier.fingerprint, fingerprint_after=later.fingerprint,
        note="; ".join(filter(None, notes)),
    )  # fmt: skip


def other_definitions(
    before: ResultsDocument, after: ResultsDocument
) -> tuple[OtherDefinition, ...]:
    """Return what both reports name alike and mean otherwise: its numbers are not compared.

    Definition: an analysis of another version or with other options, as a whole; a metric whose
    sentence, unit, range or direction is another one.
    """
    differences: list[OtherDefinition] = []
    for later in after.analyses:
        earlier = before.analysis(later.name)
        if earlier is None:
            continue
        whole = list(_of_analysis(earlier, later))
        differences += whole or list(_of_metrics(earlier, later))
    return tuple(differences)


def _of_analysis(earlier: AnalysisResult, later: AnalysisResult) -> Iterator[OtherDefinition]:
    if earlier.version != later.version:
        yield OtherDefinition(
            analysis=later.name, metric="", differs="version", before=str(earlier.version),
            after=str(later.version),
        )  # fmt: skip
    for name in sorted(earlier.options.keys() & later.options.keys()):
        one, other = earlier.options[name], later.options[name]
        if one != other:
            yield OtherDefinition(
                analysis=later.name, metric="", differs=f"option {name}", before=_shown(one),
                after=_shown(other),
            )  # fmt: skip


def _of_metrics(earlier: AnalysisResult, later: AnalysisResult) -> Iterator[OtherDefinition]:
    known = {metric.name: metric for metric in earlier.metrics}
    for metric in later.metrics:
        old = known.get(metric.name)
        for field in _MEANS if old is not None else ():
            one, other = getattr(old, field), getattr(metric, field)
            if one != other:
                yield OtherDefinition(
                    analysis=later.name, metric=metric.name,
                    differs=field.replace("_", " "), before=_shown(one), after=_shown(other),
                )  # fmt: skip
                break


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def both_numbers(
    before: ResultsDocument,
    after: ResultsDocument,
    models: Sequence[ModelChange],
    definitions: Sequence[OtherDefinition],
) -> tuple[list[BothNumbers], tuple[AnalysisChange, ...]]:
    """Return the numbers that both reports have and mean alike, and what only one of them has.

    The numbers are in the order of the later report.
    """
    names = {one.before: one.after for one in models if one.before and one.after}
    apart = {(one.analysis, one.metric) for one in definitions}
    earlier: dict[Key, Estimate] = {}
    only = Counter[_Only]()
    gone, new = ({one.name for one in models if one.state == state} for state in ("gone", "new"))
    groups = {ALL} if gone or new else set()
    for analysis, number in _numbers(before):
        lost = _models(number) & (gone | groups)
        if lost:
            only[_Only(analysis, False, ", ".join(sorted(lost)))] += 1
            continue
        # A name that is no model's ("majority baseline") is the same in both reports.
        a, b = (names.get(name, name) for name in (number.model_a, number.model_b))
        earlier.setdefault(_key(analysis, number, a, b), number)
    both = []
    for analysis, number in _numbers(after):
        old = earlier.pop(_key(analysis, number, number.model_a, number.model_b), None)
        if {(analysis, ""), (analysis, number.metric)} & apart:
            continue
        if old is None:
            only[_Only(analysis, True, ", ".join(sorted(_models(number) & (new | groups))))] += 1
        else:
            both.append(BothNumbers(analysis, old, number))
    only.update(_Only(key[0], False, "") for key in earlier if not {(key[0], ""), key[:2]} & apart)
    return both, _changes(before, after, only)


class _Only(NamedTuple):
    """What only one report has: numbers of an analysis, and the models that only it has."""

    analysis: str
    is_new: bool
    models: str


def _models(number: Estimate) -> set[str]:
    return {number.model_a, number.model_b}


def _numbers(document: ResultsDocument) -> Iterator[tuple[str, Estimate]]:
    for result in document.analyses:
        for number in result.estimates:
            yield result.name, number


def _key(analysis: str, number: Estimate, model_a: str, model_b: str) -> Key:
    return (analysis, number.metric, model_a, model_b, number.subset, number.layer,
            number.pooling, number.method)  # fmt: skip


def _changes(
    before: ResultsDocument, after: ResultsDocument, only: Mapping[_Only, int]
) -> tuple[AnalysisChange, ...]:
    """Say which analyses, or how many numbers of one, only one report has, and why."""
    counts: Counter[_Only] = Counter()
    for one, count in only.items():
        there = before if one.is_new else after
        missing = there.analysis(one.analysis) is None
        counts[one._replace(models="") if missing else one] += count
    changes = []
    for one, count in counts.items():
        there = before if one.is_new else after
        whole = there.analysis(one.analysis) is None
        reasons = [item.reason for item in there.skipped if item.what == one.analysis and whole]
        reason = f"of {one.models}, not the same in both reports" if one.models else ""
        changes.append(
            AnalysisChange(
                analysis=one.analysis, state="new" if one.is_new else "gone", numbers=count,
                whole=whole, reason=reasons[0] if reasons else reason,
            )
        )  # fmt: skip
    return tuple(changes)


def setting_changes(before: ResultsDocument, after: ResultsDocument) -> tuple[SettingChange, ...]:
    """Return the versions, seeds and options that differ."""
    pairs: dict[str, tuple[object, object]] = {
        "kdprobe": (before.produced_by.kdprobe, after.produced_by.kdprobe),
        "seed": (before.request.seed, after.request.seed),
        "device": (before.produced_by.device, after.produced_by.device),
    }
    options: list[Mapping[str, object]] = [before.request.options, after.request.options]
    for name in sorted({*options[0], *options[1]} - {*_NO_SETTINGS, *pairs}):
        pairs[name] = (options[0].get(name), options[1].get(name))
    return tuple(
        SettingChange(name=name, before=_setting(one), after=_setting(other))
        for name, (one, other) in pairs.items()
        if one != other
    )


def _setting(value: object) -> str:
    return "" if value is None else _shown(value)


def metrics_of_both(after: ResultsDocument, numbers: list[BothNumbers]) -> dict[str, Metric]:
    """Return what the numbers mean, by `analysis.metric`."""
    wanted = {(one.analysis, one.after.metric) for one in numbers}
    return {
        f"{result.name}.{metric.name}": metric
        for result in after.analyses
        for metric in result.metrics
        if (result.name, metric.name) in wanted
    }
