"""How much nearer to its teacher a student is than a control, measured before anything is written.

Does: ask three models about one split and give the difference of their agreement. Does not: write,
or analyse anything else; `run.py` does.
"""

from __future__ import annotations

from pathlib import Path

from kdprobe.analysis.agreement.difference import agreement_difference
from kdprobe.cache import Cache
from kdprobe.comparison.inputs import Inputs, gather
from kdprobe.models.spec import parse_specs
from kdprobe.progress import Progress, Silent
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
    """Give how much more often a student has the teacher's label than a control.

    Args:
        teacher: a checkpoint.
        student: one that learnt from it.
        control: one that did not.
        task: a task's name or file; its usual split is looked at.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        device: where the models run.
        progress: a display.

    Returns:
        See `analysis.agreement.difference`. What the models say is kept in the cache, so
        that a comparison with the same seed asks them nothing anew and has the same number.
    """
    task_file = open_task(task)
    inputs = Inputs(
        models=tuple(parse_specs([str(teacher), str(student), str(control)])),
        task_file=task_file,
        split=task_file.compare_split,
        data_dir=None,
        limit=None,
        seed=seed,
        resamples=resamples,
        slice_columns=(),
        minimal_pairs=None,
        pairs_per_phenomenon=None,
        device=device,
        dtype="float32",
        batch_size=64,
        offline=True,
        label_map=None,
        cache=Cache.default(),
    )
    study = gather(inputs, progress or Silent()).study
    return agreement_difference(study, *study.students)
