"""A program that leaves a command in every state a kill could leave it in, and runs it again.

Arguments: a command of `commands.py`, a new folder, and `late` to look at the states after the last
optimiser step only, or `all`. Prints one JSON object. Run by `test_kills.py`; by hand:

    python -m tests.kills.program finetune /tmp/kills all

Every run is a process of its own, forked after the imports: a forked process starts in milliseconds
and shares nothing with the others.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
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
    from kdprobe.comparison import run as comparing
    from kdprobe.extract.efficiency import Pace
    from kdprobe.sweeping import measure as measuring

    setattr(time, "perf_counter", lambda: 0.0)  # noqa: B010 (mypy knows none)
    setattr(time, "monotonic", lambda: 0.0)  # noqa: B010
    moment = datetime(2000, 1, 1, tzinfo=UTC)
    stopped = SimpleNamespace(datetime=SimpleNamespace(now=lambda zone: moment), UTC=UTC)
    setattr(comparing, "datetime", stopped)  # noqa: B010
    ticks = itertools.count()
    paced = partial(measuring.measure_speed, clock=lambda: float(next(ticks)))
    setattr(measuring, "measure_speed", paced)  # noqa: B010
    setattr(measuring, "PACE", Pace(batch_size=4, batches=2, sentences=2))  # noqa: B010


def watch(command: Command, place: Place, keep: Path) -> dict[str, Any]:
    """Run a command once to its end; give its states and the events between them."""
    from kdprobe.distillers.trainer import StudentTrainer

    seen = Watch(place.root, keep)
    train = StudentTrainer.train

    def watched(self: StudentTrainer, *given: Any, **named: Any) -> Any:
        seen.late = False
        made = train(self, *given, **named)
        seen.late = True
        return made

    setattr(StudentTrainer, "train", watched)  # noqa: B010
    with seen.watching():
        command.run(place, resume=False)
    states = [[state.event, state.late, str(state.copy)] for state in seen.states]
    return {"events": seen.events, "states": states, "unseen": sorted(seen.unseen)}


def again(command: Command, place: Place) -> str:
    """Type the same line again, and then what the message advises; give the last message."""
    try:
        command.run(place, resume=False)
    except UsageError as refused:
        if "--resume" not in str(refused):
            return str(refused)
    else:
        return ""
    try:
        command.run(place, resume=True)
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
    """Give the bytes of all results, without what the clock decides; no file may be left over."""
    files = files_of(place.root)
    return {name: _SECONDS.sub(rb"\1", data) for name, data in files.items()}


def main(name: str, folder: Path, which: str) -> dict[str, Any]:
    """Run a command, and again from every state."""
    place = Place(folder / "inputs", folder / "root")
    os.environ["KDPROBE_CACHE"] = str(place.root / "cache")
    stop_clocks()
    forked(partial(make_inputs, place))
    command = COMMANDS[name]
    first = folder / "first"
    forked(partial(command.prepare, place))
    shutil.copytree(place.root, first)
    modules = forked(lambda: (command.run(place, resume=False), sorted(sys.modules))[1])
    whole = results_of(place)
    for module in modules:  # so that no further process needs the time
        with contextlib.suppress(ImportError):  # of names that only their parents can import
            importlib.import_module(module)
    shutil.rmtree(place.root)
    shutil.copytree(first, place.root)
    seen = forked(partial(watch, command, place, folder / "states"))
    faults = {} if results_of(place) == whole else {"watched": "it ends otherwise when watched"}
    states = [State(event, late, Path(copy)) for event, late, copy in seen["states"]]
    chosen = [state for state in states if state.late or which == "all"]
    for number, state in enumerate(chosen):
        wrong = outcome(command, place, state, whole)
        if wrong and len(faults) < 20:
            faults[f"{number}: {state.event} ({state.copy})"] = wrong
    return {
        "command": name, "events": seen["events"], "states": len(states), "tried": len(chosen),
        "faults": faults, "unseen": seen["unseen"],
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]), indent=1))
