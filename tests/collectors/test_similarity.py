"""Layers compared by the whole comparison: what is shared, skipped, remembered and said."""

from __future__ import annotations

import json
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import BertForSequenceClassification

import kdprobe
from kdprobe.collectors.similarity.options import SimilarityOptions
from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.models.hidden import LayerReader
from kdprobe.results.io import read_document
from kdprobe.results.schema import AnalysisResult
from tests.cli.scene import LABELS, gold, run, write_predictions, write_task
from tests.models.tiny import tiny_checkpoint
from tests.models.tiny_lstm import tiny_lstm


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task, a teacher in two seeds, students of one and two layers, and a BiLSTM."""
    write_task(tmp_path)
    for seed, (name, (layers, width)) in enumerate(
        {"t": (2, 16), "t2": (2, 16), "s": (1, 8), "u": (1, 8)}.items()
    ):
        tiny_checkpoint(tmp_path / name, labels=LABELS, layers=layers, width=width, seed=seed)
    tiny_lstm(tmp_path / "lstm", labels=LABELS)
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    return tmp_path


def compare(
    world: Path, teacher: str, *students: str, options: SimilarityOptions | None = None, **more: Any
) -> kdprobe.Comparison:
    return kdprobe.compare(
        teacher, list(students), task=str(world / "toy.toml"), only=["similarity"], device="cpu",
        offline=True, threads=1, resamples=100,
        collectors={"similarity": options or SimilarityOptions(permutations=19)}, **more,
    )  # fmt: skip


def result_of(compared: kdprobe.Comparison) -> AnalysisResult:
    result = compared.document.analysis("similarity")
    assert result is not None, compared.document.skipped
    return result


def values(result: AnalysisResult, metric: str, student: str = "") -> dict[tuple[str, str], Any]:
    return {
        (one.layer, one.pooling): one.value
        for one in result.estimates
        if one.metric == metric and (not student or one.model_b == student)
    }


def test_teacher_students_floor_and_ceiling(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a floor that is read once a student, a second seed left out, and cells left out."""
    read_rows: dict[tuple[str, bool], int] = {}
    read = LayerReader.read

    def counted(self: LayerReader, tokens: np.ndarray) -> np.ndarray:
        at = (self.handle.name, self.random)
        read_rows[at] = read_rows.get(at, 0) + len(tokens)
        return read(self, tokens)

    monkeypatch.setattr(LayerReader, "read", counted)
    monkeypatch.setattr(
        "kdprobe.collectors.similarity.collector._say_estimate", lambda *parts, **named: None
    )
    compared = compare(world, f"t={world / 't'},{world / 't2'}", str(world / "s"), str(world / "u"))
    result = result_of(compared)
    n = int(result.estimates[0].n or 0)
    assert read_rows == {
        ("t", False): 2 * n, ("s", False): n, ("u", False): n, ("s", True): n
    }  # fmt: skip
    assert values(result, "random_cka", "s") == values(result, "random_cka", "u")
    for student in ("s", "u"):
        assert len(values(result, "cka", student)) == 4 * 3
        assert values(result, "cka", student)["head:head", ""] is not None
    ceiling = values(result, "reseeded_cka")
    assert len(ceiling) == 4 * 4
    assert len(values(result, "reseeded_mean_equal_depth")) == 1
    best = values(result, "best_match_cka", "s")
    cells = values(result, "cka", "s")
    assert best["2", "mean"] == max(
        value for (layer, _), value in cells.items() if layer.startswith("2:")
    )

    read_rows.clear()
    again = compare(world, f"t={world / 't'},{world / 't2'}", str(world / "s"), str(world / "u"))
    assert not read_rows  # from the cache
    assert result_of(again).model_dump_json() == result.model_dump_json()
    assert not list((world / "cache").rglob("*.features"))


def test_a_student_that_is_the_teacher(world: Path) -> None:
    """Guards two readers of one file of features, and division by zero at a similarity of 1."""
    result = result_of(compare(world, f"t={world / 't'}", f"twin={world / 't'}"))
    cells = values(result, "cka")
    assert [cells[f"{at}:{at}", "mean"] for at in range(3)] == pytest.approx([1.0] * 3)
    distances = values(result, "procrustes")
    assert [distances[f"{at}:{at}", "mean"] for at in range(3)] == pytest.approx(
        [0.0] * 3, abs=1e-6
    )
    (mean,) = values(result, "mean_equal_depth").values()
    assert mean == pytest.approx(1.0)


def test_several_seeds_of_a_student_are_averaged(world: Path) -> None:
    """Guards the first seed taken for all."""
    both = result_of(compare(world, str(world / "t"), f"s={world / 's'},{world / 'u'}"))
    one, other = (
        values(result_of(compare(world, str(world / "t"), str(world / name))), "cka")
        for name in "su"
    )
    for at, value in values(both, "cka").items():
        assert value == pytest.approx((one[at] + other[at]) / 2, abs=1e-9)


def test_runs_of_other_shapes_have_no_mean(world: Path) -> None:
    """Guards layers averaged by their place in a list."""
    compared = compare(world, str(world / "t"), f"s={world / 's'},{world / 't2'}")
    assert {one.layer for one in result_of(compared).estimates if one.metric == "cka"} == {
        f"{row}:{column}" for row in ("0", "1", "2", "head") for column in ("0", "1", "head")
    }
    assert "run 2 of s has other layers than run 1" in [
        line.reason for line in compared.document.skipped
    ]


def test_a_bilstm_and_a_pooling_it_lacks(world: Path) -> None:
    """Guards widths that differ within a model, and a pooling that vanishes without a word."""
    options = SimilarityOptions(poolings=("cls", "mean"), permutations=0)
    result = result_of(compare(world, str(world / "t"), str(world / "lstm"), options=options))
    assert {pooling for _, pooling in values(result, "cka")} == {"mean", ""}
    assert [one.p_value for one in result.estimates if one.metric == "cka"] == [None] * 4 * 3
    (notice,) = result.warnings
    assert notice.message == (
        "The layers of lstm are not compared under cls: no token of a BiLSTM reads the whole "
        "sentence; see last."
    )


def test_the_first_token_before_block_1_is_undefined_with_the_reason(world: Path) -> None:
    """Guards the rounding of a constant taken for a layer that is like another."""
    options = SimilarityOptions(poolings=("cls",), permutations=0)
    result = result_of(compare(world, str(world / "t"), str(world / "s"), options=options))
    reasons = {
        one.layer: one.undefined
        for one in result.estimates
        if one.metric in ("cka", "best_match_cka") and one.undefined
    }
    reason = "the vectors of layer 0 are the same for all sentences"
    undefined = ("0", "0:0", "0:1", "0:head", "1:0", "2:0", "head:0")
    assert reasons == dict.fromkeys(undefined, reason)


def test_a_file_or_one_sentence_is_a_reason(world: Path) -> None:
    """Guards a traceback, and an analysis that is missing without a word."""
    lines = gold(world)
    file = write_predictions(world / "file.jsonl", lines, seed=3)
    skipped = compare(world, str(world / "t"), str(file)).document.skipped
    assert [(line.what, line.reason) for line in skipped if line.requested] == [
        ("similarity", "file: no layers can be read, as of a predictions file")
    ]
    skipped = compare(world, str(world / "t"), str(world / "s"), limit=1).document.skipped
    assert [(line.what, line.reason) for line in skipped if line.requested] == [
        ("similarity", "dev has 1 sentence; layers are compared on 5 or more")
    ]
    both = compare(world, str(world / "t"), str(world / "s"), str(file))
    assert {one.model_b for one in result_of(both).estimates} == {"s"}
    (notice,) = result_of(both).warnings
    assert notice.models == ("file",)


def test_one_student_that_fails_costs_itself(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a comparison lost, or megabytes left behind, for one model's sake."""
    alone = values(result_of(compare(world, str(world / "t"), str(world / "u"))), "cka", "u")
    tiny_checkpoint(world / "odd", labels=LABELS, layers=1, width=24, seed=9)
    forward = BertForSequenceClassification.forward

    @wraps(forward)  # what a model is sent is read from the signature
    def broken(self: Any, input_ids: Any = None, **more: Any) -> Any:
        layers = more.get("output_hidden_states")
        if self.config.hidden_size == 24 and layers and input_ids.shape[1] > 4:
            raise RuntimeError("index out of range in self")
        return forward(self, input_ids=input_ids, **more)

    monkeypatch.setattr(BertForSequenceClassification, "forward", broken)
    compared = compare(world, str(world / "t"), str(world / "odd"), str(world / "u"))
    assert values(result_of(compared), "cka", "u") == alone
    assert "odd" not in {one.model_b for one in result_of(compared).estimates}
    reasons = [line.reason for line in compared.document.skipped if line.models == ("odd",)]
    assert len(reasons) == 2
    assert all("index out of range in self" in reason for reason in reasons)
    assert not list((world / "cache").rglob("*.features"))


def test_options_are_checked_in_words() -> None:
    """Guards a slip that is found after the models were read."""
    with pytest.raises(UnknownNameError, match=r"similarity\.poolings"):
        SimilarityOptions(poolings=("middle",))
    with pytest.raises(ConfigError, match=r"`similarity\.sentences`: is 4, expected at least 5"):
        SimilarityOptions(sentences=4)


def test_the_command_line_asks_for_it_and_a_gate_holds_it(world: Path) -> None:
    """Guards a flag that reaches no collector, and a metric that no gate can name."""
    done = run(
        "compare", world / "t", world / "s", "--task", world / "toy.toml", "-o", world / "out",
        "--similarity", "20", "--similarity-biased", "--similarity-permutations", "0",
        "--device", "cpu", "--resamples", "100", "--fail-if", "mean_equal_depth<2",
    )  # fmt: skip
    assert done.code == 4, done.err
    document = read_document(world / "out")
    result = document.analysis("similarity")
    assert result is not None
    assert {one.n for one in result.estimates} == {20}
    assert {one.method for one in result.estimates if "cka" in one.metric} == {"biased"}
    assert json.loads(json.dumps(document.request.options["similarity"])) == {
        "sentences": 20, "poolings": ["mean"], "biased": True, "permutations": 0
    }  # fmt: skip
    page = (world / "out" / "report.html").read_text()
    assert 'id="similarity"' in page
    assert "Similarity of the best match by depth" in page


def test_the_time_is_said_before_it_starts(world: Path) -> None:
    """Guards a wait of unknown length."""

    class Told:
        lines: list[str] = []  # noqa: RUF012

        def stage(self, title: str, total: int | None) -> Any:
            from kdprobe.progress import Silent

            return Silent().stage(title, total)

        def say(self, message: str) -> None:
            self.lines.append(message)

    told = Told()
    compare(world, str(world / "t"), str(world / "s"), progress=told)
    (line,) = [line for line in told.lines if line.startswith("Similarity reads")]
    assert "with 3 encoders, random weights included: about" in line
    assert "then 24 pairs of layers: about" in line
