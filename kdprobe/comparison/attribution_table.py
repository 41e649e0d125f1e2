"""`attributions.parquet`: every word score of a comparison.

Does: lay out one row per example, model, method and word. Does not: compute.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kdprobe.observations.attributions import Attributions
from kdprobe.observations.own_sentences import OwnSentences
from kdprobe.observations.study import Study

WORD_SCORES = "attributions.parquet"
_COLUMNS = ("id", "model", "method", "explained", "word_index", "segment", "start", "end",
            "word", "score", "gap")  # fmt: skip


def write_parquet(study: Study, folder: Path) -> None:
    """Write `attributions.parquet`, a row per example, model, method and word; nothing without."""
    study = study.get(OwnSentences).study if study.has(OwnSentences) else study
    if not study.has(Attributions):
        return
    seen = study.get(Attributions)
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list[object]] = {name: [] for name in _COLUMNS}
    for (model, method, kind), arrays in seen.scores.items():
        if kind:
            continue
        explained = seen.own_target.get(model, seen.target).tolist()
        for key, words, target, gap, scores in zip(
            seen.ids, seen.words, explained, seen.gaps[model, method].tolist(), arrays, strict=True
        ):
            if not len(scores):
                continue
            labels = study.split.task.labels
            missed = None if np.isnan(gap) else gap
            for index, (word, score) in enumerate(zip(words, scores.tolist(), strict=True)):
                shown = None if np.isnan(score) else score
                row = (key, model, method, labels[target] if labels else None, index, word.segment,
                       word.start, word.end, word.text, shown, missed)  # fmt: skip
                for name, value in zip(_COLUMNS, row, strict=True):
                    columns[name].append(value)
    pq.write_table(pa.table(columns), folder / WORD_SCORES, compression="zstd")
