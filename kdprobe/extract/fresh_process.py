"""The memory that a model takes, measured in a process of its own.

Does: start a fresh Python, have it open the model and answer a few texts, and read its peak; a
process that fails is a reason. Does not: measure in the running process, whose memory is that of
all models at once. `python -m kdprobe.extract.fresh_process` is the other end.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from kdprobe.errors import CapabilityError, KdprobeError
from kdprobe.models.path_options import ModelPath, PathOptions, options_of
from kdprobe.plain_files import parse_json
from kdprobe.plain_text import printable
from kdprobe.tasks.task import Split, Task

SENTENCES = 32
"""How many texts are answered at once: the longest of the split."""
_LONGEST_WAIT = 900.0
_STATUS = Path("/proc/self/status")


class PeakMemory(NamedTuple):
    """Bytes of resident memory at their peak.

    Args:
        process: of the whole process, Python and libraries among it.
        model: while it answers, beyond what the process held before it opened the model. Where the
            peak cannot begin anew (`forget_peak`), opening is part of it.
    """

    process: int
    model: int


def peak_memory(
    given: str, split: Split, *, name: str, opening: Mapping[str, Any], threads: int
) -> PeakMemory:
    """Measure a model that is named by a path in a process of its own.

    Args:
        given: what `open_model` opens: a path, or one with options of its own.
        split: its longest 32 texts are answered in one batch.
        name: what people call the model.
        opening: the keywords of `open_model`: device, dtype, offline, label_map.
        threads: CPU threads of torch.

    Raises:
        CapabilityError: the process could not open or run the model, and why.
    """
    rows = sorted(range(len(split)), key=lambda row: -_length(split, row))[:SENTENCES]
    request = {
        "given": given, "options": options_of(given)._asdict(), "name": name,
        "opening": dict(opening), "task": asdict(split.task), "threads": threads,
        "texts": [split.texts[row] for row in rows], "path": sys.path,
        "pairs": None if split.pairs is None else [split.pairs[row] for row in rows],
    }  # fmt: skip
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "kdprobe.extract.fresh_process"],
            input=json.dumps(request), capture_output=True, text=True, timeout=_LONGEST_WAIT,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _failed(name, f"took more than {_LONGEST_WAIT / 60:.0f} minutes") from None
    except OSError as error:
        raise _failed(name, f"could not be started ({error})") from error
    if ended.returncode < 0:
        raise _failed(name, f"was ended by signal {-ended.returncode}, as for want of memory")
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["without a word"])[-1]
        raise _failed(name, f"failed ({printable(last, limit=200)})")
    answer = parse_json(ended.stdout.splitlines()[-1], where=name, error=CapabilityError)
    if "unable" in answer:
        raise _failed(name, f"could not open it ({printable(answer['unable'], limit=200)})")
    return PeakMemory(answer["process"], answer["model"])


def _length(split: Split, row: int) -> int:
    return len(split.texts[row]) + (0 if split.pairs is None else len(split.pairs[row]))


def _failed(name: str, problem: str) -> CapabilityError:
    return CapabilityError(name, found=f"a fresh process {problem}")


def resident_peak() -> int:
    """Return the most bytes of memory that this process held since it began (see `forget_peak`).

    On Linux of this very program: `getrusage` counts what the process was before it, a copy of the
    one that started it. There it is in KiB, on a Mac in bytes.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def forget_peak() -> None:
    """Let the peak begin anew at what is held now, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Open the model, answer the texts, and return the peak: the work of the fresh process."""
    import psutil
    import torch

    import kdprobe.models.hf  # noqa: F401 (what every checkpoint needs is no memory of a model)
    from kdprobe.models.open import open_model

    torch.set_num_threads(request["threads"])
    task = Task(**{**request["task"], "labels": tuple(request["task"]["labels"])})
    texts, pairs = request["texts"], request["pairs"]
    ids = tuple(map(str, range(len(texts))))
    split = Split(task, "memory", ids, tuple(texts), None if pairs is None else tuple(pairs))
    forget_peak()
    before = psutil.Process().memory_info().rss
    try:
        given = ModelPath(request["given"], PathOptions(**request["options"]))
        handle = open_model(given, name=request["name"], task=task, **request["opening"])
        opened = resident_peak()
        forget_peak()
        handle.outputs(split, batch_size=len(texts), advance=lambda done: None)
    except KdprobeError as error:
        return {"unable": str(error)}
    peak = resident_peak()
    return {"process": max(opened, peak), "model": max(0, peak - before)}


def main() -> None:
    """Read a request from the standard input, and write the answer as the last line."""
    request = parse_json(sys.stdin.read(), where="the request", error=CapabilityError)
    sys.path[:] = request["path"]
    print(json.dumps(_answer(request)))


if __name__ == "__main__":
    main()
