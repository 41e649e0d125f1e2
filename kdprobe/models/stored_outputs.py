"""What a model says of every example of a split, computed once for whoever asks.

Does: look up what is kept of each text, run the model on the rest in pieces that are kept as they
are done, and return outputs in the split's order. Comparing, sweeping and distilling share the
entries. Does not: know how a model is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from kdprobe.cache import Arrays, Cache, CacheKey
from kdprobe.errors import CapabilityError
from kdprobe.models.handle import ModelHandle, Outputs
from kdprobe.observations.predictions import Scale, check_finite, scale_of
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split
from kdprobe.workers.pool import ALONE, Workers

if TYPE_CHECKING:
    from kdprobe.models.hf import HfModel

OUTPUTS_VERSION = 2
"""Raised when the same model and text would give other numbers; older entries are then ignored."""

BATCH_SIZE = 64
"""Texts of one forward pass where nobody says otherwise; the same for all who share entries."""

PIECE = 2048
"""Examples run before they are kept: what a killed run loses at most, while few are known."""

TextKey = bytes


@dataclass(frozen=True)
class StoredOutputs(Outputs):
    """Outputs of a split, and how many texts the model was run on.

    Args:
        computed: the number of texts that were not known; equal ones count once.
    """

    computed: int


class _Entry:
    """What is known of one model, by text; kept as one entry of the cache."""

    def __init__(self, handle: ModelHandle, cache: Cache | None, progress: Progress) -> None:
        parts: dict[str, JsonValue] = {
            "model": handle.fingerprint,
            "reading": handle.reading,
            "version": OUTPUTS_VERSION,
        }
        key = CacheKey("predictions", parts)
        self._key, self._cache, self._name = key, cache, handle.name
        self.values: dict[TextKey, NDArray[np.float64]] = {}
        self.truncated: dict[TextKey, bool] = {}
        self.scale: Scale | None = None
        arrays = cache.load(key, say=progress.say) if cache is not None else None
        if arrays is not None:
            keys = [text.tobytes() for text in arrays["texts"]]
            self.values.update(zip(keys, arrays["values"].astype(np.float64), strict=True))
            self.truncated.update(zip(keys, arrays["truncated"].tolist(), strict=True))
            if "scale" in arrays:
                self.scale = cast(Scale, str(arrays["scale"]))

    def add(self, texts: Sequence[TextKey], outputs: Outputs, *, keep: bool) -> None:
        """Take up new outputs, and keep all of them where that is wanted."""
        self.values.update(zip(texts, outputs.values, strict=True))
        self.truncated.update(zip(texts, outputs.truncated.tolist(), strict=True))
        self.scale = outputs.scale
        if self._cache is None or not keep:
            return
        arrays: Arrays = {
            "texts": np.frombuffer(b"".join(self.values), dtype=np.uint8).reshape(-1, 16),
            "values": np.stack(list(self.values.values())),
            "truncated": np.array([self.truncated[text] for text in self.values], dtype=np.bool_),
        }
        if self.scale == "log-probabilities":  # without a word: those of a head for the task
            arrays["scale"] = np.array(self.scale)
        described = f"outputs of {self._name} for {len(self.values)} texts"
        self._cache.store(self._key, arrays, description=described)


def stored_outputs(
    handle: ModelHandle,
    split: Split,
    *,
    cache: Cache | None,
    progress: Progress,
    batch_size: int = BATCH_SIZE,
    workers: Workers = ALONE,
) -> StoredOutputs:
    """Return a model's outputs for a split, each different text computed once and kept.

    An output is kept under (the model's fingerprint, its reading, this version) and the text's
    hash, so another order, a part of the split or another task with the same texts costs nothing,
    and a run that was killed goes on from the last piece. Not kept are predictions that are at
    hand, and a model whose outputs need not repeat: of that one, equal texts are run once.

    Args:
        handle: the model.
        split: the examples.
        cache: where outputs are kept, or None.
        progress: told of every batch.
        batch_size: the most examples in one forward pass; moves no number beyond 1e-6.
        workers: the processes that share the work; they move no bit.

    Raises:
        MisalignedError: an output is not finite; the example is named.
        OutputError: the cache cannot be written.
    """
    if "logits" not in handle.capabilities:  # its outputs belong to examples, not to texts
        read = handle.outputs(split, batch_size=batch_size, advance=lambda done: None)
        return StoredOutputs(read.values, read.scale, read.truncated, computed=len(split))
    entry = _Entry(handle, cache if handle.repeats else None, progress)
    texts = text_keys(split)
    missing = _first_rows(texts, entry.values)
    if missing:
        _run(handle, split, entry, missing, batch_size, progress=progress, workers=workers)
    return StoredOutputs(
        np.stack([entry.values[text] for text in texts]),
        entry.scale or scale_of(split.task),
        np.array([entry.truncated[text] for text in texts], dtype=np.bool_),
        computed=len(missing),
    )


def stored_logits(
    handle: HfModel,
    split: Split,
    *,
    longest: int,
    cache: Cache | None,
    progress: Progress,
    workers: Workers = ALONE,
) -> NDArray[np.float64]:
    """Return outputs of texts of which at most so many tokens are read, `[n, c]`.

    Only texts that are longer have entries of their own: all others are read whole either way, and
    share theirs with whoever reads whole texts.

    Args:
        handle: the model.
        split: the examples.
        longest: the most tokens, special tokens counted.
        cache: where outputs are kept, or None.
        progress: told of every batch.
        workers: the processes that share the work.

    Raises:
        CapabilityError: its outputs are not the same twice.
    """
    values = np.empty((len(split), len(handle.columns)))
    for model, rows in _whole_and_cut(handle, split, longest):
        if rows:
            part = split.take(rows) if len(rows) < len(split) else split
            values[rows] = stored_outputs(
                model, part, cache=cache, progress=progress, workers=workers
            ).values
        if model.alarms:
            raise CapabilityError(
                handle.name,
                found=model.alarms[0],
                expected="one function: a model that is misread trains a wrong student",
            )
    return values


def keep_logits(
    handle: HfModel,
    split: Split,
    values: NDArray[np.floating],
    *,
    longest: int,
    cache: Cache,
    progress: Progress,
) -> None:
    """Keep outputs that a training computed, where `stored_logits` looks for them.

    What is known of a text already stays, to the bit.

    Args:
        handle: the model.
        split: the examples.
        values: its outputs in the task's label order, `[n, c]`; right to 1e-6.
        longest: the most tokens that were read, special tokens counted.
        cache: where outputs are kept.
        progress: told of a damaged entry.

    Raises:
        MisalignedError: an output is not finite; the example is named.
        OutputError: the cache cannot be written.
    """
    check_finite(handle.name, split.ids, values)
    scale = scale_of(split.task)
    for is_cut, (model, rows) in enumerate(_whole_and_cut(handle, split, longest)):
        if not rows:
            continue
        entry, texts = _Entry(model, cache, progress), text_keys(split.take(rows))
        new = _first_rows(texts, entry.values)
        if new:
            outputs = values[[rows[place] for place in new]].astype(np.float64)
            truncated = np.full(len(new), bool(is_cut))
            entry.add(
                [texts[place] for place in new], Outputs(outputs, scale, truncated), keep=True
            )


def _whole_and_cut(
    handle: HfModel, split: Split, longest: int
) -> tuple[tuple[HfModel, list[int]], tuple[HfModel, list[int]]]:
    """Return the model and the rows it reads whole; and as it reads so many tokens, the others."""
    limited = handle.limited(longest)
    cut = limited.text.encode(split.texts, split.pairs).truncated
    return (handle, np.flatnonzero(~cut).tolist()), (limited, np.flatnonzero(cut).tolist())


def _first_rows(texts: Sequence[TextKey], known: Container[TextKey]) -> list[int]:
    """Return the first row of every text that is not known."""
    first: dict[TextKey, int] = {}
    for row, text in enumerate(texts):
        if text not in known:
            first.setdefault(text, row)
    return list(first.values())


def _run(
    handle: ModelHandle,
    split: Split,
    entry: _Entry,
    rows: list[int],
    batch_size: int,
    *,
    progress: Progress,
    workers: Workers,
) -> None:
    """Run the model on these rows in pieces, and keep each piece once all of it is finite."""
    with progress.stage(f"asking {handle.name}", len(rows)) as stage:
        while rows:
            # A piece grows with what is known: rewriting the entry stays a small part of the work.
            size = max(PIECE, len(entry.values) // 8)
            piece, rows = split.take(rows[:size]), rows[size:]
            how: dict[str, Any] = {"batch_size": batch_size, "advance": stage.advance}
            if "tokens" in handle.capabilities:  # a function is asked in this process
                how["workers"] = workers
            outputs = handle.outputs(piece, **how)
            check_finite(handle.name, piece.ids, outputs.values)
            sound = not handle.alarms  # what is not the same twice is nothing to keep
            entry.add(text_keys(piece), outputs, keep=sound and handle.repeats)


def text_keys(split: Split) -> list[TextKey]:
    """Return sixteen bytes for what a model reads of each example: its text, or pair of texts.

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
