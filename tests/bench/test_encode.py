"""What length batches save: our pass over a split against padding everything to 128."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.models.hf import HfModel, open_hf
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split, Task
from tests.bench.peak import operations, share_of_peak
from tests.bench.rows import BenchRows
from tests.models.tiny import WORDS, tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
ROUNDS = 5
BATCH = 32


def padded(handle: HfModel, split: Split) -> np.ndarray:
    """The common loop: batches in the order given, every row padded to 128."""
    rows = []
    for start in range(0, len(split), BATCH):
        batch = handle.tokenizer(
            list(split.texts[start : start + BATCH]),
            padding="max_length",
            max_length=128,
            truncation=True,
            return_tensors="pt",
        )
        with torch.no_grad():
            rows.append(handle.model(**batch).logits.double().numpy())
    return np.concatenate(rows)


def timed(call: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    started = time.process_time()
    values = call()
    return time.process_time() - started, values


@pytest.mark.bench
def test_length_batches_against_padding_to_128(tmp_path: Path, bench_row: BenchRows):
    """Guards against a pass that pads, or one that is fast because its logits are others."""
    folder = tiny_checkpoint(
        tmp_path / "m", labels=TASK.labels, layers=6, width=128, heads=4, max_length=128
    )
    handle = open_hf(str(folder), name="m", task=TASK, device="cpu")
    with torch.no_grad():  # as wide as a trained model's; wider ones amplify rounding
        for weight in handle.model.parameters():
            weight.mul_(0.25 if weight.ndim == 2 else 1.0)
    generator = derive_generator(0, "bench", "encode")
    lengths = generator.integers(4, 20, size=256)  # sentences of CoLA's length
    texts = tuple(" ".join(generator.choice(WORDS, size=length)) for length in lengths)
    split = Split(TASK, "dev", tuple(map(str, range(len(texts)))), texts)
    ratios, spent = [], []
    for _ in range(ROUNDS):
        theirs, slow = timed(lambda: padded(handle, split))
        ours, fast = timed(
            lambda: handle.outputs(split, batch_size=BATCH, advance=lambda done: None).values
        )
        np.testing.assert_allclose(fast, slow, atol=1e-6)
        ratios.append(theirs / ours)
        spent.append(ours)
    work = operations(
        lambda: handle.outputs(split, batch_size=BATCH, advance=lambda done: None).values
    )
    ratio = statistics.median(ratios)
    bench_row(
        "encoding in batches of one length, to padding to 128", ratios, agreement="logits 1e-6",
        share=share_of_peak(work, statistics.median(spent)),
    )  # fmt: skip
    print(f"encode: {ratio:.1f} times as fast as padding to 128, largest difference "
          f"{np.abs(fast - slow).max():.1e}")  # fmt: skip
    assert ratio > 2
