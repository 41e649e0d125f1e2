"""SuperGLUE's MultiRC: one row for each answer."""

import json
from pathlib import Path

import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks.multirc import read_multirc
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split

RECORD = {
    "idx": 7,
    "version": 1.1,
    "passage": {
        "text": "It rained. Ann stayed in.",
        "questions": [
            {
                "question": "Who stayed in?",
                "idx": 20,
                "answers": [
                    {"text": "Ann", "idx": 100, "label": 1},
                    {"text": "NA", "idx": 101, "label": 0},
                ],
            },
            {"question": "Why?", "idx": 21, "answers": [{"text": "Rain", "idx": 102, "label": 1}]},
        ],
    },
}


def test_answers_become_rows(tmp_path: Path):
    """Each answer must keep its own question, paragraph and label."""
    path = tmp_path / "val.jsonl"
    path.write_text(json.dumps(RECORD) + "\n\n" + json.dumps({**RECORD, "idx": 8}) + "\n")
    table = read_multirc(path)
    assert table.columns["answer"] == ("Ann", "NA", "Rain") * 2
    assert table.columns["question"][:3] == ("Who stayed in?", "Who stayed in?", "Why?")
    assert set(table.columns["paragraph"]) == {"It rained. Ann stayed in."}
    assert table.columns["label"] == ("1", "0", "1") * 2
    assert table.columns["question_id"] == ("7-20", "7-20", "7-21", "8-20", "8-20", "8-21")
    assert table.lines == (1, 1, 1, 3, 3, 3)


def test_answers_of_the_test_file_have_no_label(tmp_path: Path):
    """A secret label must stay unknown, never 0."""
    record = {
        "passage": {"text": "P", "questions": [{"question": "Q", "answers": [{"text": "A"}]}]}
    }
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps(record))
    table = read_multirc(path)
    assert table.columns["label"] == (None,)
    assert table.columns["question_id"] == ("1-0",)


@pytest.mark.parametrize("hole", ["", "  ", None])
def test_empty_answers_of_the_published_file_are_left_out(tmp_path: Path, hole: str | None):
    """Three of the 27,243 answers as distributed are empty; for them the task was refused."""
    record = json.loads(json.dumps(RECORD))
    record["passage"]["questions"][0]["answers"][1]["text"] = hole
    folder = tmp_path / "MultiRC"
    folder.mkdir()
    lines = [json.dumps({**RECORD, "idx": 6}), json.dumps(record)]
    (folder / "val.jsonl").write_text("\n".join(lines) + "\n")
    split = load_split(open_task("multirc"), "dev", data_dir=tmp_path)
    assert len(split) == 5
    assert split.pairs is not None
    assert split.pairs[3:] == ("Who stayed in? Ann", "Why? Rain")
    assert split.labels is not None
    assert split.labels.tolist() == [1, 0, 1, 1, 1]
    assert split.origin == ("MultiRC/val.jsonl (1 broken row was left out, the first at line 2)")


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ({}, "passage is missing, expected an object"),
        ({"passage": {"questions": []}}, "passage.text is missing, expected a string"),
        (
            {"passage": {"text": "P", "questions": "Q"}},
            "passage.questions is 'Q', expected a list",
        ),
        (
            {"passage": {"text": "P", "questions": [{"question": "Q"}]}},
            "passage.questions[0].answers is missing, expected a list",
        ),
        (
            {"passage": {"text": "P", "questions": [{"question": "Q", "answers": ["A"]}]}},
            "passage.questions[0].answers[0].text is missing, expected a string",
        ),
    ],
)
def test_missing_parts_are_named(tmp_path: Path, record, fault):
    """Another release's layout must be refused with the part that differs."""
    path = tmp_path / "val.jsonl"
    path.write_text(json.dumps(RECORD) + "\n" + json.dumps(record))
    with pytest.raises(TaskError) as caught:
        read_multirc(path)
    assert str(caught.value) == (
        f"{path}:2: {fault} (SuperGLUE MultiRC); is this the file as it was distributed?"
    )
