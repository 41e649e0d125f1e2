"""What one pass over all layers and poolings saves, and what limits it.

A real encoder is measured, too, when `KDPROBE_ENCODER` names its folder.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest

from kdprobe.extract.features import extract_features
from kdprobe.models.hidden import LayerReader
from kdprobe.progress import Silent
from tests.bench.probing_peers import (
    ROUNDS,
    encoder,
    encoder_work,
    multiplied,
    padded,
    sentences,
    timed,
    token_lengths,
)
from tests.bench.rows import BenchRows

pytestmark = pytest.mark.timeout(3600)
COUNT = 1024
"""Of fewer sentences too few share a length to fill our batches."""


@pytest.mark.bench
@pytest.mark.parametrize("which", ["tiny", "real"])
def test_one_pass_over_all_layers_against_one_pass_a_layer(
    tmp_path: Path, bench_row: BenchRows, which: str
):
    """Guards against a pass whose vectors are others, or that is no faster."""
    handle = encoder(which, tmp_path)
    texts = sentences(COUNT)
    reader = LayerReader(handle, ["mean", "max", "cls"])
    ratios, wide, differ, shares = [], [], [], []
    lengths = token_lengths(handle, texts)
    order = sorted(range(len(texts)), key=lambda row: len(texts[row].split()))
    longest = np.concatenate(
        [np.repeat(lengths[order[k : k + 128]].max(), 128) for k in range(0, len(order), 128)]
    )
    d, inner = handle.model.config.hidden_size, handle.model.config.intermediate_size
    limit = multiplied((4096, d), (d, inner))
    for _ in range(ROUNDS):
        theirs, slow = timed(lambda: padded(handle, texts, 3))
        ours, made = timed(lambda: extract_features(reader, texts, cache=None, progress=Silent()))
        with made:
            vectors = made.take(made.rows(texts), [9])[0]  # layer 3, mean
        cosine = (vectors * slow).sum(1) / np.linalg.norm(vectors, axis=1)
        differ.append(float(1 - (cosine / np.linalg.norm(slow, axis=1)).min()))
        ratios.append(theirs / ours)
        shares.append(
            (
                encoder_work(handle, longest) / theirs / limit,
                encoder_work(handle, lengths) / ours / limit,
            )
        )
        wide.append(timed(lambda: padded(handle, texts[:64], 3, full=True))[0] * COUNT / 64 / ours)
    ratio, full = statistics.median(ratios), statistics.median(wide)
    bench_row(
        f"encoding all layers and poolings, {which} encoder, to SentEval's one layer",
        ratios,
        agreement=f"1 - cosine {max(differ):.0e}",
        must=1.3,
        goal=1.7,
    )
    bench_row(
        f"encoding all layers and poolings, {which} encoder, to one layer padded to 128",
        wide,
        agreement=f"1 - cosine {max(differ):.0e}",
    )
    print(
        f"encoding all 7 layers and 3 poolings, {which} encoder: {ratio:.2f} times as fast as "
        f"SentEval's one layer and pooling, {full:.1f} times as one padded to 128, "
        f"{7 * 3 * ratio:.0f} times as all of them one by one; largest 1 - cosine "
        f"{max(differ):.1e}"
    )
    peer, own = (100 * statistics.median(share) for share in zip(*shares, strict=True))
    saved = encoder_work(handle, longest) / encoder_work(handle, lengths)
    print(
        f"what limits it: products of these shapes reach {limit / 1e9:.0f} GF/s here; SentEval's "
        f"pass reaches {peer:.0f} % of that, ours {own:.0f} %; without padding there is "
        f"{saved:.2f} times less to multiply, so no pass of ours could be more than "
        f"{saved * 100 / peer:.2f} times as fast"
    )
    assert max(differ) < 2e-4
    assert ratio > 0.5
