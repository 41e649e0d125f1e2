"""Rasa's nlu.yml: examples under their intents, with lines."""

from pathlib import Path

import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks.rasa import read_rasa, strip_entities

NLU = """version: "3.1"
nlu:
- intent: greet
  examples: |
    - hey
    - hello [Sara](name)

    - NA
- synonym: x
  examples: |
    - y
- intent: faq/ask_time
  examples: |
    - what time is it in [Berlin]{"entity": "city", "role": "where"}?
- intent: long
  examples:
  - text: |
      - first
    metadata: {sentiment: neutral}
  - text: second one
- regex: zip
  examples: |
    - [0-9]{5}
"""


def read(tmp_path: Path, text: str):
    path = tmp_path / "nlu.yml"
    path.write_text(text, encoding="utf-8")
    return path, lambda: read_rasa(path)


def test_examples_and_lines(tmp_path: Path):
    """Each example must keep its intent, without markup; synonyms are no examples."""
    _, call = read(tmp_path, NLU)
    table = call()
    assert list(zip(table.columns["text"], table.columns["intent"], table.lines, strict=True)) == [
        ("hey", "greet", 5),
        ("hello Sara", "greet", 6),
        ("NA", "greet", 8),
        ("what time is it in Berlin?", "faq/ask_time", 14),
        ("first", "long", 17),
        ("second one", "long", 20),
    ]


def test_strip_entities_leaves_other_brackets():
    """A bracket that is no entity is a person's own words."""
    assert strip_entities("see [1] and (2)") == "see [1] and (2)"
    assert strip_entities("[a](b)[c](d)") == "ac"
    assert strip_entities('[x][{"entity": "a"}, {"entity": "b"}] y') == "x y"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [1\nb: 2\n", ":2: is not YAML (expected ',' or ']', but got ':'), expected Rasa"),
        ("- a\n", ": no list 'nlu:', expected Rasa training data: 'nlu:' with '- intent: NAME'"),
        ("", ": no list 'nlu:', expected"),
        (
            "nlu:\n- intent: a\n",
            ":2: an item of 'nlu:' without 'examples:', expected 'intent: NAME' and 'examples: |'",
        ),
        ("nlu:\n- examples: |\n    - a\n", ":2: an item of 'nlu:' without 'intent:', expected"),
        (
            "nlu:\n- intent: a\n  examples: |\n    - b\n    c\n",
            ":5: 'c', expected an example on a line of its own, '- WORDS'",
        ),
        ("nlu:\n- intent: a\n  examples: |\n    - b\n    -\n", ":5: '-', expected an example"),
        (
            "nlu:\n- intent: a\n  examples:\n  - metadata: x\n",
            ":4: an example without 'text:', expected '- text: WORDS'",
        ),
        ("nlu:\n- intent: a\n  examples: \x07\n", ":3: is not YAML (character 0x7: special"),
    ],
)
def test_faults_are_named(tmp_path: Path, text, fault):
    """An example that is passed over in silence is an example lost."""
    path, call = read(tmp_path, text)
    with pytest.raises(TaskError) as caught:
        call()
    assert str(caught.value).startswith(f"{path}{fault}")


def test_deep_nesting_is_one_message(tmp_path: Path):
    """A hostile file must not end in a traceback."""
    path, call = read(tmp_path, "[" * 20_000)
    with pytest.raises(TaskError) as caught:
        call()
    assert str(caught.value) == f"{path}: is nested too deeply, expected Rasa training data"


def test_no_python_object_is_made(tmp_path: Path):
    """A YAML file of a stranger must not run code."""
    _, call = read(tmp_path, "nlu: !!python/object/apply:os.getcwd []\n")
    table = call()
    assert table.lines == ()
