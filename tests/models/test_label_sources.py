"""Classes that a table does not show: from the models, or from nobody."""

import json
from pathlib import Path
from typing import Any

import pytest

from kdprobe.config.task import TaskFile
from kdprobe.errors import TaskError
from kdprobe.models.label_sources import label_names, name_classes
from kdprobe.models.labels import POSITIONAL
from kdprobe.tasks.open import open_task

NLI = ("contradiction", "entailment", "neutral")


def folder(tmp_path: Path, *names: str, name: str = "m", **config: Any) -> str:
    place = tmp_path / name
    place.mkdir(exist_ok=True)
    listed = {"id2label": {str(index): label for index, label in enumerate(names)}} if names else {}
    (place / "config.json").write_text(json.dumps({"model_type": "bert", **listed, **config}))
    return str(place)


def table(tmp_path: Path, *labels: str) -> TaskFile:
    place = tmp_path / "rows.csv"
    rows = "".join(f"t{number},{label}\n" for number, label in enumerate(labels))
    place.write_text(f"text,label\n{rows}")
    return open_task(str(place))


def test_a_class_that_no_row_shows_is_the_model_s(tmp_path: Path):
    """A model of three classes refused for the two that its test file happens to hold."""
    shown = table(tmp_path, "neutral", "entailment")
    named = name_classes(shown, [folder(tmp_path, *NLI)])
    assert named.labels == NLI
    assert named.notes[-1] == "classes that the rows do not show are those of m: contradiction"
    assert shown.labels == ("entailment", "neutral")


def test_the_rows_spelling_stays(tmp_path: Path):
    """Rows are read by the task's names: they must still fit."""
    shown = table(tmp_path, "Neutral", "Entailment")
    upper = [name.upper() for name in NLI]
    assert name_classes(shown, [folder(tmp_path, *upper)]).labels == (
        "CONTRADICTION", "Entailment", "Neutral",
    )  # fmt: skip


def test_indices_fit_a_model_without_names(tmp_path: Path):
    """LABEL_2 is what transformers calls the class 2 when nobody names it."""
    unnamed = folder(tmp_path, "LABEL_0", "LABEL_1", "LABEL_2")
    assert name_classes(table(tmp_path, "0", "2"), [unnamed]).labels == ("0", "1", "2")
    assert name_classes(table(tmp_path, "0", "7"), [unnamed]).labels == ("0", "7")


def test_the_first_model_that_fits_decides(tmp_path: Path):
    """A student of another task must not give its classes."""
    other, fitting = folder(tmp_path, "a", "b", "c"), folder(tmp_path, *NLI, name="n")
    missing = str(tmp_path / "nowhere")
    shown = table(tmp_path, "neutral", "entailment")
    assert name_classes(shown, [missing, other, fitting]).labels == NLI
    assert name_classes(shown, [missing, other]).labels == ("entailment", "neutral")


def test_the_label_map_speaks_before(tmp_path: Path):
    """A model that calls its classes otherwise has the missing one too."""
    unnamed = folder(tmp_path, "LABEL_0", "LABEL_1", "LABEL_2")
    said = {"LABEL_0": "entailment", "LABEL_1": "neutral", "LABEL_2": "contradiction"}
    shown = table(tmp_path, "neutral", "entailment")
    named = name_classes(shown, [unnamed], label_map=said)
    assert named.labels == ("entailment", "neutral", "contradiction")
    assert name_classes(shown, [unnamed], label_map=POSITIONAL).labels == shown.labels


def test_known_labels_are_left_alone(tmp_path: Path):
    """A shipped task, a task file and `labels` have the last word."""
    model = folder(tmp_path, "unacceptable", "acceptable", "unsure")
    assert name_classes(open_task("cola"), [model]) == open_task("cola")
    table(tmp_path, "acceptable", "unacceptable")
    said = open_task(str(tmp_path / "rows.csv"), labels=("acceptable", "unacceptable"))
    assert name_classes(said, [model]).labels == ("acceptable", "unacceptable")


def test_without_labels_the_model_says_what_it_answers(tmp_path: Path):
    """Texts of production are compared in the classes of the models."""
    place = tmp_path / "rows.csv"
    place.write_text("text\na\nb\n")
    task = open_task(str(place))
    assert name_classes(task, [folder(tmp_path, *NLI)]).labels == NLI
    assert name_classes(task, [folder(tmp_path)]).labels == ("LABEL_0", "LABEL_1")
    scored = name_classes(task, [folder(tmp_path, "score")])
    assert (scored.kind, scored.primary_score, scored.labels) == ("regression", "pearson", ())


def test_predictions_files_name_their_classes(tmp_path: Path):
    """Columns are names too."""
    place = tmp_path / "p.csv"
    place.write_text("text,prob:neutral,prob:entailment,prob:contradiction\na,.2,.3,.5\n")
    assert label_names(str(place), offline=True) == ("neutral", "entailment", "contradiction")
    named = name_classes(table(tmp_path, "neutral", "entailment"), [str(place)])
    assert named.labels == ("neutral", "entailment", "contradiction")
    place.write_text('text,logits\na,"1,2,3"\n')
    assert label_names(str(place), offline=True) is None


@pytest.mark.parametrize(
    "config",
    ["not json", "[1]", "[" * 100_000, '{"id2label": [1, 2]}',
     '{"id2label": {"1": "a", "2": "b"}}'],
)  # fmt: skip
def test_what_cannot_be_read_names_nothing(tmp_path: Path, config: str):
    """The opening of the model has the message; this must not have another."""
    (tmp_path / "config.json").write_text(config)
    assert label_names(str(tmp_path), offline=True) is None


def test_one_class_is_no_task(tmp_path: Path):
    """A table of one label and models that cannot say more must lead to `labels`."""
    with pytest.raises(TaskError) as caught:
        name_classes(table(tmp_path, "yes", "yes"), [str(tmp_path / "none")])
    assert str(caught.value) == (
        "`task=rows`: every label is 'yes', expected two classes or more; name them all with "
        "`labels=A,B`, or the label column with `label=COLUMN`"
    )


@pytest.mark.parametrize("labels", [("joy", "joy"), ("", "")])
def test_a_model_of_several_labels_makes_the_task_one(tmp_path: Path, labels: tuple[str, ...]):
    """A hub model's `problem_type` says what its sigmoids mean; a softmax over them is no model."""
    model = folder(tmp_path, "joy", "fear", problem_type="multi_label_classification")
    file = name_classes(table(tmp_path, *labels), [model])
    assert (file.kind, file.labels, file.primary_score) == (
        "multilabel", ("joy", "fear"), "f1_micro",
    )  # fmt: skip
    assert "several labels at once, as the config of m says (problem_type)" in file.notes
