"""The log-odds margin: by hand, and scipy's logit as the reference."""

import numpy as np
import pytest
from scipy import special

from kdprobe.analysis.confidence.margins import (
    OF_PROBABILITIES,
    Subset,
    between_models,
    margin_of,
)
from kdprobe.analysis.confidence.pairs import between_all
from tests.analysis.studies import classification


def test_margin_by_hand_and_by_scipy():
    """The margin computed from p, log p - log(1 - p), is infinite where p rounds to 1."""
    assert margin_of(np.array([[50.0, 0.0]]), np.array([0])).tolist() == [50.0]
    values = np.random.default_rng(0).normal(size=(40, 57)) * 3
    classes = values.argmax(axis=1)
    p = special.softmax(values, axis=1)[np.arange(40), classes]
    assert margin_of(values, classes) == pytest.approx(special.logit(p))
    log_p = special.log_softmax(values, axis=1)
    assert margin_of(log_p, classes) == pytest.approx(special.logit(p))


def test_ranks_taken_once_give_what_each_pair_gives():
    """Guards against ranks of one run, or of another class's margin, given to another pair."""
    study = classification(60, classes=3, students=3, runs=2)
    subsets: tuple[Subset, ...] = ("all", "agree", "disagree")
    wanted = [(each, subset) for subset in subsets for each in OF_PROBABILITIES]
    apart = [number for pair in study.pairs for number in between_models(study, wanted, pair, {})]
    assert between_all(study, wanted) == apart
