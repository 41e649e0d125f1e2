"""The examples of a task, wherever they are.

Does: find a split on disk, generate it from the embedded grammar, or ask the hub; take a seeded
sample of it. Does not: guess what a file means; `guess.py` does, once, when the task is opened.
"""

from __future__ import annotations

from pathlib import Path

from kdprobe.config.task import Columns, Hub, TaskFile
from kdprobe.errors import DataNotFoundError, TaskError
from kdprobe.registry import known_name
from kdprobe.seeds import derive_generator
from kdprobe.tasks.build import SplitPlan, build_split
from kdprobe.tasks.hub import HubError, hub_is_off, hub_name, read_hub
from kdprobe.tasks.locate import SplitFiles, find_split
from kdprobe.tasks.multirc import read_multirc
from kdprobe.tasks.rasa import read_rasa
from kdprobe.tasks.readers import check_names_file, read_table
from kdprobe.tasks.table import ColumnTable, join_tables, leave_out_empty
from kdprobe.tasks.task import Split


def split_names(task_file: TaskFile) -> tuple[str, ...]:
    """Return the names of a task's splits, in the task file's order."""
    return task_file.split_names


def load_split(
    task_file: TaskFile,
    split: str,
    *,
    data_dir: Path | None = None,
    offline: bool = False,
    limit: int | None = None,
    seed: int = 0,
    generate: int | None = None,
) -> Split:
    """Load a split: from `data_dir`, else `$KDPROBE_DATA`, else the hub; the first hit wins.

    Args:
        task_file: the task, from `open_task`.
        split: one of `split_names(task_file)`.
        data_dir: a folder that holds the task's folder, directly or one level down.
        offline: do not ask the hub.
        limit: take a random sample of so many examples (uniform, without replacement, by `seed`),
            in their original order; more than there are: all.
        seed: the run's seed; matters for `limit` only.
        generate: how many examples to generate, 1 or more; only for a task of the embedded grammar.

    Raises:
        UnknownNameError: the task has no such split.
        TaskError: the data are nowhere (every place is named), or a file is malformed (file, line).
    """
    split = known_name("split", split, split_names(task_file))
    for option, count in (("`limit`", limit), ("`generate`", generate)):
        if count is not None and count < 1:
            raise TaskError(option, found=str(count), expected="1 or more")
    search = find_split(task_file, split, data_dir=data_dir)
    if generate is not None and (search.files is None or search.files.layout.reader != "grammar"):
        raise TaskError(
            "`generate`",
            found=f"{task_file.name} is not generated",
            expected="a task of the embedded grammar",
            remedy="use `limit` to take fewer examples",
        )
    if search.files is None:
        whole = _from_hub(task_file, split, offline=offline, looked=search.looked)
    elif search.files.layout.reader == "grammar":
        whole = _generated(task_file, split, size=generate or search.files.split.size)
    else:
        whole = _from_files(task_file, split, search.files)
    if limit is None:
        return whole
    return whole.sample(limit, derive_generator(seed, "limit", whole.task.name, whole.name))


def _generated(task_file: TaskFile, split: str, *, size: int | None) -> Split:
    from kdprobe.tasks.grammar.generation import generate_split

    # Always the grammar's own seed: the data of a task are the same in runs of different seeds.
    return generate_split(task_file.task(), split, size=size or 0)


def _from_files(task_file: TaskFile, split: str, files: SplitFiles) -> Split:
    layout = files.layout
    if layout.names_file and (files.folder / layout.names_file).is_file():
        check_names_file(files.folder / layout.names_file, task_file.labels)
    table = join_tables([_read(path, files) for path in files.paths])
    columns = task_file.resolved(layout)
    if layout.broken_rows == "skip":
        table = leave_out_empty(table, _text_columns(columns))
    if files.split.value is not None:
        wanted = files.split.value
        cells = table.column(layout.split_column, role="split")
        table = table.take([row for row, cell in enumerate(cells) if (cell or "") == wanted])
    plan = SplitPlan(
        columns=columns,
        extra=task_file.extra_columns,
        extra_required=files.split.labelled,
        derived=task_file.derived,
        labelled=files.split.labelled,
        share=files.split.share,
    )
    folder = files.folder.absolute().name
    # Files that lie in a person's home are not told by that person's name.
    own = folder == Path.home().name
    origin = files.split.file if own else f"{folder}/{files.split.file}"
    return build_split(table, task_file.task(), split, plan, origin=origin)


def _text_columns(columns: Columns) -> tuple[str, ...]:
    texts = (columns.text, columns.text_pair)
    return tuple(n for names in texts for n in ((names,) if isinstance(names, str) else names))


def _read(path: Path, files: SplitFiles) -> ColumnTable:
    if files.layout.reader == "multirc":
        return read_multirc(path)
    if files.layout.reader == "rasa":
        return read_rasa(path)
    return read_table(
        path,
        columns=files.layout.columns,
        header=files.split.header,
        skip_broken=files.layout.broken_rows == "skip",
    )


def _from_hub(task_file: TaskFile, split: str, *, offline: bool, looked: tuple[str, ...]) -> Split:
    hub = task_file.hub
    places = list(looked)
    if hub is None:
        raise _nowhere(task_file, split, places)
    if split not in hub.splits:
        raise _nowhere(task_file, split, [*places, f"the hub ({hub.dataset} has no such split)"])
    if hub_is_off(offline):
        raise _nowhere(task_file, split, [*places, f"the hub ({hub_name(hub, split)}; offline)"])
    try:
        table = read_hub(hub, split)
    except HubError as error:
        tried = [*places, f"the hub ({error})"]
        raise _nowhere(task_file, split, tried) from error
    return _hub_split(task_file, hub, split, table)


def _hub_split(task_file: TaskFile, hub: Hub, split: str, table: ColumnTable) -> Split:
    labelled = all(
        layout.splits[split].labelled for layout in task_file.local if split in layout.splits
    )
    columns = task_file.resolved(hub)
    if any(layout.broken_rows == "skip" for layout in task_file.local):
        table = leave_out_empty(table, _text_columns(columns))
    plan = SplitPlan(
        columns=columns,
        extra=task_file.extra_columns,
        extra_required=False,
        derived=task_file.derived,
        labelled=labelled,
    )
    origin = f"hub: {hub_name(hub, split)}"
    return build_split(table, task_file.task(), split, plan, origin=origin)


def _nowhere(task_file: TaskFile, split: str, places: list[str]) -> DataNotFoundError:
    return DataNotFoundError(
        f"`task={task_file.name}`",
        found=f"the data of split {split!r} were not found; looked at " + ", ".join(places),
        remedy=task_file.obtain or "name the folder that holds them with `data_dir`",
    )
