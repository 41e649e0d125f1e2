"""How alike a student's layers are to the teacher's, as rows to subtract.

Does not define any number; `grids.py` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kdprobe.analysis.relations import Place, Related, Relation
from kdprobe.analysis.similarity.grids import HOW, NOTHING, LayerGrid, grid_of
from kdprobe.analysis.similarity.metrics import METRICS
from kdprobe.observations.layer_similarity import LayerSimilarities
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Floats

_MEANING = {metric.name: metric for metric in METRICS}
_BOTH = ("classification", "regression")


def _of_grids(draws: Callable[[LayerGrid], Floats]) -> Callable[[Study], Iterable[Related]]:
    """Return the draws of every student under every pooling; none where no layer was compared."""

    def related(study: Study) -> Iterable[Related]:
        if not study.has(LayerSimilarities):
            return
        layers = study.get(LayerSimilarities)
        for pooling in layers.poolings:
            place = Place(pooling=pooling, method="biased" if layers.biased else "")
            for student in study.students:
                pairs = [
                    pair
                    for pair in layers.pairs
                    if (pair.model, pair.weights) == (student.name, "trained")
                ]
                grid = grid_of(study, pairs, pooling)
                if grid is not None:
                    yield Related(student.name, draws(grid), layers.sentences, NOTHING, place, HOW)

    return related


RELATIONS = (
    Relation(
        "layer_similarity",
        _MEANING["mean_equal_depth"],
        _of_grids(lambda grid: grid.equal_depth_draws()),
        _BOTH,
    ),
    Relation(
        "layer_similarity_best",
        _MEANING["mean_best_match"],
        _of_grids(lambda grid: grid.best_draws()),
        _BOTH,
    ),
)
