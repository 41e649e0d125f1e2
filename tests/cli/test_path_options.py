"""What stands behind a path on the command line: one message and exit 2 where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.scene import run, write_task
from tests.models.tiny import tiny_checkpoint

LABELS = ("bad", "good")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("options")
    tiny_checkpoint(root / "teacher", labels=LABELS)
    write_task(root)
    return root


def compared(world: Path, student: str, *words: object) -> str:
    """Compare the teacher with a student that cannot be had; the message."""
    out = world / "out"
    done = run(
        "compare", world / "teacher", student, "--task", world / "toy.toml", "--data-dir", world,
        "-o", out, *words,
    )  # fmt: skip
    assert done.code == 2, done.out + done.err
    assert "Traceback" not in done.err
    assert not out.exists()
    return " ".join(done.err.split())


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("quantise=int8", "no option of a path is called 'quantise'"),
        ("quantize=int3", "no quantize is called 'int3'"),
        ("file=model.onnx", "has no graph model.onnx, expected one of none"),
        ("base=elsewhere", "the option base=elsewhere of a model folder, expected one of quantize"),
        ("original=/nowhere/at/all", "no such folder"),
    ],
)
def test_options_that_cannot_be_had(query: str, words: str, world: Path) -> None:
    """Guards tracebacks, and a half-written folder beside the message."""
    assert words in compared(world, f"s={world / 'teacher'}?{query}")


def test_a_path_with_options_where_they_are_not_read(world: Path) -> None:
    """Guards layers copied of a teacher that is known by its answers in another precision."""
    done = run(
        "distill", f"{world / 'teacher'}?dtype=bf16", "--task", world / "toy.toml", "--data-dir",
        world, "--student", "layers=1", "-o", world / "student",
    )  # fmt: skip
    assert done.code == 2
    told = " ".join(done.err.split())
    assert "layers=1 copies layers of its teacher" in told
    assert "--student bert:L3,H256 or --student bilstm:" in told
    assert not (world / "student").exists()


def test_int8_and_bf16_of_one_teacher_in_one_command(world: Path) -> None:
    """Guards the one command that says what quantising cost."""
    teacher = world / "teacher"
    done = run(
        "compare", teacher, f"{teacher}?quantize=int8", f"{teacher}?dtype=bf16", "--task",
        world / "toy.toml", "--data-dir", world, "--resamples", "100", "-o", world / "precisions",
    )  # fmt: skip
    assert done.code == 0, done.err
    told = " ".join(done.out.split())
    assert "teacher-int8" in told
    assert "teacher-bf16" in told
    page = (world / "precisions" / "report.html").read_text(encoding="utf-8")
    assert "teacher?quantize=int8" in page
    assert "torch dynamic quantisation" in page
