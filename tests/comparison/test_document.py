"""The files of a comparison, and which examples the page carries."""

import io
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from kdprobe.comparison import files
from kdprobe.comparison.document import task_info
from kdprobe.comparison.examples import examples, page_rows
from kdprobe.comparison.files import write_predictions
from kdprobe.observations.study import Study
from tests.analysis.studies import binary, regression, several_seeds


def test_a_page_that_is_cut_keeps_what_is_named_and_what_differs() -> None:
    """A page cut to its first rows would lose the very examples its tables link to."""
    study = binary()
    said = np.stack([model.first.predicted for model in study.models])
    differ = np.flatnonzero((said != said[0]).any(axis=0))
    same = [row for row in range(study.n) if row not in set(differ.tolist())]
    named = study.split.ids[same[-1]]
    limit = len(differ) + 1
    rows = page_rows(study, frozenset({named}), limit=limit)
    assert rows == sorted({same[-1], *differ.tolist()})
    assert page_rows(study, frozenset(), limit=study.n) == list(range(study.n))
    explained = frozenset(study.split.ids[row] for row in same[:3])
    assert page_rows(study, {named}, explained, limit=4) == sorted([*same[:3], same[-1]])
    assert page_rows(study, {named}, explained, limit=1) == [same[-1]]


def test_examples_say_what_each_model_says() -> None:
    """A browser row whose probabilities are another model's would mislead quietly."""
    study = binary()
    listed = examples(study, [3, 5])
    assert [each.id for each in listed] == [study.split.ids[3], study.split.ids[5]]
    for model, said in zip(study.models, listed[1].predictions, strict=True):
        assert said.model == model.name
        assert said.label == int(model.first.predicted[5])
        assert said.probabilities == pytest.approx(
            np.exp(model.first.log_probabilities[5]), abs=1e-6
        )
        assert said.confidence == max(said.probabilities)


def test_regression_examples_have_scores() -> None:
    """A regression's score must not pass for a class."""
    study = regression()
    (row,) = examples(study, [0])
    assert row.label is None
    assert row.score == float(study.split.labels[0])  # type: ignore[index]
    assert row.predictions[0].score == pytest.approx(study.teacher.first.scores[0])
    assert task_info(study).label_counts == {}


def _written(study: Study) -> io.BytesIO:
    sink = io.BytesIO()
    write_predictions(study, sink)
    sink.seek(0)
    return sink


def test_parquet_in_pieces_is_the_same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a row lost or doubled where one piece ends and the next begins."""
    whole = pq.read_table(_written(binary()))
    monkeypatch.setattr(files, "_PIECE", 3)
    assert pq.read_table(_written(binary())).equals(whole)


@pytest.mark.parametrize("make", [binary, regression, several_seeds])
def test_parquet_has_a_row_per_example_model_and_run(make: object) -> None:
    """A missing run in the sidecar file makes its numbers impossible to check."""
    study = make()  # type: ignore[operator]
    table = pq.read_table(_written(study))
    runs = sum(len(model.runs) for model in study.models)
    assert table.num_rows == study.n * runs
    first = table.slice(0, study.n).to_pydict()
    assert first["id"] == list(study.split.ids)
    assert set(first["model"]) == {study.teacher.name}
    if study.split.task.kind == "classification":
        names = [study.split.task.labels[i] for i in study.teacher.first.predicted]
        assert first["predicted"] == names
        assert np.allclose(np.sum(first["probabilities"], axis=1), 1)


def test_unlabelled_examples_have_no_label() -> None:
    """A hidden test label written as 0 would be taken for a class."""
    study = binary()
    study = replace(study, split=replace(study.split, labels=None))
    table = pq.read_table(_written(study)).to_pydict()
    assert set(table["label"]) == {None}
    assert examples(study, [0])[0].label is None
