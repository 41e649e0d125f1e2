"""Attribution maps of teacher and students on train and on the compared split.

Does: choose the examples and ask for the distances, when asked to. Does not: compute maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kdprobe.comparison.training_split import training_split
from kdprobe.observations.attribution_maps import MapGaps
from kdprobe.observations.study import Study
from kdprobe.progress import Progress
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from kdprobe.comparison.inputs import Inputs
    from kdprobe.models.handle import ModelHandle


def add_map_gaps(
    study: Study, handles: Sequence[Sequence[ModelHandle]], *, inputs: Inputs, progress: Progress
) -> Study:
    """Compare attribution maps on the first run of every model, when asked for."""
    from kdprobe.extract.attribution_gap import map_gaps, obstacle
    from kdprobe.models.hf import HfModel

    if inputs.attribution_gap is None:
        return study
    chosen = {
        split.name: _texts(split, inputs.attribution_gap, study.seed)
        for split in (training_split(inputs), study.split)
        if split is not None
    }
    every = [texts for split in chosen.values() for texts in split]
    teacher = handles[0][0]
    gaps, reasons = {}, {}
    for population, members in zip(study.models[1:], handles[1:], strict=True):
        name, student = population.name, members[0]
        if not (isinstance(teacher, HfModel) and isinstance(student, HfModel)):
            reasons[name] = "a predictions file has no gradients"
            continue
        reason = obstacle(teacher, student, every)
        if reason is not None:
            reasons[name] = reason
            continue
        with progress.stage(f"attribution maps of {name}", len(every)) as stage:
            for split, texts in chosen.items():
                gaps[name, split] = map_gaps(teacher, student, texts, advance=stage.advance)
    splits = {split: len(texts) for split, texts in chosen.items()}
    classes = max(1, len(study.split.task.labels))
    return replace(study, map_gaps=MapGaps(gaps, reasons, splits, classes))


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
