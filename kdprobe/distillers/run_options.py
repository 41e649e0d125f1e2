"""What every training is told beside what it learns.

Does: hold the examples' place, the machine and the output folder as a person named them, and open
each. Does not: know models or recipes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from kdprobe.config.task import TaskFile
from kdprobe.distillers.compute import Compute, choose_compute, has_bfloat16
from kdprobe.distillers.data import TrainingData, load_data, load_evaluation
from kdprobe.distillers.fitting import Run, open_run
from kdprobe.distillers.precision import family_of
from kdprobe.distillers.processes import process_group
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.models.label_sources import open_with_models
from kdprobe.progress import Progress, Silent
from kdprobe.tasks.task import Split


@dataclass(frozen=True)
class Occasion:
    """The options that `finetune` and `distill` share; `kdprobe.distill` says what each is."""

    task: str
    output: str | Path
    train_split: str
    eval_split: str | None
    data_dir: str | Path | None
    limit: int | None
    eval_limit: int | None
    seed: int
    device: str
    bf16: bool | Literal["auto"]
    threads: int | None
    resume: bool
    force: bool
    offline: bool
    dry_run: bool
    sample_seed: int | None = None
    labels: Sequence[str] = ()
    teacher: str = ""
    label_map: Mapping[str, str] | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Occasion:
        """Take them out of all that a command was given."""
        return cls(**{part.name: given[part.name] for part in fields(cls) if part.name in given})

    @property
    def sampled_by(self) -> int:
        """The seed of the samples that limits take."""
        return self.seed if self.sample_seed is None else self.sample_seed

    def task_file(self) -> TaskFile:
        """Open the task; classes that a table does not show are the teacher's."""
        return open_with_models(
            self.task, [self.teacher] if self.teacher else [], labels=self.labels,
            offline=self.offline, label_map=self.label_map,
        )  # fmt: skip

    def data(self) -> TrainingData:
        """Load the examples; see `load_data`."""
        return load_data(
            self.task_file(), train_split=self.train_split, eval_split=self.eval_split,
            data_dir=self.data_dir, limit=self.limit, eval_limit=self.eval_limit,
            seed=self.sampled_by, offline=self.offline,
        )  # fmt: skip

    def evaluation(self) -> Split:
        """Load the examples that are scored alone; see `load_evaluation`."""
        return load_evaluation(
            self.task_file(), eval_split=self.eval_split, data_dir=self.data_dir,
            eval_limit=self.eval_limit, seed=self.sampled_by, offline=self.offline,
        )  # fmt: skip

    def compute(self, students: Sequence[tuple[str, str | None]], progress: Progress) -> Compute:
        """Choose where to train, and in which numbers; see `choose_compute`.

        Args:
            students: each student as a person names it, and the model it is made from.
            progress: told when that is not float32.
        """
        families = [
            family_of(student, other, offline=self.offline)
            for student, other in (students if self.bf16 == "auto" else ())
        ]
        compute = choose_compute(
            device=self.device, bf16=self.bf16, threads=self.threads, families=families
        )
        if compute.bf16:
            how = "itself" if has_bfloat16(compute.device) else "by way of float32, which is slow"
            progress.say(
                f"Trains with bfloat16 products; this {compute.device} multiplies bfloat16 {how}."
            )
        return compute

    def plan(self, data: TrainingData, compute: Compute) -> dict[str, Any]:
        """Name everything of it that decides the result, as JSON values.

        The number of processes is among it: each has its own random numbers in a checkpoint.
        """
        group = process_group()
        return {
            **data.plan(), "seed": self.seed, "sample_seed": self.sampled_by,
            "device": compute.device, "bf16": compute.bf16, "threads": compute.threads,
            **({"processes": group.size} if group.many else {}),
        }  # fmt: skip

    def open(self, plan: Mapping[str, Any], progress: Progress) -> Run | TrainingResult | None:
        """Open the output folder; None for a dry run, which writes nothing. See `open_run`."""
        if self.dry_run:
            return None
        return open_run(
            Path(self.output), plan, resume=self.resume, force=self.force, progress=progress
        )


def display(progress: Progress | None) -> Progress:
    """Give the display of this process: of several that train together one speaks."""
    return progress if progress is not None and process_group().leads else Silent()
