"""What the numbers on the similarity of layers mean, in words for the report.

Does: define each metric once. Does not: compute.
"""

from __future__ import annotations

from kdprobe.results.schema import Metric

_CKA = "Kornblith et al. 2019; Nguyen et al. 2021; Song et al. 2012"
_PROCRUSTES = "Ding et al. 2021"


def _cka(name: str, label: str, definition: str, *, better: bool | None = None) -> Metric:
    return Metric(
        name=name, label=label, definition=definition, minimum=-1, maximum=1,
        higher_is_better=better, source=_CKA,
    )  # fmt: skip


METRICS = (
    _cka(
        "cka",
        "CKA",
        "Linear centred kernel alignment of two layers' vectors of the same sentences: 1 where one "
        "is the other turned and scaled. Debiased (unbiased HSIC): 0 in expectation for unrelated "
        "vectors of any width; where the method says biased, the plain one, which tends to 1 as "
        "the width grows beyond the number of sentences. A layer `t:s` is the teacher's layer t "
        "and the student's layer s. The p-value is a permutation test's: one side's sentences "
        "shuffled (of several runs the largest); q-values are Benjamini-Hochberg's over all "
        "layers of a student.",
        better=True,
    ),
    _cka(
        "random_cka",
        "CKA with random weights",
        "The same with the student's architecture before training: what words and architecture "
        "alone make alike, the floor.",
    ),
    _cka(
        "reseeded_cka",
        "CKA with another seed",
        "The same of the teacher's first run with its other runs, averaged: the ceiling.",
    ),
    _cka(
        "best_match_cka",
        "CKA of the best match",
        "The largest CKA of a layer of the teacher with any layer of the student, the student's "
        "vector at its head among them; a table names it. The interval is that of this "
        "layer, chosen on the same sentences.",
        better=True,
    ),
    _cka(
        "mean_best_match",
        "CKA of the best matches",
        "The mean of the best matches of the teacher's layers, embeddings included, head left out.",
        better=True,
    ),
    _cka(
        "random_mean_best_match",
        "CKA of the best matches, random weights",
        "The same with the student's architecture before training.",
    ),
    _cka(
        "mean_equal_depth",
        "CKA at equal depth",
        "The mean over the student's layers, embeddings included, of the CKA with the teacher's "
        "layer at the same relative depth; head left out.",
        better=True,
    ),
    _cka(
        "random_mean_equal_depth",
        "CKA at equal depth, random weights",
        "The same with the student's architecture before training.",
    ),
    _cka(
        "reseeded_mean_equal_depth",
        "CKA at equal depth, another seed",
        "The same of the teacher's first run with its other runs.",
    ),
    Metric(
        name="equal_depth_above_random",
        label="CKA at equal depth above random weights",
        definition="CKA at equal depth minus the same with random weights, on the same sentences: "
        "what training made alike.",
        minimum=-2,
        maximum=2,
        higher_is_better=True,
    ),
    Metric(
        name="procrustes",
        label="Procrustes distance",
        definition="2 - 2 |X'Y|* / (|X| |Y|), |.|* the sum of singular values, of centred vectors: "
        "their squared distance at length 1 after the best rotation. 0: the same up to turning and "
        "scaling; 2: nothing in common. It falls for any vectors when the sentences are not many "
        "times the width: read it beside random weights. The interval keeps the best rotation.",
        minimum=0,
        maximum=2,
        higher_is_better=False,
        source=_PROCRUSTES,
    ),
    Metric(
        name="random_procrustes",
        label="Procrustes distance with random weights",
        definition="The same with the student's architecture before training.",
        minimum=0,
        maximum=2,
        source=_PROCRUSTES,
    ),
)
