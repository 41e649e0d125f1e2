"""Models in bfloat16: what moved is measured beside float32 and said, model by model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import kdprobe
from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.comparison.rounding import output_moves
from kdprobe.extract import attributions
from kdprobe.extract.attributions import ExplanationRequest, explain_model
from kdprobe.extract.method import METHODS
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models import precision
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.results.numbers import show_number
from kdprobe.tasks.task import Task
from tests.distillers.builders import toy_file
from tests.models.tiny import SENTENCES, tiny_checkpoint

LABELS = ("neg", "pos")
TASK = Task("t", 1, "classification", LABELS, "accuracy")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rounded")
    toy_file(folder, train=20, dev=16)
    for name, seed in (("t", 1), ("s", 2)):
        tiny_checkpoint(folder / name, labels=LABELS, seed=seed)
    return folder


def opened(folder: Path, dtype: str) -> HfModel:
    return open_hf(str(folder), name="m", task=TASK, device="cpu", dtype=dtype)


def notices(
    place: Path, *models: str, dtype: str = "float32", explaining: AttributionRequest | None = None
) -> dict[str, str]:
    result = kdprobe.compare(
        str(place / models[0]), [str(place / models[1])], task=str(place / "toy.tsv"),
        only=["agreement", "attribution_agreement"], device="cpu", offline=True, dtype=dtype,
        cache=False, resamples=100, threads=1,
        attributions=explaining or AttributionRequest(methods=("occlusion",), sentences=6),
    )  # fmt: skip
    return {
        one.models[0]: one.message for one in result.document.warnings if one.code == "rounding"
    }


def test_what_moved_is_measured_for_every_rounded_model(place: Path) -> None:
    """Guards against a fixed claim about bfloat16, and one that leaves a stage out.

    Independent: the outputs of both precisions, opened apart, subtracted here.
    """
    messages = notices(place, "t", "s", dtype="bf16")
    assert set(messages) == {"t", "s"}
    rows = (place / "toy.tsv").read_text().splitlines()[1:]
    texts = [row.split("\t")[0] for row in rows]
    for name, message in messages.items():
        for part in ("layers keep a cosine of", "word scores (few short texts): occlusion"):
            assert part in message
        largest = re.search(r"by (\S+) at most; (no|\d+) prediction", message)
        assert largest is not None
        gaps = []
        for text in texts:
            given = opened(place / name, "float32").tokenizer(text, return_tensors="pt")
            with torch.no_grad():
                both = [opened(place / name, d).model(**given).logits.float() for d in
                        ("float32", "bf16")]  # fmt: skip
            gaps.append(float((both[0] - both[1]).abs().max()))
        assert float(largest[1]) == pytest.approx(max(gaps), rel=0.5)


def test_only_what_was_rounded_is_spoken_of(place: Path) -> None:
    """Guards against a note on models in float32, and against a path's own type overlooked."""
    assert notices(place, "t", "s") == {}
    assert set(notices(place, "t", "s?dtype=bf16")) == {"s-bf16"}


def test_word_scores_are_those_that_were_asked_for(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards an effect measured of other scores than the report's, as of gradients in float32."""
    settings: list[ExplanationSettings] = []

    explain_models = attributions.explain_models

    def watched(requests: Sequence[ExplanationRequest], **more: Any) -> Any:
        if "float32" in more["title"]:
            settings.extend(request.setting for request in requests)
        return explain_models(requests, **more)

    monkeypatch.setattr(attributions, "explain_models", watched)
    own = {"gradients": "model", "steps": 7}
    request = AttributionRequest(
        methods=("integrated_gradients",), sentences=6, output="probability", removal="mask",
        options={"integrated_gradients": own},
    )  # fmt: skip
    assert "integrated_gradients" in notices(place, "t", "s", dtype="bf16", explaining=request)["t"]
    assert len(settings) == 4  # both models, both types
    for setting in settings:
        assert (setting.output, setting.removal) == ("probability", "mask")
        chosen = setting.methods["integrated_gradients"].model_dump()
        assert {name: chosen[name] for name in own} == own


def test_flips_by_hand() -> None:
    """By hand: two labels of three change for one example of two; a regression has no flips."""
    rounded, full = np.array([[1.0, -1.0, 1.0], [1, 1, 1]]), np.array([[-1.0, 1.0, 1.0], [1, 1, 1]])
    assert output_moves(rounded, full, "multilabel") == (4 / 6, 2.0, 1)
    assert output_moves(rounded[:, :1], full[:, :1], "regression") == (1.0, 2.0, None)
    assert show_number(output_moves(rounded, full, "classification").mean) == "0.667"


def test_gradients_are_rounded_only_where_that_is_asked_for(place: Path) -> None:
    """Guards against gradients in bfloat16 by default, and an option that changes nothing.

    By default the scores are those of the rounded weights in float32, bit for bit.
    """
    half = opened(place / "t", "bf16")
    full = opened(place / "t", "float32")
    with torch.no_grad():
        for weight, rounded in zip(full.model.parameters(), half.model.parameters(), strict=True):
            weight.copy_(rounded.float())
    texts = [Sentence(text, (text,), split_words(text), 1) for text in SENTENCES[:6]]

    def scores(handle: HfModel, **options: str) -> list[np.ndarray]:
        method = METHODS.load("integrated_gradients")
        setting = ExplanationSettings({"integrated_gradients": method.options(**options)},
                                      deletion=False)  # fmt: skip
        explained = explain_model(handle, texts, setting, cache=None, progress=Silent())
        return [one.scored.scores for one in explained["integrated_gradients"]]

    usual, reference, rounded = scores(half), scores(full), scores(half, gradients="model")
    for one, other, third in zip(usual, reference, rounded, strict=True):
        np.testing.assert_array_equal(one, other)
        assert not np.array_equal(one, third)
        assert spearmanr(one, third)[0] > 0.7
    for one, other in zip(reference, scores(full, gradients="model"), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("supported", "seconds", "kind", "advised"),
    [(True, 300.0, "float32", True), (False, 300.0, "float32", False),
     (True, 5.0, "float32", False), (True, 300.0, "bfloat16", False)],
)  # fmt: skip
def test_the_processor_is_looked_at_for_advice_only(
    supported: bool, seconds: float, kind: str, advised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against advice where nothing is saved, and a saving that is not the ratio's."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: supported)
    monkeypatch.setattr(precision, "_measured_ratio", lambda device: 2.5)
    advice = precision.bfloat16_advice(seconds, kind, "cpu")
    assert ("2.5 times" in advice and "up to 60%" in advice) == advised
    assert bool(advice) == advised
