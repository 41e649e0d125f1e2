"""The record that a model folder holds of its own training.

Does: read `kdprobe.json` and `history.json` of folders that kdprobe trained. Does not: open models;
a folder without a record, or with one that cannot be read, has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdprobe import plain_files
from kdprobe.errors import UsageError
from kdprobe.models.spec import ModelSpec
from kdprobe.plain_files import expanded

_MOST = 2_000_000  # bytes; a longer history would fill the page


@dataclass(frozen=True)
class TrainingRecord:
    """The record of a training.

    Args:
        task: the name of the task it was trained for.
        kind: `finetune` or `distill`.
        teacher: the fingerprint of the model it was distilled from; empty: none.
        teacher_name: that model's name.
        eval_split: the split it was scored on while it was trained.
        eval_fingerprint: that split's fingerprint.
        best_by: what the kept checkpoint is best by; `last`: none was chosen.
        evaluations: how often it was scored, each time with another checkpoint to choose.
    """

    task: str
    kind: str = ""
    teacher: str = ""
    teacher_name: str = ""
    eval_split: str = ""
    eval_fingerprint: str = ""
    best_by: str = ""
    evaluations: int = 0


def training_record(path: str) -> TrainingRecord | None:
    """Read the record of a model folder; None for anything else."""
    folder = expanded(path)
    record, history = (read_json(folder / name) for name in ("kdprobe.json", "history.json"))
    if not isinstance(record, dict) or not isinstance(record.get("task"), str):
        return None
    plan = _part(record, "plan")
    distilled = plan.get("command") == "distill"
    return TrainingRecord(
        task=record["task"],
        kind=_text(record, "kind"),
        teacher=_text(plan, "fingerprint") if distilled else "",
        teacher_name=Path(_text(plan, "teacher")).name if distilled else "",
        eval_split=_text(record, "eval_split"),
        eval_fingerprint=_text(_part(plan, "eval"), "fingerprint"),
        best_by=_best_by(plan),
        evaluations=_evaluations(history),
    )


def _best_by(plan: Mapping[str, Any]) -> str:
    """Return the rule of a fine-tuning, or of the last stage of a recipe."""
    recipe = _part(plan, "recipe")
    stages = recipe.get("stages")
    last = stages[-1] if isinstance(stages, list) and stages else {}
    places = (last if isinstance(last, dict) else {}, recipe, plan)
    rules = (_text(_part(place, "training"), "best_by") for place in places)
    return next(filter(None, rules), "")


def _evaluations(history: object) -> int:
    """Count the entries of a history that hold a score."""
    if not isinstance(history, Sequence) or isinstance(history, str):
        return 0
    return sum(
        isinstance(entry, dict) and any(str(key).startswith("eval_") for key in entry)
        for entry in history
    )


def _part(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = mapping.get(key)
    return value if isinstance(value, dict) else {}


def _text(mapping: Mapping[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value if isinstance(value, str) else ""


def trained_in_bfloat16(models: Sequence[ModelSpec]) -> list[str]:
    """Return the compared models that were trained in bfloat16, by their records.

    Args:
        models: the teacher and the students; a model of several seeds is named when one of its runs
            was trained so.
    """
    named = []
    for model in models:
        records = (read_json(Path(path) / "kdprobe.json") for path in model.paths)
        plans = (record.get("plan") for record in records if isinstance(record, dict))
        if any(isinstance(plan, dict) and plan.get("bf16") is True for plan in plans):
            named.append(model.name)
    return named


def read_json(place: Path) -> Any:
    """Read a file that may be missing, foreign or broken; None then."""
    try:
        return plain_files.read_json(place, largest=_MOST)
    except UsageError:
        return None
