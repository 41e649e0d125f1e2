"""What explaining texts of 512 tokens costs, where no sampling is short and no sentence repeats.

A BERT of two layers of 64 with random weights: its passes are cheap, so that what is counted is
whatever grows with the words beside them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kdprobe.extract.method import METHODS
from kdprobe.models.hf import open_hf
from kdprobe.models.reader import Reader
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Task
from tests.bench.explaining import ask, timed
from tests.bench.peak import operations, share_of_peak
from tests.bench.rows import BenchRows
from tests.models.tiny import WORDS, tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
TEXTS, LENGTH = 4, 510
MUST = {"integrated_gradients": 7.0, "lime": 24.0, "shap": 71.0, "occlusion": 11.5}
"""CPU seconds: half of what they took on 25 November 2026."""


@pytest.mark.bench
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", MUST)
def test_texts_of_512_tokens(name: str, tmp_path: Path, bench_row: BenchRows) -> None:
    """Guards against loops over words or coalitions that cost more than the passes.

    Where a method promises that scores add up to what the whole text adds, they must.
    """
    folder = tiny_checkpoint(
        tmp_path / "m", labels=TASK.labels, layers=2, width=64, heads=4, max_length=512
    )
    handle = open_hf(str(folder), name="m", task=TASK, device="cpu")
    generator = derive_generator(0, "bench", "long")
    texts = [" ".join(generator.choice(WORDS, size=LENGTH)) for _ in range(TEXTS)]
    method, reader = METHODS.load(name), Reader(handle)
    options = method.options()

    def explained(count: int) -> list[np.ndarray]:
        asked = [ask(reader, text) for text in texts[:count]]
        assert all(len(one.encoded.ids) == 512 for one in asked)
        scored = method.explain(asked, reader, options, "log-odds")
        return [one.scores for one in scored]

    seconds, scores = timed(lambda: explained(TEXTS))
    agreement = "–"
    if name == "shap":
        ends = np.array([[False] * LENGTH, [True] * LENGTH])
        for text, found in zip(texts, scores, strict=True):
            nothing, whole = ask(reader, text).game.values(ends, 1, "log-odds")
            assert found.sum() == pytest.approx(whole - nothing, abs=1e-5)
        agreement = "scores add up within 1e-5"
    one, _ = timed(lambda: explained(1))
    work = operations(lambda: explained(1))
    bench_row(
        f"{name}, {TEXTS} texts of 512 tokens", seconds, unit="s", agreement=agreement,
        must=MUST[name], share=share_of_peak(work, one),
    )  # fmt: skip
