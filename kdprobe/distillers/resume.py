"""Going on after a run was killed.

Does: write down the plan of a run, refuse to go on with something else, find the last
checkpoint that is whole. Does not: load it; the trainer does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdprobe.atomic import finish_exchange, staged_folder, sync_tree, write_text
from kdprobe.errors import ChangedPlanError, OutputError
from kdprobe.leftovers import remove_folder
from kdprobe.plain_files import read_json
from kdprobe.portable import portable_tree, same_but_for_paths

CHECKPOINTS = "checkpoints"
RECORD = "kdprobe.json"
MARKER = "complete.json"
_PLAN = "run.json"
_STATE = "trainer_state.json"
_NEEDED = (_STATE, "model.safetensors")
_CHECKPOINT = re.compile(r"checkpoint-\d+")


def checkpoint_folder(folder: Path, step: int) -> Path:
    """Return the folder of the checkpoint of an optimiser step."""
    return folder / f"checkpoint-{step}"


def mark_complete(place: Path, *, seconds: float) -> None:
    """Mark a checkpoint as wholly written, with the size of each file.

    Args:
        place: its folder.
        seconds: of training that led to it.
    """
    sync_tree(place)
    sizes = {item.name: item.stat().st_size for item in sorted(place.iterdir()) if item.is_file()}
    write_text(place / MARKER, json.dumps({"seconds": round(seconds, 3), "bytes": sizes}))


def last_complete(folder: Path) -> Path | None:
    """Find the last checkpoint to go on from, and delete those that are not whole.

    Whole is one whose files are all there, in the sizes they had when it was written to its end. A
    training that goes on also needs the weights of the best checkpoint so far.
    """
    whole: dict[int, Path] = {}
    for place in folder.glob("checkpoint-*"):
        if _CHECKPOINT.fullmatch(place.name) and _is_whole(place):
            whole[step_of(place)] = place
        elif _CHECKPOINT.fullmatch(place.name):
            remove_folder(place)
    for step in sorted(whole, reverse=True):
        if _best_step(whole[step]) in (None, *whole):
            return whole[step]
    return None


def _is_whole(place: Path) -> bool:
    marker = _marker(place)
    sizes = marker.get("bytes", dict.fromkeys(_NEEDED))
    return bool(marker) and all(_has_size(place / name, size) for name, size in sizes.items())


def _has_size(file: Path, size: int | None) -> bool:
    return file.is_file() and size in (None, file.stat().st_size)


def _marker(place: Path) -> dict[str, Any]:
    """Read the marker of a whole checkpoint; empty for one that is not."""
    try:
        marker = read_json(place / MARKER, error=OutputError)
    except OutputError:
        return {}
    return marker if isinstance(marker, dict) and "seconds" in marker else {}


def _best_step(checkpoint: Path) -> int | None:
    """Read which step was the best when a checkpoint was written; None: none was scored."""
    state = read_json(checkpoint / _STATE, error=OutputError)
    return state.get("best_global_step") or None


def step_of(checkpoint: Path) -> int:
    """Return the optimiser step of a checkpoint."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def seconds_of(checkpoint: Path) -> float:
    """Return the seconds of training that led to a checkpoint."""
    return float(_marker(checkpoint)["seconds"])


def _flat(options: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in options.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def first_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return the first option that differs, in the order of the new ones, or None.

    Paths are compared as far as a record keeps them; what stands there is compared by fingerprints.

    >>> first_change({"seed": 1, "training": {"epochs": 3}}, {"seed": 1, "training": {"epochs": 4}})
    'training.epochs was 3 and is now 4'
    """
    old, new = _flat(portable_tree(dict(before))), _flat(portable_tree(dict(now)))
    for key in (*new, *(key for key in old if key not in new)):
        if key not in old or key not in new or not same_but_for_paths(old[key], new[key]):
            return f"{key} was {old.get(key, 'not given')} and is now {new.get(key, 'not given')}"
    return None


def write_plan(folder: Path, options: Mapping[str, Any]) -> None:
    """Write down the plan of a run, in a folder that holds it as soon as it exists.

    Without the way to this machine's folders; see `portable`.
    """
    text = json.dumps(portable_tree(dict(options)), indent=1, ensure_ascii=False) + "\n"
    with staged_folder(folder) as stage:
        (stage / _PLAN).write_text(text, encoding="utf-8")


def read_plan(folder: Path) -> dict[str, Any] | None:
    """Read the plan of an interrupted run; None when there was none."""
    finish_exchange(folder)
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
        remedy="start anew in another folder, or say `force`",
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
