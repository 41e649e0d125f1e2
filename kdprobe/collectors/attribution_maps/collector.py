"""Attribution maps of teacher and students on train and on the compared split.

Does: choose the examples and measure how far the maps lie apart. Does not: compute maps;
`extract/attribution_gap.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from kdprobe.collectors.attribution_maps.options import AttributionMapOptions
from kdprobe.collectors.session import Session
from kdprobe.models.handle import Capability
from kdprobe.observations.attribution_maps import MapGaps
from kdprobe.progress import Progress
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from kdprobe.models.hf import HfModel

Chosen = Mapping[str, Split]


@dataclass(frozen=True)
class AttributionMapsCollector:
    """Distances between the attribution maps of the first runs of teacher and students."""

    name: str = "attribution_maps"
    kind: type[MapGaps] = MapGaps
    options: type[AttributionMapOptions] = AttributionMapOptions
    needs: frozenset[Capability] = frozenset({"gradients"})
    after: tuple[str, ...] = ("predictions", "attributions")
    by_default: bool = False

    def prepare(self, session: Session, options: AttributionMapOptions) -> Chosen:
        """Choose the examples of both splits."""
        return {
            split.name: _chosen(split, options.examples, session.seed)
            for split in (session.training_split(), session.split)
            if split is not None
        }

    def collect(self, session: Session, prepared: Chosen, progress: Progress) -> MapGaps:
        """Compare the maps of every student with the teacher's."""
        from kdprobe.extract.attribution_gap import map_gaps, obstacle

        teacher, *students = session.models
        by_split = {name: _texts(split) for name, split in prepared.items()}
        every = [texts for split in by_split.values() for texts in split]
        gaps, reasons = {}, {}
        for model in students:
            reason = teacher.lacks(self.needs) or model.lacks(self.needs)
            first, other = cast("HfModel", teacher.runs[0]), cast("HfModel", model.runs[0])
            reason = reason or obstacle(first, other, every)
            if reason is not None:
                reasons[model.name] = reason
                continue
            with progress.stage(f"attribution maps of {model.name}", len(every)) as stage:
                for split, texts in by_split.items():
                    gaps[model.name, split] = map_gaps(
                        first, other, texts, advance=stage.advance,
                        of="logit" if session.task.kind == "multilabel" else "probability",
                    )  # fmt: skip
        sizes = {name: len(split) for name, split in prepared.items()}
        clusters = {
            name: split.clusters for name, split in prepared.items() if split.clusters is not None
        }
        classes = max(1, len(session.task.labels))
        return MapGaps(gaps, reasons, sizes, classes, clusters=clusters)


def _chosen(split: Split, count: int, seed: int) -> Split:
    """Choose at most `count` examples, in the split's order, by a generator of their own."""
    generator = derive_generator(seed, "attribution gap", "examples", split.name)
    return split.sample(count, generator)


def _texts(split: Split) -> list[tuple[str, ...]]:
    """Return the one or two texts of each example."""
    return list(zip(*filter(None, (split.texts, split.pairs)), strict=True))


COLLECTOR = AttributionMapsCollector()
