"""A predictions file as the task: its own texts and labels, never its outputs."""

from pathlib import Path

import pytest

from kdprobe.errors import CheckpointError, TaskError
from kdprobe.models.predictions.file import PredictionsFile
from kdprobe.models.predictions.task import task_of_predictions
from kdprobe.tasks.sources import load_split


def put(tmp_path: Path, text: str, name: str = "p.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_texts_labels_and_classes_are_the_file_s(tmp_path: Path):
    """Two predictions files are compared without any other file."""
    path = put(
        tmp_path,
        "id,text,label,prob:neg,prob:pos,prediction,genre\n"
        "a,one,pos,0.2,0.8,pos,web\nb,two,,0.9,0.1,neg,mail\nc,three,neg,0.6,0.4,neg,web\n",
    )
    task_file = task_of_predictions(path)
    assert (task_file.name, task_file.labels) == ("predictions", ("neg", "pos"))
    assert task_file.extra_columns == ("genre",)
    split = load_split(task_file, task_file.compare_split)
    assert (split.ids, split.texts) == (("a", "b", "c"), ("one", "two", "three"))
    assert split.labels is not None
    assert split.labels.tolist() == [1, -1, 0]
    handle = PredictionsFile(path, name="T", task=task_file.task())
    said = handle.outputs(split, batch_size=1, advance=lambda done: None)
    assert said.values.argmax(axis=1).tolist() == [1, 0, 0]


def test_without_labels(tmp_path: Path):
    """Production traffic has no labels; the file's own columns name the classes."""
    path = put(tmp_path, "text,logit:no,logit:yes,score\none,1,2,0.5\ntwo,2,1,0.7\n")
    task_file = task_of_predictions(path)
    assert (task_file.kind, task_file.labels) == ("classification", ("no", "yes"))
    split = load_split(task_file, "all")
    assert (split.labels, dict(split.columns)) == (None, {})


def test_hard_labels_and_gold_labels_together_are_the_classes(tmp_path: Path):
    """A class that is predicted and never gold is a class all the same."""
    path = put(tmp_path, "text,label,prediction\none,a,a\ntwo,b,c\n")
    assert task_of_predictions(path).labels == ("a", "b", "c")
    path = put(tmp_path, "text,predicted\none,x\ntwo,y\n")
    assert task_of_predictions(path).labels == ("x", "y")


def test_scores_are_a_regression_and_no_gold(tmp_path: Path):
    """A column score is what the model said; as gold it would make every model perfect."""
    path = put(tmp_path, "text,score\none,1.5\ntwo,2\n")
    task_file = task_of_predictions(path)
    assert task_file.kind == "regression"
    assert load_split(task_file, "all").labels is None
    path = put(tmp_path, "text,label,score\none,2.5,1.5\ntwo,,2\n")
    split = load_split(task_of_predictions(path), "all")
    assert split.has_gold.tolist() == [True, False]


def test_pairs(tmp_path: Path):
    """Both texts are the example."""
    path = put(tmp_path, "text_a,text_b,prob:n,prob:y\na,b,.5,.5\n")
    assert load_split(task_of_predictions(path), "all").pairs == ("b",)


def test_what_names_no_task_is_refused(tmp_path: Path):
    """A list of numbers has no names; a file of ids no texts."""
    path = put(tmp_path, 'text,logits\none,"1,2,3"\n')
    with pytest.raises(TaskError, match="`task=predictions`: it shows no labels, expected two"):
        task_of_predictions(path)
    assert task_of_predictions(path, labels=("a", "b", "c")).labels == ("a", "b", "c")
    with pytest.raises(CheckpointError, match="no texts, only the columns id, logits, and no `ta"):
        task_of_predictions(put(tmp_path, 'id,logits\n1,"1,2"\n'))
