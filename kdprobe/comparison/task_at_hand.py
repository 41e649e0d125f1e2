"""Examples at hand, as a frame or a data set, in place of a task's name or file.

Does: write them to a table for as long as a comparison runs, so that their columns and labels are
read as those of any table. Does not: guess columns; `tasks/guess.py` does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kdprobe.errors import TaskError

NAME = "table.parquet"


@contextmanager
def task_on_disk(task: Any) -> Iterator[Any]:
    """Yield a task as it is, or the path of a table with its examples.

    Args:
        task: what `kdprobe.compare` takes. A pandas or polars DataFrame, or a `datasets.Dataset`
            (whose class labels are written by name), is written; anything else is yielded.

    Raises:
        TaskError: a `DatasetDict`, which holds several splits.
    """
    frame = _frame_of(task)
    if frame is None:
        yield str(task) if isinstance(task, Path) else task
        return
    with tempfile.TemporaryDirectory(prefix="kdprobe-") as folder:
        place = Path(folder) / NAME
        frame.to_parquet(place, index=False)
        yield str(place)


def _frame_of(task: Any) -> Any:
    """Return a pandas DataFrame of the examples, or None where there are none at hand."""
    if hasattr(task, "to_parquet") and hasattr(task, "columns"):
        return task
    if isinstance(task, dict) and all(hasattr(each, "features") for each in task.values()):
        raise TaskError(
            "`task`",
            found=f"a data set of {len(task)} splits: {', '.join(map(str, task))}",
            expected="one split",
            remedy=f"say `task=dataset[{next(iter(task), 'dev')!r}]`",
        )
    if not hasattr(task, "to_pandas"):
        return None
    frame = task.to_pandas()
    for column, feature in (getattr(task, "features", None) or {}).items():
        names = getattr(feature, "names", None)
        if names:
            known = dict(enumerate(names))
            frame[column] = [known.get(value) for value in frame[column].tolist()]
    return frame
