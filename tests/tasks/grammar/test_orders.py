"""Other orders of derived sentences: the same words, other constituents at the top."""

import random
from collections import Counter

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from kdprobe.tasks.grammar.generation import derivations
from kdprobe.tasks.grammar.orders import reordered
from kdprobe.tasks.grammar.trees import Tree
from kdprobe.tasks.probing.facts import facts_of_tree
from tests.tasks.probing.test_build import built


def subject() -> Tree:
    return Tree("NP", (Tree("DT", word="The"), Tree("NN", word="boy")))


def statement(*phrase: Tree) -> Tree:
    return Tree("S", (subject(), Tree("VP", phrase), Tree(".", word=".")), features={"tense": "x"})


def orders(tree: Tree) -> set[str]:
    found = {" ".join(reordered(tree, random.Random(k)).words()) for k in range(40)}
    assert found
    return found


def test_orders_by_hand():
    """Guards against an adverbial that is left behind or lost, and a capital in the middle."""
    place = Tree("PP", (Tree("IN", word="in"), Tree("NN", word="town")))
    surely = Tree("ADVP", (Tree("RB", word="clearly"),))
    slept = Tree("VP", (Tree("VB", word="sleep"), place))
    assert orders(statement(Tree("MD", word="will"), surely, slept)) == {
        "Clearly the boy will sleep in town .", "In town the boy will clearly sleep ."
    }  # fmt: skip
    assert orders(statement(Tree("MD", word="will"), slept)) == {
        "In town the boy will sleep .", "Will the boy sleep in town ?"
    }  # fmt: skip
    old = Tree("ADJP", (Tree("JJ", word="old"),))
    question = reordered(statement(Tree("VBZ", word="is"), old), random.Random(1))
    assert question.bracketed() == (
        "(SQ (VBZ Is) (NP (DT the) (NN boy)) (ADJP (JJ old)) (. ?))"
    )  # fmt: skip


def test_sentences_without_another_order_stay():
    """Guards against word salad: "often" and "that" clauses do not move."""
    often = Tree("ADVP", (Tree("RB", word="often"),))
    assert orders(statement(often, Tree("VBZ", word="sleeps"))) == {"The boy often sleeps ."}
    ever = Tree("ADVP", (Tree("RB", word="ever"),))
    held = statement(Tree("VBZ", word="has"), ever, Tree("VP", (Tree("VBN", word="slept"),)))
    assert orders(held) == {"The boy has ever slept ."}
    that = Tree("SBAR", (Tree("IN", word="that"), Tree("S", (subject(),))))
    assert orders(statement(Tree("VBZ", word="says"), that)) == {"The boy says that The boy ."}


def test_words_stay_and_constituents_change():
    """Guards against an order whose words tell of it, and one whose top is what it was."""
    rng = random.Random(3)
    tops = Counter[str]()
    for row in derivations("train", size=1200, seed=4):
        if not row.acceptable:
            continue
        other = reordered(row.tree, rng)
        tops["_".join(other.top_constituents())] += 1
        if other is row.tree:
            continue
        old, new = (
            sorted(word.lower() for word in tree.words()[:-1]) for tree in (row.tree, other)
        )
        assert old == new
        assert other.top_constituents() != row.tree.top_constituents()
        first, *rest = other.words()
        assert first[0].isupper()
        assert not any(word[0].isupper() for word in rest)
        assert facts_of_tree(other).depth == other.depth()
        assert other.features == row.tree.features
    assert len([top for top, n in tops.items() if n >= 6]) >= 8


def test_top_constituents_are_more_than_a_bag_of_words():
    """Guards against a task that "?" and "and" solve: layer 0 would score like the last."""
    made = built("top_constituents")
    assert len(made.labels) >= 7
    counts = CountVectorizer(token_pattern=r"\S+")
    x = counts.fit_transform(made.train.sentences)
    guesser = LogisticRegression(max_iter=1000).fit(x, made.train.labels)
    assert guesser.score(counts.transform(made.test.sentences), made.test.labels) < 0.85
