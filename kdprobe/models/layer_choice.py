"""Which layers of a model a smaller one has.

Does: pick layers by a rule, and match those of two models. Does not: copy weights (`surgery.py`).
"""

from __future__ import annotations

from typing import Literal

from kdprobe.errors import ConfigError

Spread = Literal["even", "first", "last", "skip", "distilbert"]
SPREADS: tuple[Spread, ...] = ("even", "first", "last", "skip", "distilbert")


def spread_layers(
    count: int, of: int, rule: Spread, *, where: str = "`student`"
) -> tuple[int, ...]:
    """Pick which layers of a model a smaller one copies, counted from 0.

    Definition: `even` keeps the first and the last and spreads the others, i(of - 1) // (count - 1)
    (a single layer is the first, the only one that ever read the embeddings); `first` and `last`
    are runs; `skip` is the last of each of `count` equal groups (PKD, TinyBERT), (i + 1) of //
    count - 1; `distilbert` is 0 2 4 7 9 11 of 12.

    Raises:
        ConfigError: more layers than there are, or `distilbert` on other numbers than 6 of 12.

    >>> spread_layers(3, 6, "even"), spread_layers(3, 6, "skip"), spread_layers(2, 6, "last")
    ((0, 2, 5), (1, 3, 5), (4, 5))
    """
    if count > of:
        raise ConfigError(
            where, found=f"{count} layers", expected=f"at most {of}, as many as the model has"
        )
    if rule == "distilbert":
        if (count, of) != (6, 12):
            raise ConfigError(
                where,
                found=f"the distilbert rule for {count} of {of} layers",
                expected="6 of 12, all it is defined for",
                remedy="use even, first, last, skip or a list",
            )
        return (0, 2, 4, 7, 9, 11)
    if rule == "first" or (rule == "even" and count == 1):
        return tuple(range(count))
    if rule == "last":
        return tuple(range(of - count, of))
    if rule == "skip":
        return tuple((index + 1) * of // count - 1 for index in range(count))
    return tuple(index * (of - 1) // (count - 1) for index in range(count))


def layer_pairs(student_layers: int, teacher_layers: int) -> tuple[int, ...]:
    """Match the layers of a student that copied none: the `skip` rule, counted from 1.

    A student with more layers than the teacher has its i-th layer matched with the teacher's
    ceil(i x teacher / student)-th.

    >>> layer_pairs(3, 12), layer_pairs(4, 2)
    ((4, 8, 12), (1, 1, 2, 2))
    """
    return tuple(
        -(-(index * teacher_layers) // student_layers) for index in range(1, student_layers + 1)
    )
