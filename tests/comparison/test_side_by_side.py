"""Layers, heads, erasures and costs of models that do not go together: a reason, or one message.

All four are asked for at once, as a person does who wants everything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import kdprobe
from kdprobe.collectors.attention_similarity.options import AttentionOptions
from kdprobe.collectors.causal_use.options import CausalUseOptions
from kdprobe.collectors.efficiency.options import EfficiencyOptions
from kdprobe.collectors.similarity.options import SimilarityOptions
from kdprobe.errors import UsageError
from kdprobe.results.schema import ResultsDocument
from tests.cli.scene import LABELS, gold, run, write_predictions, write_task
from tests.models.tiny import tiny_checkpoint
from tests.models.tiny_lstm import tiny_lstm

FOUR = ("similarity", "attention_similarity", "causal_use", "efficiency")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task, BERTs of two layers and one, a RoBERTa, a BiLSTM, and a predictions file."""
    folder = tmp_path_factory.mktemp("four")
    write_task(folder)
    tiny_checkpoint(folder / "t", labels=LABELS, layers=2, width=16)
    tiny_checkpoint(folder / "one", labels=LABELS, layers=1, width=8, seed=1)
    tiny_checkpoint(folder / "other", arch="roberta", labels=LABELS, layers=1, width=8)
    tiny_lstm(folder / "lstm", labels=LABELS)
    write_predictions(folder / "f.jsonl", gold(folder), seed=3)
    return folder


def compared(world: Path, teacher: Any, *students: Any, **more: Any) -> ResultsDocument:
    collectors = {
        "similarity": SimilarityOptions(permutations=9),
        "attention_similarity": AttentionOptions(examples=10, maps=1),
        "causal_use": CausalUseOptions(properties=("subj_number",), sentences=100, examples=10),
        "efficiency": EfficiencyOptions(seconds=0.1, memory=False),
    } | more.pop("collectors", {})
    return kdprobe.compare(
        teacher, list(students), task=str(world / "toy.toml"), only=FOUR, collectors=collectors,
        device="cpu", offline=True, threads=1, resamples=100, cache=False, **more,
    ).document  # fmt: skip


def ran(document: ResultsDocument) -> set[str]:
    return {result.name for result in document.analyses} & set(FOUR)


def reasons(document: ResultsDocument) -> dict[str, str]:
    """Why one of the four did not run, of each; several lines are put together."""
    lines: dict[str, list[str]] = {}
    for skipped in document.skipped:
        if skipped.what in FOUR:
            lines.setdefault(skipped.what, []).append(skipped.reason)
    return {what: "; ".join(each) for what, each in lines.items()}


def test_different_tokenizers(world: Path) -> None:
    """Guards attention of other tokens compared row by row; all else reads whole texts."""
    document = compared(world, str(world / "t"), str(world / "other"))
    assert ran(document) == {"similarity", "causal_use", "efficiency"}
    assert "other: " in reasons(document)["attention_similarity"]
    assert "token" in reasons(document)["attention_similarity"]


def test_one_layer(world: Path) -> None:
    """Guards a teacher or a student whose first layer is its last."""
    for teacher, student in (("t", "one"), ("one", "t")):
        document = compared(world, str(world / teacher), str(world / student))
        assert ran(document) == set(FOUR), reasons(document)


def test_a_bilstm_has_all_but_heads(world: Path) -> None:
    """Guards a model without attention that loses the rest too."""
    document = compared(world, str(world / "t"), str(world / "lstm"))
    assert ran(document) == {"similarity", "causal_use", "efficiency"}
    assert reasons(document) == {"attention_similarity": "lstm: it has no attention heads"}


def test_files_and_functions(world: Path) -> None:
    """Guards a traceback, or silence, of what has no layers; a function has times."""

    def function(texts: list[str]) -> list[list[float]]:
        return [[0.25, 0.75] for _ in texts]

    document = compared(world, str(world / "t"), str(world / "f.jsonl"), function)
    assert ran(document) == {"causal_use", "efficiency"}  # of the teacher alone
    assert set(reasons(document)) == {"similarity", "attention_similarity"}
    for reason in reasons(document).values():
        assert "f: " in reason
        assert "a function of texts has no" in reason
    alone = compared(world, str(world / "f.jsonl"), function)
    assert ran(alone) == {"efficiency"}
    assert set(reasons(alone)) == set(FOUR) - {"efficiency"}


def test_one_sentence(world: Path) -> None:
    """Guards a mean of one, a similarity of one point, and a batch drawn from one."""
    document = compared(world, str(world / "t"), str(world / "one"), limit=1)
    assert "efficiency" in ran(document)
    assert reasons(document)["similarity"] == (
        "dev has 1 sentence; layers are compared on 5 or more"
    )
    for name in ("attention_similarity", "causal_use"):
        assert name in ran(document) or reasons(document)[name]


def test_a_property_of_one_class(world: Path, tmp_path: Path) -> None:
    """Guards an eraser of nothing, and a traceback of the probes, on a person's own property."""
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\ngroup = "other"\ndescription = "One."\nfile = "own.txt"\n')
    parts = ("tr",) * 60 + ("va",) * 20 + ("te",) * 20
    rows = [f"{part}\tonly\tthe dog sleeps {row}" for row, part in enumerate(parts)]
    (tmp_path / "own.txt").write_text("\n".join(rows) + "\n")
    with pytest.raises(UsageError) as raised:
        compared(
            world, str(world / "t"), str(world / "one"),
            collectors={"causal_use": CausalUseOptions(properties=(str(own),), sentences=100)},
        )  # fmt: skip
    assert "only" in str(raised.value)
    outcome = run("compare", world / "t", world / "one", "--causal-use", own, "--task",
                  world / "toy.toml", "-o", tmp_path / "out", "--offline", "-q")  # fmt: skip
    assert outcome.code == 2
    assert outcome.err.count("Error:") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--causal-use", "nosuch"), "--causal-use: no probing task is called 'nosuch'"),
        (("--causal-use", "subj_number,subj_number"), "--causal-use: subj_number is named twice"),
        (("--causal-use", "past_present", "--causal-dir", "x"), "--causal-dir x: no such folder"),
        (("--probe-tasks", "nosuch"), "--probe-tasks: no probing task is called 'nosuch'"),
        (("--similarity", "1"), "--similarity: is 1, expected at least 5\n"),
        (("--similarity", "x"), "--similarity: is x, expected a whole number\n"),
        (("--attention", "1"), "--attention: is 1, expected at least 2\n"),
        (("--attention-tokens", "x"), "--attention-tokens: is x, expected one of 'words', 'all'\n"),
        (("--efficiency-seconds", "0"), "--efficiency-seconds: is 0, expected at least 0.1\n"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_one_message_that_names_it(
    words: tuple[str, ...], message: str, world: Path, tmp_path: Path
) -> None:
    """Guards another option blamed, a library's own words, and models opened before all that."""
    outcome = run("compare", "no-teacher", "no-student", *words, "-o", tmp_path / "out")
    assert outcome.code == 2
    assert outcome.err.startswith(f"Error: {message}"), outcome.err
    assert not (tmp_path / "out").exists()
