"""What every public result does in a notebook and from Python."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import kdprobe
from kdprobe.attribution.result import MethodScores, TextAttribution, TextAttributions
from kdprobe.augmenters.writer import TransferSet, record_of
from kdprobe.distillers.preflight import Preflight
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import ConfigError, OutputError, UnknownNameError
from kdprobe.sweeping.result import DryRow, Sweep
from tests.report.swept import document as swept

HOSTILE = "<script>x</script>"


def comparison(folder: Path) -> Any:
    return kdprobe.compare_predictions(
        [0, 1, 1, 0], teacher=[0, 1, 1, 0], students={HOSTILE: [0, 1, 0, 0]}, resamples=100,
        output=folder / "in",
    )  # fmt: skip


def training(folder: Path) -> TrainingResult:
    place = folder / "in" / "student"
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    return TrainingResult(
        folder=place, task=HOSTILE, eval_split="dev", scores={"accuracy": 0.75, "mcc": None},
        undefined={"mcc": "one class only"}, history=(), best_step=3, steps=4, seconds=1.0,
        preflight=Preflight(facts=(), notes=()), notes=(HOSTILE,),
    )  # fmt: skip


def sweep(folder: Path) -> Sweep:
    document = swept()
    task = document.task.model_copy(update={"name": HOSTILE})
    return Sweep(folder, document=document.model_copy(update={"task": task}))


def transfer_set(folder: Path) -> TransferSet:
    (folder / "in").mkdir()
    path = folder / "in" / "more.tsv"
    path.write_text("id\ttext\n")
    record_of(path).write_text("{}")
    return TransferSet(path, 2, {"drawn": 5, "empty": 3}, {"dev": 0}, {"model": HOSTILE}, (), 1.0)


def attribution(folder: Path) -> TextAttributions:
    scores = MethodScores("occlusion", (1.0, None), None, False)
    one = TextAttribution(HOSTILE, ("=a", "dog"), (0, 0), 1, "good", 0.5, (scores,))
    return TextAttributions((one,))


RESULTS = [comparison, training, sweep, transfer_set, attribution]


@pytest.mark.parametrize("build", RESULTS)
def test_every_result_shows_itself_and_runs_nothing(build: Any, tmp_path: Path) -> None:
    """A name that becomes a script in a notebook, a repr of a thousand lines, a page of megabytes.

    An SVG holds its style and no script.
    """
    result = build(tmp_path)
    shown, text = result._repr_html_(), repr(result)
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert len(shown) < 20_000
    assert len(text.splitlines()) < 50
    assert HOSTILE in text
    assert not result.metrics.empty


@pytest.mark.parametrize("build", RESULTS)
def test_every_result_is_saved_whole_or_not_at_all(build: Any, tmp_path: Path) -> None:
    """A folder of somebody else's files that is written over, or half of a result."""
    result = build(tmp_path)
    saved = result.save(tmp_path / "saved")
    files = {place.name: place.stat().st_size for place in saved.iterdir()}
    assert files
    assert all(files.values())
    with pytest.raises(OutputError, match="is not empty"):
        result.save(saved)
    result.save(saved, force=True)
    assert {place.name for place in saved.iterdir()} == set(files)


@pytest.mark.parametrize(
    ("build", "name", "close"),
    [
        (comparison, "cohens_kapa", "cohens_kappa"),
        (training, "acuracy", "accuracy"),
        (sweep, "agrement", "agreement"),
        (transfer_set, "dawn", "drawn"),
        (attribution, "oclusion", "occlusion"),
    ],
)
def test_a_wrong_name_is_told_its_neighbours(
    build: Any, name: str, close: str, tmp_path: Path
) -> None:
    """A KeyError that names nothing."""
    result = build(tmp_path)
    with pytest.raises(UnknownNameError, match=f"did you mean .*{close!r}"):
        result.get(name)


def test_numbers_by_name(tmp_path: Path) -> None:
    """A number of another model, or an undefined one that is 0."""
    trained = training(tmp_path)
    assert trained.get("accuracy").value == 0.75
    assert (trained.get("mcc").value, trained.get("mcc").undefined) == (None, "one class only")
    frame = trained.metrics.set_index("metric")
    assert frame.loc["accuracy", "value"] == 0.75
    assert frame.loc["mcc", "undefined"] == "one class only"
    one = sweep(tmp_path)
    assert one.document is not None
    first = one.document.estimates[0]
    name = first.model_b or first.model_a
    assert one.get(first.metric, name) == first
    with pytest.raises(ConfigError, match="numbers go by it, expected one; say model= one of"):
        one.get(first.metric)
    with pytest.raises(UnknownNameError, match="no model is called 'nobody'"):
        one.get(first.metric, "nobody")
    assert len(one.metrics) == len(one.document.estimates) + len(one.document.differences)


def test_dry_runs_have_nothing_to_save(tmp_path: Path) -> None:
    """An empty folder that looks like a result."""
    for result in (
        replace(training(tmp_path), folder=None, scores={}),
        Sweep(tmp_path, checked=(DryRow("a", "9", "3", 1.0, "no"),)),
    ):
        with pytest.raises(ConfigError, match="a dry run"):
            result.save(tmp_path / "saved")
        assert not (tmp_path / "saved").exists()
        assert result.metrics.empty
        assert "checked" in repr(result)


def test_scores_of_words_are_no_formulas(tmp_path: Path) -> None:
    """A word that a spreadsheet would calculate, and a word that is not read as 0."""
    saved = attribution(tmp_path).save(tmp_path / "saved")
    lines = (saved / "scores.csv").read_text("utf-8").splitlines()
    assert lines[0] == "model,method,word,segment,score"
    assert lines[1].endswith(",occlusion,'=a,0,1.0")
    assert lines[2].endswith(",occlusion,dog,0,")
    assert json.loads(attribution(tmp_path).metrics.to_json(orient="records"))[0]["read"] == 1
