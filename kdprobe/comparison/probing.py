"""Probing of every model of a comparison: from task names to fitted probes.

Does: find the sentences, read every model and its architecture with random weights once, fit all
probes, and say beforehand how long it takes. Does not: judge; `analysis/probing.py` does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import JsonValue

from kdprobe.cache import Cache
from kdprobe.comparison.probing_readers import Named, Reader, readers_of, tell_estimate
from kdprobe.config.probing import ProbingTask, open_probing_tasks
from kdprobe.errors import ConfigError
from kdprobe.observed_probes import ProbeFit, ProbeFits, ProbeTask
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.tasks.probing_build import ProbingSource
from kdprobe.tasks.probing_rules import control_set, endings_accuracy, majority_accuracy
from kdprobe.tasks.probing_sets import ProbingSet, sample_set

if TYPE_CHECKING:
    from kdprobe.comparison.inputs import Inputs
    from kdprobe.extract.probe_fits import ProbeOptions
    from kdprobe.models.handle import ModelHandle


@dataclass(frozen=True)
class ProbingRequest:
    """What to ask of the layers.

    Args:
        tasks: names of probing tasks or own `.toml` files; `all` for every one.
        sentences: training sentences of each task at most; half as many of dev and test each.
        poolings: how the words of a layer are made one vector; charts show the first.
        probe: see `extract.probe_fits.PROBES`.
        probing_dir: a folder of SentEval's files; None: `$KDPROBE_DATA/senteval`, else built from
            the embedded grammar.
    """

    tasks: tuple[str, ...] = ("all",)
    sentences: int = 2000
    poolings: tuple[str, ...] = ("mean",)
    probe: str = "logistic"
    probing_dir: Path | None = None


class _Asked(NamedTuple):
    task: ProbingTask
    set: ProbingSet
    control: ProbingSet | None


def request_of(
    names: Sequence[str],
    *,
    only: Sequence[str],
    tasks: Sequence[str],
    sentences: int,
    poolings: Sequence[str],
    probe: str,
    probing_dir: str | Path | None,
) -> ProbingRequest | None:
    """Give what to probe, or None when it was not asked for: it costs minutes.

    Raises:
        ConfigError: a size that is too small.
    """
    if "probing" not in names or not (tasks or "probing" in only):
        return None
    if sentences < 20:
        raise ConfigError("--probe-sentences", found=f"is {sentences}", expected="at least 20")
    open_probing_tasks(tuple(tasks) or ("all",))
    return ProbingRequest(
        tuple(tasks) or ("all",),
        sentences,
        tuple(poolings) or ("mean",),
        probe,
        Path(probing_dir) if probing_dir else None,
    )


def request_options(request: ProbingRequest | None) -> dict[str, JsonValue] | None:
    """Give the choices for the protocol card; no full paths."""
    if request is None:
        return None
    return {
        "tasks": [Path(task).name for task in request.tasks],
        "sentences": request.sentences,
        "poolings": list(request.poolings),
        "probe": request.probe,
        "folder": request.probing_dir.name if request.probing_dir else None,
    }


def probe_all(
    inputs: Inputs,
    handles: Sequence[Sequence[ModelHandle]],
    progress: Progress,
    timings: dict[str, float],
) -> tuple[ProbeFits | None, tuple[Skipped, ...]]:
    """Probe the models of a comparison, when it was asked for; see `probe_models`."""
    if inputs.probing is None:
        return None, ()
    models = [
        Named(spec.name, members) for spec, members in zip(inputs.models, handles, strict=True)
    ]
    return probe_models(
        inputs.probing, models, seed=inputs.seed, cache=inputs.cache, batch_size=inputs.batch_size,
        progress=progress, timings=timings,
    )  # fmt: skip


def probe_models(
    request: ProbingRequest,
    models: Sequence[Named],
    *,
    seed: int,
    cache: Cache | None,
    batch_size: int,
    progress: Progress,
    timings: dict[str, float],
) -> tuple[ProbeFits | None, tuple[Skipped, ...]]:
    """Fit the probes of every model, or say which models have no layers to read.

    Raises:
        UsageError: a task, file, pooling or probe that cannot be used.
    """
    from kdprobe.extract.probe_fits import PROBES, check_probe
    from kdprobe.models.hidden import check_poolings

    poolings = check_poolings(request.poolings)
    check_probe(request.probe)
    unable = tuple(
        model.name
        for model in models
        if any("hidden_states" not in member.capabilities for member in model.members)
    )
    if unable:
        reason = f"{', '.join(unable)}: its layers cannot be read, or are not all of one width"
        return None, (Skipped(what="probing", reason=reason, models=unable),)
    asked = _load(request, seed=seed, progress=progress)
    readers = readers_of(models, poolings, seed=seed)
    tell_estimate(readers, _texts(asked), progress)
    fits: list[ProbeFit] = []
    for reader in readers:
        started = time.perf_counter()
        fits += _probe(reader, asked, request, seed, cache, batch_size, progress)
        label = f"probing of {reader.model}"
        timings[label] = timings.get(label, 0.0) + time.perf_counter() - started
    told = tuple(
        ProbeTask(
            name=one.task.name,
            group=one.task.group,
            labels=one.set.labels,
            train=len(one.set.train),
            dev=len(one.set.dev),
            test=len(one.set.test),
            majority=majority_accuracy(one.set),
            endings=endings_accuracy(one.set),
            origin=one.set.origin,
        )
        for one in asked
    )
    origins = "; ".join(dict.fromkeys(one.set.origin for one in asked))
    return ProbeFits(
        told, tuple(fits), PROBES[request.probe], poolings, (f"Sentences: {origins}.",)
    ), ()


def _load(request: ProbingRequest, *, seed: int, progress: Progress) -> list[_Asked]:
    tasks = open_probing_tasks(request.tasks)
    source = ProbingSource(sentences=request.sentences, probing_dir=request.probing_dir, seed=seed)
    asked = []
    with progress.stage("probing sets", len(tasks)) as stage:
        for task in tasks:
            held = sample_set(source.load(task), sentences=request.sentences, seed=seed)
            asked.append(_Asked(task, held, control_set(held, seed=seed)))
            stage.advance(note=task.name)
    return asked


def _texts(asked: Sequence[_Asked]) -> list[str]:
    return list(dict.fromkeys(s for one in asked for part in one.set.parts for s in part.sentences))


def _probe(
    each: Reader,
    asked: Sequence[_Asked],
    request: ProbingRequest,
    seed: int,
    cache: Cache | None,
    batch_size: int,
    progress: Progress,
) -> list[ProbeFit]:
    """Fit all tasks of one encoder; tasks that are known are not read again."""
    from kdprobe.extract.features import extract_features
    from kdprobe.extract.probe_fits import (
        Fitted,
        ProbeOptions,
        fit_key,
        fit_probes,
        load_fits,
        store_fits,
    )

    def options(task: ProbingTask) -> ProbeOptions:
        return ProbeOptions(request.probe, linear=task.linear, control=not each.random, seed=seed)

    reader = each.reader
    keys = {
        one.task.name: fit_key(
            reader.key, reader.reading, reader.poolings, one.set, options(one.task)
        )
        for one in asked
    }
    made: dict[str, Fitted] = {}
    for name, key in keys.items():
        known = load_fits(cache, key)
        if known is not None:
            made[name] = known
    missing = [one for one in asked if one.task.name not in made]
    if missing:
        with (
            extract_features(
                reader, _texts(missing), cache=cache, progress=progress, rows=4 * batch_size
            ) as features,
            progress.stage(f"probes of {each.model}", len(missing)) as stage,
        ):
            for one in missing:
                control = None if each.random else one.control
                fitted = fit_probes(features, one.set, options(one.task), control=control)
                store_fits(
                    cache, keys[one.task.name], fitted,
                    described=f"probes of {each.model} on {one.task.name}",
                )  # fmt: skip
                made[one.task.name] = fitted
                stage.advance(note=one.task.name)
    cells = reader.cells
    return [
        made[one.task.name].as_fit(
            [cell.layer for cell in cells], [cell.pooling for cell in cells], model=each.model,
            run=each.run, weights="random" if each.random else "trained", task=one.task.name,
        )
        for one in asked
    ]  # fmt: skip
