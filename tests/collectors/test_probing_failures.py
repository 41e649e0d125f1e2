"""Properties of probing when one model fails on one task: all other numbers are as without it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from transformers import BertForSequenceClassification

from kdprobe.collectors.guarding import unable_or_failed
from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.extract.probes import groups
from kdprobe.results.io import read_document
from kdprobe.results.schema import Estimate, ResultsDocument
from tests.cli.scene import LABELS, Outcome, run, write_task
from tests.models.tiny import tiny_checkpoint

TASKS = {"bigram_shift": "she saw {}", "past_present": "the dog sleeps " * 6 + "{}"}
WIDTH = 24


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A task, three models and two probing tasks, of short and of long sentences."""
    write_task(tmp_path)
    (tmp_path / "sets").mkdir()
    for task, text in TASKS.items():
        rows = [
            f"{part}\t{'A' if k % 2 else 'B'}\t{text.format('it' if k % 3 else 'him')} {part} {k}"
            for part, size in (("tr", 40), ("va", 20), ("te", 20))
            for k in range(size)
        ]
        (tmp_path / "sets" / f"{task}.txt").write_text("\n".join(rows) + "\n")
    for seed, (name, width) in enumerate({"t": 16, "s": 8, "u": WIDTH}.items()):
        tiny_checkpoint(tmp_path / name, labels=LABELS, layers=1, width=width, seed=seed)
    return tmp_path


def fail_on_long_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the forward of one model raise for the sentences of one probing task."""
    forward = BertForSequenceClassification.forward

    @wraps(forward)  # what a model is sent is read from the signature
    def fail(self: Any, input_ids: Any = None, **more: Any) -> Any:
        if self.config.hidden_size == WIDTH and input_ids.shape[1] > 18:
            raise RuntimeError("index out of range in self")
        return forward(self, input_ids=input_ids, **more)

    monkeypatch.setattr(BertForSequenceClassification, "forward", fail)


def compare(
    world: Path, monkeypatch: pytest.MonkeyPatch, out: str, models: str = "tsu",
    tasks: str = "bigram_shift,past_present", cache: str = "",
) -> tuple[Outcome, ResultsDocument]:  # fmt: skip
    monkeypatch.setenv("KDPROBE_CACHE", str(world / (cache or f"cache-{out}")))
    done = run(
        "compare", *(world / name for name in models), "--task", world / "toy.toml",
        "-o", world / out, "--only", "probing", "--probe-tasks", tasks,
        "--probing-dir", world / "sets", "--resamples", "100", "--device", "cpu",
    )  # fmt: skip
    return done, read_document(world / out)


def numbers(document: ResultsDocument, keep: Callable[[Estimate], bool]) -> dict[Any, Any]:
    """Values with their intervals, by where they are."""
    result = document.analysis("probing")
    assert result is not None
    made = {
        (e.metric, e.model_a, e.model_b, e.subset, e.layer, e.pooling): (e.value, e.low, e.high)
        for e in result.estimates
        if keep(e)
    }
    assert made
    return made


def without_u(e: Estimate) -> bool:
    return "u" not in (e.model_a, e.model_b)


def test_one_models_failing_task_costs_that_task_of_that_model(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards hours of probing lost to one sentence that one model cannot read."""
    done, alone = compare(world, monkeypatch, "alone", models="ts")
    assert done.code == 0, done.err
    _, first = compare(world, monkeypatch, "first", tasks="bigram_shift")
    fail_on_long_sentences(monkeypatch)
    done, document = compare(world, monkeypatch, "out")
    assert done.code == 3
    assert "index out of range in self" in " ".join(done.err.split())
    listed = [item for item in document.skipped if item.requested]
    assert [item.models for item in listed] == [("u",), ("u",)]
    assert {item.what for item in listed} == {"probing"}
    assert listed[0].reason.startswith("u on past_present: its forward cannot run the text")
    assert listed[1].reason.startswith("u (random weights) on past_present: ")
    assert numbers(document, without_u) == numbers(alone, without_u)
    of_u = numbers(document, lambda e: not without_u(e))
    assert of_u == numbers(first, lambda e: not without_u(e))
    assert {key[3] for key in of_u} == {"bigram_shift"}
    page = (world / "out" / "report.html").read_text(encoding="utf-8")
    assert "u on past_present" in page


def test_the_next_run_finds_what_was_kept(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a repaired model that is read again, and half-read features left in the cache."""
    with monkeypatch.context() as broken:
        fail_on_long_sentences(broken)
        compare(world, monkeypatch, "one", cache="cache")
    assert not list((world / "cache").rglob("*.features"))
    fitted: list[int] = []
    fit_group = groups.fit_group

    def counted(*given: Any) -> Any:
        fitted.append(1)
        return fit_group(*given)

    monkeypatch.setattr(groups, "fit_group", counted)
    done, document = compare(world, monkeypatch, "two", cache="cache")
    assert done.code == 0, done.err
    assert len(fitted) == 2  # u on one task, and its architecture with random weights
    assert not [item for item in document.skipped if item.requested]
    _, whole = compare(world, monkeypatch, "three", cache="other")
    assert numbers(document, lambda e: True) == numbers(whole, lambda e: True)


def test_a_teacher_that_fails_leaves_the_students_accuracies(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a crash of the analysis where a task has no teacher to compare with."""
    _, alone = compare(world, monkeypatch, "alone", models="ts")
    fail_on_long_sentences(monkeypatch)
    done, document = compare(world, monkeypatch, "out", models="uts")
    assert done.code == 3
    kept = {"accuracy", "selectivity", "centre_of_gravity", "mdl_bits", "random_accuracy"}

    def single(e: Estimate) -> bool:
        return e.metric in kept and without_u(e)

    assert numbers(document, single) == numbers(alone, single)
    gaps = numbers(document, lambda e: e.metric == "gap")
    assert {key[3] for key in gaps} == {"bigram_shift"}


def test_a_task_that_fails_for_all_is_left_out(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards one probe that does not converge ending every other; both reasons are told."""
    _, first = compare(world, monkeypatch, "first", tasks="bigram_shift")
    fit_group = groups.fit_group

    def singular(features: Any, request: groups.FitRequest) -> Any:
        if "dog" in request.set.train.sentences[0]:
            raise ValueError("singular matrix")
        return fit_group(features, request)

    monkeypatch.setattr(groups, "fit_group", singular)
    done, document = compare(world, monkeypatch, "out")
    assert done.code == 3
    reasons = [item.reason for item in document.skipped if item.requested]
    assert len(reasons) == 6
    assert all("on past_present: failed (ValueError: singular matrix)" in one for one in reasons)
    assert numbers(document, lambda e: True) == numbers(first, lambda e: True)


def test_nothing_left_says_why(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a comparison lost with its probing, and the advice to ask for what was asked for."""
    fail_on_long_sentences(monkeypatch)
    done = run(
        "compare", world / "u", f"v={world / 'u'}", "--task", world / "toy.toml",
        "-o", world / "out", "--only", "probing,agreement", "--probe-tasks", "past_present",
        "--probing-dir", world / "sets", "--resamples", "100", "--device", "cpu",
    )  # fmt: skip
    assert done.code == 3
    document = read_document(world / "out")
    assert document.analysis("agreement") is not None
    assert document.analysis("probing") is None
    reasons = [item.reason for item in document.skipped if item.what == "probing"]
    assert any("cannot run the text" in reason for reason in reasons)
    assert not any("`probing.tasks=all` adds it" in reason for reason in reasons)


def test_a_full_disk_or_a_slip_still_ends_it() -> None:
    """Guards a full disk being listed as the fault of a model."""
    for error in (ConfigError("--x", found="y"), OSError(28, "No space left on device")):
        with pytest.raises(type(error)):
            unable_or_failed("probing", "m", error, model="m")
    told = unable_or_failed("probing", "m", CapabilityError("m", found="no"), model="m")
    assert (told.reason, told.models, told.requested) == ("m: no", ("m",), True)
