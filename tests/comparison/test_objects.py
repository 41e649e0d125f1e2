"""Comparisons of objects: loaded models, functions of texts, predictions of another comparison."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf

import kdprobe
from kdprobe.errors import ConfigError, MisalignedError
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.minimal_pairs import MinimalPairs
from tests.cli.scene import checkpoint, gold, write_predictions, write_task
from tests.models.test_loaded import pair, state


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task, two checkpoints and minimal pairs."""
    folder = tmp_path_factory.mktemp("objects")
    write_task(folder)
    for name, seed in (("t", 1), ("s", 2)):
        checkpoint(folder / name, seed=seed)
    write_pairs(folder / "pairs")
    return folder


def write_pairs(folder: Path) -> None:
    """Write four minimal pairs of one phenomenon."""
    folder.mkdir()
    rows = [{"sentence_good": f"the dog sleeps {row}", "sentence_bad": f"the dog sleep {row}",
             "UID": "agreement", "linguistics_term": "agreement", "field": "morphology",
             "pairID": str(row)} for row in range(4)]  # fmt: skip
    pd.DataFrame(rows).to_json(folder / "agreement.jsonl", orient="records", lines=True)


def probabilities(folder: Path) -> Callable[[list[str]], np.ndarray]:
    """What a user writes around a model: texts in, probabilities out."""
    model, tokenizer = pair(folder)
    model.eval()

    def predict(texts: list[str]) -> np.ndarray:
        rows = []
        for text in texts:
            with torch.no_grad():
                logits = model(**tokenizer([text], return_tensors="pt")).logits
            rows.append(torch.softmax(logits.double(), -1)[0].numpy())
        return np.array(rows)

    return predict


def evidence(scene: Path) -> dict[str, Any]:
    """Every kind of evidence, made cheap."""
    return {
        "task": scene / "toy.toml", "resamples": 100, "minimal_pairs": scene / "pairs",
        "attributions": kdprobe.AttributionRequest(
            methods=("occlusion", "lime", "shap", "integrated_gradients"), sentences=3
        ),
        "probing": kdprobe.ProbingRequest(tasks=("bigram_shift",), sentences=40),
        "attribution_gap": 3,
    }  # fmt: skip


@pytest.mark.slow
def test_a_loaded_model_is_compared_as_its_folder(scene: Path, tmp_path: Path) -> None:
    """Guards another number for the same model, or a model changed by being compared."""
    options: dict[str, Any] = {**evidence(scene), "cache": False}
    theirs = kdprobe.compare(scene / "t", scene / "s", **options)
    teacher, student = pair(scene / "t"), pair(scene / "s")
    before = [state(*teacher), state(*student)]
    ours = kdprobe.compare(teacher, student, output=tmp_path / "out", **options)
    assert [state(*teacher), state(*student)] == before
    pd.testing.assert_frame_equal(ours.metrics, theirs.metrics, check_exact=True)
    assert len(ours.metrics) > 300
    assert ours.document.skipped == theirs.document.skipped
    assert ours.document.examples == theirs.document.examples
    info = ours.document.teacher
    assert (info.source, info.folder) == ("loaded model", "a loaded BertForSequenceClassification")
    assert kdprobe.load_results(tmp_path / "out").document == ours.document
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert (
        "Called from Python with models in memory, which no command makes again: t (a loaded "
        "BertForSequenceClassification), s (a loaded BertForSequenceClassification)." in page
    )
    assert 'id="command"' not in page
    assert "Called from Python: no command was typed." in theirs.html()


@pytest.mark.slow
def test_a_function_gives_what_texts_can_give(scene: Path) -> None:
    """Guards word scores and margins of a function that differ from those of its model."""
    options = evidence(scene)
    theirs = kdprobe.compare(scene / "t", scene / "s", **options)
    ours = kdprobe.compare(scene / "t", {"s": probabilities(scene / "s")}, **options)
    mine_numbers, their_numbers = (
        result.metrics[result.metrics.analysis.isin(["agreement", "calibration"])]
        .reset_index(drop=True) for result in (ours, theirs)
    )  # fmt: skip
    pd.testing.assert_frame_equal(mine_numbers, their_numbers, rtol=1e-4, atol=1e-5)
    assert ours.study is not None
    assert theirs.study is not None
    mine, other = (each.study.get(Attributions) for each in (ours, theirs))  # type: ignore[union-attr]
    assert mine.methods == ("occlusion", "lime", "shap")
    for method in mine.methods:
        for scores, wanted in zip(
            mine.scores["s", method, ""], other.scores["s", method, ""], strict=True
        ):
            np.testing.assert_allclose(scores, wanted, atol=2e-4)
    pairs, others = (each.study.get(MinimalPairs) for each in (ours, theirs))  # type: ignore[union-attr]
    np.testing.assert_allclose(pairs.margins["s"], others.margins["s"], atol=1e-4)
    reasons = {line.what: line.reason for line in ours.document.skipped}
    assert reasons["integrated_gradients"] == "s: a function of texts has no gradients"
    assert reasons["probing"] == "s: a function of texts has no layers that can be read"
    gap = ours.get("attribution_gap", "s", subset="dev")
    assert gap.undefined == "a function of texts has no gradients"
    info = ours.document.students[0]
    assert (info.source, info.folder, info.fingerprint, info.parameters) == (
        "function", "the function predict", "", None,
    )  # fmt: skip


@pytest.mark.slow
def test_a_function_of_labels_is_compared_by_its_labels(scene: Path) -> None:
    """Guards confidences made up for labels, and a comparison that ends where words begin."""
    predict = probabilities(scene / "s")

    def labels(texts: list[str]) -> list[str]:
        return [("good", "bad")[row] for row in (1 - predict(texts).argmax(axis=1))]

    # `checkpoint` names its labels in the task's order: bad, good.
    ours = kdprobe.compare(scene / "t", {"s": labels}, **evidence(scene))
    theirs = kdprobe.compare(scene / "t", scene / "s", task=scene / "toy.toml", resamples=100)
    assert ours.get("agreement", "s") == theirs.get("agreement", "s")
    reasons = {line.what: line.reason for line in ours.document.skipped}
    for name in ("attribution_agreement", "faithfulness", "minimal_pairs"):
        assert "it gives labels and no probabilities" in reasons[name]


def test_predictions_of_another_comparison(scene: Path, tmp_path: Path) -> None:
    """Guards outputs joined by their order, and those of other examples."""
    task = scene / "toy.toml"
    whole = kdprobe.compare(scene / "t", scene / "s", task=task, resamples=100)
    assert whole.study is not None
    teacher, student = (model.first for model in whole.study.models)
    turned = kdprobe.Predictions("s", student.ids[::-1], student.values[::-1], student.scale)
    again = kdprobe.compare(teacher, turned, task=task, resamples=100)
    kept = ["agreement", "accuracy", "kl", "ece"]
    left, right = (result.metrics[result.metrics.metric.isin(kept)].reset_index(drop=True)
                   for result in (again, whole))  # fmt: skip
    pd.testing.assert_frame_equal(left, right)
    few = kdprobe.Predictions("s", student.ids[1:], student.values[1:])
    with pytest.raises(MisalignedError) as caught:
        kdprobe.compare(teacher, few, task=task, resamples=100)
    assert str(caught.value) == (
        f"s (arrays in memory): no row for 1 of 60 examples, the first is id {student.ids[0]!r}, "
        "expected one for every example of toy dev; if it is of another split, say which "
        "(`split`); `missing=drop` leaves them out for all models"
    )
    fewer = kdprobe.compare(teacher, few, task=task, resamples=100, missing="drop")
    assert fewer.document.task.n == 59
    numbers = kdprobe.Predictions("s", student.ids, student.values[:, :1], "scores")
    with pytest.raises(MisalignedError, match="scores in 1 columns, expected outputs of 2 classes"):
        kdprobe.compare(teacher, numbers, task=task)


@pytest.mark.slow
def test_what_is_not_the_same_twice_is_told_and_not_explained(scene: Path) -> None:
    """Guards words explained of a function that answers at random."""
    generator = np.random.default_rng(0)

    def guess(texts: list[str]) -> np.ndarray:
        return generator.dirichlet([1.0, 1.0], size=len(texts))

    result = kdprobe.compare(scene / "t", guess, **evidence(scene))
    alarms = [notice for notice in result.document.warnings if notice.severity == "alarm"]
    assert any("is not the same twice" in notice.message for notice in alarms)
    reasons = {line.what: line.reason for line in result.document.skipped}
    assert "is not the same twice" in reasons["faithfulness"]


def test_a_task_must_be_named_where_nothing_names_one(scene: Path) -> None:
    """Guards an error of an empty list where no model has a record."""
    with pytest.raises(ConfigError, match="`task`: is missing"):
        kdprobe.compare(pair(scene / "t"), len)
    file = write_predictions(scene / "p.jsonl", gold(scene), seed=1)
    with pytest.raises(ConfigError, match="`task`: is missing"):
        kdprobe.compare(len, file)


def test_labels_that_no_row_shows_are_the_model_s(scene: Path) -> None:
    """Guards a table of one class that is refused beside a model that names both."""
    frame = pd.DataFrame({"text": ["a dog", "a cat sleeps"], "label": ["good", "good"]})
    result = kdprobe.compare(
        pair(scene / "t"), pair(scene / "s"), task=frame, resamples=100, only=["task_scores"]
    )
    assert result.document.task.labels == ("bad", "good")


def test_a_pipeline_and_several_seeds(scene: Path) -> None:
    """Guards a pipeline called as a function, and runs of one model taken for two."""
    model, tokenizer = pair(scene / "t")
    pipe = hf.pipeline("text-classification", model=model, tokenizer=tokenizer)
    result = kdprobe.compare(
        {"big": pipe}, {"small": [pair(scene / "s"), str(scene / "t")]}, task=scene / "toy.toml",
        resamples=100, only=["agreement"],
    )  # fmt: skip
    assert [(info.name, info.runs) for info in result.document.models] == [("big", 1), ("small", 2)]


@pytest.mark.slow
def test_layers_of_a_model_with_a_hook_are_read_anew(scene: Path, tmp_path: Path) -> None:
    """Guards probing of a patched model that is served what its weights alone gave."""
    probing = kdprobe.ProbingRequest(tasks=("bigram_shift",), sentences=40)
    students = [pair(scene / "s"), pair(scene / "t")]
    for model, _ in students:
        model.bert.embeddings.register_forward_hook(lambda module, given, out: 0 * out)
    kdprobe.compare(
        students[1], {"s": students[0]}, task=scene / "toy.toml", resamples=100, probing=probing,
        cache=tmp_path / "cache", only=["probing"],
    )  # fmt: skip
    assert not [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]
