"""Attribution maps of teacher and students on train and on the compared split.

Does: choose the examples and measure how far the maps lie apart. Does not: compute maps;
`extract/attribution_gap.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from kdprobe.collectors.attribution_maps.options import AttributionMapOptions
from kdprobe.collectors.session import Session
from kdprobe.models.handle import Capability
from kdprobe.observations.attribution_maps import MapGaps
from kdprobe.progress import Progress
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from kdprobe.models.hf import HfModel

Texts = Mapping[str, list[tuple[str, ...]]]


@dataclass(frozen=True)
class AttributionMapsCollector:
    """Distances between the attribution maps of the first runs of teacher and students."""

    name: str = "attribution_maps"
    kind: type[MapGaps] = MapGaps
    options: type[AttributionMapOptions] = AttributionMapOptions
    needs: frozenset[Capability] = frozenset({"gradients"})
    after: tuple[str, ...] = ("predictions", "attributions")
    by_default: bool = False

    def prepare(self, session: Session, options: AttributionMapOptions) -> Texts:
        """Choose the texts of both splits."""
        return {
            split.name: _texts(split, options.examples, session.seed)
            for split in (session.training_split(), session.split)
            if split is not None
        }

    def collect(self, session: Session, prepared: Texts, progress: Progress) -> MapGaps:
        """Compare the maps of every student with the teacher's."""
        from kdprobe.extract.attribution_gap import map_gaps, obstacle

        teacher, *students = session.models
        every = [texts for split in prepared.values() for texts in split]
        gaps, reasons = {}, {}
        for model in students:
            reason = teacher.lacks(self.needs) or model.lacks(self.needs)
            first, other = cast("HfModel", teacher.runs[0]), cast("HfModel", model.runs[0])
            reason = reason or obstacle(first, other, every)
            if reason is not None:
                reasons[model.name] = reason
                continue
            with progress.stage(f"attribution maps of {model.name}", len(every)) as stage:
                for split, texts in prepared.items():
                    gaps[model.name, split] = map_gaps(first, other, texts, advance=stage.advance)
        sizes = {split: len(texts) for split, texts in prepared.items()}
        return MapGaps(gaps, reasons, sizes, max(1, len(session.task.labels)))


def _texts(split: Split, count: int, seed: int) -> list[tuple[str, ...]]:
    """Choose at most `count` examples, in the split's order, by a generator of their own."""
    rows = np.arange(len(split))
    if count < len(split):
        generator = derive_generator(seed, "attribution gap", "examples", split.name)
        rows = np.sort(generator.choice(len(split), size=count, replace=False))
    pairs = split.pairs
    return [
        (split.texts[row],) if pairs is None else (split.texts[row], pairs[row])
        for row in rows.tolist()
    ]


COLLECTOR = AttributionMapsCollector()
