"""Scores of several labels at once: by hand, against scikit-learn and scipy, and as properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit
from scipy.stats import entropy
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    hamming_loss,
    multilabel_confusion_matrix,
)

from kdprobe.stats.bootstrap import draw_resamples, whole_sample
from kdprobe.stats.classification import f1, f1_macro
from kdprobe.stats.several_labels import (
    average_precision,
    bernoulli_kl,
    f1_of_examples,
    f1_pooled,
    hamming,
    label_counts,
)
from tests.analysis.studies import quick

GOLD = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 0], [0, 1, 0]])
GUESS = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 1], [1, 0, 0]])


def test_by_hand() -> None:
    """Guards which decisions count: gold 5, predicted 5, both 3 of 12 decisions on 4 examples."""
    counts = label_counts(whole_sample(4), GOLD, GUESS)
    assert counts.hits[0].tolist() == [2, 1, 0]
    assert f1_pooled(counts)[0] == pytest.approx(2 * 3 / (5 + 5))
    assert f1(counts)[0].tolist() == pytest.approx([0.8, 2 / 3, 0.0])
    assert f1_of_examples(GOLD, GUESS).tolist() == pytest.approx([2 / 3, 1.0, 0.8, 0.0])
    assert hamming(GOLD, GUESS).tolist() == pytest.approx([1 / 3, 0.0, 1 / 3, 2 / 3])


sets = st.tuples(st.integers(1, 12), st.integers(2, 4)).flatmap(
    lambda shape: st.tuples(
        arrays(np.int64, shape, elements=st.integers(0, 1)),
        arrays(np.int64, shape, elements=st.integers(0, 1)),
        arrays(np.float64, shape, elements=st.integers(-4, 4).map(float)),
    )
)


@quick
@given(case=sets)
def test_scores_are_those_of_scikit_learn(case) -> None:
    """Guards averages over the wrong axis, in the whole sample and in every resample."""
    gold, guess, score = case
    n = len(gold)
    resamples = draw_resamples(1, n, 3)
    counts = label_counts(resamples, gold, guess)
    for draw, weights in enumerate(resamples.counts.astype(int)):
        rows = np.repeat(np.arange(n), weights)
        g, p = gold[rows], guess[rows]
        pooled = f1_score(g, p, average="micro", zero_division=np.nan)
        assert f1_pooled(counts)[draw] == pytest.approx(pooled, nan_ok=True)
        macro = f1_score(g, p, average="macro", zero_division=np.nan)
        assert f1_macro(counts)[draw] == pytest.approx(macro, nan_ok=True)
        each = f1_score(g, p, average="samples", zero_division=1.0)
        assert resamples.mean(f1_of_examples(gold, guess))[draw] == pytest.approx(each)
        assert resamples.mean(hamming(gold, guess))[draw] == pytest.approx(hamming_loss(g, p))
        tables = multilabel_confusion_matrix(g, p)
        assert counts.hits[draw].tolist() == tables[:, 1, 1].tolist()
        for label in range(gold.shape[1]):
            drawn = average_precision(resamples, gold[:, label] == 1, score[:, label])[draw]
            if g[:, label].any():
                known = average_precision_score(g[:, label], score[rows][:, label])
                assert drawn == pytest.approx(known)
            else:
                assert np.isnan(drawn)


logits = arrays(np.float64, (5, 3), elements=st.floats(-20, 20))


@quick
@given(teacher=logits, student=logits)
def test_divergences_of_labels_add_up(teacher, student) -> None:
    """Guards the formula against scipy's entropy, and that the sum is that of all 8 sets."""
    p, q = expit(teacher), expit(student)
    pairs = [np.stack([1 - side, side], -1) for side in (p, q)]
    each = entropy(*pairs, axis=-1)
    np.testing.assert_allclose(bernoulli_kl(teacher, student), each, rtol=1e-6, atol=1e-9)
    members = np.array([[code >> place & 1 for place in range(3)] for code in range(8)])
    joint = [np.where(members[None], side[:, None], 1 - side[:, None]).prod(-1) for side in (p, q)]
    whole = entropy(*joint, axis=-1)
    np.testing.assert_allclose(each.sum(axis=1), whole, rtol=1e-6, atol=1e-9)


def test_far_logits_stay_finite() -> None:
    """Guards log(0): a probability that rounds to 1 still has its divergence, 700 nats here."""
    apart = bernoulli_kl(np.array([[700.0]]), np.array([[-700.0]]))
    assert apart.tolist() == [[700.0]]
