"""Functions of texts and loaded models as the teacher of `distill` and of sweeps."""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

import kdprobe
from kdprobe.distillation import distill
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import (
    CapabilityError,
    ChangedPlanError,
    CheckpointError,
    ConfigError,
    MisalignedError,
)
from kdprobe.extract.efficiency import Pace
from kdprobe.models.hf import open_hf
from kdprobe.report.sweep import render_sweep
from kdprobe.results.io import read_document
from kdprobe.sweeping import measure as measuring
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from tests.distillers.conftest import Toy

STUDENT = "bert:L1,H32,A2,I64"
Asked = Counter[str]
OPTIONS: dict[str, Any] = {
    "epochs": 1, "learning_rate": 1e-3, "device": "cpu", "bf16": False, "threads": 1,
    "offline": True,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def shares(toy: Toy) -> dict[str, list[float]]:
    """The probabilities of the toy teacher for every text of train and dev."""
    task_file = open_task(toy.task)
    handle = open_hf(toy.teacher, task=task_file.task(), name="m", device="cpu")
    known: dict[str, list[float]] = {}
    for name in ("train", "dev"):
        split = load_split(task_file, name, offline=True)
        values = handle.outputs(split, batch_size=8, advance=lambda done: None).values
        for text, row in zip(split.texts, values, strict=True):
            known[text] = np.exp(row - np.logaddexp.reduce(row)).tolist()
    return known


def function_of(
    shares: dict[str, list[float]], asked: Asked | None = None
) -> Callable[[list[str]], list[list[float]]]:
    counts = Counter[str]() if asked is None else asked

    def teacher(texts: list[str]) -> list[list[float]]:
        counts.update(texts)
        return [shares[text] for text in texts]

    return teacher


def file_of(shares: dict[str, list[float]], folder: Path) -> str:
    place = folder / "answers.jsonl"
    rows = [{"text": text, "probabilities": row} for text, row in shares.items()]
    place.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(place)


def distil(teacher: Any, toy: Toy, output: Path, student: str = STUDENT, **more: Any) -> Any:
    return distill(teacher, task=toy.task, output=output, student=student, **(OPTIONS | more))


def weights(result: TrainingResult) -> bytes:
    assert result.folder is not None
    return (result.folder / "model.safetensors").read_bytes()


def test_a_function_teaches_what_a_file_of_its_answers_teaches(
    toy: Toy, shares: dict[str, list[float]], tmp_path: Path
) -> None:
    """Guards answers joined to other texts, and a service that is paid twice for one text.

    The reference is the file: the same student to the bit. A text is asked once, but for the two
    that every function is asked about twice.
    """
    asked = Counter[str]()
    result = distil(function_of(shares, asked), toy, tmp_path / "function")
    file = distil(file_of(shares, tmp_path), toy, tmp_path / "file")
    assert weights(result) == weights(file)
    assert result.scores == file.scores
    assert asked.keys() == shares.keys()
    assert sum(times - 1 for times in asked.values()) <= 4
    facts = dict(result.preflight.facts)
    assert facts["teacher"] == "the function teacher: a function of texts that gives probabilities"
    card = (tmp_path / "function" / "README.md").read_text(encoding="utf-8")
    assert "kdprobe distill TEACHER --task" in card
    assert "its answers were not kept for another run" in card
    report = kdprobe.compare(
        function_of(shares), {"s": str(result.folder)}, task=toy.task, resamples=100, device="cpu"
    )
    assert report.get("agreement", "s").value == pytest.approx(result.scores["agreement"])


CODE = """
import json, pathlib
here = pathlib.Path(__file__).parent
shares = json.loads((here / "shares.json").read_text())
def predict(texts):
    with (here / "asked.txt").open("a") as log:
        log.write(f"{len(texts)}\\n")
    return [shares[text] for text in texts]
def labels(texts):
    return [int(shares[text][1] > .5) for text in texts]
"""


@pytest.fixture
def code(
    shares: dict[str, list[float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A working directory with a module, which no other test sees."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "kdp_teacher.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "shares.json").write_text(json.dumps(shares), encoding="utf-8")
    yield tmp_path
    sys.modules.pop("kdp_teacher", None)


def test_a_version_keeps_its_answers_for_other_runs(toy: Toy, code: Path, tmp_path: Path) -> None:
    """Guards a run that asks again what is kept, and a comparison that takes it for another."""
    path = "python:kdp_teacher:predict?version=1"
    first = distil(path, toy, tmp_path / "a")
    before = (code / "asked.txt").read_text()
    second = distil(path, toy, tmp_path / "b", seed=1)
    assert (code / "asked.txt").read_text() == before
    assert weights(first) != weights(second)
    record = json.loads((tmp_path / "a" / "kdprobe.json").read_text(encoding="utf-8"))
    assert record["plan"]["teacher"] == path
    assert f"'{path}'" in (tmp_path / "a" / "README.md").read_text(encoding="utf-8")
    kdprobe.compare(
        path, [str(tmp_path / "a")], task=toy.task, output=tmp_path / "report", resamples=100,
        device="cpu",
    )  # fmt: skip
    codes = {notice.code for notice in read_document(tmp_path / "report").warnings}
    assert "other-teacher" not in codes
    assert (code / "asked.txt").read_text() == before


def test_labels_of_a_function_teach_hard_labels(toy: Toy, code: Path, tmp_path: Path) -> None:
    """Guards probabilities made up for a function that gives labels."""
    path = "python:kdp_teacher:labels?version=1"
    hard = distil(path, toy, tmp_path / "s", recipe="hard-distillation")
    assert hard.undefined["kl"] == "the teacher gives labels and no probabilities"
    with pytest.raises(CapabilityError, match="teacher's answers are labels and no probabilities"):
        distil(path, toy, tmp_path / "t")


@pytest.mark.parametrize(
    ("recipe", "student", "message"),
    [
        ("hidden-states", "bert:L3,H32,A2,I64", "objective hidden_states: of the teacher only its "
         "answers are known (a predictions file, a function), no layers, attention or gradients; "
         "soft_targets (recipe vanilla) works with them"),
        ("vanilla", "layers=1", "`student`: layers=1 copies layers of its teacher, and the "
         "function teacher is a function of texts, which has no weights to copy, expected a "
         "student that needs none; `student=bert:L3,H256` or `student=bilstm:` (random weights), "
         "or the folder of a pretrained encoder"),
    ],
)  # fmt: skip
def test_what_a_function_cannot_teach(
    toy: Toy,
    shares: dict[str, list[float]],
    tmp_path: Path,
    recipe: str,
    student: str,
    message: str,
) -> None:
    """Guards a traceback, or a question to a service, before the refusal."""
    with pytest.raises((CapabilityError, ConfigError)) as caught:
        distil(function_of(shares), toy, tmp_path / "s", student, recipe=recipe)
    assert message in str(caught.value)
    assert not (tmp_path / "s").exists()


def test_other_answers_are_another_teacher(
    toy: Toy, shares: dict[str, list[float]], tmp_path: Path
) -> None:
    """Guards a run that goes on with another teacher: without a version its answers tell."""
    distil(function_of(shares), toy, tmp_path / "s")
    again = distil(function_of(shares), toy, tmp_path / "s", resume=True)
    assert again.folder is not None
    turned = {text: row[::-1] for text, row in list(shares.items())[:5]}
    with pytest.raises(ChangedPlanError, match="fingerprint"):
        distil(function_of({**shares, **turned}), toy, tmp_path / "s", resume=True)


def test_what_is_no_teacher(toy: Toy, tmp_path: Path) -> None:
    """Guards a traceback where something else is handed over."""
    with pytest.raises(TypeError, match=r"distill\(\) takes a teacher as a path, .* not int"):
        distil(5, toy, tmp_path / "s")
    held = kdprobe.Predictions("m", ("1",), np.zeros((1, 2)), "logits")
    with pytest.raises(ConfigError, match="`teacher`: is predictions of m, which have ids and no"):
        distil(held, toy, tmp_path / "s")
    with pytest.raises(ConfigError, match="there is no module nowhere_at_all"):
        distil("python:nowhere_at_all:f", toy, tmp_path / "s")
    with pytest.raises(ConfigError, match="is a function, which has no weights to train"):
        kdprobe.finetune("python:m:f", task=toy.task, output=tmp_path / "s")
    with pytest.raises(CheckpointError, match="python:m:f: is a function, which has no weights"):
        distil(toy.teacher, toy, tmp_path / "s", "python:m:f")


def test_a_loaded_model_teaches_what_its_folder_teaches(toy: Toy, tmp_path: Path) -> None:
    """Guards layers copied wrongly, and a caller's model that is changed by teaching."""
    model = AutoModelForSequenceClassification.from_pretrained(toy.teacher)
    tokenizer = AutoTokenizer.from_pretrained(toy.teacher)
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    folder = distil(toy.teacher, toy, tmp_path / "folder", "layers=1", recipe="vanilla")
    pair = distil((model, tokenizer), toy, tmp_path / "pair", "layers=1")
    assert weights(pair) == weights(folder)
    pipe = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    piped = distil(pipe, toy, tmp_path / "pipe", "layers=1")
    assert weights(piped) == weights(folder)
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert all(weight.requires_grad for weight in model.parameters())
    model.classifier.register_forward_hook(lambda module, given, out: out)
    with pytest.raises(CheckpointError, match="has hooks, or modules of a class of its caller"):
        distil((model, tokenizer), toy, tmp_path / "hooked", "layers=1")


@pytest.fixture
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "PACE", Pace({1: 2, 32: 2}))


@pytest.mark.usefixtures("_hurry")
def test_a_function_teaches_a_sweep(
    toy: Toy, shares: dict[str, list[float]], tmp_path: Path
) -> None:
    """Guards texts asked about once a student; and numbers of the page that are not the runs'."""
    asked = Counter[str]()
    swept = kdprobe.sweep(
        function_of(shares, asked), f"student={STUDENT}|bert:L1,H16,A2,I32;seed=1,2",
        task=toy.task, output=tmp_path / "o", options={**OPTIONS, "epochs": 0.5},
    )  # fmt: skip
    assert sum(times - 1 for times in asked.values()) <= 4
    document = swept.document
    assert document is not None
    assert swept.failed == ()
    assert (document.teacher.source, document.teacher.parameters) == ("function", None)
    assert document.pace.endswith(
        "The teacher is a function of texts: neither its size nor its speed is known."
    )
    assert {model.source for model in document.students} == {"transformers"}
    for run in document.runs:
        record = json.loads((swept.folder / run.name / "kdprobe.json").read_text())
        assert run.fidelity["agreement"] == pytest.approx(record["scores"]["agreement"], abs=1e-6)
    assert "the function teacher" in render_sweep(document)


def test_a_sweep_without_a_student_is_refused(
    toy: Toy, shares: dict[str, list[float]], tmp_path: Path
) -> None:
    """Guards a traceback, or a page without students, where no run can be trained."""
    with pytest.raises(ConfigError) as caught:
        kdprobe.sweep(
            function_of(shares), "layers=1,2", task=toy.task, output=tmp_path / "p", options=OPTIONS
        )
    assert str(caught.value).startswith(
        "`runs`: none of its 2 runs gives a student; layers-1: `student`: layers=1 copies layers of"
    )
    assert not (tmp_path / "p").exists()


@pytest.mark.usefixtures("_hurry")
def test_a_file_teaches_a_sweep_and_says_what_it_did_not_answer(
    toy: Toy, shares: dict[str, list[float]], tmp_path: Path
) -> None:
    """Guards students measured on texts without an answer; refused before any is trained."""
    dev = load_split(open_task(toy.task), "dev", offline=True)
    train = set(load_split(open_task(toy.task), "train", offline=True).texts)
    gone = [text for text in dict.fromkeys(dev.texts) if text not in train][:2]
    file = file_of({text: row for text, row in shares.items() if text not in gone}, tmp_path)
    given: dict[str, Any] = {"task": toy.task, "student": STUDENT, "output": tmp_path / "o"}
    with pytest.raises(MisalignedError, match="`missing=drop` leaves them out"):
        kdprobe.sweep(file, "seed=1,2", options=OPTIONS, **given)
    assert not (tmp_path / "o").exists()
    swept = kdprobe.sweep(file, "seed=1,2", options={**OPTIONS, "missing": "drop"}, **given)
    document = swept.document
    assert document is not None
    assert document.task.n == len(dev) - sum(text in gone for text in dev.texts)
    assert [notice.code for notice in document.notices] == ["unanswered"]
    assert document.teacher.source == "predictions file"


@pytest.mark.usefixtures("_hurry")
@pytest.mark.filterwarnings("ignore::UserWarning:peft")
def test_an_adapter_teaches_what_the_merged_model_teaches(toy: Toy, tmp_path: Path) -> None:
    """Guards a base that teaches without its adapter, and layers copied of the unmerged model.

    The reference is `peft`'s own `merge_and_unload`, saved as a folder of its own.
    """
    peft = pytest.importorskip("peft", reason="adapters need the extra peft")
    base = AutoModelForSequenceClassification.from_pretrained(toy.teacher)
    config = peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["query", "value"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft about transformers
        model = peft.get_peft_model(base, config)
        for name, weight in model.named_parameters():  # as if it had learnt something
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(1))
        model.save_pretrained(tmp_path / "adapter")
        merged = model.merge_and_unload()
        merged.save_pretrained(tmp_path / "merged")
    AutoTokenizer.from_pretrained(toy.teacher).save_pretrained(tmp_path / "merged")
    students = {
        name: distil(str(tmp_path / name), toy, tmp_path / f"of-{name}", "layers=1")
        for name in ("adapter", "merged")
    }
    plain = distil(toy.teacher, toy, tmp_path / "of-base", "layers=1")
    ours, theirs, base_s = (
        load_file(str(each.folder / "model.safetensors"))
        for each in (students["adapter"], students["merged"], plain)
    )
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], atol=1e-5)
    assert any(np.abs(value - base_s[name]).max() > 1e-3 for name, value in ours.items())
    assert students["adapter"].scores["agreement"] == students["merged"].scores["agreement"]
    report = kdprobe.compare(
        str(tmp_path / "adapter"), str(tmp_path / "of-adapter"), task=toy.task, resamples=100,
        device="cpu",
    )  # fmt: skip
    assert "other-teacher" not in {notice.code for notice in report.document.warnings}
    swept = kdprobe.sweep(
        str(tmp_path / "adapter"), "layers=1", task=toy.task, output=tmp_path / "o", options=OPTIONS
    )
    assert swept.failed == ()
    chosen = {**OPTIONS, "bf16": "auto", "dry_run": True}
    whole = distill(
        str(tmp_path / "adapter"), task=toy.task, output=tmp_path / "x", student="layers=1",
        **chosen,
    )  # fmt: skip
    assert whole.folder is None


@pytest.mark.usefixtures("_hurry")
def test_rounded_weights_and_graphs_teach_by_their_answers(toy: Toy, tmp_path: Path) -> None:
    """Guards what answers and is refused as a teacher, and layers copied of 8-bit weights.

    The reference is the model itself: rounding moves its answers, and so the student's weights, a
    little; the graph is the model's own export and gives the same to 1e-3.
    """
    plain = distil(toy.teacher, toy, tmp_path / "plain")
    rounded = distil(f"{toy.teacher}?dtype=bf16", toy, tmp_path / "rounded")
    facts = dict(rounded.preflight.facts)
    assert facts["teacher"].endswith("?dtype=bf16: a model of rounded weights that gives logits")
    theirs = load_file(str(tmp_path / "plain" / "model.safetensors"))
    ours = load_file(str(tmp_path / "rounded" / "model.safetensors"))
    gap = max(float(np.abs(value - theirs[name]).max()) for name, value in ours.items())
    assert 0 < gap < 0.05
    assert rounded.scores["accuracy"] == pytest.approx(plain.scores["accuracy"], abs=0.1)
    with pytest.raises(ConfigError, match=r"a model folder read as \?dtype=bf16, which has no"):
        distil(f"{toy.teacher}?dtype=bf16", toy, tmp_path / "s", "layers=1")
    swept = kdprobe.sweep(
        f"{toy.teacher}?quantize=int8", f"student={STUDENT}|bert:L1,H16,A2,I32", task=toy.task,
        output=tmp_path / "o", options=OPTIONS,
    )  # fmt: skip
    assert swept.failed == ()
    assert swept.document is not None
    latency = swept.document.find("latency_p50", "teacher")
    assert latency is not None
    assert latency.value is not None
