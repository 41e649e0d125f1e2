"""What the numbers of `confidence` mean, for people. Does not compute."""

from __future__ import annotations

from kdprobe.results.schema import Metric

_THESIS = "the prediction analysis (P2, P3, P5) of the 2020 thesis on distilled students"


def _correlation(name: str, label: str, definition: str, source: str) -> Metric:
    return Metric(
        name=name,
        label=label,
        definition=definition,
        minimum=-1,
        maximum=1,
        higher_is_better=True,
        source=source,
    )


OF_PROBABILITIES = (
    Metric(
        name="mean_confidence",
        label="mean confidence",
        definition="The average probability that a model gives to the class it predicts; over all "
        "examples, its hits, or its mistakes. With k classes it is at least 1/k, so compare it "
        "within one task only.",
        unit="probability",
        minimum=0,
        maximum=1,
        source=_THESIS,
    ),
    Metric(
        name="confidence_difference",
        label="difference in mean confidence",
        definition="Mean confidence of model_b minus that of model_a on the same examples; "
        "positive: model_b is the more confident.",
        unit="probability",
        minimum=-1,
        maximum=1,
        source=_THESIS,
    ),
    _correlation(
        "pearson",
        "confidence, Pearson",
        "Pearson correlation of the two models' confidences. Published figures use it, but most "
        "confidences crowd near 1, which hides most of the relation; read Spearman first.",
        _THESIS,
    ),
    _correlation(
        "spearman",
        "confidence, Spearman",
        "Rank correlation of the two models' confidences: are they sure and unsure of the same "
        "examples? Ties get average ranks.",
        "Spearman 1904",
    ),
    _correlation(
        "margin_pearson",
        "margin, Pearson",
        "Pearson correlation of the two models' log-odds, log p - log(1 - p), for one class of "
        "each example: the one that model_a (the teacher) predicts. Where model_b prefers another "
        "class its margin is negative, so disagreement counts against it.",
        "log-odds instead of probabilities, which saturate",
    ),
    _correlation(
        "margin_spearman",
        "margin, Spearman",
        "Rank correlation of the two models' log-odds for the class that model_a (the teacher) "
        "predicts.",
        "log-odds instead of probabilities, which saturate",
    ),
)

OF_SCORES = (
    _correlation(
        "pearson",
        "predicted scores, Pearson",
        "Pearson correlation of the numbers that the two models predict. A regression has no "
        "confidence; this says how far the two models order and space examples alike.",
        "",
    ),
    _correlation(
        "spearman",
        "predicted scores, Spearman",
        "Rank correlation of the numbers that the two models predict. A regression has no "
        "confidence; this says how far the two models order examples alike.",
        "Spearman 1904",
    ),
    Metric(
        name="mean_absolute_difference",
        label="predicted scores, mean absolute difference",
        definition="The mean over examples of the absolute difference of the two models' predicted "
        "numbers, in the unit of the scores: 0 means the same numbers.",
        unit="score points",
        minimum=0,
        higher_is_better=False,
    ),
    Metric(
        name="mean_difference",
        label="predicted scores, mean difference",
        definition="The mean over examples of the number that model_b predicts minus that of "
        "model_a: the bias of a student against its teacher. Positive: model_b predicts more.",
        unit="score points",
    ),
)
