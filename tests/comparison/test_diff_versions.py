"""`kdprobe diff` of reports that other versions wrote: golden files against today's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import kdprobe
from kdprobe.errors import ConfigError, ResultsFormatError
from tests.cli.scene import run

GOLDEN = Path(__file__).parents[1] / "golden"
EARLIER = GOLDEN / "report-v1"
"""A report (of predictions of random numbers) by the last kdprobe of document version 1."""


def test_documents_of_other_versions_are_read(tmp_path: Path) -> None:
    """Guards a report of yesterday that cannot be held against today's: version 1 and its names."""
    first, today = GOLDEN / "results-v1.json", GOLDEN / "results-v2.json"
    result = kdprobe.diff(first, today)
    assert result.document.before.schema_version == 2  # as it is read today
    assert len(result.document.changes) == 2
    assert [one.change.value for one in result.document.changes] == [0.0, None]
    names = GOLDEN / "results-v1-names.json"
    itself = kdprobe.diff(names, names)
    assert {one.verdict for one in itself.document.changes} <= {"no interval", "undefined"}
    old = json.loads(names.read_text(encoding="utf-8"))
    old["produced_by"]["kdprobe"] = "0.0.9"
    (tmp_path / "old.json").write_text(json.dumps(old), encoding="utf-8")
    result = kdprobe.diff(tmp_path / "old.json", names)
    assert [(s.name, s.before, s.after) for s in result.document.settings] == [
        ("kdprobe", "0.0.9", "0.1.0")
    ]
    with pytest.raises(ResultsFormatError, match="schema version 99"):
        kdprobe.diff(first, GOLDEN / "results-future.json")


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Today's report of the golden report's data: `again` is another model, `removed` is gone."""
    folder = tmp_path_factory.mktemp("today")
    rows = pq.read_table(EARLIER / "predictions.parquet").to_pylist()
    by_model = {name: [row for row in rows if row["model"] == name]
                for name in ("teacher", "same", "again")}  # fmt: skip
    table = ["sentence\tlabel", *(f"{row['text']}\t{row['label']}" for row in by_model["same"])]
    (folder / "dev.tsv").write_text("\n".join(table) + "\n", encoding="utf-8")
    task = folder / "toy.toml"
    task.write_text(
        'name = "toy"\nlabels = ["bad", "good"]\nprimary_score = "accuracy"\n'
        'acceptable = "good"\ntext = "sentence"\n'
        '[[local]]\n[local.splits]\ndev = { file = "dev.tsv" }\n',
        encoding="utf-8",
    )
    for name, held in by_model.items():
        lines = []
        for row in held:
            shares = np.array(row["probabilities"])
            if name == "again":  # sure of the gold label
                shares = np.where(np.array(["bad", "good"]) == row["label"], 0.9, 0.1)
            lines.append(json.dumps({"text": row["text"], "logits": np.log(shares).tolist()}))
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = run(
        "compare", *(folder / f"{name}.jsonl" for name in by_model), "-t", task, "-o",
        folder / "out", "--resamples", "200", "--quiet", "--only",
        "agreement,task_scores,calibration",
    )  # fmt: skip
    assert done.code == 0, done.err
    return folder / "out"


def test_a_report_of_an_earlier_version_is_held_against_todays(today: Path, tmp_path: Path) -> None:
    """Guards numbers of another definition that are subtracted, and a number that drifted unseen.

    The definitions of the golden report that were worded anew since are refused by name; every
    other number of outputs that are the same is the same, to the rounding of a file.
    """
    result = kdprobe.diff(EARLIER, today, resamples=300)
    document = result.document
    assert document.same_examples
    states = {model.name: model.state for model in document.models}
    assert states["removed"] == "gone"
    refused = {(one.analysis, one.metric, one.differs) for one in document.definitions}
    assert {("agreement", "agreement", "definition"), ("agreement", "churn", "definition")} <= (
        refused
    )
    teacher, notice = document.notices  # another file of the same predictions is another teacher
    assert teacher.code == "other-teacher"
    assert notice.message.startswith("Defined otherwise, and not compared: agreement.agreement, ")
    changes = [(one.analysis, one.change.metric) for one in document.changes]
    assert not {(analysis, metric) for analysis, metric, _ in refused} & set(changes)
    assert "fleiss_kappa" not in {metric for _, metric in changes}  # of other models
    there = {(one.analysis, one.state, one.whole, one.reason) for one in document.analyses}
    assert ("correctness_groups", "gone", True, "") in there
    assert ("calibration", "new", True, "") in there
    assert ("agreement", "gone", False, "of removed, not the same in both reports") in there
    unmoved = [one for one in document.changes
               if "again" not in (one.change.model_a, one.change.model_b)]  # fmt: skip
    assert len(unmoved) > 15
    assert all(abs(one.change.value or 0.0) < 1e-9 for one in unmoved)
    accuracy = result.get("accuracy", "again")
    assert accuracy.low is not None
    assert accuracy.low > 0
    page, text = tmp_path / "d.html", tmp_path / "d.md"
    shown = run("diff", EARLIER, today, "--resamples", "300", "--html", page, "--markdown", text,
                "--fail-if", "kappa_high<0", "--fail-if", "again:accuracy_low>0")  # fmt: skip
    assert shown.code == 4
    assert "gate failed: again: accuracy" in shown.err
    with pytest.raises(ConfigError, match=r"agreement is not compared: the reports define it"):
        result.tripped(["agreement_high<0"])
    for written in (page, text):
        held = written.read_text(encoding="utf-8")
        assert "defined otherwise (definition): not compared" in held
        assert "of removed, not the same in both reports" in held
