"""Tests of how speed is measured."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch

from kdprobe.extract.efficiency import WARM_UP, Measured, Pace, machine, measure_speed
from kdprobe.models.handle import ModelHandle, Outputs
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split
from tests.distillers.builders import toy_split

PACE = Pace({1: 5, 4: 3})


class Walker:
    """A model whose every sentence takes a stated time by the test's own clock."""

    def __init__(self, name: str, seconds: float, diary: list[tuple[str, tuple[str, ...]]]) -> None:
        self.name, self.seconds, self.diary = name, seconds, diary
        self.now: list[float] = []
        self.threads: set[int] = set()

    def outputs(self, split: Split, *, batch_size: int, advance: Any) -> Outputs:
        """Move the clock and note who was asked what."""
        assert batch_size == len(split)
        self.diary.append((self.name, split.texts))
        self.threads.add(torch.get_num_threads())
        first = len([name for name, _ in self.diary if name == self.name]) == 1
        self.now[0] += len(split) * self.seconds * (50 if first else 1)
        return Outputs(np.zeros((len(split), 2)), "logits", np.zeros(len(split), dtype=np.bool_))


class Listener(Silent):
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        """Keep it."""
        self.lines.append(message)


def measured(*models: Walker, pace: Pace = PACE, examples: int = 40, **more: Any) -> Measured:
    now = [0.0]
    for model in models:
        model.now = now
    return measure_speed(
        {model.name: cast(ModelHandle, model) for model in models}, toy_split(examples),
        pace=pace, seed=0, clock=lambda: now[0], **{"progress": Silent(), **more},
    )  # fmt: skip


def test_models_take_turns_on_the_same_sentences() -> None:
    """Guards fairness: same sentences for all, nobody always first, warming up not counted."""
    diary: list[tuple[str, tuple[str, ...]]] = []
    slow, fast = Walker("slow", 0.5, diary), Walker("fast", 0.25, diary)
    before = torch.get_num_threads()
    times = measured(slow, fast).times
    rounds = [diary[i : i + 2] for i in range(0, len(diary), 2)]
    assert [len(turn[0][1]) for turn in rounds] == [1, 1, 4, 4, *[1] * 5, *[4] * 3]
    assert WARM_UP == 2
    assert all({name for name, _ in turn} == {"slow", "fast"} for turn in rounds)
    assert all(turn[0][1] == turn[1][1] for turn in rounds)
    assert {turn[0][0] for turn in rounds} == {"slow", "fast"}
    assert times["slow"].rounds[4] == pytest.approx(np.full(3, 0.5))
    assert times["fast"].rounds[1] == pytest.approx(np.full(5, 0.25))
    assert slow.threads == {1}
    assert torch.get_num_threads() == before


def test_a_batch_is_whole_where_the_split_is_smaller() -> None:
    """Guards a batch of 4 that holds the one sentence there is, and is timed as if it held 4."""
    diary: list[tuple[str, tuple[str, ...]]] = []
    times = measured(Walker("m", 0.5, diary), examples=1).times
    assert {len(texts) for _, texts in diary} == {1, 4}
    assert times["m"].rounds[4] == pytest.approx(np.full(3, 0.5))


def test_a_time_is_kept_and_said() -> None:
    """Guards a large model that takes minutes unasked, and one that is timed too seldom to tell.

    A round of single sentences takes .75 s, of batches of 4 3 s; two models have 2 x 60 s, half of
    it for each size.
    """
    models = Walker("slow", 0.5, []), Walker("fast", 0.25, [])
    listener = Listener()
    limited = measured(*models, pace=Pace({1: 500, 4: 500}, seconds=60), progress=listener)
    assert limited.pace.rounds == {1: 80, 4: 20}
    assert len(limited.times["slow"].rounds[1]) == 80
    assert listener.lines == ["Speed of 2 models in turn: about 2 min."]
    hasty = measured(*models, pace=Pace({1: 500, 4: 500}, seconds=1))
    assert hasty.pace.rounds == {1: 30, 4: 3}
    quick = Listener()
    measured(Walker("quick", 0.001, []), progress=quick)
    assert quick.lines == []


def test_threads_are_put_back_after_a_fault() -> None:
    """Guards everything that runs after a model that failed while it was timed."""

    class Broken(Walker):
        def outputs(self, split: Split, *, batch_size: int, advance: Any) -> Outputs:
            raise RuntimeError("out of order")

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError, match="out of order"):
            measured(Broken("b", 1.0, []))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_conditions_in_words() -> None:
    """Guards a report of times that does not say of what and on what."""
    assert PACE.sentence(device="cpu") == (
        "Speed: on 1 CPU thread; 5 single sentences and 3 batches of 4 sentences of the split, "
        "drawn with replacement, the same for all models, which take turns in one process after 2 "
        "rounds of warming up."
    )
    assert Pace(threads=2).sentence(device="cuda").startswith("Speed: on cuda, and 2 CPU threads;")
    name, _, cores = machine().rpartition(", ")
    assert name
    assert cores.split()[1] in ("core", "cores")
