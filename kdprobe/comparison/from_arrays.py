"""`kdprobe.compare_predictions`: arrays and frames in place of models and files.

Does: read what scikit-learn, transformers or pandas give as predictions, make examples of it, and
compare. Does not: open a model or a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from kdprobe.collectors.examples import answered_by_all
from kdprobe.collectors.session import ComparedModel, Session
from kdprobe.comparison.analyses import chosen_analyses
from kdprobe.comparison.compare import compare_opened
from kdprobe.comparison.files import check_output
from kdprobe.comparison.options import AnalysisOptions, ArrayKeywords, array_options
from kdprobe.comparison.result import Comparison
from kdprobe.config.options import Missing
from kdprobe.errors import ConfigError
from kdprobe.models.predictions.array_answers import lacking_rows
from kdprobe.models.predictions.array_outputs import (
    frame_columns,
    numbered,
    read_classes,
    read_outputs,
)
from kdprobe.models.predictions.array_values import (
    MOST_CLASSES,
    as_array,
    as_clusters,
    as_numbers,
    by_name,
    class_index,
    is_missing,
)
from kdprobe.models.predictions.given import GivenPredictions
from kdprobe.models.predictions.label_numbers import are_sets, gold_sets
from kdprobe.models.spec import ModelSpec
from kdprobe.observations.predictions import Predictions
from kdprobe.plain_text import printable
from kdprobe.progress import Progress
from kdprobe.tasks.clusters import cluster_notices
from kdprobe.tasks.task import Split, Task


def compare_predictions(
    y_true: Any,
    *,
    teacher: Any,
    students: Mapping[str, Any],
    labels: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
    slices: Mapping[str, Sequence[object]] | None = None,
    clusters: Sequence[object] | None = None,
    missing: Missing = "refuse",
    output: Any = None,
    analyses: AnalysisOptions | None = None,
    progress: Progress | None = None,
    **flat: Unpack[ArrayKeywords],
) -> Comparison:
    """Compare predictions that are at hand as arrays or frames; no model is opened.

    Args:
        y_true: the gold labels, `[n]`: class indices, label names, or numbers with a fraction for
            a regression; of several labels at once `[n, L]` of 0 and 1, or a list of lists of
            names; None in place of one, or of all: not known.
        teacher: its predictions, one of: `[n, c]` logits, or probabilities (rows from 0 to 1 that
            sum to 1), columns in the order of `labels`; a DataFrame with a column a label, in any
            order; `[n]` predicted class indices or label names; `[n]` probabilities of the second
            of two labels; `[n]` predicted numbers of a regression; of several labels at once
            `[n, L]` of log-odds, probabilities or 0 and 1, or a list of lists of names. A list of
            several is one model trained with several seeds.
        students: the same by name.
        labels: the names of the classes, in the order of columns and indices; None: the columns of
            the teacher's DataFrame, else the names that `y_true` shows, sorted, else `0`, `1` ….
        texts: the text of each example, for the report and for text checks; None: `example 1` ….
        slices: further columns by name to slice by, `[n]` each.
        clusters: `[n]`; examples with one value depend on each other (answers about one passage):
            intervals and tests take them as one. None: all are independent.
        missing: examples that a model did not answer (None or NaN, of logits and probabilities in
            the whole row): `refuse` them, or `drop` them for all models and count them; then words
            that are no label of `labels`, or of those that `y_true` shows, are no answer either.
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
    options = array_options(flat, missing=missing, output=output, analyses=analyses)
    missing = options.data.missing
    to_run = chosen_analyses(options.analyses)
    check_output(options.output)
    students, slices = by_name(students, "`students`"), by_name(slices, "`slices`")
    if not students:
        raise ConfigError("`students`", found="none is named", expected="at least one")
    split = _split_of(y_true, teacher, _names_of(labels), texts, slices, missing)
    if clusters is not None:
        codes = as_clusters(clusters, len(split))
        split = replace(split, clusters=codes, clustered_by="clusters")
    named = {"teacher": teacher, **students}
    if "teacher" in students:
        raise ConfigError("`students`", found="one is called 'teacher'", expected="other names")
    models = tuple(
        ComparedModel(
            ModelSpec(name, ()),
            "student" if place else "teacher",
            tuple(_handle(name, run, split, missing) for run in _runs(values)),
        )
        for place, (name, values) in enumerate(named.items())
    )
    answered = answered_by_all(split, [model.runs for model in models], missing)
    session = Session(
        split=answered.split,
        models=models,
        seed=options.analyses.seed,
        resamples=options.analyses.resamples,
        slice_columns=options.analyses.slice_columns or tuple(slices),
        notices=(*answered.notices, *cluster_notices(answered.split)),
        unanswered=answered.counts,
    )
    return compare_opened(session, to_run, options, progress=progress)


def _handle(name: str, values: Any, split: Split, missing: Missing) -> GivenPredictions:
    """Return predictions at hand as a model."""
    where, total = f"`{name}`", len(split)
    lacking = lacking_rows(values, split.task, where, missing=missing)
    if len(lacking) == total:
        raise ConfigError(where, found="holds no answer", expected="one to an example at least")
    kept, rows = [row for row in range(total) if row not in lacking], values
    if lacking and len(values) == total:
        is_frame = hasattr(values, "columns")
        rows = values.iloc[kept] if is_frame else as_array(values, where, axes=(1, 2))[kept]
    read = read_outputs(
        rows, split.task, len(kept), where, row_name=lambda row: numbered(kept[row])
    )
    held = Predictions(name, tuple(split.ids[row] for row in kept), read.values, read.scale)
    why = {split.ids[row]: lack for row, lack in lacking.items()}
    return GivenPredictions(held, name=name, task=split.task, notes=read.notes, lacking=why)


def _runs(values: Any) -> Sequence[Any]:
    """Return the runs of a model: those of a list of arrays or frames, else the one."""
    several = isinstance(values, list | tuple) and len(values) and all(
        hasattr(each, "shape") and len(each.shape) for each in values
    )  # fmt: skip
    return values if several else [values]


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


def _split_of(
    y_true: Any,
    teacher: Any,
    labels: Sequence[str] | None,
    texts: Sequence[str] | None,
    slices: Mapping[str, Sequence[object]],
    missing: Missing,
) -> Split:
    """Make examples of the gold labels, texts and columns."""
    first = _runs(teacher)[0]
    if not hasattr(first, "columns") and not are_sets(first):
        first = as_array(first, "`teacher`", axes=(1, 2))
    rows: Any = [None] * len(first) if y_true is None else y_true
    several = gold_sets(y_true, labels, first)
    gold = as_array(rows, "`y_true`", axes=(1,), dtype=object) if several is None else rows
    if not len(gold):
        raise ConfigError("`y_true`", found="holds no examples", expected="at least one")
    n = len(gold)
    task = _task_of(gold, first, labels, missing) if several is None else several.task
    values: Any = None
    if several is not None:
        values = several.labels
    elif y_true is not None and task.kind == "classification":
        values = read_classes(gold, task.labels, "`y_true`")
    elif y_true is not None:
        values = as_numbers(gold, "`y_true`")
    for name, column in (("texts", texts), *slices.items()):
        if column is None and name == "texts":
            continue
        rows = as_array(column, f"`{name}`", axes=(1,), dtype=object)
        if len(rows) != n:
            raise ConfigError(f"`{name}`", found=f"{len(rows)} rows", expected=f"{n}")
        if column is texts and (lacking := [*map(is_missing, rows.tolist())]).count(True):
            lack = f"row {lacking.index(True) + 1} has none"
            raise ConfigError("`texts`", found=lack, expected="a text in every row")
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


def _task_of(gold: Any, first: Any, labels: Sequence[str] | None, missing: Missing) -> Task:
    """Return a regression where numbers have a fraction, else the classes by name."""
    known = [value for value in gold.tolist() if not is_missing(value)]
    if labels is None and any(
        isinstance(value, float) and not float(value).is_integer() for value in known
    ):
        return Task("arrays", 1, "regression", (), "pearson")
    if labels is None and hasattr(first, "columns"):
        labels = frame_columns(first, "`teacher`")
    if labels is None:
        array = np.asarray(first)
        names = {value for value in known if isinstance(value, str)}
        answers = {value for value in array.ravel().tolist() if isinstance(value, str)}
        words = names if names and missing == "drop" else names | answers
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
