"""The Python functions that a notebook uses."""

from pathlib import Path

import pytest

import kdprobe
from kdprobe.errors import ConfigError
from tests.cli.scene import gold, write_predictions, write_task


def test_compare_and_load(tmp_path: Path) -> None:
    """What `load_results` gives must be what `compare` gave."""
    task = write_task(tmp_path)
    teacher = write_predictions(tmp_path / "t.jsonl", gold(tmp_path), seed=1)
    student = write_predictions(tmp_path / "<s>.jsonl", gold(tmp_path), seed=2, skill=0.5)
    made = kdprobe.compare(
        str(teacher), str(student), task=str(task), output=tmp_path / "out", resamples=100
    )
    again = kdprobe.load_results(tmp_path / "out")
    assert again.document == made.document
    assert kdprobe.load_results(tmp_path / "out" / "results.json").document == made.document
    assert made.html().encode() == (tmp_path / "out" / "report.html").read_bytes()
    shown = made._repr_html_()
    assert "&lt;s&gt;" in shown
    assert "<s>" not in shown.replace("&lt;s&gt;", "")
    assert "agrees with it on" in repr(made)
    frame = made.metrics
    assert {"analysis", "metric", "value", "n"} <= set(frame.columns)
    texts = frame[["layer", "pooling", "subset"]].to_numpy().ravel()
    assert all(isinstance(cell, str) for cell in texts)
    assert frame.value.dtype == "float64"
    assert frame.n.dtype == "Int64"
    assert (frame.value.isna() == (frame.undefined != "")).all()
    kappa = frame[(frame.metric == "cohens_kappa") & (frame.method == "")].value.iloc[0]
    found = made.document.find("agreement", "cohens_kappa", "t", "<s>")
    assert found is not None
    assert kappa == pytest.approx(found.value)
    assert "<a href=" in shown
    assert "t (teacher)" in shown
    assert made.write_report(tmp_path / "again.html") == tmp_path / "again.html"
    assert (tmp_path / "again.html").read_text() == made.html()


def test_the_same_seed_gives_the_same_numbers_and_skipping_moves_none(tmp_path: Path) -> None:
    """A number that depends on which other analyses ran cannot be repeated."""
    task = write_task(tmp_path)
    teacher = write_predictions(tmp_path / "t.jsonl", gold(tmp_path), seed=1)
    student = write_predictions(tmp_path / "s.jsonl", gold(tmp_path), seed=2, skill=0.5)
    common = {"task": str(task), "resamples": 100}
    whole = kdprobe.compare(str(teacher), [str(student)], **common)  # type: ignore[arg-type]
    part = kdprobe.compare(str(teacher), [str(student)], only=["agreement"], **common)  # type: ignore[arg-type]
    other = kdprobe.compare(str(teacher), [str(student)], only=["agreement"], seed=7, **common)  # type: ignore[arg-type]
    assert part.document.analysis("agreement") == whole.document.analysis("agreement")
    assert part.document.analysis("agreement") != other.document.analysis("agreement")


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    """Each impossible option is named before anything is opened."""
    with pytest.raises(ConfigError, match="students: none is named, expected at least one"):
        kdprobe.compare("t", [], task="cola")
    for option, words in (
        ({"resamples": 1}, "`resamples`: is 1, expected at least 100"),
        ({"limit": 0}, "`limit`: is 0, expected at least 1"),
        ({"batch_size": 0}, "`batch_size`: is 0, expected at least 1"),
        ({"skip": kdprobe_analyses()}, "no analysis is left to run"),
    ):
        with pytest.raises(ConfigError, match=words):
            kdprobe.compare("t", ["s"], task="grammar", **option)


def kdprobe_analyses() -> tuple[str, ...]:
    """All names, to skip them all."""
    from kdprobe.analysis.protocol import ANALYSES

    return ANALYSES.names()


def test_public_names() -> None:
    """A public name that is missing is found out by a user."""
    assert set(kdprobe.__all__) <= set(dir(kdprobe))
    for name in kdprobe.__all__:
        assert getattr(kdprobe, name)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        kdprobe.nothing  # noqa: B018
