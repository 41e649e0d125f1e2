"""`kdprobe.run_suite`: from one file to a paper's tables.

Does: read the suite, plan it, run what is missing, and write the tables and pages. Does not: any of
them itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from kdprobe import atomic
from kdprobe.atomic import require_empty_folder
from kdprobe.config.options import Output
from kdprobe.config.suite import open_suite, suite_path
from kdprobe.config.suite_scale import ScaledSuite, scaled
from kdprobe.errors import OutputError
from kdprobe.plain_files import read_json
from kdprobe.portable import portable_text
from kdprobe.progress import Progress, display_of
from kdprobe.suites_run.addresses import DataIndex
from kdprobe.suites_run.document import make_document, write_all
from kdprobe.suites_run.estimate import CostEstimator
from kdprobe.suites_run.plan import SuitePlan
from kdprobe.suites_run.planning import plan_suite
from kdprobe.suites_run.result import PlannedRow, SuiteRun
from kdprobe.suites_run.schedule import as_run, run_steps
from kdprobe.suites_run.store import ResultStore
from kdprobe.workers.executors import open_executor
from kdprobe.workers.jobs import Executor

PLAN = "plan.json"
_STEP = ("name", "kind", "address", "failed")


class SuiteKeywords(TypedDict, total=False):
    """The keywords of `run_suite` that decide no result."""

    data_dir: str | Path | None
    device: str | None
    offline: bool | None
    address: str | None
    command: str | None


def run_suite(
    suite: str | Path,
    *,
    output: str | Path,
    scale: str = "tiny",
    values: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    dry_run: bool = False,
    resume: bool = False,
    executor: str = "local",
    jobs: int | None = None,
    progress: Progress | None = None,
    **keywords: Unpack[SuiteKeywords],
) -> SuiteRun:
    """Make the models, comparisons and tables of a suite, as far as they are not there yet.

    A result is found again by its content: options, parents, data and the code's version. What was
    interrupted goes on, and a changed line of the file makes what hangs on it alone again.

    Args:
        suite: the name of a suite that ships with kdprobe, or a TOML file; see
            `suites/papers/reference.toml`.
        output: the folder to write: `suite.html`, `suite.csv`, `suite.json`, a page a comparison,
            and the results of the steps.
        scale: `tiny` (embedded data, minutes), `small` (real data, about an hour on two cores) or
            `paper`.
        values: what stands for `${NAME}` in the file, in place of the scale's own.
        only: names of steps, parts or tasks; these and what they hang on are made.
        dry_run: plan and estimate, write nothing.
        resume: go on in a folder that a suite was run in.
        executor: `local`, or `ray` (needs the extra `ray`).
        jobs: steps at once, each with one thread; None: one for each core that there is memory for,
            one with a GPU; of Ray as many as its workers have cores.
        progress: a display.
        **keywords: `data_dir`, where the tasks' files are; `device` and `offline` of every step;
            `address` of a Ray cluster, without which Ray's workers are this machine's; `command`,
            the command as typed, for the page.

    Returns:
        The document, with the steps that failed beside their reasons; of a dry run its rows.

    Raises:
        UsageError: a file that is no suite, a name that it does not have, a folder that holds
            something else.
    """
    shown = display_of(progress)
    machine = {key: keywords.get(key) for key in ("data_dir", "device", "offline")}
    if machine["data_dir"] is not None:  # as workers of another folder see it
        machine["data_dir"] = str(Path(str(machine["data_dir"])).absolute())
    plan = _plan(suite, scale, values or {}, keywords)
    folder, chosen = Output(output=Path(output)).output or Path(output), plan.chosen(only)
    store = ResultStore(folder.resolve())
    if dry_run:
        rows = [row for row in _rows(plan, store) if row.name in chosen]
        return SuiteRun(folder, planned=tuple(rows))
    estimator = CostEstimator(plan)
    needs = [estimator.cost(plan.steps[name]).memory or 0 for name in chosen]
    where: Executor[str] = open_executor(
        executor, jobs, address=keywords.get("address"), device=keywords.get("device"),
        memory=max(needs, default=0), cache=str(store.root / "cache"), progress=shown,
    )  # fmt: skip
    machine["threads"] = 1
    try:
        _open_folder(folder, plan, resume=resume)
        states = run_steps(
            plan, store, where, chosen=chosen, progress=shown,
            machine={key: value for key, value in machine.items() if value is not None},
        )  # fmt: skip
    finally:
        where.close()
    plan = as_run(plan, states)
    document = make_document(
        plan,
        states,
        store,
        command=keywords.get("command") or "",
        device=keywords.get("device") or "auto",
    )
    write_all(document, plan, store)
    new_steps = tuple(name for name, state in states.items() if state.made)
    return SuiteRun(folder, document=document, made=new_steps)


def _plan(
    suite: str | Path, scale: str, values: Mapping[str, str], keywords: SuiteKeywords
) -> SuitePlan:
    path = suite_path(suite)
    held: ScaledSuite = scaled(open_suite(path), scale, values=values, where=str(path))
    place = keywords.get("data_dir")
    data = DataIndex(
        data_dir=None if place is None else Path(place), offline=bool(keywords.get("offline"))
    )
    return plan_suite(held, data=data)


def _rows(plan: SuitePlan, store: ResultStore) -> list[PlannedRow]:
    """Return the rows of a dry run."""
    estimator = CostEstimator(plan)
    rows = []
    for step in plan.steps.values():
        if step.failed:
            rows.append(PlannedRow(step.name, step.kind, portable_text(step.failed), None, None))
        elif store.record(step.address) is not None:
            rows.append(PlannedRow(step.name, step.kind, "there", 0.0, None))
        else:
            cost = estimator.cost(step)
            state = store.state(step.address)
            rows.append(PlannedRow(step.name, step.kind, state, cost.seconds, cost.memory))
    return rows


def _open_folder(folder: Path, plan: SuitePlan, *, resume: bool) -> None:
    """Open a new folder, or one that a suite was run in; write the plan down.

    Raises:
        OutputError: the folder holds something, and nobody said to go on.
    """
    if (folder / PLAN).is_file() and not resume:
        raise OutputError(
            str(folder), found="holds a suite", expected="a new or empty folder",
            remedy="say `resume` to go on with it, or choose another with `output`",
        )  # fmt: skip
    require_empty_folder(folder, force=False, resume=(folder / PLAN).is_file())
    steps = [
        {"name": s.name, "kind": s.kind, "address": s.address, "failed": portable_text(s.failed)}
        for s in plan.steps.values()
    ]
    held = {"suite": plan.suite.file.name, "scale": plan.suite.name, "steps": steps}
    atomic.write_text(folder / PLAN, json.dumps(held, indent=1) + "\n")


def suite_status(folder: str | Path) -> tuple[str, tuple[PlannedRow, ...]]:
    """Return what a folder's suite is and how far each of its steps is, also while it runs.

    Returns:
        A title, and a row a step: `there`, `running`, `to go on with`, `to make`, or why it failed.

    Raises:
        OutputError: the folder holds no suite.
    """
    place = Path(folder)
    if not (place / PLAN).is_file():
        raise OutputError(
            str(place), found="holds no suite", expected="the folder of a `kdprobe suite run`"
        )
    held = _read_plan(place / PLAN)
    store = ResultStore(place)
    rows = []
    for step in held["steps"]:
        address = step["address"]
        record = store.record(address) if address else None
        now = store.state(address) if address else ""
        reason = step["failed"] or (store.failure(address) if address else "")
        # A step that failed and is made anew runs: why it failed is of the last time.
        state = "there" if record else now if now == "running" else reason or now
        seconds = record.seconds if record else None
        rows.append(PlannedRow(step["name"], step["kind"], portable_text(state), seconds, None))
    return f"{held['suite']} at scale {held['scale']}", tuple(rows)


def _read_plan(file: Path) -> dict[str, Any]:
    """Read the plan of a folder.

    Raises:
        OutputError: it is none that `_open_folder` wrote.
    """
    held = read_json(file, error=OutputError)
    steps = held.get("steps") if isinstance(held, dict) else None
    whole = isinstance(steps, list) and all(
        isinstance(step, dict) and all(isinstance(step.get(name), str) for name in _STEP)
        for step in steps
    )
    if not whole or not {"suite", "scale"} <= held.keys():
        raise OutputError(
            str(file), found="is no plan of a suite", expected="what `kdprobe suite run` wrote",
            remedy="run the suite again with `resume`: it writes the plan anew",
        )  # fmt: skip
    return dict(held)
