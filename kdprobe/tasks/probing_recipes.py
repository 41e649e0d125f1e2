"""The ten published probing tasks as recipes over facts (Conneau et al. 2018).

Does: turn the facts of three parts into (label, sentence) rows, classes balanced, inflected forms
and replacements disjoint across parts, no sentence both changed and unchanged. Does not: read trees
or write files.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kdprobe.seeds import derive_seed
from kdprobe.tasks.probing_facts import Facts, Marked
from kdprobe.tasks.probing_sets import PARTS

Row = tuple[str, str]
Parts = Mapping[str, Sequence[Facts]]
LENGTH_BINS = ((5, 8), (9, 12), (13, 16), (17, 20), (21, 25), (26, 28))
_FINAL = (".", "?", "!")
_TRIES = 30


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
        """Give the facts in a random order."""
        return [rows[at] for at in self.rng.permutation(len(rows)).tolist()]


Made = dict[str, list[Row]]
Recipe = Callable[[Build], Made]


def _balanced(build: Build, found: Mapping[str, Mapping[str, list[str]]]) -> Made:
    """Take equally many sentences of every class, as many as the rarest of each part allows.

    Args:
        build: gives sizes and order.
        found: part -> label -> sentences.
    """
    labels = sorted(label for label in found["tr"] if all(found[part].get(label) for part in PARTS))
    made: Made = {}
    for part in PARTS:
        if not labels:
            return {}
        share = min(
            math.ceil(build.sizes[part] / len(labels)),
            min(len(found[part][label]) for label in labels),
        )
        rows = []
        for label in labels:
            texts = found[part][label]
            picked = build.rng.permutation(len(texts))[:share]
            rows += [(label, texts[at]) for at in picked.tolist()]
        made[part] = [rows[at] for at in build.rng.permutation(len(rows)).tolist()]
    return made


def _grouped(build: Build, label: Callable[[Facts], str | None]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {part: defaultdict(list) for part in PARTS}
    for part in PARTS:
        for facts in build.parts[part]:
            name = label(facts)
            if name is not None:
                found[part][name].append(facts.text)
    return found


def length(build: Build) -> Made:
    """Bins of the number of words."""

    def label(facts: Facts) -> str | None:
        n = len(facts.words)
        return next((str(k) for k, (a, b) in enumerate(build.length_bins) if a <= n <= b), None)

    return _balanced(build, _grouped(build, label))


def content(build: Build) -> Made:
    """Sentences that hold exactly one of a list of mid-frequency words.

    The words are taken from the middle of the frequency list, a thousand of them where the data
    allow it, fewer where a class would have under fifty training sentences.
    """
    counts: Counter[str] = Counter()
    for facts in build.parts["tr"]:
        counts.update({word.lower() for word in facts.words if word.isalpha()})
    frequent = [word for word, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    usable = [word for word in frequent if counts[word] >= 15]
    skip = min(2000, len(usable) // 3)
    held = min(build.sizes["tr"], len(build.parts["tr"]))
    classes = min(1000, max(len(usable) - skip, 0), max(held // 50, 2))
    chosen = frozenset(usable[skip : skip + classes])

    def label(facts: Facts) -> str | None:
        held = [word for word in (w.lower() for w in facts.words) if word in chosen]
        return held[0] if len(held) == 1 else None

    return _capped(build, _grouped(build, label))


def depth(build: Build) -> Made:
    """Depths with equal distributions of length: from every bin of lengths equally many of each."""
    lengths = [len(f.words) for f in build.parts["tr"] if f.depth is not None]
    if not lengths:
        return {}
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, 9)))
    cells: dict[str, dict[tuple[int, int], list[str]]] = {p: defaultdict(list) for p in PARTS}
    for part in PARTS:
        for facts in build.parts[part]:
            if facts.depth is not None:
                bin_ = int(np.searchsorted(edges, len(facts.words), side="right"))
                cells[part][facts.depth, bin_].append(facts.text)
    bins = range(len(edges) + 1)

    def per_bin(part: str, window: range) -> list[int]:
        return [min(len(cells[part].get((d, b), ())) for d in window) for b in bins]

    depths = sorted({d for d, _ in cells["tr"]})
    if len(depths) < 2:
        return {}
    windows = [
        range(low, low + size) for size in range(2, 9) for low in depths if low + size - 1 in depths
    ]

    def worth(window: range) -> tuple[float, int]:
        held = min(
            len(window) * sum(per_bin(part, window)) / max(build.sizes[part], 1) for part in PARTS
        )
        return min(held, 0.25) * len(window) + min(held, 1.0) / 100, -window.start

    window = max(windows, key=worth)
    made: Made = {}
    for part in PARTS:
        share = per_bin(part, window)
        want = build.sizes[part] / len(window)
        scale = min(1.0, want / max(sum(share), 1))
        rows = []
        for b, n in enumerate(share):
            for d in window:
                texts = cells[part].get((d, b), [])
                picked = build.rng.permutation(len(texts))[: math.ceil(n * scale)]
                rows += [(str(d), texts[at]) for at in picked.tolist()]
        made[part] = [rows[at] for at in build.rng.permutation(len(rows)).tolist()]
    return made if all(made.values()) else {}


def top(build: Build) -> Made:
    """The nineteen most frequent sequences of top constituents, and `OTHER`."""
    counts = Counter(f.top for f in build.parts["tr"] if f.top)
    # A class of a handful of sentences measures nothing.
    least = max(10, len(build.parts["tr"]) // 400)
    common = [name for name, n in counts.most_common(19) if n >= least]

    def label(facts: Facts) -> str | None:
        return None if facts.top is None else facts.top if facts.top in common else "OTHER"

    found = _grouped(build, label)
    if sum(map(len, found["tr"].values())) and len(found["tr"].get("OTHER", ())) < least:
        for part in PARTS:
            found[part].pop("OTHER", None)
    return _capped(build, found)


def _capped(build: Build, found: Mapping[str, Mapping[str, list[str]]]) -> Made:
    """Take up to an equal share of every class: rare classes stay smaller."""
    labels = [name for name in sorted(found["tr"]) if all(found[part].get(name) for part in PARTS)]
    made: Made = {}
    for part in PARTS:
        rows: list[Row] = []
        for label in labels:
            texts = found[part][label]
            share = math.ceil(build.sizes[part] / len(labels))
            picked = build.rng.permutation(len(texts))[:share]
            rows += [(label, texts[at]) for at in picked.tolist()]
        made[part] = [rows[at] for at in build.rng.permutation(len(rows)).tolist()]
    return made if labels else {}


def _changed(build: Build, change: Callable[[str, Facts], Sequence[str] | None]) -> dict[str, Made]:
    """Change every other sentence that can be changed; give part -> `O`/`C` -> sentences."""
    found: dict[str, Made] = {}
    for part in PARTS:
        kept: list[str] = []
        damaged: list[str] = []
        for facts in build.shuffled(build.parts[part]):
            other = change(part, facts)
            if other is None:
                continue
            if len(kept) <= len(damaged):
                kept.append(facts.text)
            else:
                damaged.append(" ".join(other))
            if len(kept) + len(damaged) >= build.sizes[part]:
                break
        found[part] = {"O": [("O", t) for t in kept], "C": [("C", t) for t in damaged]}
    return found


def _two_classes(build: Build, found: Mapping[str, Made], changed: str) -> Made:
    texts = {
        part: {
            "O": [text for _, text in made["O"]],
            changed: [text for _, text in made["C"]],
        }
        for part, made in found.items()
    }
    return _balanced(build, texts)


def shift(build: Build) -> Made:
    """Two neighbouring words exchanged in half of the sentences; the final mark stays."""

    def change(part: str, facts: Facts) -> Sequence[str] | None:
        words = list(facts.words)
        last = len(words) - 1 - (words[-1] in _FINAL)
        places = [k for k in range(last) if words[k].lower() != words[k + 1].lower()]
        if not places:
            return None
        at = places[int(build.rng.integers(len(places)))]
        words[at], words[at + 1] = words[at + 1], words[at]
        return words

    return _two_classes(build, _changed(build, change), "I")


def odd(build: Build) -> Made:
    """A noun or verb replaced by another of its tag in half of the sentences.

    Of up to thirty candidates of the part's own the one whose bigrams with both neighbours are
    about as frequent as the old word's is taken.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    stock: dict[str, dict[str, set[str]]] = {part: defaultdict(set) for part in PARTS}
    for rows in build.parts.values():
        for facts in rows:
            lower = [word.lower() for word in facts.words]
            pairs.update(pairwise(lower))
            for tag, word in zip(facts.tags, lower, strict=True):
                if tag:
                    stock[form_part(word, build.seed)][tag].add(word)
    ordered = {
        part: {tag: sorted(words) for tag, words in by.items()} for part, by in stock.items()
    }

    def frequency(words: Sequence[str], at: int, word: str) -> tuple[float, float]:
        before = words[at - 1].lower() if at else ""
        after = words[at + 1].lower() if at + 1 < len(words) else ""
        return math.log1p(pairs[before, word]), math.log1p(pairs[word, after])

    def change(part: str, facts: Facts) -> Sequence[str] | None:
        places = sorted(facts.odd) or [k for k, tag in enumerate(facts.tags) if tag]
        places = [k for k in places if k]  # the capital of a first word would tell
        if not places:
            return None
        at = places[int(build.rng.integers(len(places)))]
        old = facts.words[at].lower()
        pool: Sequence[str] = ordered[part].get(facts.tags[at], ())
        if at in facts.odd:
            pool = [word for word in facts.odd[at] if form_part(word, build.seed) == part]
        if not pool:
            return None
        drawn = {pool[k] for k in build.rng.integers(len(pool), size=_TRIES).tolist()} - {old}
        if not drawn:
            return None
        own = frequency(facts.words, at, old)
        best = min(
            sorted(drawn),
            key=lambda word: sum(
                abs(x - y) for x, y in zip(frequency(facts.words, at, word), own, strict=True)
            ),
        )
        return (*facts.words[:at], best, *facts.words[at + 1 :])

    return _two_classes(build, _changed(build, change), "C")


def inversion(build: Build) -> Made:
    """The two clauses of a coordination exchanged in half of the sentences."""
    found: dict[str, dict[str, list[str]]] = {}
    for part in PARTS:
        usable = build.shuffled([f for f in build.parts[part] if f.inverted and f.coordinate])
        half = len(usable) // 2
        found[part] = {
            "O": [" ".join(f.coordinate or ()) for f in usable[:half]],
            "I": [" ".join(f.inverted or ()) for f in usable[half : 2 * half]],
        }
    return _balanced(build, found)


def form_part(form: str, seed: int) -> str:
    """Say which part a word form belongs to: 80 % of the forms train, 10 % dev, 10 % test."""
    share = derive_seed(seed, "probing form", form) % 100
    return "tr" if share < 80 else "va" if share < 90 else "te"


def _by_form(build: Build, mark: Callable[[Facts], Marked | None]) -> Made:
    """Let the inflected form decide the part, so that no form stands in two.

    Very frequent forms train; the others fall by their order among the label's forms until a tenth
    of the sentences is dev's and a tenth test's.
    """
    texts: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for part in PARTS:
        for facts in build.parts[part]:
            found = mark(facts)
            if found is not None:
                texts[found.label][found.form].append(facts.text)
    shared = set.intersection(*(set(forms) for forms in texts.values())) if texts else set()
    parts: dict[str, dict[str, list[str]]] = {part: defaultdict(list) for part in PARTS}
    for label, forms in texts.items():
        own = {form: rows for form, rows in forms.items() if form not in shared}
        total = sum(map(len, own.values()))
        filled = {"va": 0, "te": 0}
        order = sorted(own, key=lambda form: derive_seed(build.seed, "probing form", form))
        for form in order:
            goal = min(filled, key=lambda part: (filled[part], part))
            room = filled[goal] < total / 10 and len(own[form]) <= total / 8
            if room:
                filled[goal] += len(own[form])
            parts[goal if room else "tr"][label].extend(own[form])
    return _balanced(build, parts)


def tense(build: Build) -> Made:
    """Past or present of the main verb."""
    return _by_form(build, lambda facts: facts.tense)


def subject(build: Build) -> Made:
    """Number of the main clause's subject."""
    return _by_form(build, lambda facts: facts.subject)


def object_(build: Build) -> Made:
    """Number of the main clause's object."""
    return _by_form(build, lambda facts: facts.object)


RECIPES: Mapping[str, Recipe] = {
    "length": length, "content": content, "depth": depth, "top": top, "shift": shift,
    "tense": tense, "subject": subject, "object": object_, "odd": odd, "inversion": inversion,
}  # fmt: skip
