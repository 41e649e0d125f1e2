"""A difference of two models, by their names, from either side. Does not compute one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.registry import known_name
from kdprobe.results.schema import Estimate

DIFFERENCES = "student_differences"
"""The analysis whose numbers are of two students, each of one minus that of the other."""
OF_ONE = ("mistakes_copied", "right_answers_shared")
"""Its numbers that are of one student and the teacher."""


def turned(difference: Estimate) -> Estimate:
    """Return the difference of b and a from that of a and b: the same with the other sign.

    >>> gap = Estimate(metric="agreement", model_a="a", model_b="b", value=0.2, low=0.1, high=0.4)
    >>> back = turned(gap)
    >>> back.model_a, back.value, back.low, back.high
    ('b', -0.2, -0.4, -0.1)
    """
    value, low, high = (
        None if end is None else 0.0 - end
        for end in (difference.value, difference.high, difference.low)
    )
    names = {"model_a": difference.model_b, "model_b": difference.model_a}
    return difference.model_copy(update={**names, "value": value, "low": low, "high": high})


def between(numbers: Iterable[Estimate], a: str, b: str) -> list[Estimate]:
    """Return the differences of a and b among numbers, those of b and a turned round."""
    both = ((number, (number.model_a, number.model_b)) for number in numbers)
    return [
        number if names == (a, b) else turned(number)
        for number, names in both
        if names in ((a, b), (b, a))
    ]


def two_students(text: str, students: Sequence[str], *, option: str) -> tuple[str, str]:
    """Return the two students that `A,B` names, as they are spelt; a name may hold a comma.

    Raises:
        ConfigError: not two names, or one name twice.
        UnknownNameError: no student is called so; the nearest are offered.

    >>> two_students("small, LARGE", ["large", "small"], option="fail_if")
    ('small', 'large')
    """
    error: UnknownNameError | None = None
    for place in (at for at, char in enumerate(text) if char == ","):
        names = (text[:place].strip(), text[place + 1 :].strip())
        try:
            one, other = (
                known_name("student", name, tuple(students), option=option) for name in names
            )
        except UnknownNameError as unknown:
            error = unknown
            continue
        check_two(one, other, where=f"`{option}`")
        return one, other
    if error is not None:
        raise error
    raise ConfigError(f"`{option}`", found=repr(text), expected="two students, A,B")


def check_two(one: str, other: str, *, where: str) -> None:
    """Refuse a difference of a model with itself.

    Raises:
        ConfigError: both are one.
    """
    if one == other:
        raise ConfigError(
            where, found=f"{one!r} twice: no model differs from itself", expected="two students"
        )
