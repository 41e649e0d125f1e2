"""Properties erased from the layers of every model, and what it says then.

Does: find labelled sentences and the examples, and have every run of every model erase. Does not:
erase (`erasing.py`), or judge (`analysis/causal_use`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from kdprobe.collectors.causal_use.options import NAMES, CausalUseOptions
from kdprobe.collectors.guarding import unable, unable_or_failed
from kdprobe.collectors.protocol import Collected
from kdprobe.collectors.session import Session
from kdprobe.config.probing import open_probing_tasks
from kdprobe.errors import ConfigError
from kdprobe.models.handle import Capability
from kdprobe.observations.causal_use import CausalUse, ErasedLayer, ErasedProperty
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.probing.build import ProbingSource
from kdprobe.tasks.probing.sets import ProbingSet, sample_set
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from kdprobe.models.hf import HfModel

_MOST_CLASSES = 10


class PreparedErasures(NamedTuple):
    """The request, the labelled sentences, the examples, and why models have no layers."""

    request: CausalUseOptions
    sets: Mapping[str, ProbingSet]
    split: Split
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class CausalUseCollector:
    """The outputs of every run of every model with properties erased from its layers."""

    name: str = "causal_use"
    kind: type[CausalUse] = CausalUse
    options: type[CausalUseOptions] = CausalUseOptions
    needs: frozenset[Capability] = frozenset({"hidden_states"})
    after: tuple[str, ...] = ("predictions", "probes")
    by_default: bool = False

    def versions(self, options: CausalUseOptions) -> dict[str, int]:
        """Return those of what is kept, by what they are of."""
        from kdprobe.extract.erasure import ERASURE_VERSION

        return {"erasure": ERASURE_VERSION}

    def prepare(self, session: Session, options: CausalUseOptions) -> PreparedErasures | Skipped:
        """Find the sentences of every property, and choose the examples."""
        reasons = session.lacking(self.needs)
        if len(reasons) == len(session.models):
            return unable(self.name, reasons)
        source = ProbingSource(
            sentences=options.sentences, probing_dir=options.probing_dir, seed=session.seed,
            named=NAMES,
        )  # fmt: skip
        sets = {}
        for task in open_probing_tasks(options.properties, named=NAMES):
            whole = source.load(task)
            if len(whole.labels) > _MOST_CLASSES:
                raise ConfigError(
                    f"`causal_use.properties={task.name}`",
                    found=f"has {len(whole.labels)} classes",
                    expected=f"at most {_MOST_CLASSES}: each takes a dimension of its own",
                    remedy="name a property of few classes, such as subj_number",
                )
            sets[task.name] = sample_set(whole, sentences=options.sentences, seed=session.seed)
        generator = derive_generator(session.seed, "causal use", "examples", session.split.name)
        return PreparedErasures(
            options, sets, session.split.sample(options.examples, generator), reasons
        )

    def collect(
        self, session: Session, prepared: PreparedErasures, progress: Progress
    ) -> Collected[CausalUse]:
        """Erase every property from every layer of every model."""
        from kdprobe.collectors.causal_use.erasing import ErasureSetting, ErasureWork

        request, split = prepared.request, prepared.split
        setting = ErasureSetting(
            prepared.sets, split, request.draws, session.seed, rows=4 * session.batch_size
        )
        clean: dict[tuple[str, int], Floats] = {}
        layers: list[ErasedLayer] = []
        unchanged: dict[tuple[str, int], str] = {}
        skipped, seconds = [], {}
        for model in session.models:
            if model.name in prepared.reasons:
                continue
            started = time.perf_counter()
            try:
                outcomes = [
                    ErasureWork(cast("HfModel", run), model.name, at, setting).outcome(
                        session.cache, progress
                    )
                    for at, run in enumerate(model.runs)
                ]
            except Exception as error:
                skipped.append(unable_or_failed(self.name, model.name, error, model=model.name))
                continue
            for at, outcome in enumerate(outcomes):
                clean[model.name, at] = outcome.clean
                layers += outcome.layers
                unchanged |= {(model.name, layer): why for layer, why in outcome.unchanged.items()}
            seconds[f"causal use of {model.name}"] = time.perf_counter() - started
        if not layers:
            if not skipped:
                reason = "; ".join(dict.fromkeys(unchanged.values()))
                skipped.append(Skipped(what=self.name, reason=reason, requested=True))
            return Collected(None, tuple(skipped), seconds)
        properties = tuple(
            ErasedProperty(name, one.labels, len(one.train), one.origin)
            for name, one in prepared.sets.items()
        )
        observation = CausalUse(
            split.ids, properties, clean, tuple(layers), prepared.reasons, unchanged,
            request.draws, _notes(prepared, session),
        )  # fmt: skip
        return Collected(observation, tuple(skipped), seconds)


def _notes(prepared: PreparedErasures, session: Session) -> tuple[str, ...]:
    origins = "; ".join(dict.fromkeys(one.origin for one in prepared.sets.values()))
    notes = [f"Sentences that erasers are fitted on: {origins}."]
    if len(prepared.split) < len(session.split):
        notes.append(
            f"Examples: {len(prepared.split):,} of {len(session.split):,}, a seeded choice."
        )
    if prepared.split.pairs is not None:
        notes.append("Erasers are fitted on single sentences and erase from both texts of a pair.")
    return tuple(notes)


COLLECTOR = CausalUseCollector()
