"""Probing classifiers on every layer of every model.

Does: find the sentences, read every model and its architecture with random weights once, fit all
probes, and say beforehand how long it takes. Does not: judge; `analysis/probing` does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kdprobe.cache import Cache
from kdprobe.collectors.guarding import failure, unpaired
from kdprobe.collectors.probes.encoders import Encoder, TaskData, encoders_of
from kdprobe.collectors.probes.fits import Failures, GatheredFits, KeptBy, probe
from kdprobe.collectors.probes.options import ProbingRequest
from kdprobe.collectors.probes.work import Missing, Work, say_estimate
from kdprobe.collectors.protocol import Collected
from kdprobe.collectors.session import Session
from kdprobe.config.probing import open_probing_tasks
from kdprobe.errors import CapabilityError
from kdprobe.models.handle import Capability, lacking
from kdprobe.observations.probes import ProbeFit, ProbeFits, ProbeTask, Unread
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.tasks.probing.baselines import control_set, endings_accuracy, majority_accuracy
from kdprobe.tasks.probing.build import ProbingSource
from kdprobe.tasks.probing.gold_sets import GoldProbes, gold_sets
from kdprobe.tasks.probing.sets import sample_set

if TYPE_CHECKING:
    from kdprobe.models.handle import ModelHandle

HIDDEN: frozenset[Capability] = frozenset({"hidden_states"})


class PreparedProbes(NamedTuple):
    """The request, the sentences of every task, models without layers and labels left out."""

    request: ProbingRequest
    tasks: Sequence[TaskData]
    unread: Mapping[str, str]
    left_out: Sequence[Skipped]


@dataclass(frozen=True)
class ProbesCollector:
    """Probing classifiers on the layers of every run, and of its architecture untrained."""

    name: str = "probes"
    kind: type[ProbeFits] = ProbeFits
    options: type[ProbingRequest] = ProbingRequest
    needs: frozenset[Capability] = HIDDEN
    after: tuple[str, ...] = ("predictions", "minimal_pairs")
    by_default: bool = False

    def versions(self, options: ProbingRequest) -> dict[str, int]:
        """Return those of what is kept, by what they are of."""
        from kdprobe.extract.features import FEATURES_VERSION
        from kdprobe.extract.probes.fits import FITS_VERSION

        return {"features": FEATURES_VERSION, "fits": FITS_VERSION}

    def prepare(self, session: Session, options: ProbingRequest) -> PreparedProbes | Skipped:
        """Find the sentences of every task; a reason where no two models can be read."""
        unread = _unread(session, options.poolings)
        skipped = unpaired(self.name, [model.name for model in session.models], unread)
        if skipped is not None:
            return skipped
        source = ProbingSource(
            sentences=options.sentences, probing_dir=options.probing_dir, seed=session.seed
        )
        wholes = [(task, source.load(task)) for task in open_probing_tasks(options.with_sentences)]
        gold = GoldProbes((), {})
        if options.asks_gold:
            gold = gold_sets(session.training_split(), session.split, seed=session.seed)
        tasks = []
        for task, whole in (*wholes, *gold.sets):
            data = sample_set(whole, sentences=options.sentences, seed=session.seed)
            tasks.append(TaskData(task, data, control_set(data, seed=session.seed)))
        left_out = [
            Skipped(what=self.name, reason=f"{name}: {reason}", requested=True)
            for name, reason in gold.left_out.items()
        ]
        return PreparedProbes(options, tasks, unread, left_out)

    def collect(
        self, session: Session, prepared: PreparedProbes, progress: Progress
    ) -> Collected[ProbeFits]:
        """Fit the probes of every model on every task.

        A model that fails on a task loses the fits of that task, those of its other runs too; all
        else is kept.
        """
        from kdprobe.extract.probes.fits import described, few_seeds

        request, tasks = prepared.request, prepared.tasks
        models = [model for model in session.models if model.name not in prepared.unread]
        encoders, unmade = encoders_of(models, request.poolings, seed=session.seed)
        work = [
            _work(each, tasks, request, session.seed, _cache_of(each, session)) for each in encoders
        ]
        say_estimate(work, progress, jobs=session.workers.jobs)
        gathered = GatheredFits()
        shapes: dict[tuple[object, ...], tuple[list[ProbeFit], Failures]] = {}
        seconds: dict[str, float] = {}
        for each in work:
            started, cache = time.perf_counter(), _cache_of(each.encoder, session)
            if each.encoder.shape not in shapes:
                kept = KeptBy(cache, 4 * session.batch_size, session.workers)
                shapes[each.encoder.shape] = probe(each, tasks, kept, progress)
            gathered.add(each, *shapes[each.encoder.shape])
            label = f"probing of {each.encoder.model}"
            seconds[label] = seconds.get(label, 0.0) + time.perf_counter() - started
        fits = gathered.fits
        skipped = (*prepared.left_out, *unmade, *gathered.skipped)
        if not fits:
            return Collected(None, skipped, seconds)
        known = {fit.task for fit in fits}
        probed = [each for each in tasks if each.task.name in known]
        origins = "; ".join(dict.fromkeys(one.set.origin for one in probed))
        unread = [Unread(name, "", reason) for name, reason in prepared.unread.items()]
        unread += [
            Unread(each.model, pooling, reason)
            for each in encoders
            if not each.random and not each.run
            for pooling, reason in each.reader.undefined.items()
        ]
        notes = dict.fromkeys(f"{note}." for each in encoders for note in each.reader.notes)
        observation = ProbeFits(
            tuple(map(_probe_task, probed)), fits, described(request.probe, request.seeds),
            request.poolings, (f"Sentences: {origins}.", *notes), tuple(unread),
            seeds=request.seeds, few_seeds=few_seeds(request.probe, request.seeds),
        )  # fmt: skip
        return Collected(observation, skipped, seconds)


def _cache_of(encoder: Encoder, session: Session) -> Cache | None:
    """Return where what is read of an encoder is kept; None: its weights do not say all of it."""
    return session.cache if encoder.reader.handle.repeats else None


def _unread(session: Session, poolings: tuple[str, ...]) -> dict[str, str]:
    """Return the models whose layers cannot be read, and why."""
    reasons: dict[str, str] = {}
    for model in session.models:
        for run in model.runs:
            reason = _obstacle(run, poolings)
            if reason:
                reasons.setdefault(model.name, reason)
    return reasons


def _obstacle(handle: ModelHandle, poolings: tuple[str, ...]) -> str:
    """Return why a model's layers cannot be read; empty: they can."""
    if (reason := lacking(handle, HIDDEN)) is not None:
        return reason
    from kdprobe.models.hidden import LayerReader

    try:
        LayerReader(handle, poolings)
    except CapabilityError as error:
        return error.found
    except Exception as error:  # whatever a library raises: it is listed where the layers are read
        failure("probes", error)
    return ""


def _probe_task(data: TaskData) -> ProbeTask:
    """Describe a task to the analysis, with the accuracies that need no model."""
    return ProbeTask(
        name=data.task.name,
        group=data.task.group,
        labels=data.set.labels,
        train=len(data.set.train),
        dev=len(data.set.dev),
        test=len(data.set.test),
        majority=majority_accuracy(data.set),
        endings=endings_accuracy(data.set),
        origin=data.set.origin,
    )


def _work(
    encoder: Encoder,
    tasks: Sequence[TaskData],
    request: ProbingRequest,
    seed: int,
    cache: Cache | None,
) -> Work:
    """Return which tasks of one encoder are in the cache, and how the others are fitted."""
    from kdprobe.collectors.probes.begun import Begun
    from kdprobe.extract.probes.fits import Fitted, ProbeOptions, fit_key, load_fits
    from kdprobe.extract.probes.groups import sharded

    known: dict[str, Fitted] = {}
    missing = []
    keys: dict[str, TaskData] = {}
    reader = encoder.reader
    for each in tasks:
        options = ProbeOptions(
            request.probe, linear=each.task.linear, control=not encoder.random,
            mdl=request.wants_mdl(each.set), seed=seed, seeds=request.seeds,
        )  # fmt: skip
        shards = sharded(each.set, options, max(reader.widths))
        key = fit_key(reader.key, reader.reading, reader.poolings, each.set, options, shards=shards)
        keys[key.digest] = each
        fitted = load_fits(cache, key)
        if fitted is not None:
            known[each.task.name] = fitted
        else:
            missing.append(Missing(each, options, key))
    if cache is None:
        return Work(encoder, known, missing, [each.data for each in missing], None)
    begun = Begun(reader, keys, cache)
    names = [each.data.task.name for each in missing]
    return Work(encoder, known, missing, begun.tasks(names), begun)


COLLECTOR = ProbesCollector()
