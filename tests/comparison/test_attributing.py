"""One explained text: what is said beside its scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kdprobe.comparison.attributing import Attributed, WordScores, attribute, lines_of
from kdprobe.comparison.attribution_plan import AttributionRequest, plan_of
from kdprobe.models.hf import open_hf
from kdprobe.observations import Population, Predictions, Study
from kdprobe.tasks.task import Split, Task
from tests.models.tiny import tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")


def explained(*, read: int = 2, gap: float | None = None, sampled: bool = False) -> Attributed:
    scores = WordScores("deep_lift", (1.0, -0.5), gap, sampled)
    return Attributed("m", ("a", "dog"), (0, 0), read, "good", 0.5, (scores,))


@pytest.mark.parametrize(
    ("found", "note"),
    [
        (explained(), ""),
        (explained(gap=0.009), ""),
        (explained(sampled=True), "sampled"),
        (explained(gap=0.344), "sum off by 34%"),
        (explained(read=1), "1 of 2 words read"),
        (explained(read=1, gap=2.0, sampled=True),
         "sampled, sum off by 200%, 1 of 2 words read"),
    ],
)  # fmt: skip
def test_a_line_says_what_must_be_known_of_its_scores(found: Attributed, note: str):
    """Guards against noise, broken sums and unread words behind a clean picture."""
    (line,) = lines_of([found])
    assert line.note == note
    assert [mark.score for mark in line.marks] == [1.0, -0.5]


def saved(folder: Path, side: str) -> str:
    """A tiny model of 12 tokens whose tokenizer cuts on one side."""
    place = tiny_checkpoint(folder / side, labels=TASK.labels, max_length=12)
    config = place / "tokenizer_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "truncation_side": side}))
    return str(place)


def test_words_that_were_cut_off_on_the_left_have_no_score(tmp_path: Path):
    """Guards against "read 14 of 14" and a score of 0 for words that no model saw."""
    text = "the dog sleeps in a garden and she likes a funny film today ."
    found = attribute(saved(tmp_path, "left"), text, methods=("occlusion",))
    scores = found.methods[0].scores
    assert (found.read, len(found.words)) == (10, 14)
    assert scores[:4] == (None,) * 4
    assert all(score is not None for score in scores[4:])
    cut = attribute(saved(tmp_path, "right"), text, methods=("occlusion",))
    assert cut.methods[0].scores[10:] == (None,) * 4
    assert cut.read == 10


def test_two_models_that_cut_on_different_sides_are_explained_in_common(tmp_path: Path):
    """Guards against words that only one of the compared models read."""
    texts = ("the dog sleeps in a garden and she likes a funny film today .", "a dog")
    split = Split(TASK, "dev", ("0", "1"), texts)
    models = [
        [open_hf(saved(tmp_path, side), name=side, task=TASK, device="cpu")]
        for side in ("left", "right")
    ]
    roles = ("teacher", "student")
    said = tuple(
        Population(
            members[0].name,
            role,  # type: ignore[arg-type]
            (Predictions(members[0].name, split.ids, np.eye(2), "logits"),),
        )
        for members, role in zip(models, roles, strict=True)
    )
    study = Study(split=split, models=said, seed=0, resamples=10)
    plan = plan_of(study, models, AttributionRequest(methods=("occlusion",)))
    row = plan.ids.index("0")
    assert plan.sentences[row].texts == ("a garden and she likes a",)
    assert [word.text for word in plan.sentences[row].words] == plan.sentences[row].texts[0].split()
    assert all(word.text == plan.sentences[row].texts[0][word.start : word.end]
               for word in plan.sentences[row].words)  # fmt: skip
    assert plan.read[row].tolist() == [False] * 4 + [True] * 6 + [False] * 4
