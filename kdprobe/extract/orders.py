"""What is asked of a model so that orders of deletions can be measured, beside the methods' scores.

Does: keep v of every coalition of a short text, as probabilities of the explained class, where a
method has asked for all of them anyway; and, when a beam is asked for, estimate the limits of all
orders of a longer text and measure every method's order on it. Does not: enumerate for itself.

Each of these stands beside the methods under a name of its own, with its numbers in the place of
scores; none where a text is of the other kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import JsonValue

from kdprobe.extract.beam import beam_limits
from kdprobe.extract.coalitions import every_coalition, fill
from kdprobe.extract.method import METHODS, Attribution, ExplanationInput
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.stats.arrays import Bools, Floats, Ints

EVERY_COALITION, BEAM, ORDER_OF = "every coalition", "beam", "order of "
MOST_WORDS = 12
"""Words of the longest text whose values are kept: 4,096 numbers."""


def order_names(setting: ExplanationSettings) -> tuple[str, ...]:
    """Return the names under which a setting's numbers about orders are kept."""
    every = (EVERY_COALITION,) if enumerated_sizes(setting) else ()
    if not setting.beam:
        return every
    return (*every, BEAM, *(f"{ORDER_OF}{method}" for method in setting.methods))


def order_options(name: str, setting: ExplanationSettings) -> dict[str, JsonValue]:
    """Return what the numbers under a name depend on, beside the method that is named in it."""
    options: dict[str, JsonValue] = {"words": [*enumerated_sizes(setting)]}
    return options if name == EVERY_COALITION else {**options, "beam": setting.beam}


def enumerated_sizes(setting: ExplanationSettings) -> list[int]:
    """Return the numbers of words of the texts whose values are kept."""
    return [n for n in range(1, MOST_WORDS + 1) if _is_enumerated(setting, n)]


def _is_enumerated(setting: ExplanationSettings, n: int) -> bool:
    """Return whether a method of a setting asks about every coalition of n words."""
    return any(
        getattr(METHODS.load(name), "enumerates", _never)(n, options)
        for name, options in setting.methods.items()
    )


def _never(n: int, options: object) -> bool:
    return False


def ranked_words(scores: Floats) -> Ints:
    """Return the words by falling score, int64 `[n]`; ties go to the earlier word, NaN last."""
    return np.argsort(-np.where(np.isfinite(scores), scores, -np.inf), kind="stable")


def order_numbers(
    name: str,
    inputs: Sequence[ExplanationInput],
    setting: ExplanationSettings,
    scores_of: Callable[[str], Sequence[Floats]],
) -> list[Attribution]:
    """Return the numbers under a name, in the place of scores, for each text.

    Args:
        name: one of `order_names`.
        inputs: the texts.
        setting: how they are explained.
        scores_of: the word scores of a method, for the same texts.

    Returns:
        `every coalition`: v of each, float64 `[2**n]`, whose request is that of the methods that
        enumerate, so that its answers are known already. `beam`: the least and greatest AOPC that
        it finds, `[2]`. `order of METHOD`: the AOPC of its ranking and of the reverse, `[2]`.
    """
    if not inputs or len(inputs[0].game.reader.columns) == 1:
        return [Attribution(np.empty(0)) for _ in inputs]
    if name == EVERY_COALITION:
        return _every_coalition(inputs, setting)
    sizes = enumerated_sizes(setting)
    long = [row for row, one in enumerate(inputs) if one.game.n not in sizes]
    numbers = [np.empty(0)] * len(inputs)
    chosen = [inputs[row] for row in long]
    if name == BEAM:
        measured = beam_limits([(one.game, one.target) for one in chosen], setting.beam)
    else:
        scores = scores_of(name.removeprefix(ORDER_OF))
        measured = _areas(chosen, [scores[row] for row in long])
    for row, pair in zip(long, measured, strict=True):
        numbers[row] = pair
    return [Attribution(each) for each in numbers]


def _every_coalition(
    inputs: Sequence[ExplanationInput], setting: ExplanationSettings
) -> list[Attribution]:
    enumerated = [one for one in inputs if _is_enumerated(setting, one.game.n)]
    fill([(one.game, every_coalition(one.game.n)) for one in enumerated])
    kept = {id(one) for one in enumerated if one.game.n <= MOST_WORDS}
    return [
        Attribution(one.game.values(every_coalition(one.game.n), one.target, "probability"))
        if id(one) in kept
        else Attribution(np.empty(0))
        for one in inputs
    ]


def _areas(inputs: Sequence[ExplanationInput], scores: Sequence[Floats]) -> list[Floats]:
    """Measure the AOPC of every ranking, from its top and from its bottom; none without scores."""
    plans: list[Bools] = []
    for one, own in zip(inputs, scores, strict=True):
        order = ranked_words(own) if len(own) else np.arange(one.game.n)
        plans.append(np.vstack([_what_is_left(order), _what_is_left(order[::-1])]))
    fill([(one.game, masks) for one, masks in zip(inputs, plans, strict=True)])
    areas: list[Floats] = []
    for one, own, masks in zip(inputs, scores, plans, strict=True):
        values = one.game.values(masks, one.target, "probability").reshape(2, -1)
        areas.append(values[:, 0] - values[:, 1:].mean(axis=1) if len(own) else np.empty(0))
    return areas


def _what_is_left(order: Ints) -> Bools:
    """Return the coalitions met when words go in this order, from all to none, `[n + 1, n]`."""
    places = np.argsort(order)
    left: Bools = places >= np.arange(len(order) + 1)[:, None]
    return left
