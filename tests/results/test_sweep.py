"""Tests of the document of a sweep: its file, its version, its spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from kdprobe.errors import ResultsFormatError
from kdprobe.results.io import dumps
from kdprobe.results.sweep import loads_sweep, read_sweep, sweep_csv
from tests.report import swept


def test_a_document_comes_back_as_it_was(tmp_path: Path) -> None:
    """Guards sweep.json: nothing is lost on the way to the file and back."""
    made = swept.document()
    assert loads_sweep(dumps(made)) == made
    (tmp_path / "sweep.json").write_text(dumps(made))
    assert read_sweep(tmp_path) == read_sweep(tmp_path / "sweep.json") == made


def test_what_is_no_document_of_a_sweep(tmp_path: Path) -> None:
    """Guards readers of later versions and of other files: one message, the version first."""
    data = json.loads(dumps(swept.document()))
    for text, message in (
        ("{}", "s.json: has no schema_version, expected a sweep.json that kdprobe wrote"),
        (json.dumps(data | {"schema_version": 2, "news": 1}),
         "s.json: has schema version 2, expected at most 1, the newest this kdprobe reads; update "
         "kdprobe"),
        (json.dumps(data | {"news": 1}), "s.json: news: Extra inputs are not permitted"),
    ):  # fmt: skip
        with pytest.raises(ResultsFormatError) as caught:
            loads_sweep(text, where="s.json")
        assert str(caught.value).startswith(message)
    with pytest.raises(ResultsFormatError, match=r"cannot be read \(No such file or directory\)"):
        read_sweep(tmp_path)


def test_one_row_a_run() -> None:
    """Guards the spreadsheet: the student's size in each of its runs, nothing invented, no formula.

    A failed run has no numbers, and a reason that starts with `=` is no formula.
    """
    made = swept.document()
    broken = made.runs[-1].model_copy(update={"failed": "=1+1"})
    rows = list(csv.DictReader(io.StringIO(
        sweep_csv(made.model_copy(update={"runs": (*made.runs[:-1], broken)}))
    )))  # fmt: skip
    assert len(rows) == 7
    assert rows[0]["parameters"] == rows[1]["parameters"] == "13800000.0"
    assert (rows[0]["mcc"], rows[1]["mcc"]) == (repr(0.21 + 0.02), repr(0.21 - 0.02))
    assert rows[0]["fronts"] == "score-parameters score-throughput closeness-parameters"
    assert rows[0]["latency_p50"] == ""
    last = rows[-1]
    assert (last["mcc"], last["parameters"], last["fronts"]) == ("", "", "")
    assert (last["failed"], last["layers"], last["seed"]) == ("'=1+1", "9", "1")


def test_numbers_are_found_by_student() -> None:
    """Guards the look-up: a number beside the teacher is the student's, not the teacher's."""
    made = swept.document()
    agreement = made.find("agreement", "layers=1")
    assert agreement is not None
    assert agreement.value == 0.71
    assert made.find("agreement", "teacher") is None
    assert made.find("mcc", "nobody") is None
