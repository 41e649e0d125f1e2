"""Probing of every model of a comparison: from task names to fitted probes.

Does: find the sentences, read every model and its architecture with random weights once, fit all
probes, and say beforehand how long it takes. Does not: judge; `analysis/probing/__init__.py` does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdprobe.cache import Cache
from kdprobe.comparison.guarding import failure
from kdprobe.comparison.probing_fits import Gathered, probe
from kdprobe.comparison.probing_readers import (
    Asked,
    Missing,
    Named,
    Reader,
    Work,
    readers_of,
    tell_estimate,
)
from kdprobe.comparison.probing_request import ProbingRequest
from kdprobe.config.probing import open_probing_tasks
from kdprobe.errors import CapabilityError
from kdprobe.observations.probes import ProbeFits, ProbeTask, Unread
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.tasks.probing.baselines import control_set, endings_accuracy, majority_accuracy
from kdprobe.tasks.probing.build import ProbingSource
from kdprobe.tasks.probing.sets import sample_set

if TYPE_CHECKING:
    from kdprobe.comparison.inputs import Inputs
    from kdprobe.models.handle import ModelHandle


def prepare(
    inputs: Inputs, handles: Sequence[Sequence[ModelHandle]], progress: Progress
) -> tuple[list[Asked], tuple[Skipped, ...]]:
    """Find the sentences of every task before any model is asked: a slip in a file costs no hour.

    Returns:
        The tasks, none when probing was not asked for or cannot be, and then why.

    Raises:
        UsageError: a task or file that cannot be used.
    """
    if inputs.probing is None:
        return [], ()
    unable = _unable(inputs, handles)
    if inputs.models[0].name in unable or len(unable) == len(handles) - 1:
        named: dict[str, list[str]] = {}
        for name, why in unable.items():
            named.setdefault(why, []).append(name)
        reason = "; ".join(f"{', '.join(names)}: {why}" for why, names in named.items())
        return [], (Skipped(what="probing", reason=reason, models=tuple(unable)),)
    return _load(inputs.probing, seed=inputs.seed, progress=progress), ()


def _unable(inputs: Inputs, handles: Sequence[Sequence[ModelHandle]]) -> dict[str, str]:
    """Name the models whose layers cannot be read, and why."""
    reasons: dict[str, str] = {}
    for spec, members in zip(inputs.models, handles, strict=True):
        for member in members:
            reason = _obstacle(member, inputs)
            if reason:
                reasons.setdefault(spec.name, reason)
    return reasons


def _obstacle(handle: ModelHandle, inputs: Inputs) -> str:
    """Say why a model's layers cannot be read; empty: they can."""
    if inputs.probing is None or "hidden_states" not in handle.capabilities:
        return handle.lacks.get("hidden_states", "") or (
            "no layers can be read, as of a predictions file"
        )
    from kdprobe.models.hidden import LayerReader, check_poolings

    poolings = check_poolings(inputs.probing.poolings)
    try:
        LayerReader(handle, poolings)
    except CapabilityError as error:
        return error.found
    except Exception as error:  # whatever a library raises: it is listed where the layers are read
        failure("probing", error)
    return ""


def probe_all(
    inputs: Inputs,
    handles: Sequence[Sequence[ModelHandle]],
    asked: Sequence[Asked],
    progress: Progress,
    timings: dict[str, float],
) -> tuple[ProbeFits | None, tuple[Skipped, ...]]:
    """Fit the probes of every model on the tasks that `prepare` gave, if any.

    A model that fails on a task loses the fits of that task, those of its other runs too; all else
    is kept.

    Returns:
        The fits, None where there is none, and what failed.
    """
    from kdprobe.extract.probes.fits import described, few_seeds
    from kdprobe.models.hidden import check_poolings

    request, seed, cache = inputs.probing, inputs.seed, inputs.cache
    if request is None or not asked:
        return None, ()
    unable = _unable(inputs, handles)
    models = [
        Named(spec.name, members)
        for spec, members in zip(inputs.models, handles, strict=True)
        if spec.name not in unable
    ]
    poolings = check_poolings(request.poolings)
    readers, unread = readers_of(models, poolings, seed=seed)
    work = [_work(reader, asked, request, seed, cache) for reader in readers]
    tell_estimate(work, progress)
    gathered = Gathered()
    for each in work:
        started = time.perf_counter()
        gathered.add(each, *probe(each, asked, cache, inputs.batch_size, progress))
        label = f"probing of {each.reader.model}"
        timings[label] = timings.get(label, 0.0) + time.perf_counter() - started
    fits = gathered.fits
    if not fits:
        return None, (*unread, *gathered.skipped)
    known = {fit.task for fit in fits}
    probed = [one for one in asked if one.task.name in known]
    origins = "; ".join(dict.fromkeys(one.set.origin for one in probed))
    without = [Unread(name, "", reason) for name, reason in unable.items()]
    without += [
        Unread(each.model, pooling, reason)
        for each in readers
        if not each.random and not each.run
        for pooling, reason in each.reader.undefined.items()
    ]
    notes = dict.fromkeys(f"{note}." for each in readers for note in each.reader.notes)
    found = ProbeFits(
        _told(probed), fits, described(request.probe, request.seeds), poolings,
        (f"Sentences: {origins}.", *notes), tuple(without), seeds=request.seeds,
        few_seeds=few_seeds(request.probe, request.seeds),
    )  # fmt: skip
    return found, (*unread, *gathered.skipped)


def _told(asked: Sequence[Asked]) -> tuple[ProbeTask, ...]:
    """Describe the tasks to the analysis, with what the simplest guesses reach."""
    return tuple(
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


def _load(request: ProbingRequest, *, seed: int, progress: Progress) -> list[Asked]:
    tasks = open_probing_tasks(request.tasks)
    source = ProbingSource(sentences=request.sentences, probing_dir=request.probing_dir, seed=seed)
    asked = []
    with progress.stage("probing sets", len(tasks)) as stage:
        for task in tasks:
            held = sample_set(source.load(task), sentences=request.sentences, seed=seed)
            asked.append(Asked(task, held, control_set(held, seed=seed)))
            stage.advance(note=task.name)
    return asked


def _work(
    reader: Reader,
    asked: Sequence[Asked],
    request: ProbingRequest,
    seed: int,
    cache: Cache | None,
) -> Work:
    """Say which tasks of one encoder are known, and how the others are fitted."""
    from kdprobe.comparison.probing_begun import Begun
    from kdprobe.extract.probes.fits import Fitted, ProbeOptions, fit_key, load_fits

    known: dict[str, Fitted] = {}
    missing = []
    keys: dict[str, Asked] = {}
    read = reader.reader
    for one in asked:
        options = ProbeOptions(
            request.probe, linear=one.task.linear, control=not reader.random,
            mdl=request.wants_mdl(one.set), seed=seed, seeds=request.seeds,
        )  # fmt: skip
        key = fit_key(read.key, read.reading, read.poolings, one.set, options)
        keys[key.digest] = one
        held = load_fits(cache, key)
        if held is not None:
            known[one.task.name] = held
        else:
            missing.append(Missing(one, options, key))
    if cache is None:
        return Work(reader, known, missing, [one.asked for one in missing], None)
    begun = Begun(read, keys, cache)
    names = [one.asked.task.name for one in missing]
    return Work(reader, known, missing, begun.tasks(names), begun)
