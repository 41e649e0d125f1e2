"""One step: a call of a public function.

Does: call `finetune`, `distill`, `augment` or `compare` with the keywords of a step, into its
folder, and record it. Does not: choose what runs, or know an executor.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdprobe.errors import ChangedPlanError, UsageError
from kdprobe.leftovers import alone_in
from kdprobe.progress import Progress
from kdprobe.suites_run.addresses import StepKind
from kdprobe.suites_run.evidence import part_evidence
from kdprobe.suites_run.store import ResultStore


@dataclass(frozen=True)
class StepJob:
    """Everything that another process needs to make a step.

    Args:
        name, kind, address: of the step.
        root: the folder of the suite, as every process sees it.
        keywords: of the function.
        inputs: by role, places: model folders, or a file of texts.
        machine: device, threads, data_dir, offline: nothing that decides the result.
        memory: bytes that it may take; 0: not known.
    """

    name: str
    kind: StepKind
    address: str
    root: str
    keywords: Mapping[str, Any]
    inputs: tuple[tuple[str, tuple[str, ...]], ...]
    machine: Mapping[str, Any]
    memory: int = 0

    def run(self, progress: Progress) -> str:
        """Make the step and record it; return whatever stopped it, empty: it is there.

        A step that was interrupted goes on from its last checkpoint.
        """
        return _run_step(self, progress)


def _run_step(job: StepJob, progress: Progress) -> str:
    store = ResultStore(Path(job.root))
    started = time.perf_counter()
    try:
        store.folder(job.address).mkdir(parents=True, exist_ok=True)
        with alone_in(store.folder(job.address)):  # another run may be in the same folder
            if store.record(job.address) is None:
                seconds = _MAKERS[job.kind](job, store, progress)
                seconds = round(seconds or time.perf_counter() - started, 3)
                store.write_record(job.address, job.kind, job.name, seconds)
    except Exception as error:
        reason = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
        store.write_failure(job.address, reason, traceback.format_exc())
        return reason
    return ""


def _finetune(job: StepJob, store: ResultStore, progress: Progress) -> float:
    from kdprobe.finetuning import finetune

    named = {**job.keywords, **job.machine}
    places = dict(job.inputs)
    if "like" in places:
        named["like"] = places["like"][0]
    output = store.result(job.address, job.kind)
    return _resumed(finetune, named.pop("model", None), named, output, progress)


def _distill(job: StepJob, store: ResultStore, progress: Progress) -> float:
    from kdprobe.distillation import distill

    named = {**job.keywords, **job.machine}
    places = dict(job.inputs)
    if "transfer_set" in places:
        named["transfer_set"] = places["transfer_set"][0]
    output = store.result(job.address, job.kind)
    return _resumed(distill, places["teacher"][0], named, output, progress)


def _resumed(
    train: Any, model: str | None, named: dict[str, Any], output: Path, progress: Progress
) -> float:
    """Train, going on from the last checkpoint; anew where that is of another machine."""
    try:
        result = train(model, output=output, resume=True, progress=progress, **named)
    except ChangedPlanError:
        result = train(model, output=output, force=True, progress=progress, **named)
    return float(result.seconds)


def _augment(job: StepJob, store: ResultStore, progress: Progress) -> float:
    from kdprobe.augmentation import augment

    named = {**job.keywords, **job.machine}
    output = store.result(job.address, job.kind)
    return float(augment(output=output, resume=True, progress=progress, **named).seconds)


def _compare(job: StepJob, store: ResultStore, progress: Progress) -> float:
    from kdprobe.comparison.compare import compare

    named = {**job.keywords, **job.machine}
    named, evidence = part_evidence(named)
    (teacher, places), *students = job.inputs
    compare(
        {teacher: places[0]},
        {name: list(held) if len(held) > 1 else held[0] for name, held in students},
        output=store.result(job.address, job.kind), force=True, progress=progress,
        collectors=evidence, **named,
    )  # fmt: skip
    return 0.0


_MAKERS = {"finetune": _finetune, "distill": _distill, "augment": _augment, "compare": _compare}
