"""What is compared, opened: the task, its examples, the models, the cache and the seed.

Does: open all of it, and hold what was observed so far. Does not: ask a model about an example;
collectors do, and this file knows none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import JsonValue

from kdprobe.cache import Cache
from kdprobe.collectors.examples import answered_by_all, load_examples
from kdprobe.config.options import EvaluationDataOptions, InferenceRuntime
from kdprobe.config.task import TaskFile
from kdprobe.errors import ConfigError, DataNotFoundError, TaskError
from kdprobe.models.spec import ModelSpec
from kdprobe.observations.label_sets import observed
from kdprobe.observations.predictions import Populations
from kdprobe.observations.study import Study
from kdprobe.results.schema import Notice
from kdprobe.tasks.clusters import cluster_notices, split_clusters
from kdprobe.tasks.label_names import check_label_map
from kdprobe.tasks.task import Split, Task
from kdprobe.workers.pool import ALONE, Workers

if TYPE_CHECKING:
    from kdprobe.models.handle import Capability, ModelHandle


@dataclass(frozen=True)
class ComparedModel:
    """A compared model: its name and place, its role, and each of its runs, opened."""

    spec: ModelSpec
    role: Literal["teacher", "student"]
    runs: tuple[ModelHandle, ...]

    @property
    def name(self) -> str:
        """The name people gave it."""
        return self.spec.name

    def lacks(self, needs: frozenset[Capability]) -> str | None:
        """Return why a run of it lacks one of these capabilities; None: all have all."""
        from kdprobe.models.handle import lacking

        return next(filter(None, (lacking(run, needs) for run in self.runs)), None)


@dataclass(frozen=True)
class Session:
    """An opened comparison.

    Args:
        split: the examples that are compared on.
        models: the teacher first, then the students in the order given.
        task_file: the task; None where the examples are those of arrays.
        seed: of everything random; each consumer derives its own generator from it.
        resamples: bootstrap resamples behind every interval.
        slice_columns: extra columns of the split to slice by.
        data_dir: where the task's files are; None: where they are looked for.
        batch_size: the most examples in a forward pass; moves no number beyond rounding.
        cache: where answers are kept, or None.
        train_split: the name of the training split; empty: the task has none, or the compared
            split contains it.
        noticed: what the reader must know of how the task was chosen.
        notices: what the reader must know of how the examples were found.
        opening: the keywords of `open_model` that the models were opened with.
        unanswered: how many examples were left out as unanswered; see `AnsweredSplit.counts`.
        workers: the processes that share the work; they move no number.
        observations: what was collected so far, by type.
    """

    split: Split
    models: tuple[ComparedModel, ...]
    task_file: TaskFile | None = None
    seed: int = 0
    resamples: int = 2000
    slice_columns: tuple[str, ...] = ()
    data_dir: Path | None = None
    batch_size: int = 64
    cache: Cache | None = None
    train_split: str = ""
    noticed: tuple[Notice, ...] = ()
    notices: tuple[Notice, ...] = ()
    opening: Mapping[str, Any] = field(default_factory=dict)
    unanswered: Mapping[str, JsonValue] = field(default_factory=dict)
    workers: Workers = ALONE
    observations: Mapping[type, object] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """The task of the compared examples."""
        return self.split.task

    @property
    def outputs(self) -> Populations:
        """The outputs of every model for the split; there must be predictions."""
        outputs = self.observations[Populations]
        assert isinstance(outputs, Populations)
        return outputs

    @cached_property
    def study(self) -> Study:
        """The examples with all that was observed; there must be predictions.

        Of a multi-label task it is the study of its sets of labels; see `label_sets.py`.
        """
        others = {kind: each for kind, each in self.observations.items() if kind is not Populations}
        return observed(
            self.split, self.outputs.models, seed=self.seed, resamples=self.resamples,
            slice_columns=self.slice_columns, observations=others,
        )  # fmt: skip

    @property
    def is_generated(self) -> bool:
        """Whether the examples are those of the embedded grammar."""
        return self.task_file is not None and self.task_file.is_generated

    def with_notices(self, *noticed: Notice) -> Session:
        """Return the session with what was noticed before it was opened."""
        return replace(self, noticed=(*self.noticed, *noticed))

    def with_observation(self, observation: object) -> Session:
        """Return the session with one observation more."""
        named = {**self.observations, type(observation): observation}
        return replace(self, observations=named)

    def with_split(self, split: Split, models: Collection[str]) -> Session:
        """Return a session of other texts and of these models, in which nothing is observed."""
        return replace(
            self,
            split=split,
            models=tuple(model for model in self.models if model.name in models),
            slice_columns=(),
            observations={},
        )

    def lacking(self, needs: frozenset[Capability]) -> dict[str, str]:
        """Return the models that lack one of these capabilities, and why."""
        reasons = {model.name: model.lacks(needs) for model in self.models}
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def training_split(self) -> Split | None:
        """Return the training examples; None where they are not at hand without the hub."""
        from kdprobe.tasks.sources import load_split

        if self.task_file is None or not self.train_split:
            return None
        try:
            return load_split(
                self.task_file, self.train_split, data_dir=self.data_dir, offline=True
            )
        except DataNotFoundError:
            return None


def open_session(
    specs: Sequence[ModelSpec],
    task_file: TaskFile,
    *,
    data: EvaluationDataOptions,
    runtime: InferenceRuntime,
    seed: int = 0,
    resamples: int = 2000,
    slice_columns: tuple[str, ...] = (),
    workers: Workers = ALONE,
) -> Session:
    """Open every model and load the examples.

    Args:
        specs: the teacher first.
        task_file: the task.
        data: the split, where it is, and how much of it.
        runtime: the machine.
        seed: of everything random.
        resamples: bootstrap resamples behind every interval.
        slice_columns: extra columns of the split to slice by.
        workers: the processes that share the work.

    Raises:
        UsageError: whatever is wrong with the task, the data or a model; one message.
    """
    task = task_file.task()
    opening: dict[str, Any] = {
        "device": runtime.device, "dtype": runtime.dtype, "offline": runtime.offline,
        "label_map": data.label_map,
    }  # fmt: skip
    models = _open_models(specs, task, opening)
    if data.label_map:
        from kdprobe.models.label_sources import answers_in, label_names

        paths = [path for spec in specs for path in spec.paths]
        known = {path: label_names(path, offline=runtime.offline) or () for path in paths}
        opened = {model.name: model.runs[0].labels for model in models}
        answers = {answer for path in paths for answer in answers_in(path)}
        check_label_map(data.label_map, opened | known, task.labels, answers=answers)
    name = data.split or task_file.compare_split
    source = task_file.with_cluster(data.cluster)
    split, notices = load_examples(specs, source, name, data, offline=runtime.offline, seed=seed)
    if source.cluster and split.clusters is None:  # examples that no table was read for
        split = split_clusters(split, source.cluster, text=task_file.text)
    if not len(split):
        raise TaskError(
            f"{task.name} {split.name}", found="holds no examples", expected="at least one"
        )
    answered = answered_by_all(split, [model.runs for model in models], data.missing)
    split = answered.split
    return Session(
        task_file=task_file,
        split=split,
        models=models,
        seed=seed,
        resamples=resamples,
        slice_columns=_checked_columns(slice_columns, split),
        data_dir=data.data_dir,
        batch_size=runtime.batch_size,
        cache=open_cache(runtime.cache),
        train_split=_train_split(task_file, name),
        notices=(*notices, *answered.notices, *cluster_notices(split)),
        opening=opening,
        unanswered=answered.counts,
        workers=workers,
    )


def open_cache(cache: bool | Path) -> Cache | None:
    """Open the cache that an option names: the usual one, one at a path, or none."""
    if cache is False:
        return None
    return Cache.default() if cache is True else Cache(cache)


def _train_split(task_file: TaskFile, compared: str) -> str:
    """Name the training split; `all` of a plain table contains it."""
    from kdprobe.tasks.sources import split_names

    known = compared not in ("train", "all") and "train" in split_names(task_file)
    return "train" if known else ""


def _open_models(
    specs: Sequence[ModelSpec], task: Task, opening: Mapping[str, Any]
) -> tuple[ComparedModel, ...]:
    from kdprobe.models.open import open_model

    return tuple(
        ComparedModel(
            spec,
            "student" if place else "teacher",
            tuple(
                open_model(given, name=spec.name, task=task, **opening)
                for given in (*spec.paths, *spec.objects)
            ),
        )
        for place, spec in enumerate(specs)
    )


def _checked_columns(names: tuple[str, ...], split: Split) -> tuple[str, ...]:
    for name in names:
        if name not in split.columns:
            raise ConfigError(
                f"`slice_columns={name}`",
                found=f"{split.task.name} {split.name} has no such column",
                expected="one of "
                + (", ".join(sorted(split.columns)) or "none: it has no columns"),
            )
    return names
