"""Costs measured by the whole comparison: every kind of model, one sentence, what fails."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import transformers as hf

import kdprobe
from kdprobe.collectors.efficiency import collector
from kdprobe.collectors.efficiency.options import EfficiencyOptions
from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.extract import fresh_process, operations
from kdprobe.extract.fresh_process import PeakMemory
from kdprobe.models.hf import HfModel
from kdprobe.results.headline import headline
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.cli.scene import LABELS, gold, run, write_predictions, write_task
from tests.comparison.test_objects import probabilities
from tests.models.test_loaded import pair
from tests.models.tiny import tiny_checkpoint, tiny_tokenizer
from tests.models.tiny_lstm import tiny_lstm

SIZED = ("parameters", "parameters_without_embeddings", "bytes", "multiply_adds", "tokens")
SPEEDS = ("latency_p50", "latency_p95", "throughput", "throughput_128")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task, a teacher, a smaller student, a BiLSTM, a decoder, and a predictions file."""
    folder = tmp_path_factory.mktemp("costs")
    write_task(folder)
    tiny_checkpoint(folder / "t", labels=LABELS, layers=2, width=16, seed=0)
    tiny_checkpoint(folder / "s", labels=LABELS, layers=1, width=8, seed=1)
    tiny_lstm(folder / "lstm", labels=LABELS)
    tokenizer = tiny_tokenizer("bert")
    config = hf.GPT2Config(
        vocab_size=len(tokenizer), n_embd=8, n_layer=1, n_head=2, num_labels=2,
        pad_token_id=tokenizer.pad_token_id, id2label=dict(enumerate(LABELS)),
        label2id={label: place for place, label in enumerate(LABELS)},
    )  # fmt: skip
    hf.GPT2ForSequenceClassification(config).save_pretrained(folder / "decoder")
    tokenizer.save_pretrained(folder / "decoder")
    write_predictions(folder / "f.jsonl", gold(folder), seed=3)
    return folder


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rounds, and memory without a process; tests of both stand in tests/extract."""
    monkeypatch.setattr(collector, "ROUNDS", {1: 20, 32: 2, 128: 2})

    def peak(given: str, *parts: Any, **named: Any) -> PeakMemory:
        return PeakMemory(5 * 10**8, 10**7 if Path(given).name == "t" else 5 * 10**6)

    monkeypatch.setattr(fresh_process, "peak_memory", peak)


def compare(world: Path, teacher: Any, students: Any, **more: Any) -> kdprobe.Comparison:
    options = more.pop("options", EfficiencyOptions(seconds=60))
    return kdprobe.compare(
        teacher, students, task=str(world / "toy.toml"), device="cpu", offline=True, threads=1,
        resamples=100, cache=False,
        **{"only": ["efficiency"], "collectors": {"efficiency": options}, **more},
    )  # fmt: skip


def result_of(compared: kdprobe.Comparison) -> AnalysisResult:
    result = compared.document.analysis("efficiency")
    assert result is not None, compared.document.skipped
    return result


def number(result: AnalysisResult, metric: str, model: str, other: str = "") -> Estimate:
    (one,) = (
        each for each in result.estimates
        if (each.metric, each.model_a, each.model_b) == (metric, model, other)
    )  # fmt: skip
    return one


def test_checkpoints_of_every_architecture(world: Path) -> None:
    """Guards numbers that only BERT has, a total called a part, and bytes of the tokenizer."""
    names = ("t", "s", "lstm", "decoder")
    compared = compare(world, str(world / "t"), [str(world / name) for name in names[1:]])
    result = result_of(compared)
    for name in names:
        for metric in (*SIZED, *SPEEDS, "peak_memory", "model_memory"):
            assert number(result, metric, name).value, (metric, name)
        assert number(result, "latency_p99", name).undefined == (
            "needs 100 timed sentences or more, and there was time for 20"
        )
        whole, part = (number(result, metric, name).value for metric in SIZED[:2])
        assert whole is not None
        assert part is not None
        assert 0 < part < whole
        size = (world / name / "model.safetensors").stat().st_size
        assert number(result, "bytes", name).value == size
    for name in names[1:]:
        assert number(result, "speedup", "t", name).value
    assert number(result, "memory_ratio", "t", "s").value == 2
    sizes = [number(result, "parameters", name).value for name in ("t", "s")]
    assert sizes[0] is not None
    assert sizes[1] is not None
    ratio = number(result, "parameters_ratio", "t", "s").value
    assert ratio == pytest.approx(sizes[0] / sizes[1])
    machine, pace = result.notes
    assert machine.startswith("Machine: ")
    assert pace.startswith("Speed: on 1 CPU thread; 20 single sentences and 2 batches of 32")
    row = headline(compared.document).rows[0]
    assert row.latency.estimate is not None
    assert row.speedup.estimate == number(result, "speedup", "t", "s")


def test_files_functions_and_objects_say_what_they_have_not(world: Path) -> None:
    """Guards a crash, or an empty cell without a reason, of whatever is no folder."""
    students = {
        "f": str(world / "f.jsonl"),
        "call": probabilities(world / "s"),
        "held": pair(world / "s"),
    }
    result = result_of(compare(world, str(world / "t"), students))
    for metric in (*SIZED, *SPEEDS, "latency_p99", "peak_memory"):
        reason = number(result, metric, "f").undefined
        assert reason == "new texts cannot be put to a predictions file"
    for metric in SPEEDS:
        assert number(result, metric, "call").value
        assert number(result, metric, "held").value
    missing = (*SIZED, "peak_memory")
    reasons = {metric: number(result, metric, "call").undefined for metric in missing}
    assert reasons == {
        "parameters": "it does not say how many it has",
        "parameters_without_embeddings": "what a function of texts computes cannot be counted",
        "bytes": "it has no weight file on disk",
        "multiply_adds": "what a function of texts computes cannot be counted",
        "tokens": "what a function of texts computes cannot be counted",
        "peak_memory": "it is an object of the running process, which a fresh one cannot open",
    }
    for metric in ("parameters", "multiply_adds", "tokens"):
        assert number(result, metric, "held").value
    assert number(result, "bytes", "held").value is None
    assert number(result, "speedup", "t", "f").undefined == (
        "f: new texts cannot be put to a predictions file"
    )
    assert number(result, "speedup", "t", "call").value


def test_files_alone_are_one_reason(world: Path) -> None:
    """Guards an empty section, or twelve undefined numbers, where nothing can be measured."""
    write_predictions(world / "g.jsonl", gold(world), seed=4)
    compared = compare(world, str(world / "f.jsonl"), [str(world / "g.jsonl")])
    assert compared.document.analysis("efficiency") is None
    (line,) = (one for one in compared.document.skipped if one.what == "efficiency")
    assert line.reason == "new texts cannot be put to a predictions file"
    assert line.requested


def test_a_function_that_gives_labels_can_be_timed(world: Path) -> None:
    """Guards a time that wants probabilities."""
    compared = compare(world, str(world / "t"), {"labels": lambda texts: ["good"] * len(texts)})
    assert number(result_of(compared), "latency_p50", "labels").value is not None


def test_one_sentence_is_enough(world: Path) -> None:
    """Guards a draw of 128 from one."""
    result = result_of(compare(world, str(world / "t"), [str(world / "s")], limit=1))
    assert number(result, "throughput_128", "s").value
    assert number(result, "tokens", "s").value


def test_a_model_that_fails_costs_itself(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a run lost to one model that cannot answer, count, or be opened elsewhere."""
    outputs, count = HfModel.outputs, operations.operations_of

    def broken(self: HfModel, split: Any, **named: Any) -> Any:
        if self.name == "s" and split.name == "dev" and len(split) == 1:
            raise CapabilityError("s", found="its forward cannot run a text")
        return outputs(self, split, **named)

    def uncounted(handle: HfModel, split: Any) -> Any:
        if handle.name == "s":
            raise ZeroDivisionError("division by zero")
        return count(handle, split)

    def closed(*parts: Any, **named: Any) -> PeakMemory:
        raise CapabilityError("t", found="a fresh process was ended by signal 9")

    monkeypatch.setattr(HfModel, "outputs", broken)
    monkeypatch.setattr(operations, "operations_of", uncounted)
    monkeypatch.setattr(fresh_process, "peak_memory", closed)
    compared = compare(world, str(world / "t"), [str(world / "s")])
    result = result_of(compared)
    assert number(result, "latency_p50", "t").value
    assert number(result, "latency_p50", "s").undefined == "s: its forward cannot run a text"
    assert number(result, "peak_memory", "t").undefined == "a fresh process was ended by signal 9"
    assert "ZeroDivisionError" in number(result, "multiply_adds", "s").undefined
    assert number(result, "parameters", "s").value
    lines = [one.reason for one in compared.document.skipped if one.what == "efficiency"]
    assert len(lines) == 2
    assert not result.curves


def test_it_is_asked_for_and_left_out(world: Path) -> None:
    """Guards seconds that nobody asked for, and a False that means yes."""
    plain = {"collectors": None, "only": ["task_scores"]}
    for efficiency, there in ((True, True), (False, False), (None, False)):
        compared = compare(
            world, str(world / "t"), [str(world / "s")],
            **{**plain, "only": ["task_scores", "efficiency"] if there else ["task_scores"]},
            efficiency=efficiency,
        )  # fmt: skip
        assert (compared.document.analysis("efficiency") is not None) == there
    options = EfficiencyOptions(measure=False)
    left = compare(world, str(world / "t"), [str(world / "s")], options=options)
    assert left.document.analysis("efficiency") is None
    light = EfficiencyOptions(memory=False, seconds=60)
    result = result_of(compare(world, str(world / "t"), [str(world / "s")], options=light))
    assert "peak_memory" not in {one.metric for one in result.estimates}
    with pytest.raises(ConfigError) as raised:
        EfficiencyOptions(seconds=0)
    assert str(raised.value) == "`efficiency.seconds`: is 0, expected at least 0.1"


def test_the_command_line(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a flag that is not read, a gate that cannot name a cost, and a page without it."""
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    words = ("compare", world / "t", world / "s", "--task", world / "toy.toml", "-o", out,
             "--resamples", 100, "--threads", 1, "--device", "cpu", "--offline", "-q")  # fmt: skip
    outcome = run(
        *words, "--efficiency", "--efficiency-seconds", 9, "--no-efficiency-memory",
        "--fail-if", "speedup<0.001", "--fail-if", "latency_p50>100000",
        "--fail-if", "multiply_adds_ratio>1",
    )  # fmt: skip
    assert outcome.code == 4, outcome.err
    assert "gate failed: s: multiply_adds_ratio = " in outcome.err
    assert "speedup" not in outcome.err
    page = (out / "report.html").read_text(encoding="utf-8")
    section = page[page.index('id="efficiency"') :]
    assert section.index("<svg") < section.index("<table")
    assert "How many times faster than the teacher" in section
    with (out / "metrics.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["analysis"] == "efficiency"]
    assert {"speedup", "latency_p50", "parameters_ratio"} <= {row["metric"] for row in rows}
    again = run(*words, "--force")
    assert again.code == 0, again.err
    assert 'id="efficiency"' not in (out / "report.html").read_text(encoding="utf-8")
