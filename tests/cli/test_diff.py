"""`kdprobe diff` as a person calls it: what is printed, written, refused, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.scene import gold, run, write_predictions, write_task

FAST = ("--resamples", "100", "--quiet", "--only", "task_scores,agreement,slices", "--slice",
        "genre")  # fmt: skip


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two reports of one teacher and a student that was trained again."""
    folder = tmp_path_factory.mktemp("diff")
    task = write_task(folder)
    rows = gold(folder)
    write_predictions(folder / "teacher.jsonl", rows, seed=1)
    for name, seed in (("a", 2), ("b", 3)):
        write_predictions(folder / f"{name}.jsonl", rows, seed=seed)
        done = run("compare", folder / "teacher.jsonl", f"s={folder / name}.jsonl", "-t", task,
                   "-o", folder / name, *FAST)  # fmt: skip
        assert done.code == 0, done.err
    return folder / "a", folder / "b"


def test_what_is_printed_and_written(sides: tuple[Path, Path], tmp_path: Path) -> None:
    """Guards a table without intervals, and files that say something else."""
    page, text = tmp_path / "d.html", tmp_path / "d.md"
    done = run("diff", *sides, "--html", page, "--markdown", text, "--resamples", "200")
    assert done.code == 0, done.err
    assert "Accuracy" in done.out
    assert "other weights" in done.out
    assert "numbers stand in both reports" in done.out
    assert f"Page: {page}" in done.out.replace("\n", "")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "| Accuracy | s |" in text.read_text(encoding="utf-8")
    quiet = run("diff", sides[0] / "results.json", sides[1], "--quiet", "--resamples", "200")
    assert quiet.code == 0
    assert "numbers stand in both reports" not in quiet.out


def test_json_is_all_that_is_printed(sides: tuple[Path, Path]) -> None:
    """Guards a pipe that gets a table; the numbers of a gate go to the other stream."""
    done = run("diff", *sides, "--json", "--resamples", "200", "--fail-if", "s:accuracy<2")
    assert done.code == 4
    data = json.loads(done.out)
    assert data["schema_version"] == 1
    assert data["same_examples"] is True
    (line,) = done.err.strip().splitlines()
    assert line.startswith("gate failed: s: accuracy = ")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--fail-if", "accuracy<-2"), 0, ""),
        (("--fail-if", "acuracy<0"), 2, "did you mean 'accuracy'"),
        (("--fail-if", "who:accuracy<0"), 2, "no student is called 'who'"),
        (("--fail-if", "accuracy"), 2, "expected METRIC<NUMBER"),
        (("--html", "."), 2, "is a folder, expected a file to write the page into"),
        (("--resamples", "5"), 2, "--resamples"),
    ],
)
def test_gates_and_places_are_checked(
    sides: tuple[Path, Path], words: tuple[str, ...], code: int, message: str
) -> None:
    """Guards a gate on a misspelt number, which nothing would ever trip."""
    done = run(
        "diff", *sides, "--resamples", "200" if "--resamples" not in words else "100", *words
    )
    assert done.code == code
    assert message in " ".join(done.err.split())


def test_what_is_no_report_is_refused(sides: tuple[Path, Path], tmp_path: Path) -> None:
    """Guards a traceback where a sweep, a page or nothing is named."""
    (tmp_path / "sweep.json").write_text('{"kind": "sweep", "schema_version": 1}')
    (tmp_path / "page.json").write_text("<html>")
    for name in ("sweep.json", "page.json", "nothing"):
        done = run("diff", sides[0], tmp_path / name)
        assert done.code == 2, name
        assert name in " ".join(done.err.split())
