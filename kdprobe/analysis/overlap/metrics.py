"""What the numbers of `overlap` mean, for people. Does not compute."""

from __future__ import annotations

from kdprobe.results.schema import Metric

_THESIS = "the prediction overlap (P6) of the 2020 thesis on distilled students"
_COMPATIBILITY = "Bansal et al. 2019, Updates in human-AI teams"
_FLIPS = "Yan et al. 2021, Positive-congruent training"


def _share(name: str, label: str, definition: str, source: str, better: bool | None) -> Metric:
    return Metric(
        name=name,
        label=label,
        definition=definition,
        unit="share",
        minimum=0,
        maximum=1,
        higher_is_better=better,
        source=source,
    )


METRICS = (
    _share(
        "mistakes_shared",
        "mistakes shared",
        "Of the examples that model_a gets wrong, the share that model_b gets wrong too, with "
        "whatever label. To be read beside its chance level.",
        _THESIS,
        None,
    ),
    _share(
        "mistakes_shared_chance",
        "mistakes shared by chance",
        "What mistakes_shared would be if the two models failed independently: the share of all "
        "examples that model_b gets wrong (1 minus its accuracy).",
        "",
        None,
    ),
    _share(
        "hits_shared",
        "hits shared",
        "Of the examples that model_a gets right, the share that model_b gets right too. To be "
        "read beside its chance level.",
        _THESIS,
        True,
    ),
    _share(
        "hits_shared_chance",
        "hits shared by chance",
        "What hits_shared would be if the two models succeeded independently: the accuracy of "
        "model_b.",
        "",
        None,
    ),
    _share(
        "mistakes_jaccard",
        "Jaccard of mistakes",
        "Of the examples that at least one of the two models gets wrong, the share that both get "
        "wrong. Symmetric; 1 means the same set of mistakes.",
        "Jaccard index",
        None,
    ),
    _share(
        "backward_trust",
        "backward trust",
        "Of the examples that model_a (the teacher) gets right, the share that model_b still gets "
        "right: how far what was right before can be relied on.",
        _COMPATIBILITY,
        True,
    ),
    _share(
        "backward_error",
        "backward error",
        "Of the examples that model_a (the teacher) gets wrong, the share that model_b gets wrong "
        "too: how much of its failure was handed on.",
        _COMPATIBILITY,
        None,
    ),
    _share(
        "negative_flips",
        "negative flips",
        "The share of all examples that model_a gets right and model_b gets wrong: what was lost.",
        _FLIPS,
        False,
    ),
    _share(
        "positive_flips",
        "positive flips",
        "The share of all examples that model_a gets wrong and model_b gets right: what was "
        "gained. Positive minus negative flips is exactly the difference in accuracy.",
        _FLIPS,
        True,
    ),
    _share(
        "negative_flip_impact",
        "negative flip impact",
        "Of the examples that model_b gets wrong, the share that model_a gets right: negative "
        "flips divided by the error rate of model_b.",
        _FLIPS,
        False,
    ),
    Metric(
        name="flip_direction",
        label="direction of flips",
        definition="(Negative - positive flips) / (negative + positive flips): 1 when every flip "
        "loses a right answer, -1 when every flip mends a mistake, 0 when they even out. Churn and "
        "KL tell how much differs, this which way; its n is the number of flips.",
        minimum=-1,
        maximum=1,
        higher_is_better=False,
        source="arXiv:2606.19558",
    ),
)
