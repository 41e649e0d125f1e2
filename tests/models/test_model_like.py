"""What may be handed over as a model, and what each is called."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.errors import ConfigError
from kdprobe.models.model_like import specs_of
from kdprobe.observations.predictions import Predictions
from tests.models.test_loaded import pair
from tests.models.tiny import tiny_checkpoint


def predict(texts: list[str]) -> Any:
    """A function with a name."""


class Classifier:
    def predict_proba(self, texts: list[str]) -> Any:
        """A method, as scikit-learn's."""


def names(teacher: Any, students: Any) -> list[str]:
    return [spec.name for spec in specs_of(teacher, students)]


def test_names(tmp_path: Path) -> None:
    """Guards a table whose rows are called by the wrong model, or by an address in memory."""
    model, tokenizer = pair(tiny_checkpoint(tmp_path / "out" / "final", labels=["a", "b"]))
    other, _ = pair(tiny_checkpoint(tmp_path / "small" / "final", labels=["a", "b"]))
    held = Predictions("told", ("1",), np.zeros((1, 2)))
    clf = Classifier()
    assert names((model, tokenizer), predict) == ["final", "predict"]
    assert names((model, tokenizer), [(other, tokenizer), held]) == [
        "out/final", "small/final", "told",
    ]  # fmt: skip
    assert names({"big": model}, {"S": "s=out/x", "f": predict}) == ["big", "S", "f"]
    assert names("T=a,b", [clf.predict_proba, functools.partial(predict), "x/y"]) == [
        "T", "predict_proba", "predict", "y",
    ]  # fmt: skip
    assert names("t", lambda texts: None) == ["t", "lambda"]
    model.name_or_path = ""
    assert names(model, predict) == ["BertForSequenceClassification", "predict"]
    assert names("t", (model, tokenizer)) == ["t", "BertForSequenceClassification"]


def test_seeds_are_a_list_in_a_mapping() -> None:
    """Guards a list of seeds taken for several students."""
    spec = specs_of("t", {"s": ["a", predict, "b"]})[1]
    assert (spec.name, spec.paths, spec.objects) == ("s", ("a", "b"), (predict,))


@pytest.mark.parametrize(
    ("teacher", "students", "message"),
    [
        (predict, [predict], "models the function predict and the function predict: both go by "
         "the name 'predict', expected a name of its own for each; name one: "
         "students={'other-name': …}"),
        ("t", [], "`students`: none is named, expected at least one"),
        ("t", {}, "`students`: none is named, expected at least one"),
        (["a", "b"], "s", "`teacher`: 2 models, expected one"),
        ("t", {"": "s"}, "`students`: the name '', expected 1 to 60 printable characters"),
        ("t", {3: "s"}, "`students`: the name 3, expected a name in text"),
        ("t", {"s": []}, "`students` 's': no model, expected a path, a loaded model with its "
         "tokenizer, a pipeline, a function of texts, or Predictions"),
        ("t", torch.nn.Linear(1, 1), "`students`: a Linear, which is no PreTrainedModel, expected "
         "a path, a loaded model with its tokenizer, a pipeline, a function of texts, or "
         "Predictions; hand over the model inside it (`model.module`, `model._orig_mod`), or a "
         "function that gives its probabilities for a list of texts"),
    ],
)  # fmt: skip
def test_what_names_no_model_is_one_message(teacher: Any, students: Any, message: str) -> None:
    """Guards two models in one row, and torch modules called as functions of texts."""
    with pytest.raises(ConfigError) as caught:
        specs_of(teacher, students)
    assert str(caught.value) == message


@pytest.mark.parametrize("given", [None, 3, dict, np.zeros(3), [None]])
def test_what_is_no_model_is_a_type_error(given: Any) -> None:
    """Guards a class that is called as if it were a function, and arrays read as models."""
    with pytest.raises(TypeError, match="`students` takes a path, a loaded model"):
        specs_of("t", given)
