"""Who is nearer, in sentences: of each pair, and of many students who is nearer than whom.

Does: word differences that were computed and judged elsewhere. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdprobe.analysis.student_differences.metrics import METRICS
from kdprobe.analysis.student_differences.pairs import Difference, mirrored
from kdprobe.analysis.student_differences.relations import BY_NAME, closeness
from kdprobe.observations.study import Study
from kdprobe.results.numbers import show_interval, show_number, show_p
from kdprobe.results.schema import Estimate

MOST_PAIRS = 3
"""Of more pairs neither a sentence each nor a chart can be read."""
MOST_SENTENCES = 8
_NAMES = ("Cohen", "KL", "Jensen")  # labels that begin with a name keep their capital
_NAMED = 4  # numbers, or students, a sentence spells out


def label_of(number: Estimate) -> str:
    """Return what a number is called, with its place."""
    relation = BY_NAME.get(number.metric)
    label = METRICS[number.metric].label if relation is None else relation.metric.label
    label = _small(label)
    layer = f"layer {number.layer}" if number.layer.isdigit() else number.layer
    subset = "" if number.subset == "all" else number.subset
    place = ", ".join(part for part in (subset, layer, number.pooling, number.method) if part)
    return f"{label} ({place})" if place else label


def _small(label: str) -> str:
    return label if label.startswith(_NAMES) else label[0].lower() + label[1:]


def better(difference: Difference) -> str | None:
    """Return the student that is better by a number beyond noise; None: neither, or no direction.

    >>> from kdprobe.stats.differences import Adjusted
    >>> gap = Estimate(metric="kl", model_a="a", model_b="b", value=0.2, low=0.1, high=0.3)
    >>> better(Difference(gap, Adjusted(0.01, 0.1, 0.3)))
    'b'
    """
    number, direction = difference.estimate, METRICS[difference.estimate.metric].higher_is_better
    if direction is None or number.value is None or not difference.adjusted.is_told_from_noise:
        return None
    return number.model_a if (number.value > 0) is direction else number.model_b


def _in_words(difference: Difference) -> str:
    number, (q, low, high) = difference
    ends = "" if low is None or high is None else f" {show_interval(low, high)}"
    shown = show_number(number.value or 0.0)
    return f"{label_of(number)} {shown}{ends}, q {show_p(q or 0.0)}"


def _listed(numbers: Sequence[Difference]) -> str:
    rest = len(numbers) - _NAMED
    more = f"; and {rest} more number{'s' if rest > 1 else ''}" if rest > 0 else ""
    return "; ".join(_in_words(one) for one in numbers[:_NAMED]) + more


def sentences(study: Study, differences: Sequence[Difference]) -> tuple[str, ...]:
    """Return a sentence for each pair of which one is better beyond noise, or that none is.

    A number speaks only where its p-value after Holm's adjustment is below .05 and its interval at
    the level of that adjustment leaves 0. Of many pairs there is a sentence for each student that
    is nearer than others by the first number of closeness.
    """
    by_pair: dict[tuple[str, str], list[Difference]] = {}
    for one in differences:
        winner = better(one)
        if winner is not None:
            turned = one if winner == one.estimate.model_a else mirrored(one)
            by_pair.setdefault((winner, turned.estimate.model_b), []).append(turned)
    pairs = len({(one.estimate.model_a, one.estimate.model_b) for one in differences})
    if not by_pair:
        none = f"In none of the {pairs} pairs do the two students"
        each = "The two students do not" if pairs == 1 else none
        return (
            f"{each} differ in how near they are to {teacher_words(study)} by more than noise.",
        )
    if pairs <= MOST_PAIRS:
        return tuple(_sentence(study, *pair, numbers) for pair, numbers in by_pair.items())
    return _of_many(study, [one for numbers in by_pair.values() for one in numbers])


def teacher_words(study: Study) -> str:
    """Return what a sentence calls the teacher: its name, where that is not just "teacher"."""
    name = study.teacher.name
    return "the teacher" if name == "teacher" else name


def _of_many(study: Study, differences: Sequence[Difference]) -> tuple[str, ...]:
    """Return a sentence for each student that is nearer than others by closeness, beyond noise."""
    relation, beaten = closeness(study), dict[str, list[Difference]]()
    for one in differences:
        if one.estimate.metric == relation.name:
            beaten.setdefault(one.estimate.model_a, []).append(one)
    order = sorted(beaten, key=lambda name: -len(beaten[name]))
    label = _small(relation.metric.label)
    written = [
        f"{name} is nearer to {teacher_words(study)} than {_than(beaten[name], label)}."
        for name in order[:MOST_SENTENCES]
    ]
    rest = sum(one.estimate.metric != relation.name for one in differences)
    are = "difference by another number is" if rest == 1 else "differences by other numbers are"
    too = ", too" if written else f"; by {label} no student is nearer than another"
    more = f"{rest} {are} more than noise{too}: see the table."
    return (*written, *((more,) if rest else ()))


def _than(beaten: Sequence[Difference], label: str) -> str:
    """List those who are further from the teacher, of many the furthest, with the differences."""
    ranked = sorted(beaten, key=lambda one: -abs(one.estimate.value or 0.0))
    shown = [_beside(one, label if not i else "") for i, one in enumerate(ranked[:_NAMED])]
    rest = len(ranked) - len(shown)
    if rest:
        shown.append(f"{rest} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _beside(difference: Difference, label: str) -> str:
    number, (_, low, high) = difference
    ends = "" if low is None or high is None else f" {show_interval(low, high)}"
    sign = "+" if (number.value or 0.0) > 0 else ""
    words = f"{label} {sign}{show_number(number.value or 0.0)}{ends}".strip()
    return f"{number.model_b} ({words})"


def _sentence(study: Study, winner: str, other: str, numbers: Sequence[Difference]) -> str:
    near = [one for one in numbers if BY_NAME[one.estimate.metric].near]
    rest = [one for one in numbers if not BY_NAME[one.estimate.metric].near]
    parts = [f"nearer to {teacher_words(study)} than {other} by {_listed(near)}"] if near else []
    parts += [f"better {'' if near else f'than {other} '}by {_listed(rest)}"] if rest else []
    return f"{winner} is {', and '.join(parts)}."
