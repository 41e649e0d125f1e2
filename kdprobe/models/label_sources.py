"""Classes of a task that a plain data file does not show, named by the models that know them.

Does: read the label names of model folders and predictions files before anything is opened, and
give a guessed task its missing classes. Does not: match outputs to labels; `labels.py` does. Loads
no torch, and says nothing of what it cannot read: the opening of the model does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from kdprobe.config.kinds import PRIMARY_SCORES
from kdprobe.config.task import TaskFile
from kdprobe.errors import UsageError
from kdprobe.models.folder import locate
from kdprobe.models.labels import POSITIONAL, PROBLEM_TYPES
from kdprobe.models.model_like import loaded_parts, what_it_is
from kdprobe.models.predictions.table import is_predictions_file
from kdprobe.models.predictions.token_probabilities import answers_of
from kdprobe.plain_files import expanded, parse_json, read_json
from kdprobe.tasks.guess_labels import require_classes
from kdprobe.tasks.label_names import partners
from kdprobe.tasks.readers import read_table


def name_classes(
    task_file: TaskFile,
    models: Sequence[object],
    *,
    offline: bool = True,
    label_map: Mapping[str, str] | None = None,
) -> TaskFile:
    """Return a guessed task the classes that its rows do not show.

    Definition: the classes of the first model that has more of them than the rows show and a
    partner for each that they show (`label_names.partners`), in the model's order and the rows'
    spelling. Labels `0`, `1`, ... are partners of a model whose labels have no names (`LABEL_0`,
    ...). Where the rows show no label at all, a model with one output makes the task a regression.
    Where the first model's config says that any number of its labels hold at once, the task is one
    of several labels, whose rows show one each or none. A task whose labels are known stays so.

    Args:
        task_file: the task.
        models: folders, hub ids, predictions files and loaded models, the teacher first.
        offline: True asks the network nothing.
        label_map: the models' names -> the task's, where the user says so.

    Raises:
        TaskError: fewer than two classes are known.
    """
    if not task_file.open_labels:
        return task_file
    task_file = _several_at_once(task_file, models, offline=offline)
    for model in models:
        names = label_names(model, offline=offline)
        if names is None:
            continue
        if not names and not task_file.labels:
            changes = {"kind": "regression", "primary_score": "pearson", "open_labels": False}
            return task_file.model_copy(update=changes)
        renamed = {} if label_map == POSITIONAL else dict(label_map or {})
        classes = _completed(tuple(renamed.get(name, name) for name in names), task_file.labels)
        if classes is not None:
            note = f"classes that the rows do not show are those of {_shown(model)}: "
            absent = [name for name in classes if name not in task_file.labels]
            notes = (*task_file.notes, note + ", ".join(absent[:6]) + (", …" * (len(absent) > 6)))
            return task_file.model_copy(update={"labels": classes, "notes": notes})
    require_classes(task_file)
    return task_file


def _several_at_once(task_file: TaskFile, models: Sequence[object], *, offline: bool) -> TaskFile:
    """Return a guessed classification as a multi-label task where the first model is of such."""
    first = models[0] if models else None
    if task_file.kind != "classification" or not has_several_at_once(first, offline=offline):
        return task_file
    note = f"several labels at once, as the config of {_shown(first)} says (problem_type)"
    changes = {"kind": "multilabel", "primary_score": PRIMARY_SCORES["multilabel"][0]}
    return task_file.model_copy(update={**changes, "notes": (*task_file.notes, note)})


def _completed(names: tuple[str, ...], shown: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the model's names with those of the rows in their places, or None."""
    if len(names) <= max(len(shown), 1) or len(set(names)) < len(names):
        return None
    numbers = tuple(str(index) for index in range(len(names)))
    if shown and set(shown) <= set(numbers) and _are_unnamed(names):
        return numbers
    places = partners(names, shown)
    if places is None:
        return None
    spelling = dict(zip(places, shown, strict=True))
    return tuple(spelling.get(place, name) for place, name in enumerate(names))


def _are_unnamed(names: tuple[str, ...]) -> bool:
    return names == tuple(f"LABEL_{index}" for index in range(len(names)))


def _shown(model: object) -> str:
    return Path(model).name if isinstance(model, str) else what_it_is(model)


def label_names(model: object, *, offline: bool) -> tuple[str, ...] | None:
    """Return the label names of a model in its own order, none for one output; None: not known.

    A model folder and a loaded model have them in their config, a predictions file in its columns
    `logit:NAME` or `prob:NAME`.
    """
    if isinstance(model, str) and is_predictions_file(model):
        try:
            columns = read_table(expanded(model)).columns
        except (UsageError, OSError, ValueError):
            return None
        parts = [name.partition(":") for name in columns if name.startswith(("logit:", "prob:"))]
        return tuple(dict.fromkeys(name.strip() for _, _, name in parts)) or None
    config = _config_of(model, offline=offline)
    return None if config is None else _names_in(config)


def _config_of(model: object, *, offline: bool) -> Mapping[str, object] | None:
    """Return the config of a model folder or a loaded model; None of anything else."""
    loaded = loaded_parts(model)
    try:
        if loaded is not None:
            config = parse_json(loaded.model.config.to_json_string(), where="config")
        elif not isinstance(model, str) or is_predictions_file(model):
            return None
        else:
            config = read_json(locate(model, offline=offline) / "config.json")
    except (UsageError, OSError, ValueError, RecursionError):
        return None
    return config if isinstance(config, dict) else None


def has_several_at_once(model: object, *, offline: bool) -> bool:
    """Whether a model's config says that any number of its labels hold at once."""
    config = _config_of(model, offline=offline)
    return config is not None and config.get("problem_type") == PROBLEM_TYPES["multilabel"]


def answers_in(model: str) -> set[str]:
    """Return the predicted labels and tokens that stand in a predictions file, as they stand there.

    They are what a label map may speak of beside the names of labels; none of anything else.
    """
    if not is_predictions_file(model):
        return set()
    try:
        return answers_of(read_table(expanded(model)))
    except UsageError:
        return set()


def _names_in(config: Mapping[str, object]) -> tuple[str, ...] | None:
    listed = config.get("id2label")
    if listed is None:  # transformers writes no names where there are two that nobody named
        return ("LABEL_0", "LABEL_1")
    if not isinstance(listed, dict):
        return None
    indices = [str(index) for index in range(len(listed))]
    if set(listed) != set(indices):
        return None
    names = tuple(str(listed[index]) for index in indices)
    return () if len(names) == 1 else names
