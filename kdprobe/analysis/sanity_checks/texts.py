"""Checks of the examples: texts that stand twice, here or in training, and splits too small.

Does: count duplicates by exact text. Does not: find near-duplicates, or look at any model.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from kdprobe.analysis.sanity_checks.check import Check, fine, flagged, unchecked
from kdprobe.observations.study import Study
from kdprobe.observations.train_texts import TrainTexts
from kdprobe.plain_text import how_many
from kdprobe.tasks.task import text_hash

_TRAIN = "texts not seen in training"
_DOUBLES = "every text once"
_SIZE = "enough examples"
_FEW = 30


def _hashes(study: Study) -> list[str]:
    split = study.split
    pairs = split.pairs if split.pairs is not None else (None,) * len(split)
    return [text_hash(text, pair) for text, pair in zip(split.texts, pairs, strict=True)]


def _named(ids: list[str]) -> str:
    shown = ", ".join(ids[:3])
    return f"{shown}, …" if len(ids) > 3 else shown


def check_train(study: Study) -> list[Check]:
    """Look for texts of the split among the training texts."""
    if study.split.name == "train":
        return [unchecked(_TRAIN, "the split is the training split")]
    if not study.has(TrainTexts):
        return [unchecked(_TRAIN, "the training texts are unknown")]
    hashes = zip(study.split.ids, _hashes(study), strict=True)
    training = study.get(TrainTexts).hashes
    repeated = [name for name, key in hashes if key in training]
    detail = f"{len(repeated)} of {study.n} stand in the training split"
    if not repeated:
        return [fine(_TRAIN, detail)]
    message = (
        f"{len(repeated)} of {study.n} texts ({len(repeated) / study.n:.1%}) also stand in the "
        f"training split ({_named(repeated)}): scores on them tell memory, not skill."
    )
    return [flagged(_TRAIN, "train_overlap", "warning", message, detail=detail)]


def check_doubles(study: Study) -> list[Check]:
    """Look for texts that stand twice in the split, above all with different labels."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(_hashes(study)):
        rows[key].append(row)
    double = [group for group in rows.values() if len(group) > 1]
    if not double:
        return [fine(_DOUBLES, f"{study.n} different texts")]
    labels, known = study.split.labels, study.split.has_gold
    torn = [
        group
        for group in double
        if labels is not None and len(np.unique(labels[group][known[group]])) > 1
    ]
    texts = how_many(len(double), "text")
    detail = f"{texts} more than once, {len(torn):,} of them with different labels"
    if torn:
        ids = [study.split.ids[row] for group in torn for row in group]
        message = (
            f"{how_many(len(torn), 'text stands', 'texts stand')} in the split with different "
            f"gold labels ({_named(ids)}): no model can be right on all of them."
        )
        return [flagged(_DOUBLES, "conflicting_duplicates", "warning", message, detail=detail)]
    extra = sum(len(group) - 1 for group in double)
    ids = [study.split.ids[row] for group in double for row in group]
    message = (
        f"{how_many(len(double), 'text stands', 'texts stand')} more than once in the split "
        f"({_named(ids)}): {how_many(extra, 'example is', 'examples are')} counted "
        "again, and intervals are a little too narrow."
    )
    return [flagged(_DOUBLES, "duplicate_texts", "note", message, detail=detail)]


def check_size(study: Study) -> list[Check]:
    """Look for splits of which little can be said: few examples, or few with a gold label."""
    known = len(study.split.gold_rows)
    if study.n < _FEW:
        message = (
            f"The split has {study.n} of at least {_FEW} examples: intervals are wide and rough."
        )
        return [flagged(_SIZE, "few_examples", "note", message, detail=f"{study.n} examples")]
    if 0 < known < _FEW:
        message = (
            f"{known} of at least {_FEW} examples have a gold label: intervals of all that is "
            "measured against gold labels are wide and rough."
        )
        return [flagged(_SIZE, "few_labels", "note", message, detail=f"{known} gold labels")]
    return [fine(_SIZE, f"{study.n} examples")]


def check_one_label(study: Study) -> list[Check]:
    """Look for splits all of whose gold labels are one."""
    labels, task = study.split.labels, study.split.task
    if labels is None or len(np.unique(labels)) > 1 or study.n < 2:
        return []
    only = task.labels[int(labels[0])] if task.labels else f"{labels[0]:g}"
    message = f"All {study.n} gold labels are '{only}': nothing that compares labels is defined."
    what, detail = "more than one gold label", f"always '{only}'"
    return [flagged(what, "single_class", "warning", message, detail=detail)]
