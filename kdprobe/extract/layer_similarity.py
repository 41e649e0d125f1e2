"""The layers of two encoders, compared on sentences whose features lie on disk.

Does: read blocks of the features and compare every pair of layers under one pooling. Does not: run
a model; `features.py` does.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from kdprobe.cache import Arrays, CacheKey
from kdprobe.extract.features import FEATURES_VERSION
from kdprobe.extract.layer_features import LayerFeatures
from kdprobe.models.hidden import FeatureCell, LayerReader
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.layer_permutation import permutation_p
from kdprobe.stats.layer_similarity import Blocks, Vectors, in_groups, similarity, vectors_of

SIMILARITY_VERSION = 1
GROUPS = 1000
"""Sentences, or groups of them, that intervals resample."""
SHUFFLED = 500
"""Sentences of the permutation test, which holds kernels of n x n."""
_BLOCK = 512


@dataclass(frozen=True)
class SimilaritySettings:
    """What moves the numbers of two encoders.

    Args:
        biased: whether CKA keeps its bias.
        permutations: how often rows are shuffled; 0: no test.
        seed: of the orders.
    """

    biased: bool = False
    permutations: int = 0
    seed: int = 0


@dataclass(frozen=True)
class LayerVectors:
    """The features of one encoder in the order of the sentences, and each cell read once."""

    features: LayerFeatures
    rows: Ints
    cells: tuple[Vectors, ...]

    def few(self, count: int) -> list[Floats]:
        """Return the vectors of some sentences, evenly spread, of every cell."""
        places = np.linspace(0, len(self.rows) - 1, min(count, len(self.rows))).astype(np.int64)
        return [_slice(self.features, self.rows[places], cell) for cell in range(len(self.cells))]


def layer_vectors(
    features: LayerFeatures, texts: Sequence[str], *, biased: bool = False
) -> LayerVectors:
    """Measure every cell of an encoder against itself.

    Args:
        features: they hold every text.
        texts: different sentences; two encoders get the same.
        biased: see `stats.layer_similarity.vectors_of`.
    """
    rows = features.rows(texts)
    blocks = (_blocks(features, rows, cell) for cell in range(len(features.cells)))
    return LayerVectors(features, rows, tuple(vectors_of(one, biased=biased) for one in blocks))


def _blocks(features: LayerFeatures, rows: Ints, cell: int) -> Blocks:
    def read() -> Iterator[Floats]:
        for start in range(0, len(rows), _BLOCK):
            yield _slice(features, rows[start : start + _BLOCK], cell)

    return read


def _slice(features: LayerFeatures, rows: Ints, cell: int) -> Floats:
    end = sum(features.widths[: cell + 1])
    return features.values[rows, end - features.widths[cell] : end].astype(np.float64)


def comparable(one: FeatureCell, other: FeatureCell) -> bool:
    """Return whether two cells are compared: those of one pooling, and the head with all.

    >>> comparable(FeatureCell("1", "mean"), FeatureCell("1", "cls"))
    False
    """
    return one.pooling == other.pooling or not (one.pooling and other.pooling)


def pair_count(one: LayerReader, other: LayerReader) -> int:
    """Count the pairs of cells that are compared."""
    return sum(comparable(cell, mate) for cell in one.cells for mate in other.cells)


def compare_layers(
    x: LayerVectors,
    y: LayerVectors,
    settings: SimilaritySettings,
    tell: Callable[[int], None] = lambda pairs: None,
) -> Arrays:
    """Compare all cells of two encoders.

    Args:
        x: of one encoder.
        y: of another, of the same texts.
        settings: `biased` as in `layer_vectors`.
        tell: told the number of pairs that are done.

    Returns:
        The arrays of `observations.layer_similarity.LayerPairs`, by their names.
    """
    shape, groups = (len(x.cells), len(y.cells)), min(GROUPS, len(x.rows))
    numbers = {name: np.full(shape, np.nan) for name in ("cka", "procrustes", "p_values")}
    influences = {
        name: np.zeros((*shape, groups), dtype=np.float32)
        for name in ("cka_influence", "procrustes_influence")
    }
    for row, one in enumerate(x.features.cells):
        for column, other in enumerate(y.features.cells):
            if not comparable(one, other):
                continue
            alike = similarity(x.cells[row], y.cells[column], biased=settings.biased)
            tell(1)
            if alike is None:
                continue
            numbers["cka"][row, column] = alike.cka
            numbers["procrustes"][row, column] = alike.procrustes
            for name, held in influences.items():
                held[row, column] = in_groups(getattr(alike, name), groups)
    if settings.permutations:
        numbers["p_values"] = permutation_p(
            x.few(SHUFFLED), y.few(SHUFFLED), draws=settings.permutations,
            generator=derive_generator(settings.seed, "layer similarity", "orders"),
        )  # fmt: skip
        numbers["p_values"][np.isnan(numbers["cka"])] = np.nan
    flat = {
        name: np.array([cell.flat for cell in side.cells])
        for name, side in (("flat_rows", x), ("flat_columns", y))
    }
    return {**numbers, **influences, **flat}


def similarity_key(
    one: LayerReader, other: LayerReader, texts: Sequence[str], settings: SimilaritySettings
) -> CacheKey:
    """Return what the numbers of two encoders depend on."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return CacheKey(
        "layer_similarity",
        {
            "version": [SIMILARITY_VERSION, FEATURES_VERSION],
            "encoders": [
                [reader.key, reader.reading, list(reader.poolings)] for reader in (one, other)
            ],
            "texts": digest.hexdigest(),
            "settings": [settings.biased, settings.permutations, settings.seed],
        },
    )


def comparing_seconds(
    one: LayerReader, other: LayerReader, sentences: int, settings: SimilaritySettings
) -> float:
    """Estimate how long two encoders take, from one pair of their cells measured here."""
    few = min(sentences, 256)
    generator = derive_generator(0, "layer similarity", "estimate")
    x, y = (generator.normal(size=(few, max(each.widths))) for each in (one, other))
    product, cross = _timed(lambda: x.T @ y)
    turning, _ = _timed(lambda: np.linalg.svd(cross)[0])
    shuffling = 0.0
    if settings.permutations:
        sides = [x[:, :2]] * len(one.cells), [y[:, :2]] * len(other.cells)
        once, more = (
            _timed(partial(permutation_p, *sides, draws=draws, generator=generator))[0]
            for draws in (1, 4)
        )
        larger = (min(sentences, SHUFFLED) / few) ** 2
        shuffling = max(more - once, 0.0) / 3 * settings.permutations * larger
    pairs = pair_count(one, other)
    passes = 3 * pairs + 2 * (len(one.cells) + len(other.cells))
    return passes * product * sentences / few + pairs * turning + shuffling


def _timed(work: Callable[[], Floats]) -> tuple[float, Floats]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result
