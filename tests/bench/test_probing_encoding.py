"""What one pass over all layers and poolings saves, and what limits it, in both precisions.

`KDPROBE_ENCODER` names the folder of a real encoder, `KDPROBE_DATA` that of CoLA; without them the
weights, and the words, are random, and the ratios say little.
"""

from __future__ import annotations

import os
import statistics
from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.extract.features import extract_features
from kdprobe.models.hf import open_hf
from kdprobe.models.hidden import LayerReader
from kdprobe.models.precision import has_bfloat16
from kdprobe.progress import Silent
from tests.bench.peak import share_of_peak
from tests.bench.probing_peers import (
    ROUNDS,
    TASK,
    encoder,
    encoder_work,
    padded,
    sentences,
    timed,
    token_lengths,
)
from tests.bench.rows import BenchRows

pytestmark = pytest.mark.timeout(3600)
COUNT = 2048
"""Of fewer sentences too few share a length to fill our batches."""
MUST = {torch.float32: (1.3, 1.7), torch.bfloat16: (2.5, 5.0)}
"""How many times as fast at least, and at best."""
MOVED = {torch.float32: 2e-4, torch.bfloat16: 2e-3}
"""Of a layer's vector, 1 - cosine at most: 16-bit floats, and 8-bit ones."""


@pytest.mark.bench
def test_one_pass_over_all_layers_against_one_pass_a_layer(tmp_path: Path, bench_row: BenchRows):
    """Guards against a pass whose vectors are others, or that is no faster."""
    handle = encoder(tmp_path)
    texts = sentences(COUNT)
    readers = {torch.float32: LayerReader(handle, ["mean", "max", "cls"])}
    if has_bfloat16("cpu"):  # emulated it is no way to save
        half = open_hf(
            str(tmp_path / "m"), name="half", task=TASK, device="cpu", dtype="bf16"
        )  # fmt: skip
        readers[torch.bfloat16] = LayerReader(half, ["mean", "max", "cls"])
    theirs: list[float] = []
    wide: list[float] = []
    ours: dict[torch.dtype, list[float]] = {dtype: [] for dtype in readers}
    moved: dict[torch.dtype, list[float]] = {dtype: [] for dtype in readers}
    for _ in range(ROUNDS):
        seconds, slow = timed(lambda: padded(handle, texts, 3))
        theirs.append(seconds)
        wide.append(timed(lambda: padded(handle, texts[:64], 3, full=True))[0] * COUNT / 64)
        for dtype, reader in readers.items():
            seconds, made = timed(
                lambda r=reader: extract_features(r, texts, cache=None, progress=Silent())  # type: ignore[misc]
            )
            with made:
                vectors = made.take(made.rows(texts), [9])[0]  # layer 3, mean
            cosine = (vectors * slow).sum(1) / np.linalg.norm(vectors, axis=1)
            moved[dtype].append(float(1 - (cosine / np.linalg.norm(slow, axis=1)).min()))
            ours[dtype].append(seconds)
    lengths = token_lengths(handle, texts)
    work = encoder_work(handle, lengths)
    saved = encoder_work(handle, _longest(texts, lengths)) / work
    peer = share_of_peak(saved * work, statistics.median(theirs))
    real = handle.name == "real encoder" and bool(os.environ.get("KDPROBE_DATA"))
    for dtype, took in ours.items():
        must, goal = MUST[dtype] if real else (None, None)
        share = share_of_peak(work, statistics.median(took), dtype)
        for whose, slower in (("SentEval's one layer", theirs), ("one layer padded to 128", wide)):
            bench_row(
                f"encoding all layers and poolings, {handle.name}, {str(dtype)[6:]}, to {whose}",
                [slow / fast for slow, fast in zip(slower, took, strict=True)],
                agreement=f"1 - cosine {max(moved[dtype]):.0e}",
                must=must if slower is theirs else None,
                goal=goal if slower is theirs else None,
                share=share,
                limits=f"SentEval's pass is at {100 * peer:.0f} % of float32's and multiplies "
                f"{saved:.2f} times as much" if slower is theirs else "",
            )  # fmt: skip
        assert max(moved[dtype]) < MOVED[dtype]
        assert statistics.median(theirs) > 0.5 * statistics.median(took)


def _longest(texts: list[str], lengths: np.ndarray) -> np.ndarray:
    """How many tokens each text has in SentEval's batches, padding counted."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row].split()))
    return np.concatenate(
        [np.repeat(lengths[order[k : k + 128]].max(), 128) for k in range(0, len(order), 128)]
    )[: len(texts)]
