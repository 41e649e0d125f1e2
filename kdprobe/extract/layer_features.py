"""What every layer of a model holds of many sentences, in a file.

Does: give the vectors of some sentences and layers, to whichever process opens the file. Does not:
read a model; `features.py` does.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kdprobe.models.hidden import FeatureCell


@dataclass(frozen=True)
class LayerFeatures:
    """What every layer holds of every sentence.

    Args:
        cells: the layer and pooling of each vector.
        widths: of each cell's vector.
        values: float16 `[texts, sum of widths]`, memory-mapped, the cells side by side.
        row: text -> its row in `values`.
        path: the file; `close` deletes it.
        seconds: wall-clock seconds of the passes of this run.
        read: sentences read in this run; fewer than all when a killed run is gone on with.
    """

    cells: tuple[FeatureCell, ...]
    widths: tuple[int, ...]
    values: NDArray[np.float16]
    row: dict[str, int]
    path: Path
    seconds: float
    read: int
    _held: ExitStack | None = field(default=None, repr=False)

    def rows(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of these texts."""
        return np.array([self.row[text] for text in texts], dtype=np.int64)

    def take(self, rows: NDArray[np.int64], cells: Sequence[int]) -> NDArray[np.float32]:
        """Return float32 `[cells, rows, width]` of these rows and cells, which share one width.

        Rows are read in the order of the file, and only the columns of these cells.
        """
        ends = np.cumsum(self.widths)
        width = self.widths[cells[0]]
        first = ends[min(cells)] - width
        held = self.values[:, first : ends[max(cells)]]
        order = np.argsort(rows, kind="stable")
        # Of torch, as its memory always begins at one place in a line: so do the sums of kernels.
        out = torch.empty((len(cells), len(rows), width), dtype=torch.float32).numpy()
        for start in range(0, len(order), 1024):
            at = order[start : start + 1024]
            block = held[rows[at]]
            for place, cell in enumerate(cells):
                stop = ends[cell] - first
                out[place, at] = block[:, stop - width : stop]
        return out

    def let_go(self) -> None:
        """Let go of the pages that were read, which count as memory; the file keeps them."""
        mapped = getattr(self.values, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)

    def groups(self, most: Callable[[int], int]) -> Iterator[list[int]]:
        """Yield all cells in groups of neighbours of one width, at most `most(width)` in each.

        Groups are in the order of the cells.
        """
        group: list[int] = []
        for cell, width in enumerate(self.widths):
            if group and (width != self.widths[group[0]] or len(group) >= max(most(width), 1)):
                yield group
                group = []
            group.append(cell)
        yield group

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how another process opens them: by their file."""
        shape = self.values.shape
        return _opened, (
            self.cells,
            self.widths,
            self.row,
            self.path,
            shape,
            self.seconds,
            self.read,
        )

    def __enter__(self) -> LayerFeatures:
        """Return the features; the file is deleted when the block ends."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Delete the file when the work with it is done; an interrupted run finds it again."""
        if kind is None:
            self.path.unlink(missing_ok=True)
        if self._held is not None:
            self._held.close()


def _opened(
    cells: tuple[FeatureCell, ...],
    widths: tuple[int, ...],
    row: dict[str, int],
    path: Path,
    shape: tuple[int, int],
    seconds: float,
    read: int,
) -> LayerFeatures:
    values = np.memmap(path, dtype=np.float16, mode="r", shape=shape)
    return LayerFeatures(cells, widths, values, row, path, seconds, read)
