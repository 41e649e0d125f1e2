"""Probing of a SentEval `batcher`, for models that kdprobe cannot open.

Does: find the sentences, read them with the batcher and fit the probe and its control. Does not:
compare models or write a report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kdprobe.config.probing import open_probing_tasks
from kdprobe.errors import ConfigError
from kdprobe.progress import Progress, Silent
from kdprobe.tasks.probing.baselines import control_set, endings_accuracy, majority_accuracy
from kdprobe.tasks.probing.build import ProbingSource
from kdprobe.tasks.probing.sets import sample_set

if TYPE_CHECKING:
    from kdprobe.extract.probes.senteval_batcher import Batcher, Prepare


@dataclass(frozen=True)
class BatcherScore:
    """Accuracies of the probes on a batcher's vectors, as shares.

    Args:
        task, group: of the probing task.
        accuracy: on the test sentences, the mean over probe seeds.
        dev: of the chosen setting on dev, likewise.
        control: test accuracy of the control task (see `tasks.probing_rules.control_set`).
        majority: test accuracy of the most frequent training class.
        endings: test accuracy of naive Bayes over the endings of words.
        train, test: numbers of sentences.
        origin: where the sentences come from.
    """

    task: str
    group: str
    accuracy: float
    dev: float
    control: float
    majority: float
    endings: float
    train: int
    test: int
    origin: str

    @property
    def selectivity(self) -> float:
        """Accuracy minus that of the control task (Hewitt and Liang 2019)."""
        return self.accuracy - self.control


def probe_batcher(
    batcher: Batcher,
    *,
    tasks: Sequence[str] = ("all",),
    prepare: Prepare | None = None,
    params: Mapping[str, object] | None = None,
    sentences: int = 2000,
    probe: str = "logistic",
    probe_seeds: int | None = None,
    probing_dir: str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[BatcherScore, ...]:
    """Probe the vectors that a SentEval `batcher` gives.

    Args:
        batcher: `batcher(params, batch)`: token lists in, `[len(batch), width]` out.
        tasks: names of probing tasks or own `.toml` files; `all` for every one.
        prepare: SentEval's `prepare(params, samples)`, called once a task.
        params: items of the `params` both get; `batch_size` is 128 if it is not given. Where the
            module `senteval` is installed they are its `dotdict`.
        sentences: training sentences of each task at most; half as many of dev and test each.
        probe: see `extract.probes.fits.PROBES`; `senteval` for its protocol to the letter.
        probe_seeds: how many starts each probe gets; None: what is usual for it.
        probing_dir: a folder of SentEval's files; None: `$KDPROBE_DATA/senteval`, else built from
            the embedded grammar.
        seed: of samples, control labels and the probes' starts.
        progress: where to show progress.

    Raises:
        UsageError: a task, file, size or probe that cannot be used.
        CapabilityError: the batcher gives other than one row of finite numbers a sentence.
    """
    from dataclasses import replace

    from kdprobe.extract.probes import fits as probe_fits
    from kdprobe.extract.probes.senteval_batcher import labelled_anew, parameters, read_batcher

    seeds = probe_fits.probe_seeds(probe_fits.check_probe(probe), probe_seeds)
    if sentences < 20:
        raise ConfigError("sentences", found=f"is {sentences}", expected="at least 20")
    chosen = open_probing_tasks(tuple(tasks))
    folder = Path(probing_dir) if probing_dir is not None else None
    source = ProbingSource(sentences=sentences, probing_dir=folder, seed=seed)
    given = parameters(params or {})
    scores = []
    with (progress or Silent()).stage("probes of the batcher", len(chosen)) as stage:
        for task in chosen:
            held = sample_set(source.load(task), sentences=sentences, seed=seed)
            data = read_batcher(batcher, held, given, prepare=prepare)
            options = probe_fits.ProbeOptions(probe, linear=task.linear, seed=seed, seeds=seeds)
            fits = probe_fits.fit_cells(data, options)
            other = labelled_anew(data, control_set(held, seed=seed))
            scores.append(
                BatcherScore(
                    task=task.name, group=task.group,
                    accuracy=sum(float(fit.hits.mean()) for fit in fits) / len(fits),
                    dev=sum(float(fit.dev.mean()) for fit in fits) / len(fits),
                    control=float(
                        probe_fits.fit_cells(other, replace(options, seeds=1))[0].hits.mean()
                    ),
                    majority=majority_accuracy(held), endings=endings_accuracy(held),
                    train=len(held.train), test=len(held.test), origin=held.origin,
                )
            )  # fmt: skip
            stage.advance(note=task.name)
    return tuple(scores)
