"""What the numbers of `per_label` mean, in words for the report.

Does: hold the definitions. Does not: compute.
"""

from __future__ import annotations

from kdprobe.results.schema import Metric

_ALL = " Over all labels: the mean over those where it is defined."


def _share(name: str, label: str, definition: str, source: str = "") -> Metric:
    return Metric(
        name=name, label=label, definition=definition, unit="share", minimum=0.0, maximum=1.0,
        higher_is_better=True, source=source,
    )  # fmt: skip


OF_PAIR: tuple[Metric, ...] = (
    _share(
        "label_agreement",
        "Agreement on a label",
        "The share of examples of which both models say the same of this label: that they have it, "
        f"or not.{_ALL}",
    ),
    Metric(
        name="label_kappa",
        label="Kappa of a label",
        definition="Cohen's kappa of the two models' decisions on this label. Undefined, not 0, "
        f"where one of them decides the same of every example.{_ALL}",
        minimum=-1.0,
        maximum=1.0,
        higher_is_better=True,
        source="Cohen 1960",
    ),
    Metric(
        name="label_kl",
        label="KL of a label",
        definition="KL(teacher || student) of the label's own probability, a distribution over yes "
        f"and no, averaged over the examples.{_ALL}",
        unit="nats",
        minimum=0.0,
        higher_is_better=False,
        source="Kullback and Leibler 1951",
    ),
    Metric(
        name="joint_kl",
        label="KL of all labels",
        definition="The KL divergences of all labels added up: that of the two distributions over "
        "whole sets, since each model's labels are independent given the text.",
        unit="nats",
        minimum=0.0,
        higher_is_better=False,
    ),
    Metric(
        name="label_pearson",
        label="Pearson of a label's probabilities",
        definition=f"The correlation of the two models' probabilities of this label.{_ALL}",
        minimum=-1.0,
        maximum=1.0,
        higher_is_better=True,
    ),
    Metric(
        name="label_spearman",
        label="Spearman of a label's probabilities",
        definition=f"The rank correlation of the two models' probabilities of this label.{_ALL}",
        minimum=-1.0,
        maximum=1.0,
        higher_is_better=True,
    ),
)

OF_MODEL: tuple[Metric, ...] = (
    _share(
        "average_precision",
        "Average precision",
        "Precision averaged over the recalls that a falling threshold reaches: how well a label's "
        f"probabilities rank the examples, whatever the threshold.{_ALL}",
        "Manning, Raghavan and Schütze 2008, 8.4",
    ),
    Metric(
        name="label_calibration_error",
        label="Calibration error of a label",
        definition="How far a label's probabilities lie from the share of examples that have it: "
        "an ECE's squared kind without the part that chance adds, its root; below 0, they lie "
        f"nearer than chance would have it.{_ALL}",
        unit="probability",
        minimum=-1.0,
        maximum=1.0,
        higher_is_better=False,
        source="Kumar, Liang and Ma 2019",
    ),
    Metric(
        name="label_brier",
        label="Brier score of a label",
        definition="The squared difference between a label's probability and 1 where an example "
        f"has it, else 0, averaged over the examples.{_ALL}",
        minimum=0.0,
        maximum=1.0,
        higher_is_better=False,
        source="Brier 1950",
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in (*OF_PAIR, *OF_MODEL)}
