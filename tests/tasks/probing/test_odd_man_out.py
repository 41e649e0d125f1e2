"""Words exchanged between sentences: balance, parts and bigrams, on corpora made by hand."""

from collections import Counter

import numpy as np

from kdprobe.seeds import derive_generator
from kdprobe.tasks.probing.balance import Build
from kdprobe.tasks.probing.facts import Facts, Slot
from kdprobe.tasks.probing.odd_man_out import odd
from kdprobe.tasks.probing.sets import PARTS

NOUNS = [f"{a}{b}" for a in "bdfgklmn" for b in ("ako", "emi", "oru")]


def build(*, sides: bool) -> Build:
    """Every sentence has its own context word, so its source can be told from its damage."""
    rows = []
    for k in range(960):
        word = NOUNS[k % len(NOUNS)]
        slots = {2: Slot("object", (k % len(NOUNS)) % 2)} if sides else None
        rows.append(Facts((f"C{k}", "the", word, "runs"), ("NN", "", "NN", ""), odd=slots))
    sizes = {"tr": 400, "va": 200, "te": 200}
    generator = derive_generator(0, "test", "odd")
    return Build({"tr": rows[:480], "va": rows[480:720], "te": rows[720:]}, sizes, generator)


def test_each_form_is_put_in_as_often_as_it_is_taken_out():
    """Guards against rare words that betray damage, and against a form in two parts."""
    for sides in (False, True):
        asked = build(sides=sides)
        source = {facts.words[0]: facts for rows in asked.parts.values() for facts in rows}
        seen: dict[str, set[str]] = {}
        contexts: set[str] = set()
        for part, rows in odd(asked).items():
            taken, given, kept = Counter[str](), Counter[str](), Counter[str]()
            for label, text in rows:
                context, _, word, _ = text.split()
                assert context not in contexts  # no sentence in both its forms
                contexts.add(context)
                old = source[context].words[2]
                if label == "O":
                    assert word == old
                    kept[word] += 1
                    continue
                assert word != old
                taken[old] += 1
                given[word] += 1
                if sides:
                    assert NOUNS.index(word) % 2 != NOUNS.index(old) % 2
            assert taken == given
            assert sum(kept.values()) == sum(taken.values())
            largest = max(abs(kept[word] - taken[word]) for word in kept | taken)
            assert largest <= (4 if part == "tr" else 2)
            seen[part] = {*taken, *kept}
        assert sum(map(len, seen.values())) == len(set().union(*seen.values()))
        assert [len(seen[part]) > 1 for part in PARTS] == [True] * 3


def test_the_partner_keeps_the_bigrams_plausible():
    """Guards against damage that a table of bigrams finds."""
    rows = []
    for k in range(400):
        word = ("tea", "rum", "ink", "oil")[k % 4]
        before = "drank" if word in ("tea", "rum") else "spilt"
        rows.append(Facts((f"C{k}", before, word, "."), ("", "", "NN", "")))
    # Only the pairs tea-rum and ink-oil leave every bigram as frequent as it was.
    asked = Build({"tr": rows, "va": [], "te": []}, {"tr": 80, "va": 2, "te": 2},
                  np.random.default_rng(0))  # fmt: skip
    pairs = {"tea": "rum", "rum": "tea", "ink": "oil", "oil": "ink"}
    source = {facts.words[0]: facts.words[2] for facts in rows}
    damaged = [text.split() for label, text in odd(asked)["tr"] if label == "C"]
    apt = [words[2] == pairs[source[words[0]]] for words in damaged]
    assert len(apt) == 40
    assert np.mean(apt) > 0.9
