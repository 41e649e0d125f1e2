"""How far `--probe fast` moves scores, at ten thousand test sentences.

The yardstick is the exact protocol itself from another seed: what a start alone moves. A real
encoder is measured instead when `KDPROBE_ENCODER` names its folder.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.config.probing import open_probing_task
from kdprobe.extract.features import extract_features
from kdprobe.extract.probes.data import ProbeData
from kdprobe.extract.probes.fits import ProbeOptions, protocols
from kdprobe.extract.probes.senteval import fit_senteval
from kdprobe.models.hf import open_hf
from kdprobe.models.hidden import LayerReader
from kdprobe.progress import Silent
from kdprobe.seeds import derive_generator
from kdprobe.tasks.probing.build import build_set, grammar_corpus
from tests.bench.probing_peers import TASK, timed
from tests.bench.rows import BenchRows
from tests.bench.test_probing_data import real_encoder, small_bert

SIZES = {"tr": 2000, "va": 5000, "te": 10_000}
LAYERS = ("1", "2")
CLASSES = 6


def by_length(texts: list[str]) -> np.ndarray:
    """Six classes of length, as many of each; a tenth of the labels is drawn."""
    generator = derive_generator(0, "bench", "lengths")
    words = np.array([len(text.split()) for text in texts]) + generator.random(len(texts))
    classes = np.searchsorted(np.quantile(words, np.arange(1, CLASSES) / CLASSES), words)
    drawn = generator.random(len(texts)) < 0.1
    return np.where(drawn, generator.integers(0, CLASSES, size=len(texts)), classes)


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_the_fast_probe_at_ten_thousand_test_sentences(tmp_path: Path, bench_row: BenchRows):
    """Guards against a fast probe whose scores are others than the protocol's.

    Dev is 5,000 sentences, so that choosing among 36 settings is hardly noise.
    """
    made = build_set(open_probing_task("bigram_shift"), grammar_corpus(22_000), sizes=SIZES)
    assert made is not None
    assert [len(part) for part in made.parts] == list(SIZES.values())
    texts = [sentence for part in made.parts for sentence in part.sentences]
    source = os.environ.get("KDPROBE_ENCODER", "")
    if source:
        real_encoder(tmp_path / "m", source)
    else:
        small_bert(tmp_path / "m", texts[:2000])
    handle = open_hf(str(tmp_path / "m"), name="m", task=TASK, device="cpu")
    reader = LayerReader(handle, ["mean"])
    with extract_features(reader, texts, cache=None, progress=Silent()) as held:
        cells = [at for at, cell in enumerate(reader.cells) if cell.layer in LAYERS]
        x = torch.from_numpy(held.take(held.rows(texts), cells))
    shifted = np.concatenate([part.labels for part in made.parts])
    told: dict[str, list[float]] = {"fast": [], "seed": []}
    seconds = {"exact": 0.0, "fast": 0.0}
    for y, classes in ((shifted, 2), (by_length(texts), CLASSES)):
        ends = np.cumsum(list(SIZES.values()))[:2].tolist()
        parts = torch.from_numpy(y).tensor_split(ends)
        train, dev, test = x.tensor_split(ends, dim=1)
        data = ProbeData(train, dev, test, parts[0], parts[1], parts[2], classes)
        exact, other = protocols(ProbeOptions("thesis", seeds=2))
        took, first = timed(lambda d=data, p=exact: fit_senteval(d, p))  # type: ignore[misc]
        seconds["exact"] += took
        quick = protocols(ProbeOptions("fast"))[0]
        took, fast = timed(lambda d=data, p=quick: fit_senteval(d, p))  # type: ignore[misc]
        seconds["fast"] += took
        again = fit_senteval(data, other)
        score = 100 * first.hits.mean(axis=1)
        told["fast"] += (100 * fast.hits.mean(axis=1) - score).tolist()
        told["seed"] += (100 * again.hits.mean(axis=1) - score).tolist()
    moved, noise = (np.abs(told[name]) for name in ("fast", "seed"))
    bench_row(
        "probes fast, scores moved",
        moved.tolist(),
        unit="points",
        must=0.5,
        agreement=f"another seed of the exact protocol moves them by {noise.mean():.2f}",
    )
    print(
        f"--probe fast at 10,000 test sentences, {len(moved)} cells: scores differ from the exact "
        f"protocol's by {moved.mean():.2f} points on average, worst {moved.max():.2f} (mean of the "
        f"signs {np.mean(told['fast']):+.2f}); another seed of the exact protocol moves them by "
        f"{noise.mean():.2f}, worst {noise.max():.2f}; its fits are "
        f"{seconds['exact'] / seconds['fast']:.1f} times as fast as the exact ones, stacked, too"
    )
    assert moved.mean() <= max(0.5, noise.mean())
    assert moved.max() <= max(1.0, noise.max())
