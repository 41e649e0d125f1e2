"""Where a task's files may be, and where they are.

Does: look in `data_dir`, then in `$KDPROBE_DATA`, for each way the files may be laid out, and
remember every place it looked at. Does not: read files or ask the hub; `sources.py` does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kdprobe.config.task import Layout, SplitFile, TaskFile
from kdprobe.errors import TaskError

DATA_VARIABLE = "KDPROBE_DATA"


@dataclass(frozen=True)
class SplitFiles:
    """The files of one split.

    Args:
        layout: the layout they follow.
        split: what the layout says of this split.
        paths: the files, sorted; none when the split is generated.
        folder: the folder they are in, as the user gave it.
    """

    layout: Layout
    split: SplitFile
    paths: tuple[Path, ...]
    folder: Path


class Search(NamedTuple):
    """What a search came to: the files or None, and every place it looked at."""

    files: SplitFiles | None
    looked: tuple[str, ...]


def find_split(task_file: TaskFile, split: str, *, data_dir: Path | None) -> Search:
    """Look for the files of a split; the first hit wins.

    A data folder may hold the task's folder directly (`CoLA/`), one level down (`glue/CoLA/`), or
    be that folder. Of two folders one level down the first by name is taken.

    Raises:
        TaskError: `data_dir` is no folder; going on without it would use other data unsaid.
    """
    looked: list[str] = []
    for layout in task_file.local:
        if layout.reader == "grammar" and split in layout.splits:
            return Search(SplitFiles(layout, layout.splits[split], (), Path()), ())
    for layout in task_file.local:
        if not layout.folders and split in layout.splits:
            beside = _in_folder(layout, split, task_file.base or Path(), looked)
            if beside is not None:
                return Search(beside, tuple(looked))
    for root in _roots(data_dir):
        files = _in_root(task_file, split, root, looked)
        if files is not None:
            return Search(files, tuple(looked))
    if any(layout.folders for layout in task_file.local):
        looked += [] if data_dir is not None else ["`data_dir` (not given)"]
        looked += [] if os.environ.get(DATA_VARIABLE) else [f"${DATA_VARIABLE} (not set)"]
    return Search(None, tuple(dict.fromkeys(looked)))


def _roots(data_dir: Path | None) -> list[Path]:
    variable = os.environ.get(DATA_VARIABLE, "")
    if data_dir is not None and not data_dir.is_dir():
        raise TaskError(
            f"`data_dir={data_dir}`",
            found="is a file" if data_dir.exists() else "no such folder",
            expected="a folder that holds the task's folder",
        )
    roots = [] if data_dir is None else [data_dir]
    return [*roots, Path(variable)] if variable else roots


def _in_root(task_file: TaskFile, split: str, root: Path, looked: list[str]) -> SplitFiles | None:
    if not root.is_dir():
        looked.append(f"${DATA_VARIABLE} ({root}: no such folder)")
        return None
    for layout in task_file.local:
        if split not in layout.splits:
            continue
        for name in layout.folders:
            nested = sorted(root.glob(f"*/{name}"))
            itself = [root] if root.name == Path(name).name else []
            for folder in (root / name, *itself, *nested):
                files = _in_folder(layout, split, folder, looked if folder.is_dir() else [])
                if files is not None:
                    return files
            looked.append(str(root / name / layout.splits[split].file))
            looked.append(str(root / "*" / name / layout.splits[split].file))
    return None


def _in_folder(layout: Layout, split: str, folder: Path, looked: list[str]) -> SplitFiles | None:
    entry = layout.splits[split]
    if "*" in entry.file:
        paths = tuple(sorted(path for path in folder.glob(entry.file) if path.is_file()))
    else:
        path = folder / entry.file
        paths = (path,) if path.is_file() else ()
    if paths:
        return SplitFiles(layout, entry, paths, folder)
    looked.append(str(folder / entry.file))
    return None
