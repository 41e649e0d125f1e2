"""A predictions file as the teacher of `distill`: what it teaches, counts and refuses."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import kdprobe
from kdprobe.distillation import distill
from kdprobe.distillers.data import TrainingData
from kdprobe.distillers.recorded_teacher import recorded_teacher
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import CapabilityError, CheckpointError, ConfigError, MisalignedError
from kdprobe.models.hf import open_hf
from kdprobe.models.predictions.file import PredictionsFile
from kdprobe.progress import Silent
from kdprobe.results.io import read_document
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from tests.distillers.builders import CPU, RATING, toy_split
from tests.distillers.conftest import Toy

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def said(toy: Toy) -> Rows:
    """What the toy teacher says of every text of train and dev: logits, probabilities, label."""
    task_file = open_task(toy.task)
    handle = open_hf(toy.teacher, task=task_file.task(), name="m", device="cpu")
    rows: Rows = []
    for name in ("train", "dev"):
        split = load_split(task_file, name, offline=True)
        values = handle.outputs(split, batch_size=8, advance=lambda done: None).values
        for text, row in zip(split.texts, values, strict=True):
            shares = np.exp(row - np.logaddexp.reduce(row))
            rows.append({
                "split": name, "text": text, "logits": row.tolist(),
                "probabilities": shares.tolist(),
                "prediction": task_file.labels[int(row.argmax())],
            })  # fmt: skip
    assert len({row["text"] for row in rows}) > 20
    return rows


@pytest.fixture(scope="module")
def start(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder to start from: two layers, random weights, the teacher's vocabulary."""
    folder = tmp_path_factory.mktemp("start") / "small"
    distil(toy.teacher, toy, folder, "bert:L2,H32,A2,I64", epochs=0.1, learning_rate=1e-9)
    return str(folder)


def distil(
    teacher: object, toy: Toy, output: Path, student: str | None, **more: Any
) -> TrainingResult:
    options: dict[str, Any] = {"epochs": 1, "learning_rate": 1e-3, "device": "cpu", "bf16": False}
    options |= {"threads": 1, "offline": True, "recipe": "vanilla"}
    return distill(str(teacher), task=toy.task, output=output, student=student, **(options | more))


def file_of(folder: Path, rows: Rows, *columns: str) -> Path:
    place = folder / "llm.jsonl"
    kept = [{name: row[name] for name in ("text", *columns) if name in row} for row in rows]
    place.write_text("\n".join(map(json.dumps, kept)), encoding="utf-8")
    return place


def weights(folder: Path) -> dict[str, np.ndarray]:
    return dict(load_file(folder / "model.safetensors"))


def test_a_file_teaches_what_its_model_teaches(
    toy: Toy, said: Rows, start: str, tmp_path: Path
) -> None:
    """Guards answers joined to other texts, and logarithms that are not those of the model.

    The reference is the teacher itself: the same student after the same steps, to what the rounding
    of its batches moves; and the order of the rows moves no bit.
    """
    model = distil(toy.teacher, toy, tmp_path / "model", start)
    file = distil(file_of(tmp_path, said, "logits"), toy, tmp_path / "file", start)
    shuffled = random.Random(0).sample(said, len(said))
    mixed = distil(file_of(tmp_path, shuffled, "logits"), toy, tmp_path / "mixed", start)
    soft = distil(file_of(tmp_path, said, "probabilities"), toy, tmp_path / "soft", start)
    for other in (file, mixed, soft):
        for name in ("accuracy", "agreement", "kl"):
            assert other.scores[name] == pytest.approx(model.scores[name], abs=1e-4)
    own, theirs, again = (weights(tmp_path / name) for name in ("model", "file", "mixed"))
    for name, value in own.items():
        np.testing.assert_allclose(theirs[name], value, atol=1e-4)
        np.testing.assert_array_equal(again[name], theirs[name])


def test_labels_teach_hard_labels(toy: Toy, said: Rows, tmp_path: Path) -> None:
    """Guards probabilities made up for labels, and gold labels read where nobody asked for them."""
    file = file_of(tmp_path, said, "prediction")
    result = distil(
        file, toy, tmp_path / "s", "bert:L1,H32,A2,I64", recipe="hard-distillation", epochs=6,
        learning_rate=3e-3, best_by="agreement",
    )  # fmt: skip
    assert result.scores["agreement"] is not None
    assert result.scores["agreement"] > 0.8
    assert result.scores["kl"] is None
    assert result.undefined["kl"] == "the teacher gives labels and no probabilities"
    with pytest.raises(CapabilityError) as caught:
        distil(file, toy, tmp_path / "t", "bert:L1,H32,A2,I64")
    assert str(caught.value) == (
        "objective soft_targets: the teacher's answers are labels and no probabilities; "
        "teacher_argmax (recipe hard-distillation) works with them; leave it out of the recipe, or "
        "choose another student"
    )
    with pytest.raises(ConfigError, match="kl to a teacher that gives labels and no probabilitie"):
        distil(file, toy, tmp_path / "t", "bert:L1,H32", recipe="hard-distillation", best_by="kl")
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("recipe", "column", "message"),
    [
        ("hidden-states", "logits", "objective hidden_states: of the teacher only its answers are "
         "known (a predictions file, a function), no layers, attention or gradients; soft_targets "
         "(recipe vanilla) works with them"),
        ("minilmv2", "logits", "of the teacher only its answers are known"),
    ],
)  # fmt: skip
def test_objectives_that_need_more_are_refused(
    toy: Toy, said: Rows, tmp_path: Path, recipe: str, column: str, message: str
) -> None:
    """Guards a term that is 0, or a traceback, where there is nothing to read."""
    file = file_of(tmp_path, said, column)
    with pytest.raises(CapabilityError) as caught:
        distil(file, toy, tmp_path / "s", "bert:L3,H32,A2,I64", recipe=recipe)
    assert message in str(caught.value)
    assert not (tmp_path / "s").exists()


def test_logit_mse_reads_logits_or_logarithms_of_probabilities(
    toy: Toy, said: Rows, start: str, tmp_path: Path
) -> None:
    """Guards an objective refused that has a value, and a scale nobody is told of.

    By hand: logarithms of probabilities are the logits less one number a row, and the loss of a
    student that gives exactly them is 0.
    """
    notes = {}
    for column in ("logits", "probabilities"):
        file = file_of(tmp_path, said, column)
        done = distil(file, toy, tmp_path / "s", start, recipe="tang-bilstm", dry_run=True)
        assert done.folder is None
        notes[column] = [note for note in done.preflight.notes if note.startswith("logit_mse")]
    assert notes["logits"] == []
    assert notes["probabilities"] == [
        "logit_mse reads logarithms of the teacher's probabilities as its logits: those logits "
        "whose exponentials sum to 1 (a probability below 1e-12 counts as that)"
    ]


@pytest.mark.parametrize(
    ("student", "what"),
    [
        (None, "layers=3 copies layers of its teacher"),
        ("layers=1", "layers=1 copies layers of its teacher"),
        ("bilstm:embeddings=teacher", "bilstm:embeddings=teacher begins with the embeddings"),
    ],
)
def test_students_that_copy_are_refused_with_the_way_out(
    toy: Toy, said: Rows, tmp_path: Path, student: str | None, what: str
) -> None:
    """Guards a search for weights in a file, and a refusal without a student that works."""
    with pytest.raises(ConfigError) as caught:
        distil(file_of(tmp_path, said, "logits"), toy, tmp_path / "s", student)
    assert f"`student`: {what}" in str(caught.value)
    assert str(caught.value).endswith(
        "llm.jsonl is a predictions file, which has no weights to copy, expected a student that "
        "needs none; `student=bert:L3,H256` or `student=bilstm:` (random weights), or the folder "
        "of a pretrained encoder"
    )


def holes(said: Rows) -> Rows:
    """Four training texts without an answer: one has no row, one is empty, two are a refusal."""
    rows = [dict(row) for row in said]
    train = [place for place, row in enumerate(rows) if row["split"] == "train"]
    texts = [rows[place]["text"] for place in train]
    once = [place for place in train if texts.count(rows[place]["text"]) == 1][:4]
    rows[once[1]]["prediction"] = ""
    for place in once[2:]:
        rows[place]["prediction"] = "I cannot"
    return [row for place, row in enumerate(rows) if place != once[0]]


def test_missing_answers_are_refused_or_dropped_and_counted(
    toy: Toy, said: Rows, tmp_path: Path
) -> None:
    """Guards texts that teach a made-up label, and a share that nobody is told."""
    file = file_of(tmp_path, holes(said), "prediction")
    options: dict[str, Any] = {"recipe": "hard-distillation", "learning_rate": 1e-3}
    with pytest.raises(MisalignedError) as caught:
        distil(file, toy, tmp_path / "s", "bert:L1,H32,A2,I64", **options)
    assert "(1 without a row, 1 empty, 2 no label ('I cannot' 2))" in str(caught.value)
    assert "`missing=drop` leaves them out" in str(caught.value)
    result = distil(file, toy, tmp_path / "s", "bert:L1,H32,A2,I64", missing="drop", **options)
    facts = dict(result.preflight.facts)
    total = sum(row["split"] == "train" for row in said)
    assert facts["teacher answered of train"].startswith(f"{total - 4} of {total} (")
    assert facts["teacher answered of train"].endswith(
        "left out: 1 without a row, 1 empty, 2 no label ('I cannot' 2)"
    )
    record = json.loads((tmp_path / "s" / "kdprobe.json").read_text(encoding="utf-8"))
    assert record["plan"]["train"]["examples"] == total - 4
    assert not any("were left out" in note for note in result.preflight.notes)
    card = (tmp_path / "s" / "README.md").read_text(encoding="utf-8")
    assert "llm.jsonl: a predictions file of labels alone" in card
    assert "--missing drop" in card


def test_texts_that_are_scored_stay(toy: Toy, said: Rows, tmp_path: Path) -> None:
    """Guards gold labels of dev wasted for want of an answer, and agreement over the unknown."""
    dev = [row for row in said if row["split"] == "dev"]
    train = [row for row in said if row["split"] == "train"]
    file = file_of(tmp_path, [*train, *dev[: len(dev) // 2]], "logits")
    student = "bert:L1,H32,A2,I64"
    half = distil(file, toy, tmp_path / "half", student)
    whole = distil(file_of(tmp_path, said, "logits"), toy, tmp_path / "whole", student)
    assert half.scores["accuracy"] == whole.scores["accuracy"]
    assert half.scores["agreement"] is not None
    facts = dict(half.preflight.facts)
    assert facts["teacher answered of dev"].startswith(f"{len(dev) // 2} of {len(dev)} (")
    none = distil(file_of(tmp_path, train, "logits"), toy, tmp_path / "none", student)
    assert none.scores["accuracy"] == whole.scores["accuracy"]
    assert "agreement" not in none.scores
    with pytest.raises(ConfigError, match="agreement, and the teacher answered no text of dev"):
        distil(tmp_path / "llm.jsonl", toy, tmp_path / "x", student, best_by="agreement")


def test_what_no_file_can_teach(toy: Toy, said: Rows, tmp_path: Path) -> None:
    """Guards a file of another split, and a teacher that knows nothing."""
    dev = [row for row in said if row["split"] == "dev" and row["text"]]
    known = {row["text"] for row in said if row["split"] == "train"}
    other = [row for row in dev if row["text"] not in known] or [{**dev[0], "text": "elsewhere"}]
    with pytest.raises(MisalignedError, match="answers none of the"):
        distil(file_of(tmp_path, other, "logits"), toy, tmp_path / "s", "bert:L1,H32")
    flat = [{**row, "prediction": said[0]["prediction"]} for row in said]
    with pytest.raises(CheckpointError, match="no better than always giving the same answer"):
        distil(
            file_of(tmp_path, flat, "prediction"), toy, tmp_path / "s", "bert:L1,H32",
            recipe="hard-distillation",
        )  # fmt: skip
    assert not (tmp_path / "s").exists()


def test_the_control_and_the_comparison(toy: Toy, said: Rows, tmp_path: Path) -> None:
    """Guards a student that its own teacher's file cannot be compared with."""
    file = file_of(tmp_path, said, "probabilities")
    result = distil(
        file, toy, tmp_path / "s", "bert:L1,H32,A2,I64", epochs=4, learning_rate=3e-3,
        with_control=True,
    )  # fmt: skip
    assert result.control is not None
    assert result.control.initial_weights == result.initial_weights
    kdprobe.compare(
        str(file), [str(tmp_path / "s"), str(tmp_path / "s-control")], task=toy.task,
        output=tmp_path / "report", resamples=100, device="cpu",
    )  # fmt: skip
    document = read_document(tmp_path / "report")
    codes = {notice.code for notice in document.warnings}
    assert "other-teacher" not in codes
    agreement = document.find("agreement", "agreement", "llm", "s")
    assert agreement is not None
    assert agreement.value == result.scores["agreement"]


def test_an_assistant_between_learns_from_the_file_and_teaches_in_turn(
    toy: Toy, said: Rows, tmp_path: Path
) -> None:
    """Guards a chain in which layers are copied: of the assistant they can be, of the file not."""
    file = file_of(tmp_path, said, "logits")
    chain: dict[str, Any] = {"recipe": "teacher-assistant", "student": "layers=1", "epochs": 4}
    chain["learning_rate"] = 3e-3
    with pytest.raises(ConfigError, match="copies layers of its teacher"):
        distil(file, toy, tmp_path / "s", **chain)
    settings = {"stages.assistant.student": "bert:L2,H32,A2,I64"}
    checked = distil(file, toy, tmp_path / "s", settings=settings, dry_run=True, **chain)
    assert any("copied" in value for _, value in checked.preflight.facts)
    result = distil(file, toy, tmp_path / "s", settings=settings, **chain)
    assert result.folder is not None
    assert (result.folder / "stages" / "1-assistant" / "kdprobe.json").is_file()


def test_scores_of_a_regression_are_joined_as_they_stand(tmp_path: Path) -> None:
    """Guards logarithms of scores, and a score of 0 for what was not answered."""
    train, dev = (toy_split(8, seed=seed, name=name, task=RATING)
                  for seed, name in ((0, "train"), (1, "dev")))  # fmt: skip
    rows = [{"text": text, "score": 0.5 * place} for place, text in enumerate(train.texts)]
    place = tmp_path / "scores.jsonl"
    place.write_text("\n".join(map(json.dumps, rows[:-1])), encoding="utf-8")
    data = TrainingData(RATING, train, dev)
    file = PredictionsFile(place, name="the teacher", task=RATING, by_text=True)
    teacher, kept = recorded_teacher(str(place), file, data, CPU, "drop")
    assert (teacher.scale, len(kept.train)) == ("scores", 7)
    values = teacher.logits(train, progress=Silent())
    assert values is not None
    np.testing.assert_array_equal(values[:, 0], [*(0.5 * row for row in range(7)), np.nan])
    assert teacher.logits(dev, progress=Silent()) is None
