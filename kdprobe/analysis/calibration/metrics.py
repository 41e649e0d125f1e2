"""What the numbers of `calibration` mean, for people. Does not compute."""

from __future__ import annotations

from kdprobe.results.schema import Metric

_GUO = "Guo et al. 2017, On calibration of modern neural networks"


def _difference(name: str, label: str, of: str, limit: float | None) -> Metric:
    return Metric(
        name=name,
        label=label,
        definition=f"{of} of model_b (the student) minus that of model_a (the teacher), on the "
        "same examples and resamples; positive: the student is worse.",
        minimum=None if limit is None else -limit,
        maximum=limit,
        higher_is_better=False,
    )


_FIXED = (
    Metric(
        name="ece_null",
        label="ECE of perfect calibration",
        definition="The mean ECE that a perfectly calibrated model with these very confidences "
        "shows at this number of examples, by chance alone; the interval holds 95 % of such "
        "models.",
        unit="probability",
        minimum=0,
        maximum=1,
        source="simulation: each prediction is right with the probability it claims",
    ),
    Metric(
        name="ece_null_95",
        label="ECE of perfect calibration, 95th percentile",
        definition="An ECE above this value is rarer than 1 in 20 for a perfectly calibrated "
        "model with these very confidences.",
        unit="probability",
        minimum=0,
        maximum=1,
        source="simulation: each prediction is right with the probability it claims",
    ),
    Metric(
        name="overconfidence",
        label="overconfidence",
        definition="Mean confidence minus accuracy. Positive: the model is right less often "
        "than it claims; negative: more often.",
        unit="probability",
        minimum=-1,
        maximum=1,
    ),
    Metric(
        name="brier",
        label="Brier score",
        definition="The squared distance between the predicted probabilities and the gold "
        "label (1 for it, 0 for the others), summed over classes and averaged over examples; "
        "0 is best, 2 worst.",
        minimum=0,
        maximum=2,
        higher_is_better=False,
        source="Brier 1950, the sum over all classes",
    ),
    Metric(
        name="nll",
        label="negative log-likelihood",
        definition="The average of minus the logarithm of the probability given to the gold "
        "label. 0 is best; a sure mistake costs much.",
        unit="nats",
        minimum=0,
        higher_is_better=False,
    ),
    Metric(
        name="temperature",
        label="best temperature",
        definition="The number by which to divide all logits so that the negative "
        "log-likelihood on these very examples is smallest. Above 1: the model is too sure of "
        "itself; below 1: not sure enough. Not the temperature of distillation.",
        minimum=0,
        source=_GUO,
    ),
    Metric(
        name="nll_at_temperature",
        label="negative log-likelihood at the best temperature",
        definition="The negative log-likelihood after dividing the logits by the best "
        "temperature, fitted on the same examples (so a little too good): what remains is not "
        "a matter of being too sure.",
        unit="nats",
        minimum=0,
        higher_is_better=False,
        source=_GUO,
    ),
    _difference(
        "calibration_error_difference", "difference in calibration error", "Calibration error", 2
    ),
    _difference("brier_difference", "difference in Brier score", "Brier score", 2),
    _difference("nll_difference", "difference in NLL", "Negative log-likelihood", None),
)


def metrics(bins: int) -> tuple[Metric, ...]:
    """Return the definitions, with the number of bins that was asked for."""
    return (
        Metric(
            name="calibration_error",
            label="Calibration error",
            definition=f"How far confidence lies from the share that is right, over {bins} equally "
            "wide bins of confidence: the root of the mean squared gap, less what chance adds to "
            "it at this number of examples. 0: no error beyond chance; below 0: less than chance "
            "adds on average.",
            unit="probability",
            minimum=-1,
            maximum=1,
            higher_is_better=False,
            source="Kumar, Liang and Ma 2019, debiased; top label",
        ),
        Metric(
            name="ece",
            label="ECE",
            definition="Expected calibration error: predictions are put into "
            f"{bins} equally wide bins by the probability of the predicted class; in each bin the "
            "share that is right is compared with the mean confidence, and the differences are "
            "averaged by bin size. 0 is best. Never 0 by chance: read it beside ece_null. The "
            "p-value is the chance of an ECE this large for a perfectly calibrated model.",
            unit="probability",
            minimum=0,
            maximum=1,
            higher_is_better=False,
            source=f"{_GUO}; top label, bins closed on the right",
        ),
        Metric(
            name="ece_equal_mass",
            label="ECE, bins of equal size",
            definition=f"The same with {bins} bins that hold about equally many examples; bins of "
            "equal width are nearly empty where a model is never unsure. Equal confidences share "
            "a bin. 0 is best.",
            unit="probability",
            minimum=0,
            maximum=1,
            higher_is_better=False,
            source="Nguyen and O'Connor 2015",
        ),
        *_FIXED,
    )
