"""Divergence, matching and statistics of heads against scipy, brute force and hand counts."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from kdprobe.stats.attention import (
    Maps,
    among_words,
    entropies,
    head_divergence,
    head_statistics,
    matched_heads,
)

quick = settings(max_examples=40, deadline=None)


def rows_of(*shape: int, seed: int = 0, sharp: float = 2.0) -> Maps:
    """Random distributions over the last axis, some of them nearly on one place."""
    generator = np.random.Generator(np.random.PCG64(seed))
    weights = np.exp(sharp * generator.normal(size=shape))
    return (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)


@quick
@given(seed=st.integers(0, 2**31), n=st.integers(1, 5), width=st.integers(2, 7))
def test_divergence_is_scipys_of_every_row(seed: int, n: int, width: int) -> None:
    """Guards heads that are set against the wrong heads, and rows of another sentence."""
    left, right = rows_of(2, n, width, width, seed=seed), rows_of(3, n, width, width, seed=seed + 1)
    result = head_divergence(left, right)
    assert result.shape == (2, 3, n)
    for head, other, at in np.ndindex(2, 3, n):
        pairs = zip(left[head, at], right[other, at], strict=True)
        expected = np.mean([jensenshannon(p.astype(float), q.astype(float)) ** 2 for p, q in pairs])
        assert result[head, other, at] == pytest.approx(expected, abs=2e-6)
    assert (result >= 0).all()
    assert (result <= np.log(2)).all()
    np.testing.assert_allclose(result, head_divergence(right, left).transpose(1, 0, 2), atol=1e-6)


def test_equal_heads_do_not_diverge_and_disjoint_ones_diverge_by_ln_2() -> None:
    """Guards rounding below 0 and NaN of log 0."""
    same = rows_of(2, 3, 4, 4, sharp=30.0)
    diagonal = head_divergence(same, same)[np.arange(2), np.arange(2)]
    assert diagonal.max() < 1e-6
    one = np.eye(3, dtype=np.float32)[None, None]
    assert head_divergence(one, np.roll(one, 1, axis=-1)) == pytest.approx(np.log(2))


def test_many_sentences_are_worked_in_parts_that_change_nothing() -> None:
    """Guards the seams of the parts that fit into a processor's memory."""
    left, right = rows_of(2, 700, 9, 9), rows_of(4, 700, 9, 9, seed=1)
    whole = head_divergence(left, right)
    for at in (0, 199, 200, 699):
        part = slice(at, at + 1)
        np.testing.assert_allclose(
            whole[..., part], head_divergence(left[:, part], right[:, part]), atol=1e-7
        )


@quick
@given(seed=st.integers(0, 2**31), heads=st.integers(1, 5), others=st.integers(1, 5))
def test_matching_is_the_best_of_all(seed: int, heads: int, others: int) -> None:
    """Guards a greedy matching, which gives two heads away for one."""
    cost = np.random.Generator(np.random.PCG64(seed)).random((heads, others))
    ours, theirs = matched_heads(cost)
    assert len(set(ours.tolist())) == len(set(theirs.tolist())) == min(heads, others)
    wide = cost if heads <= others else cost.T
    least = min(
        sum(wide[row, column] for row, column in enumerate(order))
        for order in permutations(range(wide.shape[1]), wide.shape[0])
    )
    assert cost[ours, theirs].sum() == pytest.approx(least)


def test_shuffled_heads_are_found_again() -> None:
    """Guards a matching by place: the same heads in another order are the same layer."""
    maps, order = rows_of(6, 5, 4, 4), np.array([3, 1, 5, 0, 2, 4])
    divergence = head_divergence(maps, maps[order])
    ours, theirs = matched_heads(divergence.mean(axis=-1))
    assert order[theirs].tolist() == ours.tolist()
    assert divergence[ours, theirs].max() < 1e-6


def test_attention_among_words_is_renormalised() -> None:
    """Guards special tokens that stay in a row, and 0 / 0 where a word reads none of the words."""
    maps = rows_of(2, 3, 5, 5)
    words = np.array([False, True, True, True, False])
    kept = among_words(maps, words)
    assert kept.shape == (2, 3, 3, 3)
    np.testing.assert_allclose(kept.sum(axis=-1), 1.0, rtol=1e-6)
    inside = maps[1, 2, 2, 1:4]
    np.testing.assert_allclose(kept[1, 2, 1], inside / inside.sum(), rtol=1e-6)
    maps[0, 0, 1] = [1, 0, 0, 0, 0]
    assert among_words(maps, words)[0, 0, 0] == pytest.approx([1 / 3] * 3)


def test_statistics_of_heads_known_by_hand() -> None:
    """Guards a sink counted in both places, rows of special tokens, and distances off by one."""
    words = np.array([False, True, True, False])  # [CLS] a b [SEP]
    previous = np.zeros((4, 4), dtype=np.float32)
    previous[[0, 1, 2, 3], [0, 0, 1, 2]] = 1.0
    to_sep = np.zeros((4, 4), dtype=np.float32)
    to_sep[:, 3] = 1.0
    even = np.full((4, 4), 0.25, dtype=np.float32)
    maps = np.stack([previous, to_sep, even])[:, None]
    looks = head_statistics(maps, words, maps)[..., 0]
    entropy, distance, first, separators = looks[:4]
    assert looks[4:].tolist() == [[0, 0, 0.25], [1, 0, 0.25], [0, 0.5, 0.25]]  # b is before [SEP]
    assert entropy == pytest.approx([0, 0, np.log(4)], abs=1e-6)
    assert distance == pytest.approx([3 / 4, (3 + 2 + 1 + 0) / 4, (6 + 4 + 4 + 6) / 16])
    assert first == pytest.approx([0.5, 0.0, 0.25])
    assert separators == pytest.approx([0.0, 1.0, 0.25])
    shown = among_words(maps, words)
    entropy, distance, first, _ = head_statistics(maps, words, shown)[:4, :, 0]
    # a reads [CLS] alone: spread evenly over a and b; b reads a.
    assert entropy == pytest.approx([np.log(2) / 2, np.log(2), np.log(2)], abs=1e-6)
    assert distance == pytest.approx([(0.5 + 1) / 2, 0.5, 0.5])
    assert first == pytest.approx([0.5, 0.0, 0.25])


def test_without_special_tokens_there_is_no_separator() -> None:
    """Guards a decoder's first word taken for a separator: it is the first token."""
    maps = np.tril(np.ones((3, 3), dtype=np.float32))
    maps /= maps.sum(axis=-1, keepdims=True)
    values = head_statistics(maps[None, None], np.array([True] * 3), maps[None, None])[:, 0, 0]
    assert values[2:] == pytest.approx(
        [(1 + 1 / 2 + 1 / 3) / 3, 0.0, (1 + 1 / 2 + 1 / 3) / 3, (1 / 2 + 1 / 3) / 3, 0.0]
    )


def test_entropy_of_nothing_is_zero() -> None:
    """Guards -0 and NaN on the page."""
    assert str(entropies(np.array([0.0, 1.0], dtype=np.float32)).item()) == "0.0"


def test_attention_of_words_is_not_that_of_special_tokens() -> None:
    """Guards a mean over all tokens, in which special tokens, that mostly rest, outweigh words."""
    maps = np.array([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25], [1.0, 0.0, 0.0]], dtype=np.float32)
    words = np.array([False, True, False])
    numbers = head_statistics(maps[None, None], words, maps[None, None]).ravel()
    np.testing.assert_allclose(numbers[2:5], [0.5, 0.25, 0.25])


def test_divergence_stays_in_its_range_to_the_last_bit() -> None:
    """Guards a divergence below 0 or above ln 2 that rounding makes and a report refuses."""
    for seed in range(20):
        heads = rows_of(3, 4, 6, 6, seed=seed, sharp=6.0)
        assert head_divergence(heads, heads).min() >= 0.0
    apart = np.zeros((1, 1, 3, 6), dtype=np.float32)
    apart[..., :3] = rows_of(1, 1, 3, 3)
    assert head_divergence(apart, apart[..., ::-1]).max() <= np.log(2.0)
