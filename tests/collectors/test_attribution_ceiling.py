"""The ceiling of sampled explanations: from one draw that knows its errors, else from a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kdprobe.extract.attributions
from kdprobe.cache import Cache
from kdprobe.collectors.attributions.collector import RESEEDED, _explain_all
from kdprobe.collectors.attributions.floors import Floors
from kdprobe.collectors.attributions.plan import ExplanationPlan
from kdprobe.extract.attributions import Explained, explain_model
from kdprobe.extract.method import METHODS
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.hf import open_hf
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.tasks.task import Task
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

    def counted(*given: object, **named: object) -> Explained:
        setting = given[2]
        assert isinstance(setting, ExplanationSettings)
        drawn.append(setting.seed)
        return explain_model(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(kdprobe.extract.attributions, "explain_model", counted)
    place = tiny_checkpoint(tmp_path / "m", labels=TASK.labels)
    handle = open_hf(str(place), name="m", task=TASK, device="cpu")
    asks = tuple(Sentence(text, (text,), split_words(text), 1) for text in TEXTS)
    plan = ExplanationPlan(
        tuple(TEXTS), tuple(one.words for one in asks), np.ones(3, dtype=np.int64), asks,
        tuple(np.ones(len(one.words), dtype=np.bool_) for one in asks), {},
    )  # fmt: skip
    setting = ExplanationSettings({name: METHODS.load(name).options(**options)})
    floors = Floors(0, Cache(tmp_path / "cache"), Silent())
    kinds = _explain_all(plan, [handle], setting, floors, role=True)
    assert drawn == seeds
    first, again = kinds[""][name], kinds[RESEEDED][name]
    for row, (one, other) in enumerate(zip(first, again, strict=True)):
        sampled = row > 0
        assert one.scored.sampled == sampled
        same = np.array_equal(one.scored.scores, other.scored.scores)
        assert same == (not sampled or seeds == [0])
        assert np.isfinite(one.scored.itself) == (sampled and seeds == [0])

    kept = _explain_all(plan, [handle], setting, floors, role=True)[""][name]
    for one, other in zip(first, kept, strict=True):
        np.testing.assert_equal(vars(one.scored), vars(other.scored))
