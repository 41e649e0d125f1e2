"""The ceiling of sampled explanations: from one draw that knows its errors, else from a second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdprobe.collectors.attributions.kinds
from kdprobe.cache import Cache
from kdprobe.collectors.attributions.floors import Floors
from kdprobe.collectors.attributions.kinds import RESEEDED, explain_all
from kdprobe.collectors.attributions.plan import ExplanationPlan
from kdprobe.extract.attributions import Explained, ExplanationRequest, explain_models
from kdprobe.extract.method import METHODS
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.hf import open_hf
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.tasks.task import Task
from kdprobe.workers.pool import ALONE
from tests.models.tiny import WORDS, tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
TEXTS = [" ".join(WORDS[(5 * row + at) % 40] for at in range(6 + row)) for row in range(3)]


@pytest.mark.parametrize(
    ("name", "options", "seeds"),
    [
        ("lime", {"exact_words": 6, "samples": 40}, [0]),
        ("shap", {"exact_words": 6, "permutations": 8}, [0]),
        ("shap", {"exact_words": 6, "permutations": 3}, [0, 1]),
        ("shap", {"evaluations": 70}, [0, 1]),
    ],
)
def test_a_second_seed_is_drawn_only_where_one_draw_knows_no_errors(
    name: str, options: dict[str, int], seeds: list[int], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Guards against the cost of a second pass that one draw answers, and a ceiling without one."""
    drawn: list[int] = []

    def counted(requests: Sequence[ExplanationRequest], **named: Any) -> list[Explained]:
        drawn.extend(request.setting.seed for request in requests)
        return explain_models(requests, **named)

    monkeypatch.setattr(kdprobe.collectors.attributions.kinds, "explain_models", counted)
    place = tiny_checkpoint(tmp_path / "m", labels=TASK.labels)
    handle = open_hf(str(place), name="m", task=TASK, device="cpu")
    asks = tuple(Sentence(text, (text,), split_words(text), 1) for text in TEXTS)
    plan = ExplanationPlan(
        tuple(TEXTS), tuple(one.words for one in asks), np.ones(3, dtype=np.int64), asks,
        tuple(np.ones(len(one.words), dtype=np.bool_) for one in asks), {},
    )  # fmt: skip
    setting = ExplanationSettings({name: METHODS.load(name).options(**options)})
    how = {"cache": Cache(tmp_path / "cache"), "progress": Silent(), "workers": ALONE}
    kinds = explain_all(plan, {"m": [handle]}, setting, Floors(0), teacher="m", how=how)["m"]
    assert drawn == seeds
    first, anew = kinds[""][name], kinds[RESEEDED][name]
    for row, (one, other) in enumerate(zip(first, anew, strict=True)):
        sampled = row > 0
        assert one.scored.sampled == sampled
        same = np.array_equal(one.scored.scores, other.scored.scores)
        assert same == (not sampled or seeds == [0])
        assert np.isfinite(one.scored.itself) == (sampled and seeds == [0])

    again = explain_all(plan, {"m": [handle]}, setting, Floors(0), teacher="m", how=how)
    kept = again["m"][""][name]
    for one, other in zip(first, kept, strict=True):
        np.testing.assert_equal(vars(one.scored), vars(other.scored))
