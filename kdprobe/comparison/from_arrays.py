"""`kdprobe.compare_predictions`: arrays and frames in place of models and files.

Does: read what scikit-learn, transformers or pandas give as predictions, make examples of it, and
compare. Does not: open a model or a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, Unpack

import numpy as np

from kdprobe.collectors.session import OpenedModel, Session
from kdprobe.comparison.analyses import chosen_analyses
from kdprobe.comparison.array_values import (
    MOST_CLASSES,
    as_array,
    as_clusters,
    as_numbers,
    by_name,
    class_index,
    is_missing,
)
from kdprobe.comparison.compare import compare_opened
from kdprobe.comparison.files import check_output
from kdprobe.comparison.options import AnalysisOptions, ArrayKeywords, array_options
from kdprobe.comparison.result import Comparison
from kdprobe.errors import ConfigError
from kdprobe.models.handle import Capability, Outputs, ProgressCall
from kdprobe.models.predictions.numbers import to_log_probabilities
from kdprobe.models.spec import ModelSpec
from kdprobe.observations.predictions import Scale
from kdprobe.plain_text import printable
from kdprobe.progress import Progress
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.clusters import cluster_notices
from kdprobe.tasks.task import NO_LABEL, Split, Task

_SUM_TOLERANCE = 1e-3
"""How far probabilities may miss 1 in all: float16 keeps three digits."""


def compare_predictions(
    y_true: Any,
    *,
    teacher: Any,
    students: Mapping[str, Any],
    labels: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
    slices: Mapping[str, Sequence[object]] | None = None,
    clusters: Sequence[object] | None = None,
    output: Any = None,
    analyses: AnalysisOptions | None = None,
    progress: Progress | None = None,
    **flat: Unpack[ArrayKeywords],
) -> Comparison:
    """Compare predictions that are at hand as arrays or frames; no model is opened.

    Args:
        y_true: the gold labels, `[n]`: class indices, label names, or numbers with a fraction for
            a regression; None in place of one, or of all: not known.
        teacher: its predictions, one of: `[n, c]` logits, or probabilities (rows from 0 to 1 that
            sum to 1), columns in the order of `labels`; a DataFrame with a column a label, in any
            order; `[n]` predicted class indices or label names; `[n]` predicted numbers of a
            regression. A list of several is one model trained with several seeds.
        students: the same by name.
        labels: the names of the classes, in the order of columns and indices; None: the columns of
            the teacher's DataFrame, else the names that `y_true` shows, sorted, else `0`, `1` ….
        texts: the text of each example, for the report and for text checks; None: `example 1` ….
        slices: further columns by name to slice by, `[n]` each.
        clusters: `[n]`; examples with one value depend on each other (answers about one passage):
            intervals and tests take them as one. None: all are independent.
        output: a new or empty folder for the files of `kdprobe.compare`; None writes nothing.
        analyses: which analyses run, their options, resamples and the seed.
        progress: where to show progress.
        **flat: any field of `analyses` by its name; `force=True` writes into a folder that is not
            empty.

    Raises:
        UsageError: arrays that do not fit each other; one message says which, and what was
            expected.
        TypeError: a keyword that there is not; the nearest is named.

    >>> import numpy as np
    >>> gold = [0, 1, 1, 0]
    >>> teacher = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 1.0], [1.0, 0.0]])
    >>> result = compare_predictions(
    ...     gold, teacher=teacher, students={"small": [0, 1, 0, 0]}, labels=["no", "yes"],
    ...     resamples=100)
    >>> result.get("accuracy", "small").value, result.get("agreement", "small").value
    (0.75, 0.75)
    """
    options = array_options(flat, output=output, analyses=analyses)
    to_run = chosen_analyses(options.analyses)
    check_output(options.output)
    students, slices = by_name(students, "`students`"), by_name(slices, "`slices`")
    if not students:
        raise ConfigError("`students`", found="none is named", expected="at least one")
    split = _split_of(y_true, teacher, _names_of(labels), texts, slices)
    if clusters is not None:
        codes = as_clusters(clusters, len(split))
        split = replace(split, clusters=codes, clustered_by="clusters")
    named = {"teacher": teacher, **students}
    if "teacher" in students:
        raise ConfigError("`students`", found="one is called 'teacher'", expected="other names")
    models = tuple(
        OpenedModel(
            ModelSpec(name, ()),
            "student" if place else "teacher",
            tuple(_ArrayModel(name, run, split) for run in _runs(values)),
        )
        for place, (name, values) in enumerate(named.items())
    )
    session = Session(
        split=split,
        models=models,
        seed=options.analyses.seed,
        resamples=options.analyses.resamples,
        slice_columns=options.analyses.slice_columns or tuple(slices),
        notices=cluster_notices(split),
    )
    return compare_opened(session, to_run, options, progress=progress)


class _ArrayModel:
    """Predictions at hand, as a model; see `models.handle.ModelHandle` for the properties."""

    source: Literal["predictions file"] = "predictions file"
    architecture: str = ""
    parameters: int | None = None
    folder: str = ""
    reading: str = ""
    capabilities: frozenset[Capability] = frozenset()
    lacks: Mapping[Capability, str] = MappingProxyType({})
    alarms: tuple[str, ...] = ()

    def __init__(self, name: str, values: Any, split: Split) -> None:
        self.name, self.labels = name, split.task.labels
        self._values, self._scale, self.notes = _read(values, split, f"`{name}`")
        self.fingerprint = hashlib.sha256(self._values.tobytes()).hexdigest()

    def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
        """Return the predictions; `batch_size` changes nothing."""
        advance(len(split))
        return Outputs(self._values, self._scale, np.zeros(len(split), dtype=np.bool_))


def _runs(values: Any) -> Sequence[Any]:
    """Return the runs of a model: those of a list of arrays or frames, else the one."""
    several = isinstance(values, list | tuple) and len(values) and all(
        hasattr(each, "shape") and len(each.shape) for each in values
    )  # fmt: skip
    return values if several else [values]


def _read(values: Any, split: Split, where: str) -> tuple[Floats, Scale, tuple[str, ...]]:
    """Return predictions as float64 `[n, c]` or `[n, 1]`, what they are, and notes."""
    names, n = split.task.labels, len(split)
    if hasattr(values, "columns"):
        columns = _columns(values, where)
        if sorted(columns) != sorted(names):
            raise ConfigError(
                where, found=f"columns {', '.join(columns)}", expected=", ".join(names)
            )
        values = values.rename(columns=str)[list(names)]
    array = as_array(values, where, axes=(1, 2))
    if len(array) != n:
        raise ConfigError(
            where, found=f"an array of shape {array.shape}", expected=f"a row for each of {n}"
        )
    if split.task.kind == "regression":
        if array.size != n:
            raise ConfigError(where, found=f"{array.shape[1]} columns", expected="one number a row")
        return as_numbers(array.reshape(n, 1), where), "scores", ()
    if array.ndim == 1 or array.shape[1] == 1 < len(names):
        note = "only its predicted labels are known; numbers that need probabilities are left out"
        classes = _classes(array.reshape(-1), names, where)
        return classes[:, None].astype(np.float64), "labels", (note,)
    if array.shape[1] != len(names):
        raise ConfigError(
            where, found=f"{array.shape[1]} columns", expected=f"{len(names)}, one a label"
        )
    numbers = as_numbers(array, where)
    sums = numbers.sum(axis=1)
    if (numbers >= 0).all() and (np.abs(sums - 1.0) <= _SUM_TOLERANCE).all():
        logarithms, note = to_log_probabilities(numbers / sums[:, None])
        return logarithms, "log-probabilities", (note,)
    return numbers, "logits", ()


def _columns(frame: Any, where: str) -> list[str]:
    """Return the names of a frame's columns, each of which is a label."""
    columns = [str(name) for name in frame.columns]
    if not columns or len(set(columns)) < len(columns):
        listed = f"the columns {', '.join(columns)}" if columns else "no columns"
        raise ConfigError(where, found=listed, expected="a column a label, each once")
    return columns


def _names_of(labels: Any) -> Sequence[str] | None:
    """Return the names of the classes; a text by itself would be read letter by letter."""
    if labels is None:
        return None
    whole = not isinstance(labels, str) and hasattr(labels, "__iter__")
    names = tuple(map(str, labels)) if whole else ()
    if len(names) < 2 or len(set(names)) < len(names) or not all(map(str.strip, names)):
        raise ConfigError(
            "`labels`", found=f"is {printable(repr(labels), limit=60)}",
            expected="the names of two classes or more, each once",
        )  # fmt: skip
    return names


def _classes(array: Any, names: tuple[str, ...], where: str) -> Any:
    """Return class indices `[n]` of indices or names; what is missing is `NO_LABEL`."""
    places = {name: index for index, name in enumerate(names)}
    classes = np.full(len(array), NO_LABEL, dtype=np.int64)
    for row, value in enumerate(array.tolist()):
        if is_missing(value):
            continue
        index = places.get(value) if isinstance(value, str) else class_index(value)
        if index is None or not 0 <= index < len(names):
            raise ConfigError(
                where,
                found=f"row {row + 1} is {value!r}",
                expected=f"0 to {len(names) - 1}, or one of {', '.join(names)}",
            )
        classes[row] = index
    return classes


def _split_of(
    y_true: Any,
    teacher: Any,
    labels: Sequence[str] | None,
    texts: Sequence[str] | None,
    slices: Mapping[str, Sequence[object]],
) -> Split:
    """Make examples of the gold labels, texts and columns."""
    first = _runs(teacher)[0]
    if not hasattr(first, "columns"):
        first = as_array(first, "`teacher`", axes=(1, 2))
    rows: Any = [None] * len(first) if y_true is None else y_true
    gold = as_array(rows, "`y_true`", axes=(1,), dtype=object)
    if not len(gold):
        raise ConfigError("`y_true`", found="holds no examples", expected="at least one")
    n = len(gold)
    task = _task_of(gold, first, labels)
    values: Any = None
    if y_true is not None and task.kind == "classification":
        values = _classes(gold, task.labels, "`y_true`")
    elif y_true is not None:
        values = as_numbers(gold, "`y_true`")
    for name, column in (("texts", texts), *slices.items()):
        if column is None and name == "texts":
            continue
        rows = as_array(column, f"`{name}`", axes=(1,), dtype=object)
        if len(rows) != n:
            raise ConfigError(f"`{name}`", found=f"{len(rows)} rows", expected=f"{n}")
    return Split(
        task=task,
        name="examples",
        ids=tuple(f"example-{row}" for row in range(1, n + 1)),
        texts=tuple(map(str, texts))
        if texts is not None
        else tuple(f"example {row}" for row in range(1, n + 1)),
        labels=values,
        columns={name: tuple(map(str, column)) for name, column in slices.items()},
        origin="arrays",
    )


def _task_of(gold: Any, first: Any, labels: Sequence[str] | None) -> Task:
    """Return a regression where numbers have a fraction, else the classes by name."""
    known = [value for value in gold.tolist() if not is_missing(value)]
    if labels is None and any(
        isinstance(value, float) and not float(value).is_integer() for value in known
    ):
        return Task("arrays", 1, "regression", (), "pearson")
    if labels is None and hasattr(first, "columns"):
        labels = _columns(first, "`teacher`")
    if labels is None:
        array = np.asarray(first)
        words = {value for value in (*known, *array.ravel().tolist()) if isinstance(value, str)}
        width = array.shape[1] if array.ndim == 2 else 0
        indices = [*known, *(array.tolist() if array.ndim == 1 and not words else ())]
        largest = max(
            (index for index in map(class_index, indices) if index is not None), default=0
        )
        if largest >= MOST_CLASSES and not words:
            raise ConfigError(
                "`y_true`", found=f"the class index {largest}",
                expected=f"less than {MOST_CLASSES}", remedy="name the classes with `labels`",
            )  # fmt: skip
        labels = sorted(words) or [str(index) for index in range(max(width, 2, largest + 1))]
    return Task("arrays", 1, "classification", tuple(map(str, labels)), "accuracy")
