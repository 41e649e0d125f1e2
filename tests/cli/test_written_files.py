"""Files that commands are asked to write: what would destroy another is refused before the work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kdprobe.cli.written_files import MARKDOWN, PAGE, check_written
from kdprobe.errors import OutputError
from tests.cli.scene import Outcome, gold, run, write_predictions, write_task


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two predictions files, a task, and their report in `out`."""
    folder = tmp_path_factory.mktemp("written")
    write_task(folder)
    write_predictions(folder / "t.jsonl", gold(folder), seed=1)
    write_predictions(folder / "s.jsonl", gold(folder), seed=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert compare("-o", "out").code == 0
    return folder


@pytest.fixture
def scene(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, where one works."""
    shutil.copytree(written, tmp_path / "scene")
    monkeypatch.chdir(tmp_path / "scene")
    return tmp_path / "scene"


def compare(*words: str) -> Outcome:
    return run("compare", "t.jsonl", "s.jsonl", "-t", "toy.toml", "--resamples", "100", "--only",
               "agreement", "--quiet", *words)  # fmt: skip


def held(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("report out -o out/results.json", "out/results.json: is what the command reads"),
        ("report out/results.json -o out/metrics.csv", "is a file of the report"),
        ("report out --summary out/report.html", "is where the page is written"),
        ("report out -o out/suite.json", "is what the command reads"),
        ("report out -o out/plan.json", "is a file of the report"),
        ("attribute t.jsonl --text a -o t.jsonl/a.svg", "lies below t.jsonl, which is a file"),
        ("report out -o a.html --summary a.html", "is where the page is written"),
        ("report out --summary t.jsonl/a.md", "lies below t.jsonl, which is a file"),
        ("diff out out --html out/predictions.parquet", "is what the command reads"),
        ("diff out/results.json out --markdown out/results.json", "is what the command reads"),
        ("diff out out --html d --markdown d", "d: is where the page is written"),
        ("diff out out --html d.html --markdown t.jsonl/x.md", "which is a file"),
        ("compare --summary new/report.html -o new", "is a file of the report"),
        ("compare --summary s.jsonl -o new", "s.jsonl: is what the command reads"),
        ("compare --summary s.jsonl/x.md -o new", "which is a file"),
        ("compare --summary out -o new", "out: is a folder, expected a file to write Markdown"),
    ],
)
def test_nothing_is_written_over_or_half(scene: Path, words: str, message: str) -> None:
    """Guards results that their own page replaces, and a second file that fails after the first."""
    before = held(scene)
    name, *rest = words.split()
    done = compare(*rest) if name == "compare" else run(name, *rest)
    assert done.code == 2, done.out
    assert message in " ".join(done.err.split())
    assert len([line for line in done.err.splitlines() if line.startswith("Error: ")]) == 1
    assert held(scene) == before


def test_what_may_be_written(scene: Path) -> None:
    """Guards an ordinary place that is refused: a page again, one beside it, new folders."""
    assert run("report", "out").code == 0
    assert run("report", "out", "-o", "out/other.html", "--summary", "new/deep/s.md").code == 0
    assert compare("-o", "out", "--force", "--summary", "out/verdict.md").code == 0
    assert (scene / "out" / "verdict.md").is_file()
    done = run("diff", "out", "out", "--html", "report.html", "--markdown", "d.md", "--resamples",
               "100")  # fmt: skip
    assert done.code == 0, done.err


def test_links_lead_to_one_file(tmp_path: Path) -> None:
    """Guards a file that is read under another name."""
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "a.json")
    with pytest.raises(OutputError, match="is what the command reads"):
        check_written({PAGE: tmp_path / "link"}, reads=[tmp_path / "a.json"])
    check_written({PAGE: None, MARKDOWN: tmp_path / "b" / "c.md"}, reads=[tmp_path / "a.json"])
