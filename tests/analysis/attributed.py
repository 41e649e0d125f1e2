"""Studies with word scores, made from a seed or written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kdprobe.observations.attribution_maps import MapGaps
from kdprobe.observations.attributions import Attributions, Word
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Floats
from kdprobe.stats.deletion_orders import aopc, order_limits, random_aopc
from tests.analysis.studies import classification, study_of

METHODS = ("lime", "shap")


def words_of(text: str) -> tuple[Word, ...]:
    """The parts between blanks."""
    found, start = [], 0
    for part in text.split():
        start = text.index(part, start)
        found.append(Word(0, start, start + len(part), part))
        start += len(part)
    return tuple(found)


def with_scores(
    study: Study,
    scores: Mapping[tuple[str, str, str], Sequence[Sequence[float]]],
    texts: Sequence[str],
    *,
    methods: Sequence[str] = ("lime",),
) -> Study:
    """Give a study the scores of its first examples, written by hand, over these texts."""
    split = replace(study.split, texts=(*texts, *study.split.texts[len(texts) :]))
    m = len(texts)
    names = [model.name for model in study.models]
    pairs = [(name, method) for name in names for method in methods]
    arrays = {
        key: tuple(np.array(row, dtype=np.float64) for row in rows) for key, rows in scores.items()
    }
    seen = Attributions(
        ids=split.ids[:m],
        words=tuple(words_of(text) for text in texts),
        target=study.teacher.first.predicted[:m],
        methods=tuple(methods),
        scores=arrays,
        special={pair: np.full(m, np.nan) for pair in pairs},
        gaps={pair: np.full(m, np.nan) for pair in pairs},
        sampled={pair: np.zeros(m, dtype=np.bool_) for pair in pairs},
        deletion={(n, k): np.zeros((m, 2, 2)) for n in names for k in (*methods, "random")},
        shares=(0.1, 0.5),
        counts={},
    )
    return replace(study, split=split).with_observations(seen)


def orders_of(
    scores: Mapping[tuple[str, str, str], Sequence[Floats]], names: Sequence[str]
) -> tuple[dict[tuple[str, str], Floats], dict[str, Floats]]:
    """AOPC of each model's rankings and their limits, where a random game is played of each text.

    Texts of three words stand for those whose coalitions nobody asked about.
    """
    orders: dict[tuple[str, str], Floats] = {}
    limits: dict[str, Floats] = {}
    for place, name in enumerate(names):
        generator = np.random.Generator(np.random.PCG64(place))
        rows = [len(row) for row in scores[name, METHODS[0], ""]]
        games = [generator.random(2**n) if n != 3 else None for n in rows]
        empty = (np.nan, np.nan)
        limits[name] = np.array([empty if v is None else order_limits(v) for v in games])
        means = [np.nan if v is None else random_aopc(v) for v in games]
        orders[name, "random"] = np.column_stack([means, means])
        for method in METHODS:
            areas = []
            for v, row in zip(games, scores[name, method, ""], strict=True):
                order = np.argsort(-row).tolist()
                areas.append(empty if v is None else (aopc(v, order), aopc(v, order[::-1])))
            orders[name, method] = np.array(areas)
    return orders, limits


def attributed_study(n: int = 60, *, explained: int = 24, seed: int = 0) -> Study:
    """A binary study of which some sentences were explained: students near and far."""
    study = classification(n, seed=seed)
    generator = np.random.Generator(np.random.PCG64(seed + 5))
    names = [model.name for model in study.models]
    base = [generator.normal(size=1 + row % 9) for row in range(explained)]

    def noisy(size: float) -> tuple[Floats, ...]:
        return tuple(row + size * generator.normal(size=len(row)) for row in base)

    scores: dict[tuple[str, str, str], tuple[Floats, ...]] = {}
    for method in METHODS:
        for place, name in enumerate(names):
            main = noisy(0.3 + place)
            scores[name, method, ""] = main
            scores[name, method, "reseeded"] = tuple(
                row + 0.1 * generator.normal(size=len(row)) for row in main
            )
            if place:
                scores[name, method, "random weights"] = noisy(9.0)
    pairs = [(name, method) for name in names for method in METHODS]
    orders, limits = orders_of(scores, names)
    seen = Attributions(
        ids=study.split.ids[:explained],
        words=tuple(
            tuple(Word(0, 2 * at, 2 * at + 1, f"w{at}") for at in range(len(row))) for row in base
        ),
        target=study.teacher.first.predicted[:explained],
        methods=METHODS,
        scores=scores,
        special={pair: generator.random(explained) for pair in pairs},
        gaps={pair: generator.random(explained) / 50 for pair in pairs},
        sampled={pair: np.arange(explained) % 3 == 0 for pair in pairs},
        deletion={
            (n, k): generator.normal(size=(explained, 2, 2))
            for n in names
            for k in (*METHODS, "random")
        },
        shares=(0.1, 0.5),
        counts={f"w{at}": at + 1 for at in range(9)},
        orders=orders,
        order_limits=limits,
        estimated=dict.fromkeys(names, np.array([len(row) > 7 for row in base])),
        beam=5,
    )
    students = [model.name for model in study.students]
    gaps = {
        (name, split): generator.random(size)
        for name in students[:-1]
        for split, size in (("train", 9), ("dev", 7))
    }
    reasons = {students[-1]: "it cuts texts into other tokens"} if students else {}
    maps = MapGaps(gaps, reasons, {"train": 9, "dev": 7}, classes=2)
    return study.with_observations(seen, maps)


def two_models(gold: Sequence[int], teacher: Sequence[int], student: Sequence[int]) -> Study:
    """A teacher and one student, by hand."""
    return study_of(gold, teacher, student)
