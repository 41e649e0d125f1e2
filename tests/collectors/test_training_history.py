"""Tests of learning curves in a comparison: read where they stand, passed over where not."""

from __future__ import annotations

import json
from pathlib import Path

from kdprobe.collectors.training_history import histories_of
from kdprobe.comparison.document import training_result
from kdprobe.comparison.options import AnalysisOptions
from kdprobe.models.spec import ModelSpec
from kdprobe.models.training_record import trained_in_bfloat16
from kdprobe.report.section import SECTIONS
from tests.analysis.studies import binary
from tests.report import documents
from tests.results.test_learning_curves import HISTORY


def trained(folder: Path, history: object = HISTORY, best: object = 10) -> str:
    folder.mkdir()
    (folder / "history.json").write_text(json.dumps(history))
    (folder / "kdprobe.json").write_text(json.dumps({"best_step": best}))
    return str(folder)


def test_histories_become_one_result(tmp_path: Path) -> None:
    """Guards names: two students' curves must not be taken for each other."""
    one = trained(tmp_path / "one")
    more = ModelSpec("more", (trained(tmp_path / "a"), str(tmp_path / "b")))
    specs = (ModelSpec("one", (one,)), ModelSpec("none", (str(tmp_path),)), more)
    histories = histories_of(specs)
    assert histories is not None
    (result,) = training_result(binary().with_observations(histories), AnalysisOptions())
    names = [curve.name for curve in result.curves]
    assert len(names) == len(set(names)) == 8
    assert names[0] == "one-scores"
    assert result.curves[4].title == "more: Scores at each evaluation"
    assert result.notes == ("more: the first of 2 seeds is shown",)
    document = documents.build(n=12)
    shown = document.model_copy(update={"analyses": (*document.analyses, result)})
    body = str(SECTIONS.load("training").render(shown))
    assert body.count("<figcaption>") == len(names)
    assert "more: Losses at each evaluation" in body


def test_nothing_is_shown_without_a_history(tmp_path: Path) -> None:
    """Guards predictions files, foreign folders and broken histories: no section, no error."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "history.json").write_text("[{")
    table = tmp_path / "s.tsv"
    table.write_text("id")
    specs = [ModelSpec("s", (str(place),)) for place in (tmp_path, broken, table, "no/where")]
    assert histories_of(specs) is None
    odd = [ModelSpec("odd", (trained(tmp_path / "odd", ["x"], None),))]
    assert histories_of(odd) is None
    good = histories_of([ModelSpec("good", (trained(tmp_path / "good"),))])
    study = binary().with_observations(good)
    assert training_result(study, AnalysisOptions(skip=("training",))) == ()
    assert training_result(study, AnalysisOptions(only=("agreement",))) == ()
    assert training_result(binary(), AnalysisOptions()) == ()


def test_models_trained_in_bfloat16_are_named(tmp_path: Path) -> None:
    """Guards a difference between two models that is one of precision, and that nobody is told.

    Files, foreign folders and broken records are passed over.
    """
    places = {}
    for name, record in (
        ("full", {"plan": {"bf16": False}}),
        ("half", {"plan": {"bf16": True}}),
        ("old", {"plan": None}),
        ("odd", ["plan"]),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kdprobe.json").write_text(json.dumps(record))
        places[name] = str(tmp_path / name)
    specs = [ModelSpec(name, (place,)) for name, place in places.items()]
    specs.append(ModelSpec("seeds", (places["full"], places["half"])))
    specs.append(ModelSpec("nowhere", ("no/where",)))
    assert trained_in_bfloat16(specs) == ["half", "seeds"]
