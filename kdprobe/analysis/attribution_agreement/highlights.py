"""Which explained sentences a reader is shown.

Does: choose representative sentences by submodular pick and those of least agreement, and lay out
their strongest words. Does not: draw, or hold all word scores; the document's examples do.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kdprobe.analysis.attribution_agreement.damaged_word import damaged_words
from kdprobe.analysis.attribution_agreement.explained import Attributed
from kdprobe.results.schema import Cell, Column, Table
from kdprobe.results.words import EXPLAINED_SENTENCES
from kdprobe.stats.arrays import Floats

MOST_WORDS = 40
TOP_WORDS = 5


def representative(explained: Attributed, count: int) -> list[int]:
    """Choose sentences whose explanations cover many important words.

    Definition: the submodular pick of LIME (Ribeiro et al. 2016) over the teacher's explanations by
    the first method: a word type's weight is the root of its summed absolute scores (each sentence
    scaled to 1); a sentence covers the types that hold more than a twentieth of its scores;
    sentences are taken greedily by the weight of the types they add; ties go to the smaller id.
    Sentences of more than 40 words are left out: no reader takes them in.
    """
    scores_of = explained.scores(explained.teacher.name, explained.attributions.methods[0]) or ()
    shares: dict[int, dict[str, float]] = {}
    totals: dict[str, float] = {}
    for row, (words, scores) in enumerate(
        zip(explained.attributions.words, scores_of, strict=True)
    ):
        sizes = np.abs(np.nan_to_num(scores)) if len(scores) else np.zeros(0)
        total = float(sizes.sum())
        if not total or len(words) > MOST_WORDS:
            continue
        shares[row] = {}
        for word, size in zip(words, (sizes / total).tolist(), strict=True):
            if size > 0.05 and any(char.isalnum() for char in word.text):
                shares[row][word.text.lower()] = size
                totals[word.text.lower()] = totals.get(word.text.lower(), 0.0) + size
    covered: set[str] = set()
    chosen: list[int] = []
    while len(chosen) < min(count, len(shares)):
        left = [row for row in shares if row not in chosen]
        gain = {row: sum(totals[w] ** 0.5 for w in shares[row] if w not in covered) for row in left}
        best = min(left, key=lambda row: (-round(gain[row], 9), explained.attributions.ids[row]))
        chosen.append(best)
        covered |= set(shares[best])
    return chosen


def _picked(
    explained: Attributed, rhos: Mapping[tuple[str, str], Floats], count: int
) -> list[tuple[int, str]]:
    """Choose rows with the reason: half representative, half of least agreement."""
    chosen = [(row, "representative") for row in representative(explained, (count + 1) // 2)]
    if rhos:
        # Rounded, so that the order of equal values is that of the ids on every machine.
        first = np.round(next(iter(rhos.values())), 9)
        order = sorted(
            np.flatnonzero(np.isfinite(first)).tolist(),
            key=lambda row: (first[row], explained.attributions.ids[row]),
        )
        taken = {row for row, _ in chosen}
        least = [
            row
            for row in order
            if row not in taken and len(explained.attributions.words[row]) <= MOST_WORDS
        ]
        chosen += [(row, "least agreement") for row in least[: count - len(chosen)]]
    return chosen


def top_words(explained: Attributed, count: int) -> Table:
    """List the five words of each representative sentence with the largest scores, of each model.

    The first method's; `in common` counts how many of them are among the teacher's five.
    """
    method = explained.attributions.methods[0]
    rows: list[tuple[Cell, ...]] = []
    for row in representative(explained, (count + 1) // 2):
        teachers: set[int] = set()
        for model in explained.models:
            scores = (explained.scores(model.name, method) or ())[row]
            if not len(scores):
                continue
            order = np.argsort(-np.abs(np.nan_to_num(scores)), kind="stable")
            lead = [int(i) for i in order if np.isfinite(scores[i])][:TOP_WORDS]
            words = [f"{explained.attributions.words[row][i].text} {scores[i]:+.2f}" for i in lead]
            common = None if model is explained.teacher else len(teachers & set(lead))
            teachers = set(lead) if model is explained.teacher else teachers
            blank = [None] * (TOP_WORDS - len(words))
            rows.append((explained.attributions.ids[row], model.name, *words, *blank, common))
    return Table(
        name="top_words",
        title="Strongest words of representative sentences",
        caption=f"By {method}, strongest first, with their scores.",
        columns=(
            Column(name="example", label="example", kind="example"),
            Column(name="model", label="model"),
            *(Column(name=f"word_{i}", label=str(i)) for i in range(1, TOP_WORDS + 1)),
            Column(name="common", label="in common with the teacher", kind="count"),
        ),
        rows=tuple(rows),
    )


def explained_sentences(
    explained: Attributed, rhos: Mapping[tuple[str, str], Floats], count: int
) -> Table:
    """List the sentences whose words are shown side by side; their examples hold the scores."""
    rows: list[tuple[Cell, ...]] = []
    damaged = damaged_words(explained)
    for row, why in _picked(explained, rhos, count):
        if row in damaged:
            broken = " ".join(
                explained.attributions.words[row][index].text for index in damaged[row]
            )
            why = f"{why}; damaged word: {broken}"
        rows.append((explained.attributions.ids[row], why))
    return Table(
        name=EXPLAINED_SENTENCES,
        title="Word scores side by side",
        caption="Positive scores speak for the explained class. Half of the sentences are "
        "representative (submodular pick over the teacher's explanations), half those on which "
        "the first student agrees least with the teacher.",
        columns=(
            Column(name="example", label="example", kind="example"),
            Column(name="why", label="shown as"),
        ),
        rows=tuple(rows),
    )
