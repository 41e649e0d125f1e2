"""Derivation trees: spelling, brackets, depth, and the facts probing reads off them."""

from __future__ import annotations

import re
from collections import Counter

from kdprobe.tasks.grammar.generation import derivations
from kdprobe.tasks.grammar.trees import Tree

BOY = Tree("NP", (Tree("DT", word="the"), Tree("NN", word="boy")), features={"number": "singular"})
SLEEPS = Tree("S", (BOY, Tree("VP", (Tree("VBZ", word="sleeps"),)), Tree(".", word=".")))


def test_a_tree_by_hand() -> None:
    """A depth off by one would shift every class of the depth task."""
    assert SLEEPS.words() == ("the", "boy", "sleeps", ".")
    assert SLEEPS.bracketed() == "(S (NP (DT the) (NN boy)) (VP (VBZ sleeps)) (. .))"
    assert SLEEPS.depth() == 3
    assert SLEEPS.top_constituents() == ("NP", "VP", ".")
    assert BOY.children[0].depth() == 1


def test_capitalising_changes_the_first_word_only() -> None:
    """Rebuilding the tree must not lose the features of its first phrase."""
    tree = SLEEPS.capitalised()
    assert tree.words() == ("The", "boy", "sleeps", ".")
    assert tree.children[0].features == {"number": "singular"}
    assert tree.children[1:] == SLEEPS.children[1:]
    assert SLEEPS.words()[0] == "the"


def test_brackets_spell_the_sentence() -> None:
    """A reader of bracketed trees must get the very words back."""
    for row in derivations("dev", size=200):
        text = row.tree.bracketed()
        assert text.count("(") == text.count(")")
        assert tuple(re.findall(r" ([^ ()]+)\)", text)) == row.source_words
        if row.acceptable:
            assert row.words == row.source_words
            assert row.text.split() == list(row.words)


def _finite(tree: Tree) -> Tree | None:
    """The first tensed word below, not inside a lower clause."""
    for child in tree.children:
        if child.label in ("VBZ", "VBP", "VBD", "MD"):
            return child
        if child.label in ("VP", "SQ", "S") and (found := _finite(child)) is not None:
            return found
    return None


def test_the_features_agree_with_the_words() -> None:
    """Probing takes its labels from the features; wrong ones would look like a weak model."""
    tenses = {"future": {"MD"}, "past": {"VBD"}, "present": {"VBZ", "VBP"}}
    tenses["perfect"] = tenses["present"]
    seen = Counter[str]()
    for row in derivations("train", size=900, seed=5):
        features = row.tree.features
        assert set(features) == {"tense", "subject", "object", "clauses", "joined"}
        finite = _finite(row.tree)
        assert finite is not None
        assert finite.label in tenses[features["tense"]]
        if features["tense"] == "perfect":
            assert finite.word in ("has", "have")
        if finite.label == "VBZ":
            assert features["subject"] == "singular"
        if finite.label == "VBP":
            assert features["subject"] == "plural"
        joined = features["joined"]
        assert ("CC" in row.tree.top_constituents()) == (joined == "coordination")
        assert (features["clauses"] == "1") == (joined == "none")
        seen.update(f"{name}={value}" for name, value in features.items())
    for value in ("tense=past", "tense=present", "subject=plural", "object=plural"):
        assert seen[value] > 90
    assert seen["joined=coordination"] > 50
    assert seen["joined=subordination"] > 20


def _noun_phrases(tree: Tree) -> list[Tree]:
    below = [phrase for child in tree.children for phrase in _noun_phrases(child)]
    return [tree, *below] if tree.label == "NP" else below


def test_the_number_of_a_phrase_is_that_of_its_noun() -> None:
    """SubjNumber and ObjNumber would carry noise."""
    for row in derivations("dev", size=400, seed=6):
        for phrase in _noun_phrases(row.tree):
            nouns = [child.label for child in phrase.children if child.label in ("NN", "NNS")]
            if nouns and phrase.features:
                number = "singular" if nouns == ["NN"] else "plural"
                assert phrase.features["number"] == number


def test_depths_vary_within_a_length() -> None:
    """Depth that follows from length could not be probed apart from it."""
    depths: dict[int, set[int]] = {}
    for row in derivations("train", size=800):
        depths.setdefault(len(row.source_words), set()).add(row.tree.depth())
    assert len(depths[10]) >= 3
    assert len(set.union(*depths.values())) >= 7
