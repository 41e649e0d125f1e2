"""What `kdprobe compare` settles before it opens a model: its gates and its task.

Does: check every name in `--fail-if`, and take the task from the models where none is named. Does
not: open a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kdprobe.cli import terminal

if TYPE_CHECKING:
    from kdprobe.comparison.task_choice import ChosenTask
    from kdprobe.config.options import EvaluationDataOptions
    from kdprobe.results.gates import Gate


class AnalysisNames(NamedTuple):
    """The analyses that were named, as they are called; see `analysis_names`."""

    only: tuple[str, ...]
    skip: tuple[str, ...]


def analyses_of(only: Sequence[str], skip: Sequence[str]) -> AnalysisNames:
    """Return the names of `--only` and `--skip` as they are spelt."""
    from kdprobe.comparison.analyses import analysis_names

    return AnalysisNames(analysis_names(only, option="only"), analysis_names(skip, option="skip"))


def gates_of(
    conditions: Sequence[str], students: Sequence[str], chosen: AnalysisNames
) -> list[Gate]:
    """Read the gates and check every name in them, before anything else is done."""
    if not conditions:
        return []
    from kdprobe.comparison.analyses import choose, metrics_of
    from kdprobe.models.spec import parse_specs
    from kdprobe.results.gates import checked_gate, parse_gate

    known = [spec.name for spec in parse_specs(students)]
    run = choose(chosen.only, chosen.skip)
    return [checked_gate(parse_gate(text), metrics_of(), known, run) for text in conditions]


def task_of(data: EvaluationDataOptions, models: Sequence[str]) -> tuple[ChosenTask | None, str]:
    """Return the task where none is named, taken from the models, and the folder's name for it.

    Args:
        data: as typed; None comes back where it names a task.
        models: all compared models, as typed.
    """
    if data.task is not None:
        from kdprobe.tasks.packed import stem

        return None, stem(Path(str(data.task)))
    from kdprobe.comparison.task_choice import choose_task, columns_of
    from kdprobe.models.model_like import specs_of

    specs = specs_of(models[0], models[1:])
    chosen = choose_task(
        None, specs, columns_of(data), label_map=data.label_map, missing=data.missing
    )
    for notice in chosen.notices:
        terminal.tell(notice.message)
    return chosen, chosen.task_file.name
