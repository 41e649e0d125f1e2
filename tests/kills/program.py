"""A program that leaves a command in every state a kill could leave it in, and runs it again.

Arguments: commands of `commands.py` with commas between them, a new folder, and which states:
`late` for those of the end, after the last optimiser step, or from the first byte of the results;
`all`; or `strict` for all, also where only files under temporary names differ. Prints one JSON
object. Run by `test_kills.py`; by hand:

    python -m tests.kills.program finetune /tmp/kills all

Every run is a process of its own, forked after a first run: a forked process starts warm and shares
nothing with the others.
"""

from __future__ import annotations

import os

# Before anything imports torch or tokenizers: a process with pools of threads cannot be forked.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import contextlib
import itertools
import json
import re
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from kdprobe.errors import UsageError
from tests.kills.commands import COMMANDS, Command, Place, make_inputs
from tests.kills.states import State, Watch, files_of

_SECONDS = re.compile(rb'("(?:seconds|timings)": )(?:[\d.]+|\{[^{}]*\})')
"""In the files: what the clock decides. Clocks stand still below, but for that of the sweep."""


def forked(work: Callable[[], Any]) -> Any:
    """Run something in a process of its own and give what it returns, as JSON carries it."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        os.close(reads)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        try:
            answer = {"given": work()}
        except BaseException:
            answer = {"fault": traceback.format_exc()}
        with os.fdopen(writes, "w") as stream:
            json.dump(answer, stream)
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as stream:
        answer = json.loads(stream.read() or '{"fault": "the process ended without an answer"}')
    os.waitpid(child, 0)
    if "fault" in answer:
        raise RuntimeError(answer["fault"])
    return answer["given"]


def stop_clocks() -> None:
    """Let no clock decide what is written."""
    from kdprobe.comparison import document
    from kdprobe.extract.efficiency import Pace, measure_speed
    from kdprobe.sweeping import measure as measuring

    setattr(time, "perf_counter", lambda: 0.0)  # noqa: B010 (mypy knows none)
    setattr(time, "monotonic", lambda: 0.0)  # noqa: B010
    moment = datetime(2000, 1, 1, tzinfo=UTC)
    stopped = SimpleNamespace(datetime=SimpleNamespace(now=lambda zone: moment), UTC=UTC)
    setattr(document, "datetime", stopped)  # noqa: B010
    ticks = itertools.count()
    paced = partial(measure_speed, clock=lambda: float(next(ticks)))
    setattr(measuring, "measure_speed", paced)  # noqa: B010
    setattr(measuring, "PACE", Pace({1: 2, 32: 2}))  # noqa: B010


def watch(command: Command, place: Place, keep: Path, *, strict: bool) -> dict[str, Any]:
    """Run a command once to its end; give its states and the number of events between them."""
    from kdprobe import augmentation
    from kdprobe.comparison import compare as comparing
    from kdprobe.distillers.trainer import StudentTrainer
    from kdprobe.sweeping import run as sweeping

    watcher = Watch(place.root, keep, strict, late=command.late)

    def ends(owner: Any, name: str, *, itself: bool) -> None:
        """Say that the end begins with a function, or after it."""
        whole = getattr(owner, name)

        def called(*given: Any, **named: Any) -> Any:
            watcher.late = itself
            result = whole(*given, **named)
            watcher.late = True
            return result

        setattr(owner, name, called)

    ends(StudentTrainer, "train", itself=False)
    ends(comparing, "write_files", itself=True)
    ends(sweeping, "write_all", itself=True)
    ends(augmentation, "write_set", itself=True)
    with watcher.watching():
        command.run(place, resume=False)
    states = [[state.event, state.late, str(state.copy)] for state in watcher.states]
    return {"events": watcher.events, "states": states, "unseen": sorted(watcher.unseen)}


def again(command: Command, place: Place) -> str:
    """Type the next line, and then what the message advises; give the last message."""
    run = command.then or command.run
    try:
        run(place, resume=False)
    except UsageError as refused:
        if "`resume`" not in str(refused):
            return str(refused)
    else:
        return ""
    try:
        run(place, resume=True)
    except UsageError as refused:
        return str(refused)
    return ""


def outcome(command: Command, place: Place, state: State, whole: dict[str, bytes]) -> str:
    """Run a command again after a kill; give what is wrong with what stands there then, or ''."""
    shutil.rmtree(place.root)
    shutil.copytree(state.copy, place.root, symlinks=True)
    try:
        refused = forked(partial(again, command, place))
    except RuntimeError as error:
        return str(error)
    held = results_of(place)
    wrong = [name for name in sorted({*held, *whole}) if held.get(name) != whole.get(name)]
    if not wrong:
        return ""  # a finished folder is refused, and whole
    return f"{', '.join(wrong)} differ; {refused}"


def results_of(place: Place) -> dict[str, bytes]:
    """Return the bytes of all results, without what the clock decides; no file may be left over."""
    files = files_of(place.root)
    return {name: _SECONDS.sub(rb"\1", data) for name, data in files.items()}


def _to_the_end(command: Command, place: Place) -> None:
    command.run(place, resume=False)
    if command.then is not None:
        command.then(place, resume=False)


def tried(name: str, place: Place, folder: Path, which: str) -> dict[str, Any]:
    """Run a command, and again from every state."""
    os.environ["KDPROBE_CACHE"] = str(place.root / "cache")
    command, first = COMMANDS[name], folder / "first"
    place.root.mkdir(parents=True)
    command.prepare(place)
    shutil.copytree(place.root, first)
    _to_the_end(command, place)  # here, so that all further processes are warm
    whole = results_of(place)
    shutil.rmtree(place.root)
    shutil.copytree(first, place.root)
    strict = which == "strict"
    watched = forked(partial(watch, command, place, folder / "states", strict=strict))
    if command.then is not None:
        forked(partial(command.then, place, resume=False))
    faults = {} if results_of(place) == whole else {"watched": "it ends otherwise when watched"}
    states = [State(event, late, Path(copy)) for event, late, copy in watched["states"]]
    chosen = [state for state in states if state.late or which != "late"]
    for number, state in enumerate(chosen):
        wrong = outcome(command, place, state, whole)
        if wrong:
            faults[f"{number}: {state.event} ({state.copy})"] = wrong
        if number % 20 == 0:
            print(f"{name}: {number} of {len(chosen)}, {len(faults)} faults", file=sys.stderr)
    return {
        "events": watched["events"], "states": len(states), "tried": len(chosen), "faults": faults,
        "unseen": watched["unseen"],
    }  # fmt: skip


def main(names: list[str], folder: Path, which: str) -> dict[str, Any]:
    """Try commands that read the same inputs."""
    stop_clocks()
    with contextlib.redirect_stdout(sys.stderr):  # what commands print is not the answer
        make_inputs(folder / "inputs")
        return {
            name: tried(
                name, Place(folder / "inputs", folder / name / "root"), folder / name, which
            )
            for name in names
        }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1].split(","), Path(sys.argv[2]), sys.argv[3]), indent=1))
