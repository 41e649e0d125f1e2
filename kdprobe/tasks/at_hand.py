"""Examples at hand, as frames or data sets, in place of a task's name or file.

Does: write them to a table for as long as a call runs, so that their columns and labels are read as
those of any table. Does not: guess columns; `guess.py` does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from kdprobe.errors import TaskError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset

    Examples: TypeAlias = pd.DataFrame | Dataset | Mapping[str, pd.DataFrame | Dataset]

PLACE = "memory/table.parquet"
"""Where the table lies in a folder of its own; records name it so."""

_SPLIT = "split"


@contextmanager
def task_on_disk(task: Any) -> Iterator[Any]:
    """Yield a task as it is, or the path of a table with its examples.

    Args:
        task: what `kdprobe.compare` and `kdprobe.distill` take. A pandas or polars DataFrame, a
            `datasets.Dataset` (whose class labels are written by name), or a mapping of the names
            of splits to such (a `DatasetDict`) is written; anything else is yielded.

    Raises:
        TaskError: a column that no table holds, or a column `split` beside named splits.
    """
    splits = task if isinstance(task, Mapping) else {"": task}
    frames = {name: _frame_of(each) for name, each in splits.items()}
    if not frames or any(frame is None for frame in frames.values()):
        yield str(task) if isinstance(task, Path) else task
        return
    with tempfile.TemporaryDirectory(prefix="kdprobe-") as folder:
        place = Path(folder) / PLACE
        place.parent.mkdir()
        _write(frames, place)
        try:
            yield str(place)
        except UsageError as error:  # the table is gone when the message is read
            if not error.where.startswith(str(place)):
                raise
            raise type(error)(
                f"`task`{error.where.removeprefix(str(place))}",
                found=error.found, expected=error.expected, remedy=error.remedy,
            ) from error  # fmt: skip


def _frame_of(examples: Any) -> Any:
    """Return a pandas DataFrame of the examples, or None where there are none at hand."""
    if hasattr(examples, "to_parquet") and hasattr(examples, "columns"):
        return examples
    if not hasattr(examples, "to_pandas"):
        return None
    frame = examples.to_pandas()
    for column, feature in (getattr(examples, "features", None) or {}).items():
        names = getattr(getattr(feature, "feature", feature), "names", None)
        if names:
            known = dict(enumerate(names))
            frame[column] = [_named(value, known) for value in frame[column].tolist()]
    return frame


def _named(value: Any, names: Mapping[int, str]) -> Any:
    """Return the name of a class index, or the names of a list of them."""
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return [names.get(each) for each in value]
    return names.get(value)


def _write(frames: Mapping[str, Any], place: Path) -> None:
    """Write the splits below each other, with a column that names them where they have names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for name, frame in frames.items():
        try:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            if name and _SPLIT in table.column_names:
                raise ValueError("a column 'split' beside the names of splits")
            named = table.append_column(_SPLIT, pa.array([name] * len(table))) if name else table
            tables.append(named)
            whole = pa.concat_tables(tables, promote_options="permissive")
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise TaskError(
                "`task`" if not name else f"`task`, {name}",
                found=f"its columns cannot be read as a table ({_said(error)})",
                expected="a column of texts, and one of labels of one kind",
            ) from error
    pq.write_table(whole, place)


def _said(error: Exception) -> str:
    return ", ".join(map(str, error.args)) or type(error).__name__
