"""Where explainers go quietly wrong: the traps of lime, shap and attention, each held by a test."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.extract.coalitions import every_coalition
from kdprobe.extract.method import METHODS
from kdprobe.extract.methods import lime
from kdprobe.extract.methods._regression import few_coalitions, regress
from kdprobe.extract.methods.integrated_gradients import IntegratedGradientsOptions, every_class
from kdprobe.extract.methods.shap import balanced_tree, orders, owen, prefixes, shapley
from kdprobe.models.hf import open_hf
from kdprobe.models.reader import Reader
from kdprobe.tasks.task import Task
from tests.analysis.studies import quick
from tests.extract.linear import Recurrent, asked_of, reader_of
from tests.extract.methods.test_methods import explain
from tests.models.test_words import word_level
from tests.models.tiny import tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
TEN = "the dog and the cat saw a funny movie ?"


@pytest.fixture(scope="module")
def reader() -> Reader:
    """A recurrent model of whole words: cheap, and not linear."""
    return reader_of(Recurrent(200), word_level())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("m") / "bert", labels=TASK.labels)


def by_subsets(values: np.ndarray) -> np.ndarray:
    """Shapley values from their definition over subsets, with sets in place of bits."""
    n = int(np.log2(len(values)))
    worth = {
        frozenset(chosen): values[sum(1 << word for word in chosen)]
        for size in range(n + 1)
        for chosen in combinations(range(n), size)
    }
    scores = np.zeros(n)
    for word in range(n):
        for inside, value in worth.items():
            if word not in inside:
                weight = factorial(len(inside)) * factorial(n - len(inside) - 1) / factorial(n)
                scores[word] += weight * (worth[inside | {word}] - value)
    return scores


@pytest.mark.parametrize("n", range(1, 11))
def test_shapley_values_are_their_definition_up_to_ten_words(n: int):
    """Guards against weights or bits that go wrong as a text grows."""
    values = np.random.Generator(np.random.PCG64(n)).normal(size=2**n)
    np.testing.assert_allclose(shapley(values), by_subsets(values), atol=1e-10)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_ten_words_against_shaps_exact_explainer(reader: Reader):
    """Guards against a game of ten words that is not the one shap would play."""
    import shap as package

    asked = asked_of(reader, TEN)
    (found,) = explain("shap", reader, [TEN])
    masker = package.maskers.Independent(np.zeros((1, 10)), max_samples=1)
    theirs = package.ExactExplainer(lambda rows: asked.game.values(rows > 0.5, 1), masker)
    np.testing.assert_allclose(found.scores, theirs(np.ones((1, 10))).values[0], atol=1e-7)


@given(st.integers(2, 8), st.integers(0, 50))
@quick
def test_a_regression_on_all_coalitions_is_exact(n: int, seed: int):
    """Guards against weights of sizes that are not Shapley's."""
    values = np.random.Generator(np.random.PCG64(seed)).normal(size=2**n)
    masks, weights = few_coalitions(n, 2**n, seed)
    rows = masks @ (1 << np.arange(n))
    assert sorted(rows.tolist()) == list(range(2**n))
    np.testing.assert_allclose(regress(masks, weights, values[rows]), shapley(values), atol=1e-8)


@given(st.integers(3, 30), st.integers(0, 400), st.integers(0, 9))
@quick
def test_few_coalitions_are_different_and_within_the_bound(n: int, evaluations: int, seed: int):
    """Guards against a bound that is passed, coalitions paid for twice, and lost complements."""
    masks, weights = few_coalitions(n, evaluations, seed)
    rows = {mask.tobytes() for mask in masks}
    assert len(rows) == len(masks) <= min(2**n, max(evaluations, 2 * n + 2))
    assert all((~mask).tobytes() in rows for mask in masks)
    whole = sum((n - 1) / (s * (n - s)) for s in range(1, n))
    assert 0 < weights[2:].sum() <= whole * (1 + 1e-9)
    assert weights[2:].sum() == pytest.approx(whole) or len(masks) + 2 > evaluations


def test_few_coalitions_tell_more_than_as_many_orders_do(reader: Reader):
    """Guards against a cheap estimate that is worse than the plain one, or loses completeness."""
    values = asked_of(reader, TEN).game.values(every_coalition(10), 1)
    exact, bits = shapley(values), 1 << np.arange(10)
    few, plain = [], []
    for seed in range(5):
        masks, weights = few_coalitions(10, 128, seed)
        found = regress(masks, weights, values[masks @ bits])
        assert found.sum() == pytest.approx(exact.sum(), abs=1e-9)
        few.append(np.abs(found - exact).sum())
        gains = np.zeros((12, 10))  # six orders and their reverses ask for 112 to 120 coalitions
        for row, order in enumerate(orders(10, 6, seed)):
            gains[row, order] = np.diff(values[prefixes(order) @ bits])
        plain.append(np.abs(gains.mean(axis=0) - exact).sum())
    assert 0 < np.mean(few) < 0.8 * np.mean(plain)


def test_a_bound_on_evaluations_keeps_short_texts_exact(reader: Reader):
    """Guards against noise where everything fits the bound."""
    (few,) = explain("shap", reader, [TEN], evaluations=128)
    (whole,) = explain("shap", reader, ["the dog sleeps ."], evaluations=128)
    (exact,) = explain("shap", reader, ["the dog sleeps ."])
    assert few.sampled
    assert not whole.sampled
    np.testing.assert_allclose(whole.scores, exact.scores, atol=1e-9)


def within(tree: np.ndarray, order: tuple[int, ...]) -> bool:
    """Whether an order of words keeps every group of a tree together."""
    n = len(order)
    groups: list[set[int]] = [{word} for word in range(n)]
    groups += [set() for _ in tree]
    for row, (left, right, *_) in enumerate(tree):
        groups[n + row] = groups[int(left)] | groups[int(right)]
    places = {word: place for place, word in enumerate(order)}
    return all(
        max(places[w] for w in group) - min(places[w] for w in group) == len(group) - 1
        for group in groups
    )


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_shaps_partition_values_are_those_of_orders_that_keep_its_groups(reader: Reader):
    """Guards against a tree of tokens under the words' name, and a cut at shap's own cap."""
    text = "the dog likes the cat"
    asked = asked_of(reader, text)
    values = asked.game.values(every_coalition(5), 1)
    orders = [order for order in permutations(range(5)) if within(balanced_tree(5), order)]
    gains = np.zeros((len(orders), 5))
    for row, order in enumerate(orders):
        reached = np.cumsum([0, *(1 << word for word in order)])
        gains[row, list(order)] = [values[b] - values[a] for a, b in pairwise(reached.tolist())]
    np.testing.assert_allclose(owen(asked, "log-odds"), gains.mean(axis=0), atol=1e-6)
    (found,) = explain("shap", reader, [text], values="owen")
    (exact,) = explain("shap", reader, [text])
    assert found.scores.sum() == pytest.approx(exact.scores.sum(), abs=1e-6)
    assert not np.allclose(found.scores, exact.scores, atol=1e-9)
    (one,) = explain("shap", reader, ["dog"], values="owen")
    assert one.scores.shape == (1,)


def test_a_lime_of_few_words_is_a_ridge_on_all_of_them(reader: Reader):
    """Guards against lime's greedy forward selection of texts of up to six words."""
    asked = asked_of(reader, "the dog sleeps .")
    masks = lime.draw(4, 300, np.random.RandomState(2))
    values = asked.game.values(masks, 1)
    weights = lime.kernel(lime.distances(masks), 25.0)
    design = masks - np.average(masks, axis=0, weights=weights)
    centred = values - np.average(values, weights=weights)
    normal = design.T @ (weights[:, None] * design) + np.eye(4)
    wanted = np.linalg.solve(normal, design.T @ (weights * centred))
    np.testing.assert_allclose(lime.fit(masks, values, 25.0), wanted, atol=1e-9)
    assert np.abs(wanted).min() > 0


@pytest.mark.parametrize("name", ["lime", "shap", "occlusion", "integrated_gradients"])
def test_repeated_words_keep_scores_of_their_own(name: str, reader: Reader):
    """Guards against lime's bag of words, which gives both the same weight."""
    (found,) = explain(name, reader, ["the dog saw the dog"])
    assert found.scores.shape == (5,)
    assert found.scores[0] != pytest.approx(found.scores[3], rel=1e-3)
    assert found.scores[1] != pytest.approx(found.scores[4], rel=1e-3)


@pytest.mark.parametrize("name", METHODS.names())
def test_a_text_without_word_characters_is_explained(name: str, reader: Reader):
    """Guards against lime's `low >= high`: marks are words too."""
    from lime.lime_text import LimeTextExplainer

    (found,) = explain(name, reader, ["?!"])
    assert found.scores.shape == (2,)
    assert np.isfinite(found.scores).all()
    with pytest.raises(ValueError, match="low >= high"):
        LimeTextExplainer().explain_instance("?!", lambda texts: np.ones((len(texts), 2)))


def test_an_apostrophe_inside_a_word_does_not_split_it(reader: Reader):
    """Guards against `don` and `t` with a score each."""
    for name in ("lime", "shap", "integrated_gradients"):
        (found,) = explain(name, reader, ["dogs don't sleep ."])
        assert found.scores.shape == (4,)


@pytest.mark.parametrize("name", ["integrated_gradients", "shap"])
def test_kinds_of_attention_move_no_score(name: str, place: Path):
    """Guards against gradients through sdpa that are not those of eager attention."""
    found = {}
    for kind in ("sdpa", "eager"):
        handle = open_hf(str(place), name="bert", task=TASK, device="cpu")
        handle.model.set_attn_implementation(kind)
        found[kind] = explain(name, Reader(handle), ["she likes a funny film ."])[0].scores
    np.testing.assert_allclose(found["sdpa"], found["eager"], atol=2e-5)


def test_maps_of_every_class_are_those_of_each(place: Path):
    """Guards against maps in the model's own order of labels, or one class explained twice."""
    reader = Reader(open_hf(str(place), name="bert", task=TASK, device="cpu"))
    texts = ["the dog sleeps .", "he laughs"]
    asked = [asked_of(reader, text, 0) for text in texts]
    options = IntegratedGradientsOptions(reduce="l2", top_dimensions=5)
    method = METHODS.load("integrated_gradients")
    maps = every_class(asked, reader, options, "probability")
    for target in (0, 1):
        again = [asked_of(reader, text, target) for text in texts]
        for one, scored in zip(
            maps, method.explain(again, reader, options, "probability"), strict=True
        ):
            np.testing.assert_allclose(one[target], scored.scores, atol=1e-6)
    signed = every_class(asked, reader, IntegratedGradientsOptions())
    for one in signed:  # two classes: one's log-odds are the other's, turned round
        np.testing.assert_allclose(one[0], -one[1], atol=1e-6)


def test_a_class_without_finite_scores_has_no_maps(reader: Reader, monkeypatch: Any):
    """Guards against a map of zeros for a class whose gradients broke."""
    asked = [asked_of(reader, "the dog")]
    head = reader.model.head
    monkeypatch.setattr(head, "bias", None)
    weight = head.weight.detach().clone()
    weight[0, 0] = float("nan")
    monkeypatch.setitem(head._parameters, "weight", weight)
    (maps,) = every_class(asked, reader, IntegratedGradientsOptions())
    assert maps.shape == (2, 0)
