"""The examples that models are compared on.

Does: load them, from the task's data or from a predictions file, and leave out for all models what
one of them did not answer, where that is wanted. Does not: ask a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from pydantic import JsonValue

from kdprobe.config.options import EvaluationDataOptions
from kdprobe.config.task import TaskFile
from kdprobe.errors import DataNotFoundError, TaskError
from kdprobe.models.spec import ModelSpec
from kdprobe.plain_text import how_many
from kdprobe.results.schema import Notice
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from kdprobe.models.handle import ModelHandle

MOST_UNANSWERED = 0.05
"""The share of examples left out as unanswered from which on the report gives an alarm."""


class AnsweredSplit(NamedTuple):
    """The examples that every model answered.

    Args:
        split: those examples.
        notices: how many others there were, and why; none where all are answered.
        counts: `left out`, `of`, and `by model` how many each did not answer; empty as above.
    """

    split: Split
    notices: tuple[Notice, ...]
    counts: Mapping[str, JsonValue]


def answered_by_all(
    split: Split,
    models: Sequence[Sequence[ModelHandle]],
    missing: Literal["refuse", "drop"],
) -> AnsweredSplit:
    """Return the examples that every run of every model answered.

    Only a model that is known by its answers alone can lack one (`Recorded`). What is
    left is another set of examples than was asked for, and may well be an easier one: more than 5 %
    left out is an alarm.

    Args:
        split: the examples.
        models: the runs of each model.
        missing: `refuse` an example without an answer, or `drop` it for all models.

    Raises:
        MisalignedError: an example is not answered, and none may be left out.
        TaskError: none is left.
    """
    from kdprobe.models.predictions.unanswered import Recorded

    left_out = np.zeros(len(split), dtype=np.bool_)
    by_model: dict[str, JsonValue] = {}
    whose: list[str] = []
    for runs in models:
        for run in runs:
            if not isinstance(run, Recorded):
                continue
            lacking = run.unanswered(split)
            if lacking.count and missing == "refuse":
                raise lacking.refusal(run.shown, split)
            if lacking.count:
                left_out |= lacking.mask
                by_model[run.name] = lacking.count
                whose.append(f"{run.name} did not answer {lacking.count:,} ({lacking.reasons})")
    total = int(left_out.sum())
    if not total:
        return AnsweredSplit(split, (), {})
    if total == len(split):
        raise TaskError(
            f"{split.task.name} {split.name}",
            found=f"no example is answered by all models: {'; '.join(whose)}",
            expected="at least one",
        )
    share = total / len(split)
    message = (
        f"{total:,} of {len(split):,} examples ({share:.1%}) were left out for all models "
        f"(`missing=drop`): {'; '.join(whose)}. Every number is of the other "
        f"{len(split) - total:,}, which may be easier than those."
    )
    severity: Literal["alarm", "warning"] = "alarm" if share > MOST_UNANSWERED else "warning"
    notice = Notice(code="unanswered", severity=severity, message=message, models=tuple(by_model))
    kept = split.take(np.flatnonzero(~left_out).tolist())
    return AnsweredSplit(
        kept, (notice,), {"left out": total, "of": len(split), "by model": by_model}
    )


def load_examples(
    specs: Sequence[ModelSpec],
    task_file: TaskFile,
    name: str,
    data: EvaluationDataOptions,
    *,
    offline: bool,
    seed: int,
) -> tuple[Split, tuple[Notice, ...]]:
    """Load the split; when its data are nowhere, the predictions files give the examples.

    Args:
        specs: the compared models, the teacher first.
        task_file: the task.
        name: of the split.
        data: where it is, and how much of it.
        offline: ask no network.
        seed: of the choice that a limit makes, where `data` has none.

    Returns:
        The split, and what the reader must know of where it is from.

    Raises:
        UsageError: it cannot be read.
    """
    from kdprobe.models.predictions.file import is_predictions_file, split_from_file
    from kdprobe.tasks.sources import load_split

    limit = data.limit
    try:
        split = load_split(
            task_file,
            name,
            data_dir=data.data_dir,
            offline=offline,
            limit=limit,
            seed=seed if data.sample_seed is None else data.sample_seed,
        )
    except DataNotFoundError:
        files = [path for spec in specs for path in spec.paths]
        if any(spec.objects for spec in specs) or not all(map(is_predictions_file, files)):
            raise
        task = task_file.task()
        notice = Notice(
            code="examples-from-predictions",
            severity="note",
            message=f"The data of {task.name} were not found; texts and labels are those of the "
            f"teacher's predictions file.",
        )
        return split_from_file(Path(files[0]), task), (notice,)
    if limit is not None and limit <= len(split):
        few = how_many(len(split), "example")
        were = "was" if len(split) == 1 else "were"
        message = f"Only {few} of {split.name} {were} looked at (`limit`)."
        return split, (Notice(code="limit", severity="warning", message=message),)
    return split, ()
