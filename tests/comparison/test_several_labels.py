"""Several labels at once from `finetune` to the page, on models of a few thousand weights."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from scipy.special import expit
from transformers import AutoModelForSequenceClassification, pipeline

import kdprobe
from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.comparison.analyses import metrics_of
from kdprobe.errors import ConfigError
from kdprobe.results.gates import checked_gate, parse_gate, tripped
from kdprobe.results.headline import headline
from kdprobe.results.io import read_document
from tests.tasks.several_labels import LABELS, tiny_rows, write_task

FEW = 48


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task, a teacher, a student that learnt from it, one from its answers, and a comparison."""
    place = tmp_path_factory.mktemp("labels")
    task = write_task(place, tiny_rows())
    quick: dict[str, Any] = {"seed": 0, "device": "cpu", "learning_rate": 5e-3, "batch_size": 12}
    kdprobe.finetune(
        "bert:L2,H32,I64,A2,V150", task=task, output=place / "teacher", epochs=12, **quick
    )
    for name, recipe in (("student", "vanilla"), ("hard", "hard-distillation")):
        kdprobe.distill(
            place / "teacher", task=task, student="layers=1", output=place / name, epochs=3,
            recipe=recipe, **quick,
        )  # fmt: skip
    kdprobe.compare(
        f"teacher={place}/teacher", [f"student={place}/student", f"hard={place}/hard"], task=task,
        output=place / "report", resamples=200, device="cpu",
        attributions=AttributionRequest(methods=("integrated_gradients",), sentences=8),
    )  # fmt: skip
    return place


def test_the_teacher_is_a_plain_multi_label_model(scene: Path):
    """Guards a folder that transformers would read with a softmax."""
    config = json.loads((scene / "teacher" / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    assert [config["id2label"][str(place)] for place in range(3)] == list(LABELS)
    classify: Any = pipeline("text-classification", model=str(scene / "teacher"), top_k=None)
    (answers,) = classify(["she saw it"])
    model = AutoModelForSequenceClassification.from_pretrained(scene / "teacher").eval()
    tokens: Any = classify.tokenizer
    with torch.no_grad():
        own = expit(model(**tokens("she saw it", return_tensors="pt")).logits[0].numpy())
    for one in answers:
        assert one["score"] == pytest.approx(own[LABELS.index(one["label"])], abs=1e-5)
    card = (scene / "teacher" / "README.md").read_text()
    assert "exactly the right set of labels" in card


def test_the_document(scene: Path):
    """Guards a first screen of another score, and answers that are single labels."""
    document = read_document(scene / "report" / "results.json")
    task = document.task
    assert (task.kind, task.labels, task.primary_score) == ("multilabel", LABELS, "f1_micro")
    assert len(task.sets) == 8
    head = headline(document)
    assert head.score == "F1, pooled over labels"
    row = head.rows[0]
    assert row.agreement.value is not None
    assert row.attribution.value is not None
    result = document.analysis("per_label")
    assert result is not None
    assert {table.name for table in result.tables} == {"nearness", "decisions", "gold"}
    agreement = document.analysis("agreement")
    assert agreement is not None
    assert agreement.matrices == ()
    joint = document.find("per_label", "joint_kl", "teacher", "student")
    kl = document.find("agreement", "kl", "teacher", "student")
    assert joint is not None
    assert kl is not None
    assert kl.value == pytest.approx(joint.value)
    for one in document.skipped:
        assert len(one.reason.split()) > 3


def test_predictions_and_metrics(scene: Path):
    """Guards files in which probabilities of labels are made to sum to 1."""
    table = pq.read_table(scene / "report" / "predictions.parquet").to_pylist()
    first = table[0]
    assert first["label"] in ("negation|subordinate", "[]", "negation")
    held = [label for label, p in zip(LABELS, first["probabilities"], strict=True) if p > 0.5]
    assert first["predicted"] == ("|".join(held) or "[]")
    sure = np.prod([max(p, 1 - p) for p in first["probabilities"]])
    assert first["confidence"] == pytest.approx(sure)
    with (scene / "report" / "metrics.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    named = {row["metric"] for row in rows}
    assert {"f1_micro", "hamming_loss", "label_kappa", "label_kl", "average_precision"} <= named
    words = pq.read_table(scene / "report" / "attributions.parquet").to_pylist()
    assert {row["explained"] for row in words} <= set(LABELS)


def test_gates_know_the_names(scene: Path):
    """Guards `--fail-if` on numbers of several labels: a name nobody knows would never fail."""
    document = read_document(scene / "report" / "results.json")
    for text in ("f1_micro<1.01", "label_kappa<2", "joint_kl>-1"):
        known = metrics_of()
        gate = checked_gate(parse_gate(text), known, ["student", "hard"], tuple(known))
        assert tripped(gate, document), text


def test_the_page(scene: Path):
    """Guards a browser that shows a set as one label, and one page per label's confusions."""
    page = (scene / "report" / "report.html").read_text(encoding="utf-8")
    for text in ("Labels one by one", "past + subordinate", "(none)", "Subset accuracy",
                 "Hamming loss", "who says yes", '"sets":[[],[0],[1],[2],[0,1]'):  # fmt: skip
        assert text in page


def test_answers_teach(scene: Path):
    """A predictions file of sigmoids teaches what the model itself would, and is not a softmax."""
    task = scene / "clauses.toml"
    rows = pq.read_table(scene / "report" / "predictions.parquet").to_pylist()
    mine = [row for row in rows if row["model"] == "teacher"]
    place = scene / "answers.csv"
    with place.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", *(f"prob:{label}" for label in LABELS)])
        writer.writerows([row["text"], *row["probabilities"]] for row in mine)
    result = kdprobe.distill(
        str(place), task=task, train_split="dev", eval_split="dev", student="bert:L1,H16,I32,A2",
        output=scene / "from-answers", epochs=1, device="cpu",
    )  # fmt: skip
    assert result.scores["agreement"] is not None
    again = kdprobe.compare(
        f"teacher={scene}/teacher", f"file={place}", task=task, resamples=100, device="cpu"
    )
    assert again.get("agreement", "file").value == 1.0
    assert again.get("joint_kl", "file").value == pytest.approx(0, abs=1e-6)


def test_one_label_is_explained(scene: Path):
    """Guards the log-odds of a label against the rest: they add up to the change of its own logit.

    The labels do not exclude each other, so that no other label's logit may count.
    """
    texts = "our neighbour never saw a letter"
    explained = kdprobe.attribute(
        str(scene / "teacher"), texts, methods="shap", label="past", device="cpu"
    )
    (one,) = explained.models
    assert one.explained == "past"
    model = AutoModelForSequenceClassification.from_pretrained(scene / "teacher").eval()
    tokens = pipeline("text-classification", model=str(scene / "teacher")).tokenizer
    with torch.no_grad():
        logits = [model(**tokens(text, return_tensors="pt")).logits[0, 1].item()
                  for text in (texts, "")]  # fmt: skip
    total = sum(score for score in one.methods[0].scores if score is not None)
    assert total == pytest.approx(logits[0] - logits[1], abs=1e-4)
    assert one.probability == pytest.approx(expit(logits[0]), abs=1e-5)


def test_a_gold_label_cannot_be_explained(scene: Path):
    """Guards one of several gold labels picked without a word."""
    with pytest.raises(ConfigError, match="an example may have several gold labels"):
        kdprobe.compare(
            f"{scene}/teacher", f"{scene}/student", task=scene / "clauses.toml", device="cpu",
            attributions=AttributionRequest(target="gold", sentences=2),
        )  # fmt: skip
