"""`distill` with `runs`: many students of one teacher.

Does: check a sweep, open its folder anew or to go on, and have every run trained (`training.py`),
measured (`measure.py`) and written down. Does not: any of them itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from kdprobe.atomic import require_empty_folder
from kdprobe.config.keywords import SweepKeywords
from kdprobe.config.options import DataOptions, Output, Runtime
from kdprobe.config.sweep import WHERE
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.resume import read_plan, refuse_change, write_plan
from kdprobe.distillers.teacher_source import TeacherSource
from kdprobe.errors import ConfigError, UsageError
from kdprobe.leftovers import remove_folder
from kdprobe.models.model_like import ModelLike
from kdprobe.progress import Progress, display_of
from kdprobe.sweeping.document import make_document, write_all
from kdprobe.sweeping.measure import TrainingOutcome, compared_examples, measure
from kdprobe.sweeping.plan import (
    NOTHING,
    PlannedRun,
    SweepRequest,
    plan_sweep,
    same_options,
)
from kdprobe.sweeping.result import DryRow, Sweep
from kdprobe.sweeping.training import (
    RunJob,
    is_sendable,
    memory_of,
    raise_if_of_all,
    require_sendable,
    train_all,
)
from kdprobe.workers.executors import open_executor
from kdprobe.workers.jobs import Executor

RECORD = "sweep"


def sweep(
    teacher: ModelLike,
    runs: str,
    *,
    task: str | None = None,
    output: str | Path,
    student: str | None = None,
    recipe: str = "vanilla",
    settings: Mapping[str, str] | None = None,
    data: DataOptions | None = None,
    training: TrainingSettings | None = None,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
    **keywords: Unpack[SweepKeywords],
) -> Sweep:
    """Distil a student for every combination of some settings, and compare them all.

    The teacher's outputs are computed once, before the first student, and read from the cache by
    all others; objectives that read its inside run it as they do for a single student. An
    interrupted sweep goes on when it is called again: finished runs are recognised by their record
    and not repeated, the one that was broken off goes on from its last checkpoint.

    Args:
        teacher: as `distill` takes it; of a predictions file or a function neither size nor speed
            is measured, and what a file does not answer of the scored texts is refused, or left out
            for all models (`missing="drop"`).
        runs: what is swept, `layers=3,6;hidden=192,384;seed=1,2,3`; see `config.sweep`.
        task: a name, a task file or a data file.
        output: the folder to write: a model folder for each run, `sweep.json`, `sweep.csv` and
            `sweep.html`.
        student: as `distill` takes it; swept sizes replace its own.
        recipe: a name or a TOML file, unless recipes are swept.
        settings: changes to the recipe for all runs.
        data: which examples, the same for all runs.
        training: how all runs are trained.
        runtime: the machine.
        progress: a display.
        **keywords: any other keyword of `distill`, the same for all runs, also as a mapping
            `options`. `seed`: of every run, unless seeds are swept, of the samples that limits
            take, and of the intervals. `threads`: of every run; 1 where nobody says. `jobs`: runs
            at once (default: one for each core that there is memory for, one with a GPU), in
            processes of this machine or, with `executor="ray"`, of Ray (`address`: a cluster's);
            the numbers are the same. `force`: write over what stands in `output`, and train every
            run anew. `dry_run`: check every run, estimate its time, write nothing. `command`: the
            command as typed, for the page.

    Returns:
        The document, with runs that could not be trained listed beside their reasons; of a dry run
        its checks.

    Raises:
        UsageError: what cannot be used for any run; settings that are not those the sweep began
            with.
        TypeError: a keyword that does not exist, or stands in an object too.
    """
    _refuse_processes()
    shown = display_of(progress)
    folder = Output(output=output).output
    if folder is None or not isinstance(runs, str):
        raise ConfigError(
            "`output`" if folder is None else "`runs`",
            found="is missing" if folder is None else f"is a {type(runs).__name__}",
            expected="the folder to write" if folder is None else "text like 'layers=3,6;seed=1,2'",
        )
    named: dict[str, Any] = {"task": task, **keywords}
    command, more = named.pop("command", None), named.pop("options", None)
    place = {"name": named.pop("executor", None) or "local", "address": named.pop("address", None)}
    dry_run, force = bool(named.pop("dry_run", None)), bool(named.pop("force", None))
    seed = named.pop("seed", None) or 0
    same = same_options(named, data, training, runtime)
    if same.pop("with_control", False):
        raise ConfigError(
            "`with_control`", found="beside a sweep, whose page shows students only",
            expected="one student", remedy="distil the one that you keep again, with its control",
        )  # fmt: skip
    task = same.pop("task", None)
    if task is None:
        raise ConfigError("`task`", found="is missing", expected="a task")
    options = {"threads": 1, **same, **(more or {})}
    source = TeacherSource.of("sweep", teacher, offline=bool(options.get("offline")))
    request = SweepRequest(source, task, student, recipe, settings or NOTHING, seed, options)
    plan = plan_sweep(runs, request)
    compared_examples(request, shown)  # what stands against measuring stands against training
    if dry_run:
        return Sweep(
            folder, checked=tuple(_check(run, request, folder, shown) for run in plan.runs)
        )
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    executor = _executor(request, folder, progress=shown, **place)
    try:
        _open_folder(folder, request, force=force)
        trained = train_all(plan, request, folder.resolve(), executor, force=force, progress=shown)
    except UsageError:
        _remove_begun(folder, missing)
        raise
    finally:
        executor.close()
    measured = measure(plan, request, trained, folder, shown)
    document = make_document(plan, request, trained, measured, command=command or "")
    write_all(document, folder)
    return Sweep(folder, document=document)


def _executor(
    request: SweepRequest, folder: Path, *, name: str, address: str | None, progress: Progress
) -> Executor[TrainingOutcome | UsageError]:
    """Open where the runs are trained: here, unless the teacher can be sent to others.

    Raises:
        UsageError: no such executor, or a teacher that cannot be sent to the one that was named.
    """
    jobs = request.options.get("jobs")
    if name != "local" or (jobs or 1) > 1:
        require_sendable(request)
    return open_executor(
        name, jobs if is_sendable(request) else 1, address=address,
        device=request.options.get("device"), threads=request.options["threads"],
        memory=memory_of(request), cache=str(folder.resolve() / "cache"), progress=progress,
    )  # fmt: skip


def _remove_begun(folder: Path, missing: Sequence[Path]) -> None:
    """Remove what a sweep began that trained nothing; an interrupted one is left to go on."""
    if folder.is_dir() and {item.name for item in folder.iterdir()} == {RECORD}:
        remove_folder(folder / RECORD)
        with contextlib.suppress(OSError):
            for place in missing:
                place.rmdir()


def _refuse_processes() -> None:
    """Refuse `torchrun`: its processes would write one another's folders.

    Raises:
        ConfigError: there are several processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(
            WHERE,
            found=f"{os.environ['WORLD_SIZE']} processes",
            expected="one",
            remedy="leave torchrun out; each run's card names the command that trains it alone",
        )


def _open_folder(folder: Path, request: SweepRequest, *, force: bool) -> None:
    """Open the folder for a new sweep, or for one of the same settings that goes on.

    Raises:
        ChangedPlanError: another sweep was begun here; the first setting that differs is named.
        OutputError: the folder holds something else.
    """
    offline = bool(request.options.get("offline"))
    record = request.record(request.teacher.fingerprint(offline=offline))
    begun = None if force else read_plan(folder / RECORD)
    require_empty_folder(folder, force=force, resume=begun is not None)
    if begun is None:
        write_plan(folder / RECORD, record)
    else:
        refuse_change(folder, begun, record)


def _check(run: PlannedRun, request: SweepRequest, folder: Path, progress: Progress) -> DryRow:
    """Do everything of a run but its training."""
    try:
        result = RunJob(run, request, folder, {"dry_run": True}).distilled(progress)
    except UsageError as error:
        raise_if_of_all(error, request)
        return DryRow(run.name, "", "", 0.0, str(error))
    facts = result.preflight.facts
    # A recipe in stages has each fact once a stage: `intermediate: steps`.
    sizes = [value for name, value in facts if name.endswith("student's parameters")]
    steps = [value.partition(" (")[0] for name, value in facts if name.endswith("steps")]
    return DryRow(run.name, sizes[-1], " + ".join(steps), result.seconds)
