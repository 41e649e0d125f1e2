"""What fitting all probes at once saves, and what one pass over all layers saves."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch

from kdprobe.extract._probe_senteval import Protocol, fit_senteval
from kdprobe.extract.features import extract_features
from kdprobe.extract.probe_fits import ProbeOptions, fit_cells
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.hidden import LayerReader
from kdprobe.progress import Silent
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Task
from tests.extract.test_probe_fits import features, one_by_one
from tests.models.tiny import WORDS, tiny_checkpoint

T = TypeVar("T")
TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
ROUNDS = 5


def timed(call: Callable[[], T]) -> tuple[float, T]:
    started = time.process_time()
    value = call()
    return time.process_time() - started, value


@pytest.mark.bench
def test_all_probes_at_once_against_senteval_one_cell_after_another(
    record_property: Callable[[str, object], None],
):
    """Guards against batched fits that are fast because they are other fits."""
    data = features(cells=7, n=1000, d=128, classes=4)
    protocol = Protocol()
    theirs: list[float] = []
    ours: list[float] = []
    fast: list[float] = []
    differ: list[float] = []
    quick: list[float] = []
    for _ in range(ROUNDS):
        cell = len(theirs) % 7
        seconds, fits = timed(
            lambda c=cell: [one_by_one(data, c, protocol, l2) for l2 in protocol.strengths]  # type: ignore[misc]
        )
        # By evaluation; the fit that SentEval repeats for the test score is not counted.
        theirs.append(seconds / sum(fit[2] for fit in fits))
        seconds, made = timed(lambda: fit_senteval(data, Protocol()))
        ours.append(seconds / made.evaluations.sum())
        first = int(np.argmax([round(100 * fit[0], 2) for fit in fits]))
        differ.append(abs(made.hits[cell].mean() - fits[first][1].mean()))
        seconds, rough = timed(lambda: fit_cells(data, ProbeOptions("logistic")))
        fast.append(seconds / made.evaluations.sum())
        quick.append(float(np.abs(rough[0].hits.mean(axis=1) - made.hits.mean(axis=1)).mean()))
    exact = statistics.median(theirs) / statistics.median(ours)
    convex = statistics.median(theirs) / statistics.median(fast)
    record_property("exact", exact)
    record_property("logistic", convex)
    print(
        f"probes, exact protocol: {exact:.1f} times as fast a fit, largest difference "
        f"{100 * max(differ):.2f} points; logistic: {convex:.0f} times, mean difference "
        f"{100 * statistics.mean(quick):.2f} points"
    )
    assert max(differ) <= 0.005
    assert exact > 3
    assert convex > exact


def padded(handle: HfModel, texts: list[str], layer: int) -> np.ndarray:
    """SentEval's way: one layer and one pooling, batches of 128 in the order of word counts."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row].split()))
    out = np.empty((len(texts), handle.model.config.hidden_size), dtype=np.float32)
    for start in range(0, len(order), 128):
        rows = order[start : start + 128]
        batch = handle.tokenizer([texts[r] for r in rows], padding=True, return_tensors="pt")
        with torch.no_grad():
            state = handle.model(**batch, output_hidden_states=True).hidden_states[layer]
        for place, row in enumerate(rows):
            length = int(batch["attention_mask"][place].sum())
            out[row] = state[place, 1 : length - 1].mean(0).numpy()
    return out


@pytest.mark.bench
def test_one_pass_over_all_layers_against_one_pass_a_layer(
    tmp_path: Path, record_property: Callable[[str, object], None]
):
    """Guards against a pass whose vectors are others, or that is no faster."""
    folder = tiny_checkpoint(tmp_path / "m", labels=TASK.labels, layers=6, width=128, heads=4)
    handle = open_hf(str(folder), name="m", task=TASK, device="cpu")
    generator = derive_generator(0, "bench", "probing")
    texts = [
        " ".join(generator.choice(WORDS, size=length))
        for length in generator.integers(4, 20, size=384)
    ]
    texts = list(dict.fromkeys(texts))
    reader = LayerReader(handle, ["mean", "max", "cls"])
    ratios, differ = [], []
    for _ in range(ROUNDS):
        theirs, slow = timed(lambda: padded(handle, texts, 3))
        ours, made = timed(lambda: extract_features(reader, texts, cache=None, progress=Silent()))
        with made:
            vectors = made.take(made.rows(texts), [9])[0]  # layer 3, mean
        cosine = (vectors * slow).sum(1) / np.linalg.norm(vectors, axis=1)
        differ.append(float(1 - (cosine / np.linalg.norm(slow, axis=1)).min()))
        ratios.append(theirs / ours)
    ratio = statistics.median(ratios)
    record_property("ratio", ratio)
    print(
        f"encoding all 7 layers and 3 poolings: {ratio:.2f} times as fast as SentEval's one layer "
        f"and pooling, {7 * 3 * ratio:.0f} times as all of them one by one; largest 1 - cosine "
        f"{max(differ):.1e}"
    )
    assert max(differ) < 2e-4
    assert ratio > 0.5
