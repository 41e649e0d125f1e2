"""What the numbers of `task_scores` mean, in words for the report.

Does: hold the definitions. Does not: compute.
"""

from __future__ import annotations

from kdprobe.results.schema import Metric


def _share(name: str, label: str, definition: str, source: str = "") -> Metric:
    return Metric(
        name=name,
        label=label,
        definition=definition,
        unit="share",
        minimum=0.0,
        maximum=1.0,
        higher_is_better=True,
        source=source,
    )


_SCORES: tuple[Metric, ...] = (
    _share("accuracy", "Accuracy", "The share of examples whose predicted label is the gold one."),
    Metric(
        name="mcc",
        label="MCC",
        definition="Matthews' correlation between predicted and gold labels: 1 is perfect, 0 is "
        "what guessing with fixed label shares gives. Undefined, not 0, when only one label is "
        "predicted.",
        minimum=-1.0,
        maximum=1.0,
        higher_is_better=True,
        source="Matthews 1975; Gorodkin 2004 for more than two labels",
    ),
    _share(
        "f1",
        "F1",
        "The harmonic mean of precision and recall of the task's positive label.",
        "van Rijsbergen 1979",
    ),
    _share(
        "f1_macro",
        "F1, mean over labels",
        "F1 of each label, averaged with equal weight over the labels that occur in the gold "
        "labels or the predictions.",
        "Opitz and Burst 2019",
    ),
    _share(
        "f1_micro",
        "F1, pooled over labels",
        "F1 of all decisions pooled; with one label for each example it equals the accuracy.",
    ),
    _share(
        "f1_samples",
        "F1, mean over examples",
        "F1 of each example's set of labels, 2 |both| / (|gold| + |predicted|), averaged over the "
        "examples; 1 where both sets are empty.",
        "Godbole and Sarawagi 2004",
    ),
    _share(
        "subset_accuracy",
        "Subset accuracy",
        "The share of examples whose predicted set of labels is the gold one, all labels of it.",
    ),
    Metric(
        name="hamming_loss",
        label="Hamming loss",
        definition="The share of all decisions, one for each label of each example, that are "
        "wrong.",
        unit="share",
        minimum=0.0,
        maximum=1.0,
        higher_is_better=False,
        source="Schapire and Singer 1999",
    ),
    Metric(
        name="pearson",
        label="Pearson",
        definition="The linear correlation of predicted and gold scores.",
        minimum=-1.0,
        maximum=1.0,
        higher_is_better=True,
    ),
    Metric(
        name="spearman",
        label="Spearman",
        definition="The correlation of the ranks of predicted and gold scores; ties share a rank.",
        minimum=-1.0,
        maximum=1.0,
        higher_is_better=True,
    ),
    Metric(
        name="mse",
        label="Mean squared error",
        definition="The mean of the squared difference between predicted and gold score.",
        unit="score squared",
        minimum=0.0,
        higher_is_better=False,
    ),
    Metric(
        name="mean_absolute_error",
        label="Mean absolute error",
        definition="The mean distance between predicted and gold score.",
        unit="score",
        minimum=0.0,
        higher_is_better=False,
    ),
    Metric(
        name="concordance",
        label="Concordance",
        definition="How close predictions lie to the gold scores themselves, not only to a line "
        "through them: a shift or another scale lowers it.",
        minimum=-1.0,
        maximum=1.0,
        higher_is_better=True,
        source="Lin 1989",
    ),
)

_PER_LABEL: tuple[Metric, ...] = (
    _share(
        "precision",
        "Precision",
        "Of the examples predicted as this label, the share that has it.",
    ),
    _share(
        "recall",
        "Recall",
        "Of the examples that have this label, the share that is predicted so.",
    ),
    _share(
        "label_f1",
        "F1 of a label",
        "The harmonic mean of precision and recall of one of several labels that an example may "
        "have at once.",
        "van Rijsbergen 1979",
    ),
)


def _difference(score: Metric) -> Metric:
    reach = None if score.maximum is None else score.maximum - (score.minimum or 0.0)
    return Metric(
        name=f"{score.name}_difference",
        label=f"{score.label}: student minus teacher",
        definition=f"The student's {score.label} minus the teacher's, on the same examples; the "
        f"interval is of the difference itself.",
        unit=score.unit,
        minimum=None if reach is None else -reach,
        maximum=reach,
        higher_is_better=score.higher_is_better,
    )


_BESIDES: tuple[Metric, ...] = (
    Metric(
        name="relative_drop",
        label="Relative drop",
        definition="(teacher - student) / teacher of the task's primary score: the share of the "
        "teacher's score that is gone. Negative when the student is better.",
        unit="share",
        higher_is_better=False,
    ),
    _share(
        "majority_baseline",
        "Majority baseline",
        "The accuracy of always giving the most frequent gold label: what a model must beat.",
    ),
    Metric(
        name="mean_baseline",
        label="Mean baseline",
        definition="The mean squared error of always predicting the mean gold score: what a model "
        "must stay below.",
        unit="score squared",
        minimum=0.0,
    ),
)

METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (*_SCORES, *_PER_LABEL, *map(_difference, _SCORES), *_BESIDES)
}
