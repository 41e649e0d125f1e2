"""From what a person named to what the analyses look at.

Does: open the task, the models and the examples, ask every model (through the cache), and join all
of it into one `Study`. Does not: analyse or write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kdprobe.cache import Cache
from kdprobe.comparison import probing, probing_request
from kdprobe.comparison.attribution_gap import add_map_gaps
from kdprobe.comparison.attribution_plan import AttributionRequest
from kdprobe.comparison.attributions import ANALYSES as EXPLAINED
from kdprobe.comparison.attributions import add_attributions
from kdprobe.comparison.controls import control_notices
from kdprobe.comparison.guarding import kept
from kdprobe.comparison.model_facts import model_info, model_notices
from kdprobe.comparison.suspicion import suspicions
from kdprobe.comparison.training_split import train_hashes
from kdprobe.config.task import TaskFile
from kdprobe.errors import ConfigError, DataNotFoundError, TaskError
from kdprobe.models.spec import ModelSpec
from kdprobe.observations.probes import ProbeFits
from kdprobe.observations.study import Floats, MinimalPairs, Population, Predictions, Study
from kdprobe.progress import Progress
from kdprobe.results.schema import ModelInfo, Notice, Skipped
from kdprobe.tasks.pairs import PairTexts
from kdprobe.tasks.task import Split, Task

if TYPE_CHECKING:
    from kdprobe.models.handle import ModelHandle


@dataclass(frozen=True)
class Inputs:
    """What to compare, before anything was opened; see `comparison.run.compare` for each field."""

    models: tuple[ModelSpec, ...]
    task_file: TaskFile
    split: str
    data_dir: Path | None
    limit: int | None
    seed: int
    resamples: int
    slice_columns: tuple[str, ...]
    minimal_pairs: str | None
    pairs_per_phenomenon: int | None
    device: str
    dtype: str
    batch_size: int
    offline: bool
    label_map: Mapping[str, str] | None
    cache: Cache | None
    probing: probing_request.ProbingRequest | None = None
    attributions: AttributionRequest | None = None
    attribution_gap: int | None = None


@dataclass(frozen=True)
class Opened:
    """What was opened and seen."""

    study: Study
    models: tuple[ModelInfo, ...]
    notices: tuple[Notice, ...]
    skipped: tuple[Skipped, ...]
    timings: Mapping[str, float]


def gather(inputs: Inputs, progress: Progress, noticed: Sequence[Notice] = ()) -> Opened:
    """Open everything, ask every model, and join it; `noticed` was noticed before.

    Raises:
        UsageError: whatever is wrong with the task, the data or a model; one message.
    """
    task = inputs.task_file.task()
    handles = _open_models(inputs, task)
    split, notices = _load_examples(inputs, task)
    if not len(split):
        raise TaskError(
            f"{task.name} {split.name}", found="holds no examples", expected="at least one"
        )
    asked, unprobed = probing.prepare(inputs, handles, progress)
    timings: dict[str, float] = {}
    populations, infos = [], []
    for position, (spec, members) in enumerate(zip(inputs.models, handles, strict=True)):
        runs, truncated, seconds = _ask(members, split, inputs, progress)
        timings[f"predictions of {spec.name}"] = seconds
        role: Literal["teacher", "student"] = "teacher" if position == 0 else "student"
        populations.append(Population(name=spec.name, role=role, runs=runs))
        infos.append(model_info(spec, members, role))
        notices += model_notices(spec, members, truncated, len(split))
    notices = [*suspicions(inputs.models, handles, split), *notices]
    pairs, skipped = _judge_pairs(inputs, task, handles, progress, timings)
    probe = partial(probing.probe_all, inputs, handles, asked, progress, timings)
    unprobable: tuple[ProbeFits | None, tuple[Skipped, ...]] = (None, ())
    (probes, unread), unfit = kept(("probing",), unprobable, probe)
    study = Study(
        split=split,
        models=tuple(populations),
        seed=inputs.seed,
        resamples=inputs.resamples,
        slice_columns=_slice_columns(inputs.slice_columns, split),
        minimal_pairs=pairs,
        train_texts=train_hashes(inputs),
        probes=probes,
    )
    explain = partial(add_attributions, study, handles, inputs=inputs, progress=progress)
    nothing: tuple[Study, tuple[Skipped, ...]] = (study, ())
    (study, unable), unsaid = kept(EXPLAINED, nothing, explain)
    compare_maps = partial(add_map_gaps, study, handles, inputs=inputs, progress=progress)
    study, apart = kept(("attribution_gap",), study, compare_maps)
    skipped = (*skipped, *unprobed, *unread, *unfit, *unable, *unsaid, *apart)
    notices += control_notices(inputs.models[1:], study)
    return Opened(study, tuple(infos), (*noticed, *notices), skipped, timings)


def _open_models(inputs: Inputs, task: Task) -> list[list[ModelHandle]]:
    from kdprobe.models.open import open_model

    return [
        [
            open_model(
                path,
                name=spec.name,
                task=task,
                device=inputs.device,
                dtype=inputs.dtype,
                offline=inputs.offline,
                label_map=inputs.label_map,
            )
            for path in spec.paths
        ]
        for spec in inputs.models
    ]


def _load_examples(inputs: Inputs, task: Task) -> tuple[Split, list[Notice]]:
    """Load the split; when its data are nowhere, the predictions files give the examples."""
    from kdprobe.models.predictions.file import is_predictions_file, split_from_file
    from kdprobe.tasks.sources import load_split

    try:
        split = load_split(
            inputs.task_file,
            inputs.split,
            data_dir=inputs.data_dir,
            offline=inputs.offline,
            limit=inputs.limit,
            seed=inputs.seed,
        )
    except DataNotFoundError:
        files = [path for spec in inputs.models for path in spec.paths]
        if not all(map(is_predictions_file, files)):
            raise
        notice = Notice(
            code="examples-from-predictions",
            severity="note",
            message=f"The data of {task.name} were not found; texts and labels are those of the "
            f"teacher's predictions file.",
        )
        return split_from_file(Path(files[0]), task), [notice]
    if inputs.limit is not None and inputs.limit <= len(split):
        message = f"Only {len(split)} examples of {split.name} were looked at (--limit)."
        return split, [Notice(code="limit", severity="warning", message=message)]
    return split, []


def _ask(
    members: Sequence[ModelHandle], split: Split, inputs: Inputs, progress: Progress
) -> tuple[tuple[Predictions, ...], int, float]:
    """Ask every run of a model; give the predictions, the truncated examples and the seconds."""
    from kdprobe.extract.predictions import extract_predictions

    runs, truncated, seconds = [], 0, 0.0
    for member in members:
        seen = extract_predictions(
            member, split, cache=inputs.cache, batch_size=inputs.batch_size, progress=progress
        )
        runs.append(seen.predictions)
        truncated = max(truncated, seen.truncated)
        seconds += seen.seconds
    return tuple(runs), truncated, seconds


def _slice_columns(asked: tuple[str, ...], split: Split) -> tuple[str, ...]:
    for name in asked:
        if name not in split.columns:
            raise ConfigError(
                f"--slice {name}",
                found=f"{split.task.name} {split.name} has no such column",
                expected="one of "
                + (", ".join(sorted(split.columns)) or "none: it has no columns"),
            )
    return asked


def _judge_pairs(
    inputs: Inputs,
    task: Task,
    handles: Sequence[Sequence[ModelHandle]],
    progress: Progress,
    timings: dict[str, float],
) -> tuple[MinimalPairs | None, tuple[Skipped, ...]]:
    """Ask every model about both sentences of each minimal pair."""
    texts = _pair_texts(inputs, task)
    if texts is None:
        return None, ()
    readers = [list(members) for members in handles]
    unable = tuple(
        spec.name
        for spec, members in zip(inputs.models, readers, strict=True)
        if any("logits" not in member.capabilities for member in members)
    )
    if unable:
        reason = f"{', '.join(unable)}: a predictions file cannot judge new sentences"
        return None, (Skipped(what="minimal_pairs", reason=reason, models=unable),)
    split = Split(
        task=task,
        name="minimal pairs",
        ids=tuple(f"{key}-{side}" for side in ("good", "bad") for key in texts.ids),
        texts=(*texts.good, *texts.bad),
        origin=texts.origin,
    )
    acceptable = task.labels.index(task.acceptable)
    margins: dict[str, Floats] = {}
    for spec, members in zip(inputs.models, readers, strict=True):
        runs, _, seconds = _ask(members, split, inputs, progress)
        timings[f"minimal pairs of {spec.name}"] = seconds
        scores = np.stack([run.log_probabilities[:, acceptable] for run in runs])
        half = len(texts.ids)
        margins[spec.name] = scores[:, :half] - scores[:, half:]
    return MinimalPairs(
        ids=texts.ids,
        phenomena=texts.phenomena,
        fields=texts.fields,
        good=texts.good,
        bad=texts.bad,
        acceptable=acceptable,
        margins=margins,
        origin=texts.origin,
    ), ()


def _pair_texts(inputs: Inputs, task: Task) -> PairTexts | None:
    """Find the minimal pairs: those asked for, or the embedded task's own."""
    from kdprobe.tasks.pairs import read_minimal_pairs

    if inputs.minimal_pairs is None:
        if not inputs.task_file.is_generated:
            return None
        from kdprobe.tasks.pairs import grammar_pairs

        size = inputs.pairs_per_phenomenon or 50
        return grammar_pairs(size_per_phenomenon=size, seed=inputs.seed)
    if not task.acceptable:
        raise ConfigError(
            "--minimal-pairs",
            found=f"{task.name} has no label that means acceptable",
            expected="an acceptability task such as cola",
            remedy='name the label in the task file: acceptable = "…"',
        )
    return read_minimal_pairs(
        Path(inputs.minimal_pairs),
        limit_per_phenomenon=inputs.pairs_per_phenomenon,
        seed=inputs.seed,
    )
