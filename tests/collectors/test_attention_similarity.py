"""Attention compared by the whole comparison: what is shared, skipped, remembered and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdprobe
from kdprobe.collectors.attention_similarity.options import AttentionOptions
from kdprobe.extract.attention_similarity import OTHER_TOKENS
from kdprobe.models.attention import AttentionReader
from kdprobe.results.io import read_document
from kdprobe.results.schema import AnalysisResult
from tests.cli.scene import LABELS, gold, run, write_predictions, write_task
from tests.models.tiny import tiny_checkpoint
from tests.models.tiny_lstm import tiny_lstm


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task, a teacher in two seeds, two students, a BiLSTM, and one with other tokens."""
    write_task(tmp_path)
    shapes = {"t": (3, 16), "t2": (3, 16), "s": (2, 8), "u": (2, 8)}
    for seed, (name, (layers, width)) in enumerate(shapes.items()):
        tiny_checkpoint(tmp_path / name, labels=LABELS, layers=layers, width=width, seed=seed)
    tiny_checkpoint(tmp_path / "roberta", labels=LABELS, arch="roberta")
    tiny_lstm(tmp_path / "lstm", labels=LABELS)
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    return tmp_path


def compare(
    world: Path, teacher: str, *students: str, options: AttentionOptions | None = None, **more: Any
) -> kdprobe.Comparison:
    return kdprobe.compare(
        teacher, list(students), task=str(world / "toy.toml"), only=["attention_similarity"],
        device="cpu", offline=True, threads=1, resamples=100,
        collectors={"attention_similarity": options or AttentionOptions(examples=12, maps=1)},
        **more,
    )  # fmt: skip


def result_of(compared: kdprobe.Comparison) -> AnalysisResult:
    result = compared.document.analysis("attention_similarity")
    assert result is not None, compared.document.skipped
    return result


def values(result: AnalysisResult, metric: str, student: str = "") -> dict[str, Any]:
    return {
        one.layer: one.value
        for one in result.estimates
        if one.metric == metric and (not student or one.model_b == student)
    }


def reasons(compared: kdprobe.Comparison) -> list[str]:
    skipped = compared.document.skipped
    return [line.reason for line in skipped if line.what == "attention_similarity"]


def test_teacher_students_floor_and_ceiling(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a floor that is read once a student, a second seed left out, and a lost cache."""
    monkeypatch.setattr(
        "kdprobe.collectors.attention_similarity.collector.say_estimate", lambda *parts: None
    )
    teacher, students = f"t={world / 't'},{world / 't2'}", [str(world / name) for name in "su"]
    compared = compare(world, teacher, *students)
    result = result_of(compared)
    assert {one.n for one in result.estimates} == {
        12,
        3 * 2,
    }  # heads, for those without counterpart
    assert len(values(result, "attention_js", "s")) == 3 * 2
    assert values(result, "random_attention_js", "s") == values(result, "random_attention_js", "u")
    assert len(values(result, "reseeded_attention_js")) == 3 * 3
    assert (
        values(result, "last_layer_attention_js", "s")[""]
        == (values(result, "attention_js", "s")["3:2"])
    )
    assert {one.model_a for one in result.estimates if one.metric == "attention_entropy"} == {
        "t", "s", "u"
    }  # fmt: skip

    calls: list[int] = []
    read = AttentionReader.read

    def counted(self: AttentionReader, columns: Any, rows: Any) -> np.ndarray:
        calls.append(len(rows))
        return read(self, columns, rows)

    monkeypatch.setattr(AttentionReader, "read", counted)
    again = compare(world, teacher, *students)
    assert calls == [1, 1, 1]  # the maps of one example alone
    assert result_of(again).model_dump_json() == result.model_dump_json()


def test_a_student_that_is_the_teacher(world: Path) -> None:
    """Guards a divergence of equal heads, and heads called lost that are all there."""
    result = result_of(compare(world, f"t={world / 't'}", f"twin={world / 't'}"))
    assert [values(result, "attention_js")[f"{at}:{at}"] for at in (1, 2, 3)] == pytest.approx(
        [0.0] * 3, abs=1e-6
    )
    assert values(result, "mean_attention_js")[""] == pytest.approx(0, abs=1e-6)
    assert values(result, "heads_without_counterpart")[""] == 0.0
    assert result.tables[0].rows == ()


def test_what_has_no_such_attention_is_a_reason(world: Path) -> None:
    """Guards a traceback, and a student that vanishes without a word."""
    file = str(write_predictions(world / "file.jsonl", gold(world), seed=3))
    teacher = str(world / "t")
    assert reasons(compare(world, teacher, file))[0].startswith("file: ")
    assert reasons(compare(world, teacher, str(world / "lstm"))) == [
        "lstm: it has no attention heads"
    ]
    assert reasons(compare(world, teacher, str(world / "roberta"))) == [f"roberta: {OTHER_TOKENS}"]
    both = result_of(compare(world, teacher, str(world / "s"), str(world / "roberta"), file))
    assert {one.model_b for one in both.estimates if one.metric == "attention_js"} == {"s"}
    assert [notice.models for notice in both.warnings] == [("roberta",), ("file",)]
    assert both.warnings[0].message == (
        f"The attention of roberta is not compared: {OTHER_TOKENS}."
    )


def test_one_example_and_runs_of_other_shapes(world: Path) -> None:
    """Guards an interval of one example, and heads averaged by their place in a list."""
    one = result_of(compare(world, str(world / "t"), str(world / "s"), limit=1))
    assert {each.n for each in one.estimates if each.metric == "attention_js"} == {1}
    compared = compare(world, str(world / "t"), f"s={world / 's'},{world / 't2'}")
    assert reasons(compared) == ["run 2 of s has other layers or heads than its others"]
    assert len(values(result_of(compared), "attention_js", "s")) == 3 * 2


def test_the_models_are_left_as_they_were(world: Path) -> None:
    """Guards predictions of plain attention after the pass, and a switched model on an error."""
    from kdprobe.collectors.protocol import COLLECTORS
    from kdprobe.collectors.session import open_session
    from kdprobe.config.options import EvaluationDataOptions, InferenceRuntime
    from kdprobe.models.spec import parse_specs
    from kdprobe.progress import Silent
    from kdprobe.tasks.open import open_task

    session = open_session(
        parse_specs([str(world / "t"), str(world / "s")]), open_task(str(world / "toy.toml")),
        data=EvaluationDataOptions(limit=12),
        runtime=InferenceRuntime(device="cpu", offline=True, cache=False),
    )  # fmt: skip
    handles: list[Any] = [model.runs[0] for model in session.models]
    before = [handle.model.config._attn_implementation for handle in handles]
    assert before == ["sdpa", "sdpa"]
    collector = COLLECTORS.load("attention_similarity")
    prepared = collector.prepare(session, AttentionOptions(maps=2))
    collector.collect(session, prepared, Silent())
    assert [handle.model.config._attn_implementation for handle in handles] == before
    assert not any(handle.model.training for handle in handles)


def test_the_command_line_asks_for_it_and_the_page_shows_every_head(world: Path) -> None:
    """Guards a flag that reaches no collector, and pictures that are a table of digits."""
    done = run(
        "compare", world / "t", world / "s", "--task", world / "toy.toml", "-o", world / "out",
        "--attention", "10", "--attention-tokens", "all", "--attention-maps", "2",
        "--device", "cpu", "--resamples", "100", "--fail-if", "last_layer_attention_js>1",
    )  # fmt: skip
    assert done.code == 0, done.err
    document = read_document(world / "out")
    assert document.request.options["attention_similarity"] == {
        "examples": 10, "tokens": "all", "maps": 2
    }  # fmt: skip
    page = (world / "out" / "report.html").read_text()
    assert "Attention of every head" in page
    assert page.count("(beside the teacher") == 2 * 2
    assert "sixteenths" not in page
