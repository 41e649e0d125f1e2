"""What the recipes of probing tasks share: balance of classes and parts of word forms.

Does: group facts by label, draw equally many of each class, say on which side a word form falls.
Does not: know any task.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kdprobe.errors import ConfigError
from kdprobe.seeds import derive_seed
from kdprobe.tasks.probing.facts import Facts
from kdprobe.tasks.probing.sets import PARTS

Row = tuple[str, str]
Parts = Mapping[str, Sequence[Facts]]
LENGTH_BINS = ((5, 8), (9, 12), (13, 16), (17, 20), (21, 25), (26, 28))

_BIN = re.compile(r"(\d+)-(\d+)")


def read_bins(text: str) -> tuple[tuple[int, int], ...]:
    """Read the classes of sentence_length as people write them.

    Raises:
        ConfigError: a part that is no range, one that begins before the last ended, or one class.

    >>> read_bins("5-8, 9-12")
    ((5, 8), (9, 12))
    """
    bins: list[tuple[int, int]] = []
    for part in text.split(","):
        bounds = _BIN.fullmatch(part.strip())
        if bounds is None:
            raise ConfigError(
                "`length_bins`",
                found=repr(part.strip()),
                expected="ranges of lengths in words, such as 5-8,9-12",
            )
        low, high = int(bounds[1]), int(bounds[2])
        if low > high or (bins and low <= bins[-1][1]):
            raise ConfigError(
                "`length_bins`",
                found=f"{low}-{high}" + (f" after {bins[-1][0]}-{bins[-1][1]}" if bins else ""),
                expected="ranges that grow and share no length",
            )
        bins.append((low, high))
    if len(bins) < 2:
        raise ConfigError("`length_bins`", found="one class only", expected="at least two")
    return tuple(bins)


@dataclass(frozen=True)
class Build:
    """What a recipe works with.

    Args:
        parts: `tr`, `va`, `te` -> facts, each sentence in one part only.
        sizes: rows wanted of each part.
        rng: of this task alone.
        length_bins: smallest and largest length of each class of sentence_length.
        seed: decides on which side of the split a form falls.
    """

    parts: Parts
    sizes: Mapping[str, int]
    rng: np.random.Generator
    length_bins: tuple[tuple[int, int], ...] = LENGTH_BINS
    seed: int = 0

    def shuffled(self, rows: Sequence[Facts]) -> list[Facts]:
        """Return the facts in a random order."""
        return [rows[at] for at in self.rng.permutation(len(rows)).tolist()]


Made = dict[str, list[Row]]
Recipe = Callable[[Build], Made]


def balanced(build: Build, by_class: Mapping[str, Mapping[str, list[str]]]) -> Made:
    """Take equally many sentences of every class, as many as the rarest of each part allows.

    Args:
        build: gives sizes and order.
        by_class: part -> label -> sentences.
    """
    labels = sorted(
        label for label in by_class["tr"] if all(by_class[part].get(label) for part in PARTS)
    )
    chosen: Made = {}
    for part in PARTS:
        if not labels:
            return {}
        share = min(
            math.ceil(build.sizes[part] / len(labels)),
            min(len(by_class[part][label]) for label in labels),
        )
        rows = []
        for label in labels:
            texts = by_class[part][label]
            picked = build.rng.permutation(len(texts))[:share]
            rows += [(label, texts[at]) for at in picked.tolist()]
        chosen[part] = [rows[at] for at in build.rng.permutation(len(rows)).tolist()]
    return chosen


def grouped(build: Build, label: Callable[[Facts], str | None]) -> dict[str, dict[str, list[str]]]:
    """Return part -> label -> sentences; facts without a label are left out."""
    by_class: dict[str, dict[str, list[str]]] = {part: defaultdict(list) for part in PARTS}
    for part in PARTS:
        for facts in build.parts[part]:
            name = label(facts)
            if name is not None:
                by_class[part][name].append(facts.text)
    return by_class


def capped(build: Build, by_class: Mapping[str, Mapping[str, list[str]]]) -> Made:
    """Take up to an equal share of every class: rare classes stay smaller."""
    labels = [
        name for name in sorted(by_class["tr"]) if all(by_class[part].get(name) for part in PARTS)
    ]
    chosen: Made = {}
    for part in PARTS:
        rows: list[Row] = []
        for label in labels:
            texts = by_class[part][label]
            share = math.ceil(build.sizes[part] / len(labels))
            picked = build.rng.permutation(len(texts))[:share]
            rows += [(label, texts[at]) for at in picked.tolist()]
        chosen[part] = [rows[at] for at in build.rng.permutation(len(rows)).tolist()]
    return chosen if labels else {}


def form_parts(groups: Mapping[str, Mapping[str, int]], seed: int) -> dict[str, str]:
    """Return which part each word form belongs to, so that none stands in two.

    Definition: in every group very frequent forms (over an eighth of its sentences) train; the
    others fall by their order, drawn once from the seed, to dev or test until each has a tenth of
    the group's sentences. A form of several groups is placed with the one of the fewest forms.

    Args:
        groups: group -> form -> number of sentences.
        seed: draws the order.

    >>> sorted(form_parts({"PAST": {"ran": 8, "slept": 1, "sang": 1}}, 0).values())
    ['te', 'tr', 'va']
    """
    parts: dict[str, str] = {}
    for _, forms in sorted(groups.items(), key=lambda pair: (len(pair[1]), pair[0])):
        total = sum(forms.values())
        filled = {"va": 0, "te": 0}
        for form in forms.keys() & parts.keys():
            if parts[form] in filled:
                filled[parts[form]] += forms[form]
        rest = sorted(forms.keys() - parts.keys())
        for form in sorted(rest, key=lambda form: derive_seed(seed, "probing form", form)):
            goal = min(filled, key=lambda part: (filled[part], part))
            room = filled[goal] < total / 10 and forms[form] <= total / 8
            parts[form] = goal if room else "tr"
            if room:
                filled[goal] += forms[form]
    return parts
