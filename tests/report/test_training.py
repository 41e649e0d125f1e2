"""Tests of the page of one training: whole, sealed, and safe with foreign names."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

from kdprobe.report.training import TRAINING_PAGE, page_writer, training_page
from tests.results.test_learning_curves import HISTORY

FACTS = [("student", "<script>alert(1)</script>")]


def page(**changes: object) -> str:
    given = {"best_step": 10, "title": "cola: layers=3", "facts": FACTS}
    given |= {"scores": {"accuracy": 0.75, "mcc": None}} | changes
    history = given.pop("history", HISTORY)
    return training_page(history, **given)  # type: ignore[arg-type]


def test_everything_is_shown_and_nothing_runs() -> None:
    """Guards a page that is opened years later: no script, no foreign address, each chart."""
    made = page()
    assert "<script" not in made
    assert "http://" not in made.replace("http://www.w3.org", "")
    for piece in (
        "Scores at each evaluation",
        "Losses at each evaluation",
        "what each objective gives of it",
        "How much of the gradient",
        "The weights of step 10 were kept.",
        "kept: accuracy",
        "undefined",
        "&lt;script&gt;",
    ):
        assert piece in made, piece
    assert made.count('role="img"') == 4
    assert page() == made


def test_the_teachers_scores_stand_beside_the_students() -> None:
    """Guards a curve that rises to nobody knows what: the teacher's score is the line to reach."""
    made = page(teacher={"accuracy": 0.9, "loss": 0.31})
    assert "the teacher&#39;s accuracy" in made
    assert "the teacher&#39;s loss on gold labels" in made
    assert '<th scope="col" class="num">Teacher</th>' in made
    assert re.search(
        r"accuracy</th><td class=\"num\">0\.750</td><td class=\"num\">0\.900</td>", made
    )
    assert '<th scope="col" class="num">Teacher</th>' not in page()
    assert "Table 1</a>" in made
    assert "of 10 steps" not in made
    assert "of 10 steps" in page(best_step=5)


def test_an_empty_history_says_so(tmp_path: Path) -> None:
    """Guards a training whose history holds nothing: a sentence, not a broken page."""
    assert "The history of this training is empty." in page(history=[])
    page_writer("t", [])(tmp_path, SimpleNamespace(history=[], best_step=0, scores={}))
    assert (tmp_path / TRAINING_PAGE).read_text().startswith("<!doctype html>")
