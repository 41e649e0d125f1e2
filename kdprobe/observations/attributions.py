"""How much each word moves each model, as arrays; an observation of a `Study`.

Does: hold words and their scores in frozen types. Does not: know a model, a file or torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from kdprobe.stats.arrays import Bools, Floats, Ints


class Word(NamedTuple):
    """A word of the raw text: `text[start:end]` of the first (0) or second (1) text."""

    segment: int
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Attributions:
    """How much each word of some sentences moves each model, by several methods.

    Args:
        ids: the explained examples, `[m]`; words: the words of each.
        target: the explained class of each example, int64 `[m]`, one for all models.
        methods: names, the first is the headline's.
        scores: (model, method, kind) -> one float64 array of word scores per example; NaN: a word
            not read by the model, an empty array: not explained. Kind is `""`, `reseeded` (where
            scores were sampled and `itself` is not known, else the same scores),
            `second run` or `random weights` (named after the student it has the shape of).
        special: (model, method) -> share of the absolute mass on special tokens, `[m]`, or NaN.
        gaps: (model, method) -> relative completeness gap `[m]`; NaN where it is no such method.
        sampled: (model, method) -> bool `[m]`: whether scores hold sampling noise.
        deletion: (model, method or `random`) -> float64 `[m, shares, 2]`: the fall of the explained
            class's probability without, and with only, the top share of words.
        shares: the shares of words of `deletion`.
        counts: word in lower case -> how often it stands in the whole split.
        notes: what the reader must know.
        own_target: model -> its own explained class `[m]`, when each is explained by its own.
        orders: (model, method or `random`) -> float64 `[m, 2]`: AOPC of deleting words from the
            top of the ranking, and from its bottom (see `stats.deletion_orders`); NaN where it was
            not measured.
        order_limits: model -> float64 `[m, 2]`: the least and greatest AOPC of any order, or NaN.
        estimated: model -> bool `[m]`: whether these limits are those that a beam of width `beam`
            and the methods' orders reached, not exact ones.
        itself: (model, method) -> the rank correlation of sampled scores with those of another
            seed, by the errors of their own draws, `[m]`; NaN where they were not sampled, or
            where `reseeded` scores tell.
        drawn: (model, method) -> the share of the most draws that sampled scores took, `[m]`; NaN
            where it is not known.
    """

    ids: tuple[str, ...]
    words: tuple[tuple[Word, ...], ...]
    target: Ints
    methods: tuple[str, ...]
    scores: Mapping[tuple[str, str, str], tuple[Floats, ...]]
    special: Mapping[tuple[str, str], Floats]
    gaps: Mapping[tuple[str, str], Floats]
    sampled: Mapping[tuple[str, str], Bools]
    deletion: Mapping[tuple[str, str], Floats]
    shares: tuple[float, ...]
    counts: Mapping[str, int]
    notes: tuple[str, ...] = ()
    own_target: Mapping[str, Ints] = field(default_factory=dict)
    orders: Mapping[tuple[str, str], Floats] = field(default_factory=dict)
    order_limits: Mapping[str, Floats] = field(default_factory=dict)
    estimated: Mapping[str, Bools] = field(default_factory=dict)
    beam: int = 0
    itself: Mapping[tuple[str, str], Floats] = field(default_factory=dict)
    drawn: Mapping[tuple[str, str], Floats] = field(default_factory=dict)

    def only(self, kept: Iterable[str]) -> Attributions:
        """Keep the explained examples of these ids, in their order; `counts` stay the split's.

        >>> import numpy as np
        >>> empty = np.zeros((2, 1, 2))
        >>> both = Attributions(("a", "b"), ((), ()), np.array([0, 1]), ("lime",),
        ...     {("t", "lime", ""): (np.zeros(0), np.zeros(0))}, {}, {}, {}, {("t", "lime"): empty},
        ...     (0.5,), {})
        >>> one = both.only({"b"})
        >>> one.ids, one.target.tolist(), one.deletion["t", "lime"].shape
        (('b',), [1], (1, 1, 2))
        """
        wanted = set(kept)
        rows = [row for row, key in enumerate(self.ids) if key in wanted]
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            words=tuple(self.words[row] for row in rows),
            target=self.target[rows],
            scores={key: tuple(held[row] for row in rows) for key, held in self.scores.items()},
            special={key: held[rows] for key, held in self.special.items()},
            gaps={key: held[rows] for key, held in self.gaps.items()},
            sampled={key: held[rows] for key, held in self.sampled.items()},
            deletion={key: held[rows] for key, held in self.deletion.items()},
            own_target={key: held[rows] for key, held in self.own_target.items()},
            orders={key: held[rows] for key, held in self.orders.items()},
            order_limits={key: held[rows] for key, held in self.order_limits.items()},
            estimated={key: held[rows] for key, held in self.estimated.items()},
            itself={key: held[rows] for key, held in self.itself.items()},
            drawn={key: held[rows] for key, held in self.drawn.items()},
        )
