"""The runs of a sweep as jobs of an executor.

Does: distil the student of a run, give runs to an executor, and keep why one gives no student.
Does not: choose where jobs run, or measure a student.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kdprobe.config.sweep import WHERE
from kdprobe.distillation import distill
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import (
    ChangedPlanError,
    CheckpointError,
    ConfigError,
    OutputError,
    TaskError,
    UsageError,
)
from kdprobe.plain_files import expanded
from kdprobe.progress import Progress
from kdprobe.sweeping.measure import TrainingOutcome
from kdprobe.sweeping.plan import PlannedRun, SweepPlan, SweepRequest
from kdprobe.workers.jobs import Executor, Job
from kdprobe.workers.room import BUFFER_BYTES, PROCESS_BYTES

_OF_ALL = (ChangedPlanError, OutputError, TaskError)
"""What stops one run and would stop every other."""
_TRAINED = 5
"""Copies of the teacher's weights that a run holds at most: itself, and a student as large with its
gradients and two moments."""


@dataclass(frozen=True)
class RunJob:
    """A run that another process can train.

    Args:
        planned: the run.
        request: what is the same for all runs.
        folder: of the sweep, as every process sees it.
        how: `force`, `resume`, `dry_run` and `jobs` of `distill`.
        memory: bytes that it may take.
    """

    planned: PlannedRun
    request: SweepRequest
    folder: Path
    how: Mapping[str, int]
    memory: int = 0

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.planned.name

    def run(self, progress: Progress) -> TrainingOutcome | UsageError:
        """Train it; return why it gives no student as the error itself."""
        try:
            result = self.distilled(progress)
        except UsageError as error:
            return error
        return TrainingOutcome(steps=result.steps, seconds=result.seconds)

    def distilled(self, progress: Progress) -> TrainingResult:
        """Call `distill` for it."""
        run, request = self.planned, self.request
        return distill(
            request.teacher,
            task=request.task,
            output=self.folder / run.name,
            student=run.student,
            recipe=run.recipe,
            settings=run.settings,
            seed=run.seed,
            sample_seed=request.seed,
            progress=progress,
            **{**request.options, **self.how},
        )


def memory_of(request: SweepRequest) -> int:
    """Return the bytes that one run may take beside others; of a hub id without its weights."""
    folder = expanded(request.teacher.path or "")
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return PROCESS_BYTES + BUFFER_BYTES + _TRAINED * weights


def require_sendable(request: SweepRequest) -> None:
    """Refuse a teacher that other processes cannot open, before any is started.

    Raises:
        ConfigError: a model in memory, or a function, which is asked about each text once.
    """
    if not is_sendable(request):
        raise ConfigError(
            "`teacher`", found=request.teacher.name,
            expected="a folder, a hub id or a predictions file, which other processes can open",
            remedy="save it to a folder, or train one run at a time with `jobs=1`",
        )  # fmt: skip


def is_sendable(request: SweepRequest) -> bool:
    """Whether other processes can open the teacher."""
    return request.teacher.kind not in ("function", "loaded model")


def train_all(
    plan: SweepPlan,
    request: SweepRequest,
    folder: Path,
    executor: Executor[TrainingOutcome | UsageError],
    *,
    force: bool,
    progress: Progress,
) -> dict[str, TrainingOutcome]:
    """Train every run, as many at once as the executor has slots.

    Returns:
        By name, in the order of the plan: steps and seconds, or why there is no student.

    Raises:
        UsageError: none gives a student, or what stopped one would stop all.
    """
    memory = memory_of(request)
    how: dict[str, int] = {"force": force, "resume": not force}
    if executor.slots > 1:
        how["jobs"] = 1
    waiting = deque(enumerate(plan.runs, start=1))
    trained = dict.fromkeys((run.name for run in plan.runs), TrainingOutcome())
    running = 0
    while waiting or running:
        while waiting and running < executor.slots:
            place, run = waiting.popleft()
            progress.say(f"Run {place} of {len(plan.runs)}: {run.name}")
            job: Job[TrainingOutcome | UsageError] = RunJob(run, request, folder, how, memory)
            executor.submit(job)
            running += 1
        for ended in executor.wait():
            running -= 1
            trained[ended.name] = _outcome(ended.name, ended.result, ended.died, request, progress)
    reasons = {name: outcome.failed for name, outcome in trained.items()}
    if all(reasons.values()):
        first, reason = next(iter(reasons.items()))
        raise ConfigError(
            WHERE, found=f"none of its {len(reasons)} runs gives a student; {first}: {reason}",
            expected="one that does",
        )  # fmt: skip
    return trained


def _outcome(
    name: str,
    result: TrainingOutcome | UsageError | None,
    died: str,
    request: SweepRequest,
    progress: Progress,
) -> TrainingOutcome:
    """Say how a run ended.

    Raises:
        UsageError: what would stop all runs.
    """
    if isinstance(result, TrainingOutcome):
        return result
    if result is not None:
        raise_if_of_all(result, request)
    reason = died or str(result)
    progress.say(f"{name} gives no student: {reason}")
    return TrainingOutcome(failed=reason)


def raise_if_of_all(error: UsageError, request: SweepRequest) -> None:
    """Raise an error that every other run would meet too: a full disk, no data, a bad teacher."""
    of_teacher = isinstance(error, CheckpointError) and error.where == request.teacher.name
    if of_teacher or isinstance(error, _OF_ALL):
        raise error
