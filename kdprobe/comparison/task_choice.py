"""Which task is compared on, also when nobody says.

Does: open the task that was named; without one take it from the records of the checkpoints, or from
the predictions files. Does not: load examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from kdprobe.config.options import DataOptions
from kdprobe.config.task import TaskFile
from kdprobe.errors import ConfigError
from kdprobe.models.label_sources import name_classes
from kdprobe.models.predictions.file import is_predictions_file
from kdprobe.models.predictions.task import task_of_predictions
from kdprobe.models.spec import ModelSpec
from kdprobe.models.training_record import training_record
from kdprobe.results.schema import Notice
from kdprobe.tasks.open import open_task, task_names

_NAME_ONE = "say `task=NAME` (`kdprobe tasks` lists them), `task=FILE.toml`, or a table of examples"


class TableColumns(NamedTuple):
    """The columns of a plain table and its classes, as named on the command line; else guessed."""

    text: str | None = None
    text_pair: str | None = None
    label: str | None = None
    labels: tuple[str, ...] = ()


def columns_of(data: DataOptions) -> TableColumns:
    """Return the columns and classes that options name."""
    return TableColumns(data.text, data.text_pair, data.label, data.labels)


class ChosenTask(NamedTuple):
    """A task, and what the reader must know of how it was chosen."""

    task_file: TaskFile
    notices: tuple[Notice, ...] = ()


def choose_task(
    task: object,
    models: Sequence[ModelSpec],
    columns: TableColumns,
    *,
    offline: bool = True,
    label_map: Mapping[str, str] | None = None,
    missing: Literal["refuse", "drop"] = "refuse",
) -> ChosenTask:
    """Open the task that is compared on.

    Args:
        task: as `task` takes it, or open; None: what the models say of themselves.
        models: all compared models.
        columns: of a plain table.
        offline: ask no network for the labels of a hub model.
        label_map: the models' label names -> the task's.
        missing: what becomes of examples that a predictions file does not answer.

    Raises:
        UsageError: a task that cannot be opened, or none is named and the models name none, or
            different ones.
    """
    if isinstance(task, ChosenTask):
        return task
    if isinstance(task, TaskFile):
        return ChosenTask(task)
    paths = [path for model in models for path in model.paths]
    if task is not None and not isinstance(task, str):
        raise ConfigError(
            "`task`", found=f"is a {type(task).__name__}",
            expected="a name, a path, an open task file, a DataFrame or a datasets.Dataset",
        )  # fmt: skip
    if task is not None:
        opened = open_task(task, **columns._asdict())
        places = [place for model in models for place in (*model.paths, *model.objects)]
        return ChosenTask(name_classes(opened, places, offline=offline, label_map=label_map))
    folders = [path for path in paths if not is_predictions_file(path)]
    if not folders and not any(model.objects for model in models):
        task_file = task_of_predictions(
            paths[0], labels=columns.labels, label_map=label_map, missing=missing
        )
        message = f"No `task` was given: {'; '.join(task_file.notes)}."
        return ChosenTask(
            task_file, (Notice(code="task-from-predictions", severity="note", message=message),)
        )
    trained: dict[str, list[str]] = {}
    for model in models:
        for record in filter(None, map(training_record, model.paths)):
            trained.setdefault(record.task, []).append(model.name)
    if not trained:  # a folder that is not there has no record either, and is what to say
        from kdprobe.models.folder import locate

        for path in folders:
            locate(path, offline=offline)
    name = _one_task(trained)
    message = f"No `task` was given: {name} is what kdprobe.json of the checkpoints names."
    notice = Notice(code="task-from-record", severity="note", message=message)
    return ChosenTask(open_task(name, **columns._asdict()), (notice,))


def _one_task(trained: dict[str, list[str]]) -> str:
    if not trained:
        raise ConfigError(
            "`task`",
            found="is missing, and no checkpoint says what it was trained for (kdprobe.json)",
            expected="a task",
            remedy=_NAME_ONE,
        )
    if len(trained) > 1:
        whose = "; ".join(f"{name}: {', '.join(models)}" for name, models in trained.items())
        raise ConfigError(
            "`task`",
            found=f"is missing, and the checkpoints were trained for different tasks ({whose})",
            expected="one task",
            remedy=_NAME_ONE,
        )
    name = next(iter(trained))
    if name not in task_names():
        raise ConfigError(
            "`task`",
            found=f"is missing, and the checkpoints were trained for {name!r}, a task of your own",
            expected="its task file or its table",
            remedy="say `task` with the file they were trained on",
        )
    return name
