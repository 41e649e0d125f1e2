"""The options of one training run, put together from what a call was given.

Does: hold data, settings, machine and output of a run, and open each. Does not: know models or
recipes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from kdprobe.config.flags import FlagOptions, written
from kdprobe.config.flat import gathered
from kdprobe.config.options import (
    DataOptions,
    Output,
    Runtime,
    TrainingDataOptions,
    TrainingOutput,
    TrainingRuntime,
)
from kdprobe.config.task import TaskFile
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.compute import Compute, choose_compute, has_bfloat16
from kdprobe.distillers.data import TrainingData, load_data, load_evaluation
from kdprobe.distillers.fitting import Run, open_run
from kdprobe.distillers.precision import family_of
from kdprobe.distillers.processes import process_group
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import ConfigError
from kdprobe.models.imported import is_imported
from kdprobe.models.label_sources import name_classes
from kdprobe.portable import portable_word
from kdprobe.progress import Progress, Silent, display_of
from kdprobe.tasks.at_hand import task_on_disk
from kdprobe.tasks.open import open_task
from kdprobe.tasks.task import Split

OwnOptions = TypeVar("OwnOptions", bound=FlagOptions)


@dataclass(frozen=True)
class CallObjects:
    """The options objects that a public function was given; None: none of that kind."""

    data: DataOptions | None = None
    training: TrainingSettings | None = None
    runtime: Runtime | None = None


@dataclass(frozen=True)
class RunOptions(Generic[OwnOptions]):
    """Everything that a training was given; `model_fields_set` of a part is what was named.

    Args:
        own: what only its command has.
        data: which examples.
        training: how it is trained; what was not named is the recipe's or the student's.
        runtime: the machine.
        output: the folder, and whether to go on.
        seed: of new weights, the order of the examples and dropout.
        labels_of: the model that names classes a table does not show; None: none.
    """

    own: OwnOptions
    data: TrainingDataOptions
    training: TrainingSettings
    runtime: TrainingRuntime
    output: TrainingOutput
    seed: int = 0
    labels_of: object = None

    @classmethod
    def of(
        cls,
        call: str,
        own: type[OwnOptions],
        objects: CallObjects,
        output: str | Path | Output,
        keywords: Mapping[str, object],
    ) -> RunOptions[OwnOptions]:
        """Join the objects and the flat keywords of a call.

        Raises:
            TypeError: a keyword that does not exist, or stands in an object too.
            ConfigError: a value that is wrong.
        """
        held = output if isinstance(output, Output) else None
        flat = keywords if held is not None else {**keywords, "output": output}
        parts: dict[str, Any] = gathered(call, flat, {
            "own": (own, None),
            "data": (TrainingDataOptions, objects.data),
            "training": (TrainingSettings, objects.training),
            "runtime": (TrainingRuntime, objects.runtime),
            "output": (TrainingOutput, held),
        })  # fmt: skip
        if parts["output"].output is None:
            raise ConfigError("`output`", found="is missing", expected="the folder to write")
        return cls(**parts, seed=getattr(parts["own"], "seed", None) or 0)

    def with_data(self, **changes: Any) -> RunOptions[OwnOptions]:
        """Return the same with other data options."""
        return replace(self, data=self.data.model_copy(update=changes))

    @contextmanager
    def with_examples_on_disk(self) -> Iterator[RunOptions[OwnOptions]]:
        """Yield the same with a table's path in place of examples that are at hand."""
        with task_on_disk(self.data.task) as task:
            yield self.with_data(task=task)

    @property
    def named_settings(self) -> dict[str, Any]:
        """The training settings that were named, by name."""
        return self.training.model_dump(include=set(self.training.model_fields_set))

    @property
    def sampled_by(self) -> int:
        """The seed of the samples that limits take."""
        return self.seed if self.data.sample_seed is None else self.data.sample_seed

    @property
    def offline(self) -> bool:
        """Whether no network is asked."""
        return self.runtime.offline

    def task_file(self) -> TaskFile:
        """Open the task; classes that a table does not show are those of `labels_of`."""
        return name_classes(
            open_task(self.data.task, **self.data.columns),
            [] if self.labels_of is None else [self.labels_of],
            offline=self.offline, label_map=self.data.label_map,
        )  # fmt: skip

    def load_data(self) -> TrainingData:
        """Load the examples; see `data.load_data`."""
        return load_data(
            self.task_file(), train_split=self.data.train_split, eval_split=self.data.eval_split,
            data_dir=self.data.data_dir, limit=self.data.limit, eval_limit=self.data.eval_limit,
            seed=self.sampled_by, offline=self.offline,
        )  # fmt: skip

    def load_evaluation(self) -> Split:
        """Load the examples that are scored alone; see `data.load_evaluation`."""
        return load_evaluation(
            self.task_file(), eval_split=self.data.eval_split, data_dir=self.data.data_dir,
            eval_limit=self.data.eval_limit, seed=self.sampled_by, offline=self.offline,
        )  # fmt: skip

    def compute(self, students: Sequence[tuple[str, str | None]], progress: Progress) -> Compute:
        """Choose where to train, and in which numbers; see `choose_compute`.

        Args:
            students: each student as a person names it, and the model it is made from.
            progress: says so when that is not float32.
        """
        runtime = self.runtime
        families = [
            family_of(student, other, offline=self.offline)
            for student, other in (students if runtime.bf16 == "auto" else ())
        ]
        compute = choose_compute(
            device=runtime.device, bf16=runtime.bf16, threads=runtime.threads, families=families
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
        if self.output.dry_run:
            return None
        return open_run(
            self.folder, plan, resume=self.output.resume, force=self.output.force, progress=progress
        )

    @property
    def folder(self) -> Path:
        """The folder that is written.

        Raises:
            ValueError: none was named; `of` refuses that.
        """
        if self.output.output is None:
            raise ValueError("no folder was named")
        return self.output.output

    def command_line(self, command: str, model: str | None, **shown: object) -> str:
        """Return the command that trains this again, for the model card.

        A card is handed on: paths are written as `portable_word` gives them; where the data are,
        the machine, and whether a run went on are left out.

        Args:
            command: `distill` or `finetune`.
            model: its argument.
            shown: options of `own` that are written though they were not named.
        """
        own, data = self.own.model_copy(update=shown), self.data
        last = {"sample_seed"}
        words = ["kdprobe", command, *([] if model is None else [model])]
        words += [*written(data, {"task"}), "-o", str(self.folder)]
        words += written(own, set(type(own).model_fields) - {"seed"}) + written(self.training)
        words += written(data, set(type(data).model_fields) - {"task", "data_dir"} - last)
        words += written(own, {"seed"}) + written(data, last)
        return shlex.join(map(portable_word, words))


def display(progress: Progress | None) -> Progress:
    """Return the display of this process: of several that train together one speaks."""
    return display_of(progress) if process_group().leads else Silent()


def model_name(call: str, model: object) -> str:
    """Return a model as a training reads it: a path or a hub id.

    Raises:
        ConfigError: it names a function.
        TypeError: something else, as Python users may hand over.
    """
    if not isinstance(model, str | Path):
        raise TypeError(f"{call}() takes a model as a path or a hub id, not {type(model).__name__}")
    if is_imported(str(model)):
        raise ConfigError(
            "MODEL", found=f"{model} is a function, which has no weights to train",
            expected="a folder, a hub id or a shape like bert:L4,H128",
        )  # fmt: skip
    return str(model)
