"""How much nearer to its teacher a student is than a control, measured before anything is written.

Does: ask three models about one split and give the difference of their agreement. Does not: write,
or analyse anything else; `compare.py` does.
"""

from __future__ import annotations

from pathlib import Path

from kdprobe.analysis.student_differences.pairs import closeness_differences
from kdprobe.collectors.predictions import COLLECTOR as PREDICTIONS
from kdprobe.collectors.session import open_session
from kdprobe.config.options import EvaluationDataOptions, InferenceRuntime
from kdprobe.models.spec import parse_specs
from kdprobe.progress import Progress, display_of
from kdprobe.results.schema import Estimate
from kdprobe.tasks.open import open_task


def nearness(
    teacher: str | Path,
    student: str | Path,
    control: str | Path,
    *,
    task: str,
    seed: int = 0,
    resamples: int = 2000,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Estimate:
    """Return how much more often a student has the teacher's label than a control.

    Args:
        teacher: a checkpoint.
        student: one that learnt from it.
        control: one that did not.
        task: a task's name or file; its usual split is looked at.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        device: where the models run.
        progress: where to show progress.

    Returns:
        See `analysis.student_differences.pairs.closeness_differences`. The models' outputs are kept
        in the cache, so that a comparison with the same seed asks them nothing anew and has the
        same number.
    """
    session = open_session(
        parse_specs([str(teacher), str(student), str(control)]), open_task(task),
        data=EvaluationDataOptions(), runtime=InferenceRuntime(device=device, offline=True),
        seed=seed, resamples=resamples,
    )  # fmt: skip
    outputs = PREDICTIONS.collect(session, session.split, display_of(progress))
    study = session.with_observation(outputs.observation).study
    ours, theirs = study.students
    return closeness_differences(study)[ours.name, theirs.name].estimate
