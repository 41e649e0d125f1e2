"""Wrong calls from Python: each is refused in one message of ours, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kdprobe
from kdprobe.errors import UsageError

FRAME = pd.DataFrame({"text": ["a b", "c d", "e f", "g h"], "label": ["no", "yes", "no", "yes"]})
MODEL = "a path, a loaded model with its tokenizer, a pipeline, a function of texts, or Predictions"
ARRAYS = "arrays are for compare_predictions()"
TASK = "a name, a path, an open task file, a DataFrame or a datasets.Dataset"


def even(texts: list[str]) -> list[list[float]]:
    """A model that knows nothing."""
    return [[0.6, 0.4]] * len(texts)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"teacher": 3}, f"`teacher` takes {MODEL}, not int; {ARRAYS}"),
    ({"teacher": b"t"}, f"`teacher` takes {MODEL}, not bytes; {ARRAYS}"),
    ({"teacher": FRAME}, f"`teacher` takes {MODEL}, not DataFrame; {ARRAYS}"),
    ({"teacher": np.array([0, 1])}, f"`teacher` takes {MODEL}, not ndarray; {ARRAYS}"),
    ({"teacher": []}, "`teacher`: 0 models, expected one"),
    ({"teacher": {"a": even, "b": even}}, "`teacher`: 2 models, expected one"),
    ({"students": None}, f"`students` takes {MODEL}, not NoneType; {ARRAYS}"),
    ({"students": FRAME}, f"`students` takes {MODEL}, not DataFrame; {ARRAYS}"),
    ({"students": {"s": 3}}, f"`students` 's' takes {MODEL}, not int; {ARRAYS}"),
    ({"students": {"s": []}}, f"`students` 's': no model, expected {MODEL}"),
    ({"students": {3: even}}, "`students`: the name 3, expected a name in text"),
    ({"students": []}, "`students`: none is named, expected at least one"),
    ({"task": 3}, f"`task`: is a int, expected {TASK}"),
    ({"task": FRAME.label}, f"`task`: is a Series, expected {TASK}"),
    ({"task": FRAME.iloc[:0]}, "`task`: has no rows, expected at least one example"),
    ({"text": "body"}, "`task`: no column 'body' for the text, only 'text', 'label'; is this the "
                       "file as it was distributed? "),
    ({"labels": "ab"}, "`labels`: is 'ab', expected a list; one name stands in brackets too: "
                       "['ab']"),
    ({"labels": ["a", "a"]}, "`labels`: a, a, expected the names of two classes or more, each "
                             "once"),
    ({"label_map": ["a"]}, "`label_map`: is ['a'], expected a mapping"),
    ({"resamples": "x"}, "`resamples`: is 'x', expected a whole number"),
    ({"resamples": True}, "`resamples`: is True, expected a whole number"),
    ({"only": "agreement"}, "`only`: is 'agreement', expected a list; one name stands in brackets "
                            "too: ['agreement']"),
    ({"only": {"agreement": 1}}, "`only`: is {'agreement': 1}, expected a list"),
    ({"seed": -1}, "`seed`: is -1, expected at least 0"),
    ({"seed": 2.5}, "`seed`: is 2.5, expected a whole number"),
    ({"device": 3}, "`device`: is 3, expected text"),
    ({"batch_size": 0}, "`batch_size`: is 0, expected at least 1"),
    ({"offline": "maybe"}, "`offline`: is 'maybe', expected true or false"),
    ({"output": 3}, "`output`: is 3, expected a path"),
    ({"fail_if": "kappa<.8"}, "compare() has no keyword 'fail_if'"),
    ({"settings": {"calibration": {"bin": 3}}}, "`settings=calibration`: unknown key 'bin', "
     "expected one of bins, simulations; did you mean 'bins'?"),
    ({"similarity": True}, "`similarity.sentences`: is True, expected a whole number"),
    ({"collectors": ["similarity"]}, "compare() takes collectors as a mapping of names to options, "
                                     "not list"),
    ({"command": 3}, "compare() takes command as text, not int"),
    ({"progress": 3}, "progress is a display with the methods stage and say, or None for none, not "
                      "int"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=[words[:60] for _, words in WRONG])
def test_a_wrong_value_is_one_message(
    wrong: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards tracebacks of pydantic or pandas, letters of a text taken for names, lost files."""
    monkeypatch.chdir(tmp_path)
    right: dict[str, Any] = {
        "teacher": even, "students": {"s": even}, "task": FRAME, "only": ["agreement"],
        "resamples": 100, "offline": True,
    }  # fmt: skip
    with pytest.raises((UsageError, TypeError)) as caught:
        kdprobe.compare(**{**right, **wrong})
    text = str(caught.value)
    assert text.startswith(message) if message.endswith(" ") else text == message
    assert not list(tmp_path.iterdir())
