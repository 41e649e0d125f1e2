"""Properties of parts that fail: listed with their words, the rest computed, the exit code 3."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kdprobe.collectors import guarding
from kdprobe.errors import ConfigError
from kdprobe.extract.method import Attribution, ExplanationInput
from kdprobe.extract.methods import lime
from kdprobe.results.io import read_document
from tests.cli.scene import checkpoint, gold, run, write_predictions, write_task


def break_analysis(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    from kdprobe.analysis import overlap

    def fail(self: object, *given: object) -> None:
        raise error

    monkeypatch.setattr(type(overlap.ANALYSIS), "run", fail)


def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    task = write_task(tmp_path)
    rows = gold(tmp_path)
    return (
        task,
        write_predictions(tmp_path / "t.jsonl", rows, seed=1),
        write_predictions(tmp_path / "s.jsonl", rows, seed=2),
    )


def test_a_failing_analysis_is_listed_and_the_others_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards an hour of computing lost to one division by zero in one analysis."""
    break_analysis(monkeypatch, ZeroDivisionError("division by zero"))
    task, teacher, student = files(tmp_path)
    out = tmp_path / "out"
    done = run("compare", teacher, student, "--task", task, "-o", out, "-q", "--resamples", 100)
    assert done.code == 3
    assert "overlap: failed (ZeroDivisionError: division by zero)" in done.err
    assert "KDPROBE_DEBUG=1" in done.err
    document = read_document(out)
    assert {item.what for item in document.skipped if item.requested} == {"overlap"}
    assert "agreement" in {result.name for result in document.analyses}
    assert (out / "report.html").is_file()


def test_debugging_raises_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a fault of kdprobe that nobody can find, as its traceback is gone."""
    break_analysis(monkeypatch, ZeroDivisionError("division by zero"))
    monkeypatch.setenv("KDPROBE_DEBUG", "1")
    task, teacher, student = files(tmp_path)
    with pytest.raises(ZeroDivisionError):
        run("compare", teacher, student, "--task", task, "-o", tmp_path / "out", "-q")
    assert not (tmp_path / "out").exists()


def test_messages_and_full_disks_are_no_failures() -> None:
    """Guards a wrong option, or a full disk, being listed as a fault of kdprobe."""
    for error in (ConfigError("--set", found="x"), OSError(28, "No space left on device")):
        with pytest.raises(type(error)):
            guarding.failure("overlap", error)


@pytest.mark.parametrize("at_once", [1, 2])
def test_one_method_fails_and_the_others_explain(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards all explanations lost to one method: at its trial, or in the middle of the work."""
    explain = type(lime.METHOD).explain

    def fail(self: lime.Lime, asked: Sequence[ExplanationInput], *given: Any) -> list[Attribution]:
        if len(asked) >= at_once:
            raise ValueError("singular matrix")
        return explain(self, asked, *given)

    monkeypatch.setattr(type(lime.METHOD), "explain", fail)
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    task, out = write_task(tmp_path), tmp_path / "out"
    teacher, student = checkpoint(tmp_path / "t"), checkpoint(tmp_path / "s", seed=1)
    done = run(
        "compare", teacher, student, "--task", task, "-o", out, "-q", "--resamples", 100,
        "--limit", 12, "--methods", "lime,occlusion", "--attribution-sentences", 4,
    )  # fmt: skip
    assert done.code == 3
    assert "lime: " in done.err
    assert "failed (ValueError: singular matrix)" in done.err
    document = read_document(out)
    (agreement,) = [r for r in document.analyses if r.name == "attribution_agreement"]
    assert {e.method for e in agreement.estimates if e.method} == {"occlusion"}


def test_what_was_asked_of_predictions_files_is_told(tmp_path: Path) -> None:
    """Guards `attribution.methods` of files that cannot be asked ending as if it had been done."""
    task, teacher, student = files(tmp_path)
    done = run(
        "compare", teacher, student, "--task", task, "-o", tmp_path / "out", "-q",
        "--resamples", 100, "--methods", "lime",
    )  # fmt: skip
    assert done.code == 3
    assert "attribution agreement" in done.err
    assert "predictions file" in done.err
