"""Models named by their code: what is imported, from where, and what is refused."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kdprobe.errors import UsageError
from kdprobe.models.imported import ImportedFunction
from kdprobe.models.model_like import specs_of
from kdprobe.models.text_function import TextFunction
from kdprobe.tasks.task import Task

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")

CODE = """
def predict(texts):
    return [[0.25, 0.75] if "good" in text else [0.75, 0.25] for text in texts]
class Classifier:
    def predict_proba(self, texts):
        return predict(texts)
clf = Classifier()
number, path = 3, "out/teacher"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with a module, which no other test sees."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "kdp_svm.py").write_text(CODE, encoding="utf-8")
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith("kdp_"):
            del sys.modules[name]


def opened(text: str) -> TextFunction:
    spec = specs_of("out/teacher", text)[1]
    assert spec.paths == ()
    return TextFunction(spec.objects[0], name=spec.name, task=TASK)  # type: ignore[arg-type]


def test_a_function_of_the_working_directory_is_imported(here: Path) -> None:
    """Guards a module that only a script's own folder would give, and notes that hide its code."""
    model = opened("python:kdp_svm:predict")
    assert model.name == "predict"
    assert model.folder == "the function kdp_svm:predict"
    values = model.values([("a good day",), ("rain",)], batch_size=8)
    assert [row.argmax() for row in values] == [1, 0]
    assert model.notes[0] == (
        "its code is kdp_svm:predict in kdp_svm.py of the working directory, which was imported "
        "and run"
    )
    assert model.notes[1].startswith("its answers were not kept for another run")
    assert sys.path[-1] == str(here)  # behind every package: a file here hides none of them


def test_labels_of_its_own_are_those_of_the_imported_one(here: Path) -> None:
    """Guards columns in the task's order though the function, or its estimator, names another."""
    code = CODE + "predict.labels = ['good', 'bad']\nclf.classes_ = ['good', 'bad']\n"
    (here / "kdp_turned.py").write_text(code, encoding="utf-8")
    for name in ("predict", "clf.predict_proba"):
        values = opened(f"python:kdp_turned:{name}").values([("a good day",)], batch_size=8)
        np.testing.assert_allclose(np.exp(values), [[0.75, 0.25]])


def test_names(here: Path) -> None:
    """Guards a `=` of the version read as a name, and two functions under one."""
    texts = ["python:kdp_svm:predict?version=1", "svm=python:kdp_svm:clf.predict_proba?version=2"]
    assert [spec.name for spec in specs_of("t", texts)] == ["t", "predict", "svm"]
    (here / "kdp_other.py").write_text(CODE, encoding="utf-8")
    two = ["python:kdp_svm:predict", "python:kdp_other:predict?version=1"]
    assert [spec.name for spec in specs_of("t", two)][1:] == [
        "kdp_svm:predict",
        "kdp_other:predict",
    ]
    seeds = specs_of("t", "s=python:kdp_svm:predict,python:kdp_svm:clf.predict_proba,out/s")[1]
    assert (seeds.paths, len(seeds.objects)) == (("out/s",), 2)


def test_a_version_keeps_answers_and_an_edit_does_not(here: Path) -> None:
    """Guards answers of yesterday's code, and those of another project's `predict`."""
    first = opened("python:kdp_svm:predict?version=1")
    assert first.repeats
    assert first.notes == (
        "its code is kdp_svm:predict in kdp_svm.py of the working directory, which was imported "
        "and run",
    )
    again = opened("python:kdp_svm:predict?version=1")
    assert first.fingerprint == again.fingerprint
    others = {
        opened("python:kdp_svm:predict?version=2").fingerprint,
        opened("python:kdp_svm:clf.predict_proba?version=1").fingerprint,
    }
    (here / "kdp_svm.py").write_text(CODE + "# edited\n", encoding="utf-8")
    others.add(opened("python:kdp_svm:predict?version=1").fingerprint)
    assert len(others - {first.fingerprint}) == 3
    (here / "kdp_keyed.py").write_text(CODE + "predict.cache_key = 'mine'\n", encoding="utf-8")
    assert opened("python:kdp_keyed:predict").repeats


def test_an_entry_point_is_a_model(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the group `kdprobe.models`, by which a package brings its models."""
    point = importlib.metadata.EntryPoint("svm", "kdp_svm:clf.predict_proba", "kdprobe.models")
    groups = {"kdprobe.models": [point]}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: groups.get(group, []))
    model = opened("python:svm?version=1")
    assert (model.name, model.folder) == ("svm", "the function kdp_svm:clf.predict_proba")
    with pytest.raises(UsageError) as caught:
        opened("python:svn")
    assert str(caught.value) == (
        "model 'python:svn': no entry point of kdprobe.models is called 'svn' (svm), expected "
        "python:MODULE:FUNCTION, with ?version=TEXT where its answers may be kept"
    )


def test_other_objects_are_models_as_in_python(here: Path) -> None:
    """Guards predictions that are called as a function."""
    code = "import numpy, kdprobe\nheld = kdprobe.Predictions('m', ('1',), numpy.zeros((1, 2)))\n"
    (here / "kdp_held.py").write_text(code, encoding="utf-8")
    spec = specs_of("t", "python:kdp_held:held")[1]
    assert not isinstance(spec.objects[0], ImportedFunction)
    with pytest.raises(UsageError) as caught:
        specs_of("t", "python:kdp_held:held?version=1")
    assert str(caught.value) == (
        "`kdp_held:held`: is predictions of m, which needs no version, expected no ?version="
    )


M = "model 'python:"
FORM = "expected python:MODULE:FUNCTION, with ?version=TEXT where its answers may be kept"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("python:kdp_no:predict", f"{M}kdp_no:predict': there is no module kdp_no, expected one "
         "that is installed, or that lies in the working directory"),
        ("python:kdp_no.deep:predict", f"{M}kdp_no.deep:predict': there is no module kdp_no.deep "
         "(kdp_no is not there), expected one that is installed, or that lies in the working "
         "directory"),
        ("python:kdp_svm.py:predict", f"{M}kdp_svm.py:predict': there is no module kdp_svm.py, "
         "expected one that is installed, or that lies in the working directory; did you mean "
         "python:kdp_svm:…?"),
        ("python:out/teacher:predict", f"{M}out/teacher:predict': 'out/teacher', which is no name "
         f"of a module, {FORM}; a file model.py in the working directory is the module model"),
        ("python:kdp_svm:", f"{M}kdp_svm:': '', which is no name, {FORM}"),
        ("python:kdp_svm:predcit", f"{M}kdp_svm:predcit': kdp_svm has no 'predcit', expected one "
         "of Classifier, predict; did you mean 'predict'?"),
        ("python:kdp_svm:clf.predict", f"{M}kdp_svm:clf.predict': kdp_svm.clf has no 'predict', "
         "expected one of predict_proba; did you mean 'predict_proba'?"),
        ("python:kdp_svm:predict?v=1", f"{M}kdp_svm:predict?v=1': 'v=1' behind the ?, expected "
         "version= and 1 to 60 letters, digits or any of . + - _"),
        ("python:kdp_svm:Classifier", "`kdp_svm:Classifier`: is a class, expected a function from "
         "a list of texts to their probabilities; a method of an object is "
         "python:MODULE:object.method"),
        ("python:kdp_svm:number", "`kdp_svm:number`: is of type int, expected a function from a "
         "list of texts to their probabilities"),
        ("python:kdp_svm:path", "`kdp_svm:path`: is of type str, expected a function from a list "
         "of texts to their probabilities"),
        ("python:kdp_broken:f", f"{M}kdp_broken:f': importing kdp_broken failed "
         "(ModuleNotFoundError: No module named 'kdp_absent'), expected a module that can be "
         "imported without a script's work being done; KDPROBE_DEBUG=1 shows the traceback"),
        ("python:kdp_exits:f", f"{M}kdp_exits:f': importing kdp_exits failed (SystemExit: 1), "
         "expected a module that can be imported without a script's work being done; "
         "KDPROBE_DEBUG=1 shows the traceback"),
        ("python:kdp_folder.code:f", f"{M}kdp_folder.code:f': code.py lies in a model folder, "
         "expected code of your own: that of a model folder is never run; if you have read it, "
         "copy it to another folder"),
    ],
)  # fmt: skip
def test_what_names_no_function_is_one_message(here: Path, text: str, message: str) -> None:
    """Guards tracebacks of the import system, and code of a downloaded model that runs."""
    (here / "kdp_broken.py").write_text("import kdp_absent\n", encoding="utf-8")
    (here / "kdp_exits.py").write_text("import sys\nsys.exit(1)\n", encoding="utf-8")
    folder = here / "kdp_folder"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_text("{}", encoding="utf-8")
    (folder / "code.py").write_text("raise SystemExit('it ran')\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        specs_of("t", text)
    assert str(caught.value) == message
