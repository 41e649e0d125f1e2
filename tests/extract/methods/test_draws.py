"""When a text stops drawing, and how far its scores agree with those of another seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from scipy.stats import spearmanr

from kdprobe.extract.coalitions import ValueFunction
from kdprobe.extract.method import METHODS, Attribution, ExplanationInput
from kdprobe.extract.methods._draws import agreement_with_itself, settled
from kdprobe.extract.methods.lime import draw, fit, influences
from kdprobe.observations.attributions import Word
from tests.extract.linear import asked_of, linear_reader
from tests.models.tiny import WORDS

WIDTH = 25.0
ROUGH: dict[str, dict[str, Any]] = {
    "lime": {"exact_words": 0, "samples": 400, "noise": 0.05},
    "shap": {"exact_words": 1, "permutations": 32, "noise": 0.05},
}
sampling = pytest.mark.parametrize("name", ["lime", "shap"])


class Game:
    """v(S) in closed form: words, pairs and triples of them, so that no method is without noise."""

    def __init__(self, n: int, *, rough: float, seed: int) -> None:
        generator = np.random.Generator(np.random.PCG64(seed))
        self.n = n
        self.single = generator.normal(size=n)
        self.triples = rough * generator.normal(size=(n, n, n))

    def values(self, masks: np.ndarray, target: int, output: str = "log-odds") -> np.ndarray:
        x = masks.astype(float)
        return x @ self.single + np.einsum("ri,rj,rk,ijk->r", x, x, x, self.triples) / self.n


def input_of(game: Game, seed: int) -> ExplanationInput:
    words = tuple(Word(0, at, at + 1, "w") for at in range(game.n))
    held = cast(ValueFunction, game)
    return ExplanationInput("x", words, cast(Any, None), (), 1, held, seed)


def explained(name: str, game: Game, seed: int, **options: float) -> Attribution:
    method = METHODS.load(name)
    chosen = method.options(**{**ROUGH[name], **options})
    return method.explain([input_of(game, seed)], None, chosen, "log-odds")[0]


@pytest.fixture(autouse=True)
def _no_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A game in closed form is asked without a model."""
    for name in ("lime", "shap"):
        module = __import__(f"kdprobe.extract.methods.{name}", fromlist=["fill"])
        real = module.fill

        def of_models(wanted: list[Any], real: Callable[[Any], None] = real) -> None:
            real([pair for pair in wanted if isinstance(pair[0], ValueFunction)])

        monkeypatch.setattr(module, "fill", of_models)


def test_the_errors_of_lime_are_the_spread_over_seeds() -> None:
    """Guards against standard errors that stop a sentence too early, or never.

    Independent reference: the standard deviation of the scores of 300 draws from as many seeds.
    """
    game = Game(8, rough=0.5, seed=1)
    scores, errors = [], []
    for seed in range(300):
        masks = draw(8, 200, np.random.RandomState(seed))
        values = game.values(masks, 1)
        scores.append(fit(masks, values, WIDTH, ridge=0.2))
        errors.append((influences(masks, values, WIDTH, ridge=0.2) ** 2).sum(axis=0))
    spread = np.std(scores, axis=0, ddof=1)
    mean = np.sqrt(np.mean(errors, axis=0))
    np.testing.assert_allclose(mean, spread, rtol=0.15)


@sampling
def test_the_ceiling_of_one_draw_is_that_of_two_seeds(name: str) -> None:
    """Guards against a ceiling that is too high or too low, and moves every normalised agreement.

    Independent reference: scipy's rank correlation of two seeds, over 60 games.
    """
    two, halves = [], []
    for place in range(60):
        game = Game(10, rough=3.0, seed=place)
        one, other = (explained(name, game, seed, noise=0) for seed in (1, 2))
        two.append(spearmanr(one.scores, other.scores)[0])
        halves += [one.itself, other.itself]
    assert 0.5 < np.mean(two) < 0.98
    assert abs(np.mean(halves) - np.mean(two)) < 2.5 * np.std(two) / np.sqrt(60)
    assert abs(np.mean(halves) - np.mean(two)) < 0.03


@sampling
def test_what_stops_early_is_the_beginning_of_what_does_not(name: str) -> None:
    """Guards against draws that depend on where a sentence stops, and against a rule not kept.

    A smooth game stops at the first look; a rough one goes to the end and gives, bit for bit, the
    scores of the fixed number.
    """
    smooth, rough = Game(10, rough=0.02, seed=3), Game(10, rough=3.0, seed=3)
    early = explained(name, smooth, 5)
    assert early.drawn == 0.25
    assert early.errors is not None
    assert settled(early.scores, early.errors, 0.05)
    late, fixed = (explained(name, rough, 5, noise=noise) for noise in (0.001, 0.0))
    assert late.drawn == fixed.drawn == 1
    np.testing.assert_array_equal(late.scores, fixed.scores)
    assert late.errors is not None
    assert not settled(late.scores, late.errors, 0.001)
    whole = explained(name, smooth, 5, noise=0)
    assert spearmanr(early.scores, whole.scores)[0] > 0.95
    np.testing.assert_allclose(early.scores, whole.scores, atol=5 * early.errors.max())


@sampling
def test_a_sentence_stops_where_it_would_alone(name: str) -> None:
    """Guards against scores that depend on the sentences beside it, bit for bit."""
    reader = linear_reader()
    texts = [" ".join(WORDS[(7 * row + at) % 40] for at in range(14 + row)) for row in range(3)]
    method = METHODS.load(name)
    options = method.options(**{**ROUGH[name], "noise": 0.3})
    together = method.explain([asked_of(reader, text) for text in texts], reader, options,
                              "probability")  # fmt: skip
    for text, beside in zip(texts, together, strict=True):
        (alone,) = method.explain([asked_of(reader, text)], reader, options, "probability")
        np.testing.assert_array_equal(alone.scores, beside.scores)
        assert (alone.drawn, alone.itself) == (beside.drawn, beside.itself)


def test_no_error_agrees_fully_and_noise_alone_does_not() -> None:
    """By hand: scores without error agree fully; scores that are all noise do not; few say nothing.

    Guards against an agreement of noise with itself that the spread of one draw pretends.
    """
    truth, generator = np.arange(9.0), np.random.Generator(np.random.PCG64(0))
    assert agreement_with_itself(truth, np.zeros((10, 9)), 0) == 1.0
    assert np.isnan(agreement_with_itself(truth, np.zeros((7, 9)), 0))
    assert np.isnan(agreement_with_itself(np.zeros(9), np.ones((10, 9)), 0))
    assert np.isnan(agreement_with_itself(np.zeros(1), np.ones((10, 1)), 0))
    draws = generator.normal(size=(400, 9))
    noise = (draws - draws.mean(axis=0)) / 400
    assert abs(agreement_with_itself(draws.mean(axis=0), noise, 0)) < 0.5
