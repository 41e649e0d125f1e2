"""How explanations are made, as typed: from the command line and from Python to the scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kdprobe
from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.comparison.options import asked_evidence
from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.extract.methods.occlusion import Occlusion
from kdprobe.stats.arrays import Floats
from tests.cli.scene import checkpoint, run

ROWS = (
    ("the dog sleeps .", "good"),
    ("dog", "bad"),
    ("the dog " * 40, "good"),
    ("she likes 👍🏽 films !", "bad"),
    ("שלום עולם", "good"),
    ("a \ufffd movie", "bad"),
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of hard texts and two models that do not always agree."""
    folder = tmp_path_factory.mktemp("scene")
    lines = [json.dumps({"text": text, "label": label}) for text, label in ROWS]
    (folder / "hard.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, seed in (("t", 1), ("s", 4)):
        checkpoint(folder / name, seed=seed)
    return folder


def settled(**settings: object) -> AttributionRequest:
    return AttributionRequest(methods=("lime", "occlusion"), options=settings)


def test_settings_reach_the_request_and_the_protocol_card():
    """Guards against a setting that is taken and not used, or used and not told."""
    made = settled(target="own", output="probability", lime={"samples": 50})
    assert (made.target, made.output, made.removal) == ("own", "probability", "delete")
    told = AttributionRequest.described(made)["method_settings"]
    assert isinstance(told, dict)
    assert told["lime"] == {"exact_words": 12, "samples": 50, "kernel_width": 25.0, "noise": 0.0}
    assert told["occlusion"] == {}
    assert AttributionRequest.described(None)["method_settings"] is None
    assert asked_evidence({"attributions": {}}) == {}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lime": {"sample": 5}},
         "`attribution.options` lime: unknown key 'sample', expected one of exact_words, samples, "
         "kernel_width, noise; did you mean 'samples'?"),
        ({"shap": {"permutations": 5}},
         "`attribution.options` shap: shap is not among the methods, expected one of lime, "
         "occlusion"),
        ({"lime": 5}, "`attribution.options` lime: is 5, expected an option: lime.KEY=VALUE"),
        ({"lime": {"samples": 1}},
         "`attribution.options` lime: samples is 1; Input should be greater than or equal to 10"),
        ({"target": "silver"},
         "`attribution.target`: is 'silver', expected 'teacher', 'gold' or 'own'"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_said(settings: dict[str, object], message: str):
    """Guards against an option that is quietly dropped."""
    with pytest.raises(ConfigError) as caught:
        settled(**settings)
    assert str(caught.value) == message


def test_exact_samples_take_the_noise_out_of_every_method_that_has_it():
    """Guards against a fixed number that is asked for and not drawn, or a setting overruled."""
    fixed = AttributionRequest(methods=("lime", "shap", "occlusion"), exact_samples=True,
                               options={"lime": {"noise": 0}})  # fmt: skip
    told = AttributionRequest.described(fixed)["method_settings"]
    assert isinstance(told, dict)
    assert told["occlusion"] == {}
    for name in ("lime", "shap"):
        settings = told[name]
        assert isinstance(settings, dict)
        assert settings["noise"] == 0
    with pytest.raises(ConfigError) as caught:
        AttributionRequest(methods=("lime",), exact_samples=True, options={"lime": {"noise": 0.1}})
    assert str(caught.value) == (
        "`attribution.options` lime.noise: is 0.1 beside `exact_samples`, expected one of the two; "
        "leave `attribution.exact_samples` out"
    )


def test_unknown_keys_and_settings_of_nothing():
    """Guards against a misspelt name without its neighbour."""
    with pytest.raises(UnknownNameError, match="did you mean 'lime'"):
        settled(lyme={})
    with pytest.raises(ConfigError) as caught:
        asked_evidence({"attributions": {"options": {"target": "gold"}}})
    assert str(caught.value) == (
        "`attribution.options`: nothing is explained, expected `attribution.methods` or "
        "`attribution.sentences` beside it"
    )


def test_words_on_the_command_line_are_one_kind_each():
    """Guards against lime=… that swallows lime.samples=…."""
    from kdprobe.cli.words import nested

    for words in (["lime=1", "lime.samples=5"], ["lime.samples=5", "lime=1"]):
        with pytest.raises(ConfigError) as caught:
            nested("--method-set", words)
        assert str(caught.value) == "--method-set: 'lime' is given twice, expected one way"


def test_each_model_can_be_asked_for_its_own_class_on_hard_texts(scene: Path):
    """Guards against own classes that are the teacher's, and hard texts that stop a comparison."""
    outcome = run(
        "compare", scene / "t", scene / "s", "--task", scene / "hard.jsonl", "-o", scene / "out",
        "--methods", "occlusion,lime", "--only", "attribution_agreement", "--device", "cpu",
        "--offline", "--resamples", "100", "--method-set", "target=own", "--method-set",
        "lime.samples=20", "--method-set", "output=probability", "--dtype", "bfloat16",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    table = pd.read_parquet(scene / "out" / "attributions.parquet")
    said = pd.read_parquet(scene / "out" / "predictions.parquet")
    document = json.loads((scene / "out" / "results.json").read_text(encoding="utf-8"))
    assert document["request"]["options"]["method_settings"]["lime"]["samples"] == 20
    notes = json.dumps(document)
    assert "Explained is the probability of each model's own predicted class." in notes
    assert "1 example is longer than a model reads" in notes
    assert "ran in bfloat16; gradients in float32" in notes
    labels = {
        (model, key): set(rows["explained"])
        for (model, key), rows in table.groupby(["model", "id"])
    }
    assert len(labels) == 2 * len(ROWS)
    assert all(len(found) == 1 for found in labels.values())
    students = {key: found for (model, key), found in labels.items() if model == "s"}
    teachers = {key: found for (model, key), found in labels.items() if model == "t"}
    assert students != teachers
    assert len(said) >= len(ROWS)
    long = table[(table["id"] == sorted(map(str, students))[2]) & (table["model"] == "t")]
    assert long["score"].isna().any()
    assert long["score"].notna().any()


def test_an_example_without_finite_scores_is_named(scene: Path, monkeypatch: pytest.MonkeyPatch):
    """Guards against a broken explanation shown as zeros."""
    real = Occlusion._scores

    def broken(self: Occlusion, one: object, output: object) -> Floats:
        scores = real(self, one, output)  # type: ignore[arg-type]
        return np.full_like(scores, np.nan) if len(scores) == 1 else scores

    monkeypatch.setattr(Occlusion, "_scores", broken)
    result = kdprobe.compare(
        str(scene / "t"), str(scene / "s"), task=str(scene / "hard.jsonl"), resamples=100,
        attributions=kdprobe.AttributionRequest(methods=("occlusion",), target="gold"),
        only=["attribution_agreement"], device="cpu", offline=True, cache=False,
    )  # fmt: skip
    told = result.document.model_dump_json()
    row = next(one.id for one in result.document.examples if one.text == "dog")
    assert f"occlusion gave no finite scores for t on {row}: it is left out." in told


def test_explanations_that_do_not_add_up_are_listed(scene: Path):
    """Guards against quadrature error that nobody is told of."""
    result = kdprobe.compare(
        str(scene / "t"), str(scene / "s"), task=str(scene / "hard.jsonl"), resamples=100,
        attributions=kdprobe.AttributionRequest(
            methods=("integrated_gradients",),
            options={"integrated_gradients": {"steps": 1, "most_steps": 1}},
        ),
        only=["attribution_agreement"], device="cpu", offline=True, cache=False,
        output=scene / "coarse",
    )  # fmt: skip
    table = pd.read_parquet(scene / "coarse" / "attributions.parquet")
    missed = table[table["gap"] > 0.01].drop_duplicates(["model", "id"])
    assert len(missed) > 2
    told = result.document.model_dump_json()
    assert f"{len(missed)} explanations do not add up to the change of the output" in told
    for model, key in zip(missed["model"], missed["id"], strict=True):
        assert f"{model} on {key}" in told or len(missed) > 10
