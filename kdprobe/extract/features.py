"""Pooled hidden states of many sentences, all layers at once, on disk.

Does: one pass over sentences in batches of exactly one token length (no padding, no mask), appended
to one file as 16-bit floats, so that memory does not grow with sentences and a killed run goes on
where it was. Does not: know what the features are for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kdprobe import atomic
from kdprobe.cache import Cache
from kdprobe.errors import OutputError
from kdprobe.extract.layer_features import LayerFeatures
from kdprobe.leftovers import alone_with, clear_leftovers, temporary_folder
from kdprobe.models.batches import BatchGroup, equal_length_batches, grouped_batches
from kdprobe.models.hidden import LayerReader
from kdprobe.models.shared_outputs import hold
from kdprobe.progress import Progress
from kdprobe.workers.pieces import WorkPiece
from kdprobe.workers.pool import ALONE, Workers

FEATURES_VERSION = 3
_PIECE = 4096
_NAME = "kdprobe-layers"
_BYTES = 2
"""Of one number: a 16-bit float."""
_PIECE_BYTES = 4_000_000
"""Of the vectors that a process reads before it gives them, unless one batch has more."""
_TOKENS = 4096
"""Tokens in one forward pass: enough to keep the processor busy, little memory."""


def _key(reader: LayerReader, texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    parts = [FEATURES_VERSION, reader.key, reader.reading, list(reader.poolings), len(texts)]
    digest.update(json.dumps(parts).encode())
    for text in texts:
        digest.update(b"\0" + text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def features_place(cache: Cache, key: str) -> Path:
    """Return the file of a key."""
    return cache.root / "observations" / "features" / key[:2] / f"{key}.features"


def forget_features(reader: LayerReader, texts: Sequence[str], *, cache: Cache) -> None:
    """Delete what a run left that was killed after its last probe: nobody will read it again.

    What another process reads now stays.
    """
    path = features_place(cache, _key(reader, list(dict.fromkeys(texts))))
    if path.is_file():
        with alone_with(path) as alone:
            if alone:
                path.unlink(missing_ok=True)


def extract_features(
    reader: LayerReader,
    texts: Sequence[str],
    *,
    cache: Cache | None,
    progress: Progress,
    rows: int = 1_000_000,
    workers: Workers = ALONE,
) -> LayerFeatures:
    """Read every different text once.

    Args:
        reader: the model, its poolings, and whether its weights are random.
        texts: sentences; equal ones are read once.
        cache: where the file is written; None: a temporary folder. Where another process reads
            the same now, this one has a file of its own beside it.
        progress: told of every batch.
        rows: the most sentences in one forward pass.
        workers: the processes that share the batches; they move no bit.

    Raises:
        OutputError: no space is left, or the place cannot be written; nothing stays. (What a
            killed run had read stays, and the next run goes on from it.)
        CapabilityError: a batch does not fit into the device's memory.
    """
    unique = list(dict.fromkeys(texts))
    key = _key(reader, unique)
    root = Path(tempfile.gettempdir()) if cache is None else features_place(cache, key).parent
    flat, starts = _encode(reader, unique)
    lengths = np.diff(starts)
    batches = list(equal_length_batches(lengths, tokens=_TOKENS, rows=rows))
    size = _BYTES * sum(reader.widths)
    started = time.perf_counter()
    held, path = contextlib.ExitStack(), None
    try:
        path = _own_file(root / f"{key}.features", held, kept=cache is not None)
        done = _done(path, size, batches)
        _check_space(root, size * (len(unique) - done), len(unique), cache)
        with path.open("ab") as stream:
            stream.truncate(done * size)
            kind = ", random weights" if reader.random else ""
            title = f"layers of {reader.handle.name}{kind}"
            with progress.stage(title, len(unique) - done) as stage:
                left = grouped_batches(_after(batches, done), lengths, rows=_PIECE_BYTES // size)
                for vectors in _vectors(reader, flat, starts, left, workers):
                    stream.write(vectors.tobytes())
                    stage.advance(len(vectors))
        order = np.concatenate(batches)
        values = np.memmap(path, dtype=np.float16, mode="r", shape=(len(unique), size // _BYTES))
    except BaseException as error:
        if path is not None and isinstance(error, OSError):
            with contextlib.suppress(OSError):  # a full disk needs the space more than the next run
                path.unlink(missing_ok=True)
        held.close()
        if not isinstance(error, OSError):
            raise
        raise _disk_error(root, atomic.output_error(path or root, error).found, cache) from error
    return LayerFeatures(
        cells=reader.cells,
        widths=reader.widths,
        values=values,
        row={unique[row]: place for place, row in enumerate(order.tolist())},
        path=path,
        seconds=time.perf_counter() - started,
        read=len(unique) - done,
        _held=held,
    )


def _own_file(place: Path, held: contextlib.ExitStack, *, kept: bool) -> Path:
    """Return a file that nobody else writes while `held` is open.

    Args:
        place: of what is kept; another process may be at it.
        held: closed when the file is no longer needed.
        kept: whether the file may stand there; False: in a temporary folder beside it.

    Raises:
        OSError: the place cannot be written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if kept and held.enter_context(alone_with(place)):
        return place
    clear_leftovers(place.parent, _NAME)
    return held.enter_context(temporary_folder(place.parent, _NAME)) / place.name


def _vectors(
    reader: LayerReader,
    flat: NDArray[np.int32],
    starts: NDArray[np.int64],
    groups: Iterable[BatchGroup],
    workers: Workers,
) -> Iterator[NDArray[np.float16]]:
    """Yield what is read of every batch, in their order."""
    held = hold(reader, reader.handle.name, reader.text)
    pieces: list[WorkPiece[LayerReader, list[NDArray[np.int32]]]] = [
        WorkPiece(held, partial(_tokens_of, flat, starts, group), float(size))
        for group, size in groups
    ]
    for vectors in workers.in_order(_read_batches, pieces):
        yield from vectors
    held.forget()


def _read_batches(
    reader: LayerReader, batches: list[NDArray[np.int32]]
) -> list[NDArray[np.float16]]:
    """Read batches of sentences of one token length each; see `LayerReader.read`."""
    return [reader.read(tokens) for tokens in batches]


def _tokens_of(
    flat: NDArray[np.int32], starts: NDArray[np.int64], batches: Sequence[NDArray[np.int64]]
) -> list[NDArray[np.int32]]:
    """Return the tokens of each batch, `[sentences, columns, tokens]`."""
    tokens = []
    for batch in batches:
        places = np.arange(starts[batch[0] + 1] - starts[batch[0]])
        tokens.append(flat[:, starts[batch][:, None] + places].transpose(1, 0, 2))
    return tokens


def reading_seconds(reader: LayerReader, texts: Sequence[str]) -> float:
    """Estimate how long all texts take to read, measured on a few of them.

    Raises:
        Exception: whatever the model raises for a text it cannot run.
    """
    few = texts[:: max(len(texts) // 48, 1)][:48]
    ids = reader.encode(few)
    reader.read(ids[0][None])  # the first call is slower
    started = time.perf_counter()
    for row in ids[::4]:
        reader.read(row[None].repeat(4, axis=0))
    return (time.perf_counter() - started) / len(few) * len(texts)


def _after(batches: Sequence[NDArray[np.int64]], done: int) -> Iterator[NDArray[np.int64]]:
    """Yield the batches after the first `done` rows, which end with a batch.

    >>> [b.tolist() for b in _after([np.array([4, 2]), np.array([0, 1, 3])], 2)]
    [[0, 1, 3]]
    """
    ends = np.cumsum([len(batch) for batch in batches])
    for end, batch in zip(ends, batches, strict=True):
        if end > done:
            yield batch


def _check_space(root: Path, needed: int, sentences: int, cache: Cache | None) -> None:
    """Refuse before the first pass what would fill the disk hours later.

    Raises:
        OutputError: fewer bytes are free than the vectors take.
    """
    free = shutil.disk_usage(root).free
    if free < needed:
        problem = (
            f"no space for the layers of {sentences:,} sentences: {needed / 1e6:,.0f} MB are "
            f"needed, {free / 1e6:,.0f} MB free"
        )
        raise _disk_error(root, problem, cache)


def _disk_error(root: Path, problem: str, cache: Cache | None) -> OutputError:
    place = "TMPDIR" if cache is None else "KDPROBE_CACHE"
    return OutputError(
        str(root) if cache is None else f"the cache, {cache.root}",
        found=problem,
        remedy=f"free some space, name another place in {place}, or ask for fewer "
        "`probing.sentences`",
    )


def _done(path: Path, size: int, batches: Sequence[NDArray[np.int64]]) -> int:
    """Count the rows of the whole batches that an earlier run wrote.

    A batch that was cut short is read again as it was: in a smaller one the last digits differ.
    """
    rows = path.stat().st_size // size if path.is_file() else 0
    ends = np.cumsum([0, *(len(batch) for batch in batches)])
    return int(ends[ends <= rows].max())


def _encode(
    reader: LayerReader, texts: Sequence[str]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Tokenise in pieces: `[columns, all tokens]`, and where each text's begin."""
    pieces: list[NDArray[np.int32]] = []
    sizes: list[int] = []
    for start in range(0, len(texts), _PIECE):
        rows = reader.encode(texts[start : start + _PIECE])
        sizes += [row.shape[1] for row in rows]
        pieces.append(np.concatenate(rows, axis=1))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return np.concatenate(pieces, axis=1), starts
