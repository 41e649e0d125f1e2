"""Tests of how speed and size are measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from kdprobe.extract.efficiency import (
    WARM_UP,
    Pace,
    Times,
    measure_speed,
    speed_estimates,
    weight_bytes,
)
from kdprobe.models.handle import ModelHandle, Outputs
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split
from tests.distillers.builders import toy_split

PACE = Pace(batch_size=4, batches=3, sentences=5, threads=1)


class Walker:
    """A model whose every sentence takes a stated time by the test's own clock."""

    def __init__(self, name: str, seconds: float, diary: list[tuple[str, tuple[str, ...]]]) -> None:
        self.name, self.seconds, self.diary = name, seconds, diary
        self.now: list[float] = []
        self.threads: set[int] = set()

    def outputs(self, split: Split, *, batch_size: int, advance: Any) -> Outputs:
        """Move the clock and note who was asked what."""
        self.diary.append((self.name, split.ids))
        self.threads.add(torch.get_num_threads())
        first = len([name for name, _ in self.diary if name == self.name]) <= WARM_UP
        self.now[0] += len(split) * self.seconds * (50 if first else 1)
        return Outputs(np.zeros((len(split), 2)), "logits", np.zeros(len(split), dtype=np.bool_))


def measured(*models: Walker) -> dict[str, Times]:
    now = [0.0]
    for model in models:
        model.now = now
    return measure_speed(
        {model.name: cast(ModelHandle, model) for model in models},
        toy_split(40), pace=PACE, seed=0, progress=Silent(), clock=lambda: now[0],
    )  # fmt: skip


def test_models_take_turns_on_the_same_sentences() -> None:
    """Guards fairness: same sentences for all, nobody always first, warming up not counted."""
    diary: list[tuple[str, tuple[str, ...]]] = []
    slow, fast = Walker("slow", 0.5, diary), Walker("fast", 0.25, diary)
    before = torch.get_num_threads()
    found = measured(slow, fast)
    rounds = [diary[i : i + 2] for i in range(0, len(diary), 2)]
    assert len(rounds) == 2 * WARM_UP + PACE.batches + PACE.sentences
    assert all({name for name, _ in turn} == {"slow", "fast"} for turn in rounds)
    assert all(turn[0][1] == turn[1][1] for turn in rounds)
    assert {turn[0][0] for turn in rounds} == {"slow", "fast"}
    assert found["slow"].batches == pytest.approx(np.full(3, 0.5))
    assert found["fast"].singles == pytest.approx(np.full(5, 0.25))
    assert slow.threads == {1}
    assert torch.get_num_threads() == before
    rate, latency = speed_estimates("fast", found["fast"])
    assert (rate.value, latency.value) == (4.0, 250.0)
    assert (rate.low, rate.level, rate.interval) == (4.0, 0.5, "middle half of 3 batches")


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


def test_sizes_and_words(tmp_path: Path) -> None:
    """Guards the size on disk against counting tokenizers, and the sentence that says how."""
    (tmp_path / "model-1.safetensors").write_bytes(b"x" * 7)
    (tmp_path / "model-2.safetensors").write_bytes(b"x" * 5)
    (tmp_path / "tokenizer.json").write_bytes(b"x" * 100)
    assert weight_bytes(tmp_path) == 12
    assert PACE.sentence(device="cpu") == (
        "Speed: on 1 CPU thread; 3 batches of 4 sentences and 5 single sentences of the split, the "
        "same for all models, which take turns in one process after 2 rounds of warming up."
    )
    assert Pace(threads=2).sentence(device="cuda").startswith("Speed: on cuda, and 2 CPU threads;")
