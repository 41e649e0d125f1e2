"""Going on after a run was killed.

Does: write down what a run was asked to do, refuse to go on with something else, find the last
checkpoint that is whole. Does not: load it; the trainer does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdprobe.atomic import write_text
from kdprobe.errors import ChangedPlanError, OutputError
from kdprobe.plain_files import read_json
from kdprobe.portable import portable_tree, same_but_for_paths

CHECKPOINTS = "checkpoints"
RECORD = "kdprobe.json"
MARKER = "complete.json"
_PLAN = "run.json"


def checkpoint_folder(folder: Path, step: int) -> Path:
    """Name the checkpoint of an optimiser step."""
    return folder / f"checkpoint-{step}"


def drop_checkpoint(place: Path) -> None:
    """Delete a checkpoint; from the first moment on it no longer counts as whole."""
    (place / MARKER).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)


def last_complete(folder: Path) -> Path | None:
    """Find the last checkpoint that was written to its end, and delete those that were not."""
    whole: dict[int, Path] = {}
    for place in folder.glob("checkpoint-*"):
        if (place / MARKER).is_file():
            whole[int(place.name.rsplit("-", 1)[1])] = place
        else:
            drop_checkpoint(place)
    return whole[max(whole)] if whole else None


def seconds_of(checkpoint: Path) -> float:
    """Give the seconds of training that led to a checkpoint."""
    return float(read_json(checkpoint / MARKER, error=OutputError)["seconds"])


def _flat(options: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in options.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def first_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Name the first option that differs, in the order of the new ones, or None.

    Paths are compared as far as a record keeps them; what stands there is told by fingerprints.

    >>> first_change({"seed": 1, "training": {"epochs": 3}}, {"seed": 1, "training": {"epochs": 4}})
    'training.epochs was 3 and is now 4'
    """
    old, new = _flat(portable_tree(dict(before))), _flat(portable_tree(dict(now)))
    for key in (*new, *(key for key in old if key not in new)):
        if key not in old or key not in new or not same_but_for_paths(old[key], new[key]):
            return f"{key} was {old.get(key, 'not given')} and is now {new.get(key, 'not given')}"
    return None


def write_plan(folder: Path, options: Mapping[str, Any]) -> None:
    """Write down what a run was asked to do, without the way to this machine's folders."""
    text = json.dumps(portable_tree(dict(options)), indent=1, ensure_ascii=False)
    write_text(folder / _PLAN, text + "\n")


def read_plan(folder: Path) -> dict[str, Any] | None:
    """Read what an interrupted run was asked to do; None when there was none."""
    place = folder / _PLAN
    if not place.is_file():
        return None
    plan = _json(place)
    return plan if isinstance(plan, dict) else None


def read_record(output: Path) -> dict[str, Any] | None:
    """Read the record of a finished run in this folder; None when there is none."""
    place = output / RECORD
    record = _json(place) if place.is_file() else None
    return record if isinstance(record, dict) else None


def _json(place: Path) -> object:
    parsed: object = read_json(
        place,
        error=OutputError,
        expected="what kdprobe wrote there",
        remedy="start anew in another folder, or say --force",
    )
    return parsed


def refuse_change(output: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with other options than the run began with.

    Raises:
        ChangedPlanError: the first option that differs is named.
    """
    change = first_change(before, json.loads(json.dumps(now)))
    if change is not None:
        raise ChangedPlanError(
            str(output),
            found=f"cannot go on with other options: {change}",
            expected="those the run began with",
            remedy="give them again, or start anew in another folder",
        )
