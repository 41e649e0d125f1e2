"""The outputs of every compared model for the split: the first observation of a comparison.

Does: ask every run of every model, through the cache. Does not: open or judge them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kdprobe.collectors.protocol import Collected, WithoutOptions
from kdprobe.collectors.session import ComparedModel, Session
from kdprobe.models.handle import Capability
from kdprobe.observations.predictions import Population, Populations, Predictions
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split


class ModelOutputs(NamedTuple):
    """The outputs of the runs of a model, how many texts it cut, and the seconds they took."""

    runs: tuple[Predictions, ...]
    truncated: int
    seconds: float


def outputs_of(
    model: ComparedModel, split: Split, session: Session, progress: Progress
) -> ModelOutputs:
    """Ask every run of a model about a split, or read its outputs from the session's cache."""
    from kdprobe.extract.predictions import extract_predictions

    extracted = [
        extract_predictions(
            run,
            split,
            cache=session.cache,
            batch_size=session.batch_size,
            progress=progress,
            workers=session.workers,
        )
        for run in model.runs
    ]
    return ModelOutputs(
        tuple(each.predictions for each in extracted),
        max(each.truncated for each in extracted),
        sum(each.seconds for each in extracted),
    )


@dataclass(frozen=True)
class PredictionsCollector:
    """The outputs of every run of every model; without them there is no study."""

    name: str = "predictions"
    kind: type[Populations] = Populations
    options: type[WithoutOptions] = WithoutOptions
    needs: frozenset[Capability] = frozenset()
    after: tuple[str, ...] = ()
    by_default: bool = True

    def versions(self, options: WithoutOptions) -> dict[str, int]:
        """Return those of what is kept, by what they are of."""
        from kdprobe.models.stored_outputs import OUTPUTS_VERSION
        from kdprobe.models.text_model import TEXT_VERSION

        return {"outputs": OUTPUTS_VERSION, "text": TEXT_VERSION}

    def prepare(self, session: Session, options: WithoutOptions) -> Split:
        """Return the split that is asked about."""
        return session.split

    def collect(
        self, session: Session, prepared: Split, progress: Progress
    ) -> Collected[Populations]:
        """Ask every model."""
        outputs = {
            model.name: outputs_of(model, prepared, session, progress) for model in session.models
        }
        return Collected(
            Populations(
                tuple(
                    Population(model.name, model.role, outputs[model.name].runs)
                    for model in session.models
                ),
                {name: each.truncated for name, each in outputs.items() if each.truncated},
            ),
            seconds={f"predictions of {name}": each.seconds for name, each in outputs.items()},
        )


COLLECTOR = PredictionsCollector()
