"""A SentEval `batcher` as the model that probes read.

Does: call it as SentEval does, check what it gives and hand it on as features of one cell. Does
not: choose tasks or judge; `comparison/probing_batcher.py` does the first.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from kdprobe.errors import CapabilityError
from kdprobe.extract.probes.data import ProbeData
from kdprobe.tasks.probing.sets import ProbingPart, ProbingSet

BATCH_SIZE = 128
Tokens = list[list[str]]
Prepare = Callable[[Any, Tokens], object]


class Batcher(Protocol):
    """SentEval's `batcher(params, batch)`: token lists in, one row of numbers each out."""

    def __call__(self, params: Any, batch: Tokens, /) -> ArrayLike:
        """Return `[len(batch), width]`."""


class _Parameters(dict[str, Any]):
    """SentEval's parameters where the module is missing: items can be read as attributes."""

    def __getattr__(self, name: str) -> object:
        return self.get(name)

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value


def parameters(given: Mapping[str, object]) -> Any:
    """Make what a batcher gets as `params`: SentEval's own type where that module is installed."""
    values = {"batch_size": BATCH_SIZE, **given}
    try:
        kind = importlib.import_module("senteval.utils").dotdict
    except ModuleNotFoundError:
        kind = _Parameters
    return kind(values)


def read_batcher(
    batcher: Batcher, probing_set: ProbingSet, params: Any, *, prepare: Prepare | None = None
) -> ProbeData:
    """Read a task's sentences with a batcher.

    Definition: as SentEval calls it (Conneau and Kiela 2018): `prepare` once with all sentences,
    then every part in batches of `params.batch_size`, ordered by number of words and class.

    Args:
        batcher: as SentEval takes it.
        probing_set: the sentences, words joined with blanks.
        params: see `parameters`.
        prepare: SentEval's function of this name.

    Returns:
        Float32 features of one cell; the parts keep the order of the set.

    Raises:
        CapabilityError: it gives other than one row of finite numbers for each sentence, or rows
            of several widths.
    """
    if prepare is not None:
        every = (sentence.split() for part in probing_set.parts for sentence in part.sentences)
        prepare(params, list(every))
    x = [_read_part(batcher, part, params) for part in probing_set.parts]
    widths = sorted({one.shape[1] for one in x})
    if len(widths) > 1:
        raise _refused(f"gives rows of {widths[0]} and of {widths[-1]} numbers")
    y = [torch.from_numpy(part.labels) for part in probing_set.parts]
    train, dev, test = (torch.from_numpy(one)[None] for one in x)
    return ProbeData(train, dev, test, y[0], y[1], y[2], len(probing_set.labels))


def labelled_anew(data: ProbeData, probing_set: ProbingSet) -> ProbeData:
    """Return the same features under the labels of another set of the same sentences."""
    y = [torch.from_numpy(part.labels) for part in probing_set.parts]
    return replace(data, y_train=y[0], y_dev=y[1], y_test=y[2])


def _read_part(batcher: Batcher, part: ProbingPart, params: Any) -> NDArray[np.float32]:
    words = [sentence.split() for sentence in part.sentences]
    order = sorted(range(len(words)), key=lambda row: (len(words[row]), part.labels[row]))
    out = np.empty((len(words), 0), dtype=np.float32)
    size = int(params.batch_size)
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        vectors = _checked(batcher(params, [words[row] for row in rows]), len(rows))
        if not start:
            out = np.empty((len(words), vectors.shape[1]), dtype=np.float32)
        elif vectors.shape[1] != out.shape[1]:
            raise _refused(f"gives rows of {out.shape[1]} and of {vectors.shape[1]} numbers")
        out[rows] = vectors
    return out


def _checked(given: ArrayLike, rows: int) -> NDArray[np.float32]:
    try:
        vectors = np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise _refused(f"gives no numbers ({error})") from error
    if vectors.ndim != 2 or len(vectors) != rows:
        raise _refused(f"gives shape {list(vectors.shape)} for {rows} sentences")
    if not np.isfinite(vectors).all():
        raise _refused("gives numbers that are not finite")
    return vectors


def _refused(problem: str) -> CapabilityError:
    return CapabilityError(
        "batcher",
        found=problem,
        expected="one row of finite numbers for each sentence, of one width",
    )
