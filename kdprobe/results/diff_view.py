"""A diff in tables and sentences: the same for the terminal, Markdown and the page.

Does: choose which changes stand first and which of the others are worth naming, and put them into
words. Does not: compute or render.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdprobe.results.diff import DiffDocument, NumberChange
from kdprobe.results.numbers import decimals, show_estimate, show_interval, show_number, show_p
from kdprobe.results.parts import Column, Estimate, Table

TOLD = ("better", "worse", "higher", "lower")
"""The verdicts of a change beyond noise."""

_FIRST = (
    ("agreement", "agreement"), ("agreement", "cohens_kappa"), ("agreement", "kl"),
    ("confidence", "spearman"), ("confidence", "pearson"), ("calibration", "calibration_error"),
    ("attribution_agreement", "normalised"), ("efficiency", "parameters"),
    ("efficiency", "latency_p50"),
)  # fmt: skip
_SIZES = ("parameters", "bytes")
_TIMED = ("ms", "s", "texts/s")
_TIMES = ("latency_p50", "latency_p95", "throughput", "speedup")


def first_changes(document: DiffDocument) -> tuple[NumberChange, ...]:
    """Return the numbers of the first screen: of the teacher, then of every student."""
    wanted = (("task_scores", document.task.primary_score), *_FIRST)
    teacher = document.teacher.name
    held = []
    for model in document.compared:
        pairs = {(model.name, ""), (teacher, model.name)}
        for analysis, metric in wanted:
            held += [
                change
                for change in document.changes
                if (change.analysis, change.change.metric) == (analysis, metric)
                and change.change.subset == "all"
                and not (change.change.layer or change.change.pooling)
                and (change.change.model_a, change.change.model_b) in pairs
            ][:1]
    return tuple(dict.fromkeys(held))


def further_changes(document: DiffDocument) -> tuple[NumberChange, ...]:
    """Return the other numbers that changed, those that are told from noise first.

    Definition: told from noise by a paired interval; or without one, where the two numbers' own
    intervals do not meet. Times are left out: no two runs of one machine are alike.
    """
    first = set(map(id, first_changes(document)))
    others = [one for one in document.changes if id(one) not in first]
    beyond_noise = [one for one in others if one.verdict in TOLD]
    apart = [
        one
        for one in others
        if one.verdict == "no interval" and _apart(one) and one.change.metric not in _TIMES
    ]
    return (*sorted(beyond_noise, key=_standing, reverse=True), *apart)


def _apart(one: NumberChange) -> bool:
    """Whether the intervals of the two numbers do not meet."""
    before, after = one.before, one.after
    if before.low is None or before.high is None or after.low is None or after.high is None:
        return False
    return before.high < after.low or after.high < before.low


def _standing(one: NumberChange) -> float:
    """Return how many half widths of its interval a change lies from 0."""
    low, high = one.change.low or 0.0, one.change.high or 0.0
    return abs(one.change.value or 0.0) / max((high - low) / 2, 1e-12)


def show_side(document: DiffDocument, one: NumberChange, side: Estimate) -> str:
    """Write a number of one of the reports; sizes by their size."""
    unit = document.metric(one).unit
    return show_estimate(side, unit if unit in _SIZES else "")


def label_of(document: DiffDocument, one: NumberChange) -> str:
    """Name a number, with the unit of a time."""
    metric = document.metric(one)
    return f"{metric.label} ({metric.unit})" if metric.unit in _TIMED else metric.label


def whose(one: NumberChange) -> str:
    """Name the models, and what more tells a number from others of its name."""
    at = one.change
    models = " – ".join(filter(None, (at.model_a, at.model_b)))
    more = [
        part for part in (at.subset, at.layer, at.pooling, at.method) if part not in ("", "all")
    ]
    return f"{models} ({', '.join(more)})" if more else models


def change_words(one: NumberChange) -> str:
    """Write a change with its interval, or the word for none."""
    at = one.change
    if at.value is None:
        return f"undefined: {at.undefined}"
    digits = decimals(at.n)
    shown = show_number(at.value, digits=digits)
    shown = shown if at.value <= 0 else f"+{shown}"
    if at.low is None or at.high is None:
        return shown
    return f"{shown} {show_interval(at.low, at.high, digits=digits)}"


def sentence(document: DiffDocument, one: NumberChange) -> str:
    """Say a change: `s: accuracy 0.81, now 0.84, +0.03 [0.01, 0.05]: better (q .012)`."""
    before, after = (show_side(document, one, each) for each in (one.before, one.after))
    verdict = one.verdict if one.verdict != "no interval" else "no paired interval"
    q = one.change.q_value
    tested = f" (q {show_p(q)})" if q is not None and one.verdict in TOLD else ""
    label = document.metric(one).label
    return f"{whose(one)}: {label} {before}, now {after}, {change_words(one)}: {verdict}{tested}."


def changed(changes: Sequence[NumberChange]) -> tuple[NumberChange, ...]:
    """Return the changes but those of the same weights with the same number."""
    return tuple(one for one in changes if one.verdict != "unchanged")


def summary_sentence(document: DiffDocument) -> str:
    """Say in one sentence how much changed."""
    changed_ones = [one for one in document.changes if one.verdict in TOLD]
    paired = sum(one.change.low is not None for one in document.changes)
    rest = len(document.changes) - paired
    same = sum(one.verdict == "unchanged" for one in document.changes)
    better, worse = (
        sum(one.verdict == word for one in changed_ones) for word in ("better", "worse")
    )
    chance = round(0.05 * (paired - same))  # on average; q is adjusted over models alone
    expected = f"; up to {chance:,} are expected by chance" if changed_ones and chance else ""
    parts = [
        f"{len(document.changes):,} numbers stand in both reports",
        f"{paired:,} of them with a paired interval: {len(changed_ones):,} changed beyond noise "
        f"({better:,} better, {worse:,} worse{expected}), "
        f"{paired - same - len(changed_ones):,} within noise, {same:,} of unchanged models",
    ]  # fmt: skip
    if rest:
        parts.append(f"{rest:,} without one")
    return "; ".join(parts) + "."


def changes_table(
    document: DiffDocument, changes: Sequence[NumberChange], *, name: str, title: str, caption: str
) -> Table:
    """Lay changes out, a row each."""
    heads = (
        ("number", "Number", "text"), ("models", "Models", "text"), ("before", "Before", "number"),
        ("after", "After", "number"), ("change", "Change", "number"), ("low", "Low", "number"),
        ("high", "High", "number"), ("p", "p", "p"), ("q", "q after Holm", "p"),
        ("verdict", "Verdict", "text"), ("why", "Why no interval", "text"),
    )  # fmt: skip
    return Table(
        name=name, title=title, caption=caption,
        columns=tuple(Column.model_validate(
            {"name": key, "label": label, "kind": kind}) for key, label, kind in heads),
        rows=tuple(
            (
                label_of(document, one), whose(one), one.before.value, one.after.value,
                one.change.value, one.change.low, one.change.high, one.change.p_value,
                one.change.q_value, one.verdict, one.why,
            )
            for one in changes
        ),
    )  # fmt: skip


def model_words(document: DiffDocument) -> list[tuple[str, str, str, str]]:
    """Return a row a model: its name, role, what became of it, its fingerprints."""
    rows = []
    for model in document.models:
        prints = [f[:12] for f in (model.fingerprint_before, model.fingerprint_after) if f]
        state = f"{model.state}; {model.note}" if model.note else model.state
        rows.append((model.name, model.role, state, " → ".join(dict.fromkeys(prints))))
    return rows


def other_rows(document: DiffDocument) -> list[tuple[str, str, str, str]]:
    """Return what else differs, a row each: what, how, before, after."""
    rows = [
        (
            ".".join(filter(None, (d.analysis, d.metric))),
            f"defined otherwise ({d.differs}): not compared",
            d.before,
            d.after,
        )
        for d in document.definitions
    ]
    for one in document.analyses:
        numbers = f"{one.numbers:,} numbers"
        what = f"{one.state}, {numbers}" if one.whole else f"{numbers} {one.state}"
        reason = f" ({one.reason})" if one.reason else ""
        there = ("", "yes") if one.state == "new" else ("yes", "")
        rows.append((one.analysis, f"{what}{reason}", *there))
    return rows + [(s.name, "setting", s.before, s.after) for s in document.settings]
