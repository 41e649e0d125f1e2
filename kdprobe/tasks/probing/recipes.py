"""The ten published probing tasks as recipes over facts (Conneau et al. 2018).

Does: turn the facts of three parts into (label, sentence) rows, classes balanced and inflected
forms disjoint across parts. Does not: change sentences (`probing_changes.py`, `probing_odd.py`).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from kdprobe.tasks.probing.balance import Build, Made, Recipe, balanced, capped, form_parts, grouped
from kdprobe.tasks.probing.changes import inversion, shift
from kdprobe.tasks.probing.facts import Facts, MarkedForm
from kdprobe.tasks.probing.odd_man_out import odd
from kdprobe.tasks.probing.sets import PARTS


def length(build: Build) -> Made:
    """Bins of the number of words."""

    def label(facts: Facts) -> str | None:
        n = len(facts.words)
        return next((str(k) for k, (a, b) in enumerate(build.length_bins) if a <= n <= b), None)

    return balanced(build, grouped(build, label))


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

    return capped(build, grouped(build, label))


def depth(build: Build) -> Made:
    """Depths with equal distributions of length: of every two lengths equally many of each."""
    cells: dict[str, dict[tuple[int, int], list[str]]] = {p: defaultdict(list) for p in PARTS}
    for part in PARTS:
        for facts in build.parts[part]:
            if facts.depth is not None:
                bin_ = len(facts.words) // 2
                cells[part][facts.depth, bin_].append(facts.text)
    bins = sorted({b for _, b in cells["tr"]})

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
    examples: Made = {}
    for part in PARTS:
        share = per_bin(part, window)
        want = build.sizes[part] / len(window)
        scale = min(1.0, want / max(sum(share), 1))
        rows = []
        for b, n in zip(bins, share, strict=True):
            for d in window:
                texts = cells[part].get((d, b), [])
                picked = build.rng.permutation(len(texts))[: math.ceil(n * scale)]
                rows += [(str(d), texts[at]) for at in picked.tolist()]
        examples[part] = [rows[at] for at in build.rng.permutation(len(rows)).tolist()]
    return examples if all(examples.values()) else {}


def top(build: Build) -> Made:
    """The nineteen most frequent sequences of top constituents, and `OTHER`."""
    counts = Counter(f.top for f in build.parts["tr"] if f.top)
    # A class of a handful of sentences measures nothing.
    least = max(10, len(build.parts["tr"]) // 400)
    common = [name for name, n in counts.most_common(19) if n >= least]

    def label(facts: Facts) -> str | None:
        return None if facts.top is None else facts.top if facts.top in common else "OTHER"

    by_class = grouped(build, label)
    if sum(map(len, by_class["tr"].values())) and len(by_class["tr"].get("OTHER", ())) < least:
        for part in PARTS:
            by_class[part].pop("OTHER", None)
    return capped(build, by_class)


def _by_form(build: Build, mark: Callable[[Facts], MarkedForm | None]) -> Made:
    """Let the inflected form decide the part, so that no form stands in two."""
    texts: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for part in PARTS:
        for facts in build.parts[part]:
            marked = mark(facts)
            if marked is not None:
                texts[marked.label][marked.form].append(facts.text)
    shared = set.intersection(*(set(forms) for forms in texts.values())) if texts else set()
    own = {
        label: {form: rows for form, rows in forms.items() if form not in shared}
        for label, forms in texts.items()
    }
    sizes = {
        label: {form: len(rows) for form, rows in forms.items()} for label, forms in own.items()
    }
    placed = form_parts(sizes, build.seed)
    parts: dict[str, dict[str, list[str]]] = {part: defaultdict(list) for part in PARTS}
    for label, forms in own.items():
        for form, rows in forms.items():
            parts[placed[form]][label].extend(rows)
    return balanced(build, parts)


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
