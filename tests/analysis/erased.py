"""A study from whose layers properties were erased: outputs drawn from a seed, effects by hand."""

from __future__ import annotations

import numpy as np

from kdprobe.observations.causal_use import CausalUse, ErasedLayer, ErasedProperty
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Floats

DRAWS = 5
PROPERTIES = ("past_present", "subj_number")
STRENGTH = {("teacher", "subj_number"): 2.0}
"""How far erasing shifts the outputs; 0.2 where it does no more than random subspaces."""


def _shifted(values: Floats, strength: float, generator: np.random.Generator) -> Floats:
    return values + strength * generator.normal(size=values.shape)


def erased(study: Study, *, examples: int = 80, unread: str = "") -> Study:
    """The study with erasures: the teacher uses the subject's number, its students use nothing.

    Args:
        study: any.
        examples: the first so many of its examples were run.
        unread: a model without hidden states.
    """
    ids = study.split.ids[:examples]
    layers: list[ErasedLayer] = []
    clean: dict[tuple[str, int], Floats] = {}
    for model in study.models:
        if model.name == unread:
            continue
        for run in range(len(model.runs)):
            outputs = study.split.task.outputs
            generator = np.random.default_rng(len(clean))
            own = generator.normal(size=(len(ids), outputs))
            clean[model.name, run] = own
            for name in PROPERTIES:
                for layer in (0, 1):
                    strength = STRENGTH.get((model.name, name), 0.2)
                    layers.append(
                        ErasedLayer(
                            model.name, run, name, layer, 5, 0.05, 0.05,
                            _shifted(own, strength, generator),
                            np.stack([_shifted(own, 0.2, generator) for _ in range(DRAWS)]),
                        )
                    )  # fmt: skip
    properties = tuple(ErasedProperty(name, ("A", "B"), 400, "toy") for name in PROPERTIES)
    reasons = {unread: "its hidden states cannot be replaced, as of a predictions file"}
    teacher = study.teacher.name
    unchanged = {(teacher, 2): "no module of the model gives the states of this layer"}
    return study.with_observations(
        CausalUse(
            ids, properties, clean, tuple(layers), reasons if unread else {}, unchanged, DRAWS,
            ("Sentences: toy.",),
        )
    )  # fmt: skip
