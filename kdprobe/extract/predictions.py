"""What a model says of every example of a split, asked once.

Does: look up what is known, ask for the rest in pieces that are kept as they are done, and give
`Predictions` in the split's order. Does not: know how a model is run.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from kdprobe.cache import Arrays, Cache, CacheKey
from kdprobe.models.handle import ModelHandle
from kdprobe.observations.predictions import Predictions, check_finite
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split

EXTRACTOR_VERSION = 2
"""Raised when the same model and text would give other numbers; older entries are then ignored."""

PIECE = 2048
"""Examples asked for before they are kept: what a killed run loses at most, while few are known."""

TextKey = bytes


@dataclass(frozen=True)
class Extracted:
    """What a model said, and how it came.

    Args:
        predictions: one row per example, in the split's order.
        truncated: the number of examples of which the model did not read every word.
        seconds: wall-clock seconds, looking up included.
        from_cache: whether the model had nothing to do.
    """

    predictions: Predictions
    truncated: int
    seconds: float
    from_cache: bool


class _Known:
    """What is known of one model, by text; kept as one entry of the cache."""

    def __init__(self, key: CacheKey, cache: Cache | None, progress: Progress, name: str) -> None:
        self._key, self._cache, self._name = key, cache, name
        self.values: dict[TextKey, NDArray[np.float64]] = {}
        self.truncated: dict[TextKey, bool] = {}
        held = cache.load(key, say=progress.say) if cache is not None else None
        if held is not None:
            for text, row, cut in zip(
                held["texts"], held["values"], held["truncated"], strict=True
            ):
                self.values[text.tobytes()] = row.astype(np.float64)
                self.truncated[text.tobytes()] = bool(cut)

    def add(
        self,
        texts: Sequence[TextKey],
        values: NDArray[np.float64],
        truncated: NDArray[np.bool_],
        *,
        keep: bool,
    ) -> None:
        """Take up what was just said, and keep all of it where that is wanted."""
        self.values.update(zip(texts, values, strict=True))
        self.truncated.update(zip(texts, truncated.tolist(), strict=True))
        if self._cache is None or not keep:
            return
        arrays: Arrays = {
            "texts": np.frombuffer(b"".join(self.values), dtype=np.uint8).reshape(-1, 16),
            "values": np.stack(list(self.values.values())),
            "truncated": np.array([self.truncated[text] for text in self.values], dtype=np.bool_),
        }
        described = f"outputs of {self._name} for {len(self.values)} texts"
        self._cache.store(self._key, arrays, description=described)


def extract_predictions(
    handle: ModelHandle,
    split: Split,
    *,
    cache: Cache | None,
    batch_size: int,
    progress: Progress,
) -> Extracted:
    """Ask a model about every example, each text once, and keep the answers.

    What a model said of a text is kept under (its fingerprint, how it was read, this version) and
    the text's hash, so another order, a part of the split or another task with the same texts costs
    nothing, and a run that was killed goes on from the last piece. A predictions file is not kept:
    it is one already.

    Args:
        handle: the model.
        split: the examples.
        cache: where answers are kept, or None.
        batch_size: the most examples in one forward pass; moves no number beyond 1e-6.
        progress: told of every batch.

    Raises:
        MisalignedError: an output is not finite; the example is named.
        OutputError: the cache cannot be written.
    """
    started = time.perf_counter()
    if handle.source == "predictions file":
        said = handle.outputs(split, batch_size=batch_size, seen=lambda done: None)
        predictions = Predictions(handle.name, split.ids, said.values, said.scale)
        seconds = time.perf_counter() - started
        return Extracted(predictions, int(said.truncated.sum()), seconds, from_cache=False)
    parts: dict[str, JsonValue] = {
        "model": handle.fingerprint,
        "reading": handle.reading,
        "version": EXTRACTOR_VERSION,
    }
    known = _Known(CacheKey("predictions", parts), cache, progress, handle.name)
    texts = text_keys(split)
    missing = _first_rows(texts, known.values)
    if missing:
        _ask(handle, split, known, missing, batch_size=batch_size, progress=progress)
    return Extracted(
        Predictions(
            handle.name,
            split.ids,
            np.stack([known.values[text] for text in texts]),
            "scores" if split.task.kind == "regression" else "logits",
        ),
        truncated=sum(known.truncated[text] for text in texts),
        seconds=time.perf_counter() - started,
        from_cache=not missing,
    )


def _first_rows(texts: Sequence[TextKey], known: Container[TextKey]) -> list[int]:
    """Give the first row of every text that is not known."""
    first: dict[TextKey, int] = {}
    for row, text in enumerate(texts):
        if text not in known:
            first.setdefault(text, row)
    return list(first.values())


def _ask(
    handle: ModelHandle,
    split: Split,
    known: _Known,
    rows: list[int],
    *,
    batch_size: int,
    progress: Progress,
) -> None:
    """Ask about these rows in pieces, and keep each piece once all its numbers are finite."""
    with progress.stage(f"asking {handle.name}", len(rows)) as stage:
        while rows:
            # A piece grows with what is known: rewriting the entry stays a small part of the work.
            size = max(PIECE, len(known.values) // 8)
            piece, rows = split.take(rows[:size]), rows[size:]
            said = handle.outputs(
                piece, batch_size=batch_size, seen=lambda done: stage.advance(done)
            )
            check_finite(handle.name, piece.ids, said.values)
            sound = not handle.alarms  # what is not the same twice is no answer to keep
            known.add(text_keys(piece), said.values, said.truncated, keep=sound)


def text_keys(split: Split) -> list[TextKey]:
    """Give sixteen bytes for what a model reads of each example: its text, or its pair of texts.

    Definition: the first half of SHA-256 over the number of texts and each text's length and UTF-8
    bytes; ids and labels are no part of it.
    """
    keys = []
    for row, text in enumerate(split.texts):
        parts = [text] if split.pairs is None else [text, split.pairs[row]]
        digest = hashlib.sha256(str(len(parts)).encode())
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            digest.update(f"\0{len(data)}\0".encode())
            digest.update(data)
        keys.append(digest.digest()[:16])
    return keys
