"""The values of every coalition: kept where they are asked for anyway, and for nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from kdprobe.cache import Cache
from kdprobe.collectors.attributions.orders import measured_orders
from kdprobe.extract.attributions import explain_model
from kdprobe.extract.beam import beam_limits
from kdprobe.extract.coalitions import every_coalition
from kdprobe.extract.explained_piece import RANDOM
from kdprobe.extract.method import METHODS
from kdprobe.extract.orders import EVERY_COALITION, enumerated_sizes, ranked_words
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.reader import Reader
from kdprobe.progress import Silent
from kdprobe.stats.deletion_orders import aopc, order_limits
from tests.extract.linear import asked_of
from tests.extract.test_attributions import TASK, sentence
from tests.models.tiny import tiny_checkpoint

TEXTS = ("the dog sleeps", "she likes a film", "a", "the dog likes the funny film")


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory) -> HfModel:
    place = tiny_checkpoint(tmp_path_factory.mktemp("m") / "bert", labels=TASK.labels)
    return open_hf(str(place), name="bert", task=TASK, device="cpu")


def setting_of(**methods: dict[str, Any]) -> ExplanationSettings:
    return ExplanationSettings(
        {name: METHODS.load(name).options(**options) for name, options in methods.items()}
    )


def test_no_model_is_asked_twice(handle: HfModel, monkeypatch: pytest.MonkeyPatch):
    """Guards an enumeration of its own: 4,096 passes a text, for what was known already."""
    asked: list[int] = []
    logits = Reader.logits

    def counted(self: Reader, rows: Any, **how: Any) -> Any:
        asked.append(len(rows))
        return logits(self, rows, **how)

    monkeypatch.setattr(Reader, "logits", counted)
    texts = [sentence(text) for text in TEXTS]
    setting = setting_of(shap={}, lime={})
    known = explain_model(handle, texts, setting, cache=None, progress=Silent())
    with_values = sum(asked)
    asked.clear()
    monkeypatch.setattr("kdprobe.extract.kept_explanations.order_names", lambda setting: ())
    alone = explain_model(handle, texts, setting, cache=None, progress=Silent())
    assert with_values == sum(asked)
    assert EVERY_COALITION not in alone
    for name in ("shap", "lime", RANDOM):
        for one, other in zip(known[name], alone[name], strict=True):
            np.testing.assert_array_equal(one.scored.scores, other.scored.scores)
            np.testing.assert_array_equal(one.deletion, other.deletion)


def test_the_values_are_the_probabilities_of_what_is_left(handle: HfModel):
    """Guards log-odds, another class, or coalitions in another order."""
    texts = [sentence(text) for text in TEXTS]
    explained = explain_model(handle, texts, setting_of(shap={}), cache=None, progress=Silent())
    for text, one in zip(TEXTS, explained[EVERY_COALITION], strict=True):
        game = asked_of(Reader(handle), text).game
        masks = every_coalition(game.n)
        logits = np.concatenate([game.logits(mask[None]) for mask in masks])
        np.testing.assert_allclose(one.scored.scores, softmax(logits, axis=1)[:, 1], atol=1e-6)
        assert np.isnan(one.deletion).all()


def test_orders_are_those_of_the_scores(handle: HfModel):
    """Guards sufficiency measured from the top, and ties or NaN that fall elsewhere."""
    texts = [sentence(text) for text in TEXTS]
    explained = explain_model(
        handle, texts, setting_of(shap={}, occlusion={}), cache=None, progress=Silent()
    )
    measured = measured_orders(explained, ("shap", "occlusion"))
    for row, one in enumerate(explained[EVERY_COALITION]):
        values = one.scored.scores
        low, high = measured.limits[row]
        for name in ("shap", "occlusion"):
            scores = explained[name][row].scored.scores
            order = sorted(range(len(scores)), key=lambda word: (-scores[word], word))
            top, bottom = measured.orders[name][row]
            assert top == pytest.approx(aopc(values, order))
            assert bottom == pytest.approx(aopc(values, order[::-1]))
            assert low - 1e-12 <= min(top, bottom)
            assert max(top, bottom) <= high + 1e-12
        random = measured.orders[RANDOM][row]
        assert low - 1e-12 <= random[0] == random[1] <= high + 1e-12
    alone = measured_orders({"shap": explained["shap"]}, ("shap",))
    assert np.isnan(alone.limits).all()
    assert np.isnan(alone.orders["shap"]).all()


def test_only_what_a_method_enumerates_is_kept(handle: HfModel, tmp_path: Path):
    """Guards a text found empty under one setting and taken for empty under the next."""
    assert enumerated_sizes(setting_of(occlusion={}, integrated_gradients={})) == []
    assert enumerated_sizes(setting_of(shap={"values": "owen"})) == []
    assert enumerated_sizes(setting_of(shap={"evaluations": 20})) == [1, 2, 3, 4]
    assert enumerated_sizes(setting_of(lime={"exact_words": 0}, shap={"exact_words": 2})) == [1, 2]
    assert enumerated_sizes(setting_of(shap={"exact_words": 16})) == list(range(1, 13))
    cache = Cache(tmp_path)
    texts = [sentence(text) for text in TEXTS]
    lengths = []
    for words in (3, 12):
        setting = setting_of(shap={"exact_words": words, "permutations": 2})
        explained = explain_model(handle, texts, setting, cache=cache, progress=Silent())
        lengths.append([len(one.scored.scores) for one in explained[EVERY_COALITION]])
    assert lengths == [[8, 0, 2, 0], [8, 16, 2, 64]]


def test_a_text_beyond_the_kept_words_costs_nothing_more(handle: HfModel):
    """Guards 13 words enumerated by shap: the request must be shap's, and nothing is kept."""
    texts = [sentence("the dog " * 6 + "sleeps"), sentence("the dog sleeps")]
    setting = setting_of(shap={"exact_words": 13})
    explained = explain_model(handle, texts, setting, cache=None, progress=Silent())
    assert [len(one.scored.scores) for one in explained[EVERY_COALITION]] == [0, 8]


def test_a_wide_beam_finds_the_exact_limits(handle: HfModel):
    """Guards a search that keeps the worse of two ways to a set, or mixes up its two directions."""
    games = [asked_of(Reader(handle), text).game for text in TEXTS]
    wide = beam_limits([(game, 1) for game in games], 1000)
    narrow = beam_limits([(game, 1) for game in games], 2)
    for game, found, least in zip(games, wide, narrow, strict=True):
        limits = order_limits(game.values(every_coalition(game.n), 1, "probability"))
        assert found == pytest.approx(limits, abs=1e-6)
        assert limits.low - 1e-6 <= least[0] <= least[1] <= limits.high + 1e-6
    assert beam_limits([], 5) == []


def test_long_texts_have_estimated_limits_when_a_beam_is_asked_for(handle: HfModel, tmp_path: Path):
    """Guards limits within which a method's own order does not lie, and exact ones replaced."""
    texts = [sentence("the dog likes a film " * 3), sentence("the dog sleeps")]
    setting = replace(setting_of(shap={"permutations": 2}, occlusion={}), beam=3)
    cache = Cache(tmp_path)
    explained = explain_model(handle, texts, setting, cache=cache, progress=Silent())
    measured = measured_orders(explained, ("shap", "occlusion"))
    assert measured.estimated.tolist() == [True, False]
    low, high = measured.limits[0]
    game = asked_of(Reader(handle), " ".join(texts[0].texts)).game
    for name in ("shap", "occlusion"):
        order = ranked_words(explained[name][0].scored.scores)
        for side, way in enumerate((order, order[::-1])):
            masks = np.ones((game.n + 1, game.n), dtype=np.bool_)
            for step, word in enumerate(way, start=1):
                masks[step:, word] = False
            values = game.values(masks, 1, "probability")
            area = values[0] - values[1:].mean()
            assert measured.orders[name][0, side] == pytest.approx(area, abs=1e-6)
            assert low - 1e-9 <= measured.orders[name][0, side] <= high + 1e-9
    again = explain_model(handle, texts, setting, cache=cache, progress=Silent())
    np.testing.assert_array_equal(
        measured_orders(again, ("shap", "occlusion")).limits, measured.limits
    )
    plain = explain_model(handle, texts, replace(setting, beam=0), cache=cache, progress=Silent())
    without = measured_orders(plain, ("shap", "occlusion"))
    assert np.isnan(without.limits[0]).all()
    np.testing.assert_array_equal(without.limits[1], measured.limits[1])
