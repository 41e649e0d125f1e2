"""What the numbers of `causal_use` mean, in words for the report.

Does: define each metric once. Does not: compute.
"""

from kdprobe.results.schema import Metric

_ERASED = (
    "the property (the subset) erased from the states of every token after one layer by the least "
    "affine map after which no linear classifier reads it"
)
SOURCE = "Belrose et al. 2023 (LEACE)"

METRICS = (
    Metric(
        name="use",
        label="use beyond control",
        definition="How far erasing moves the predictions, less how far erasing random subspaces "
        "of the same rank and variance does, in the mean. The interval is over examples and "
        "random subspaces; the one-sided p-value (t-test) also asks whether the property lies "
        "beyond what these subspaces differ among themselves, relative to their mean and pooled "
        "over the properties of a layer; q-values are Benjamini-Hochberg's over all models, "
        "properties and layers.",
        source=SOURCE,
    ),
    Metric(
        name="erased_change",
        label="change by erasing",
        definition=f"With {_ERASED}: the mean KL divergence of the predictions from those of the "
        "unchanged model, in nats; of a regression the mean absolute change.",
        minimum=0,
        source=SOURCE,
    ),
    Metric(
        name="control_change",
        label="change by random subspaces",
        definition="The same with a random subspace erased in place of the property, at every "
        "token of as many dimensions and as much variance, in the mean over draws.",
        minimum=0,
    ),
    Metric(
        name="flips_beyond_control",
        label="flips beyond control",
        definition="The share of predicted labels that erasing changes, less that of random "
        "subspaces.",
        unit="share",
        minimum=-1,
        maximum=1,
    ),
    Metric(
        name="score_loss_beyond_control",
        label="score lost beyond control",
        definition="What erasing takes from the task's primary score, less what random subspaces "
        "take: positive means that the task needs the property. P-values and q-values as of "
        "the use.",
    ),
    Metric(
        name="use_lost",
        label="use lost",
        definition="The teacher's use beyond control, averaged over its layers, minus the "
        "student's: positive means that the student uses the property less.",
        higher_is_better=False,
    ),
)
