"""What the numbers on probing mean, in words for the report.

Does: define each metric once. Does not: compute.
"""

from kdprobe.results.schema import Metric


def _share(name: str, label: str, definition: str, source: str = "") -> Metric:
    return Metric(
        name=name, label=label, definition=definition, minimum=0, maximum=1,
        higher_is_better=True, source=source,
    )  # fmt: skip


METRICS = (
    _share(
        "accuracy",
        "probing accuracy",
        "Test accuracy of the probing classifier chosen on dev, trained on one layer's vectors of "
        "whole sentences. Layer 0 is the embedding output, layer l what block l gives, head the "
        "vector the classifier reads. With several probe seeds or runs: their mean. Undefined "
        "where it is below the majority class: the probe found nothing.",
        "Conneau et al. 2018",
    ),
    _share(
        "random_accuracy",
        "accuracy with random weights",
        "The same probe on the same architecture with random weights: what the words and their "
        "order give away without training.",
    ),
    _share(
        "majority",
        "majority class",
        "Test accuracy of always saying the most frequent training class.",
    ),
    _share(
        "word_endings",
        "word endings",
        "Test accuracy of naive Bayes over the last three letters of each word; no model is asked.",
    ),
    Metric(
        name="selectivity",
        label="selectivity",
        definition="Probing accuracy minus that of a control task on the same sentences, whose "
        "random classes hang on each sentence's rarest known word (an adaptation of the control "
        "task to sentences). Near 0: the probe may only remember words. Of several probe seeds the "
        "control task is fitted from the first.",
        minimum=-1,
        maximum=1,
        higher_is_better=True,
        source="Hewitt and Liang 2019, adapted",
    ),
    Metric(
        name="mdl_bits",
        label="online code length",
        definition="Bits that the training labels cost when they are sent in blocks that end at "
        ".1 .2 .4 .8 1.6 3.2 6.25 12.5 25 50 100 % of the shuffled sentences, each coded by a "
        "probe trained on those before it: logistic regression on standardised features, whatever "
        "probe the accuracies are of. The first block costs log2 of the number of classes a label.",
        unit="bits",
        minimum=0,
        higher_is_better=False,
        source="Voita and Titov 2020",
    ),
    Metric(
        name="mdl_compression",
        label="compression",
        definition="The code length without any probe, n log2 K, over the online code length. 1: "
        "the layer saves nothing; labels drawn at random reach about 1.",
        minimum=0,
        higher_is_better=True,
        source="Voita and Titov 2020",
    ),
    Metric(
        name="random_mdl_compression",
        label="compression with random weights",
        definition="The same on the same architecture with random weights.",
        minimum=0,
        higher_is_better=True,
    ),
    Metric(
        name="gap",
        label="probing gap",
        definition="Teacher's probing accuracy minus the student's on the same test sentences; "
        "positive means lost. A layer `t:s` sets the student's layer s against the teacher's layer "
        "t at the same relative depth; `best` sets the best layers by dev accuracy against each "
        "other. The p-value is McNemar's (where there are several runs or probe seeds, a t-test's "
        "over sentences and over runs, or over the seeds of one run); q-values are "
        "Benjamini-Hochberg's, one family for `best`, one for the layers.",
        minimum=-1,
        maximum=1,
        higher_is_better=False,
        source="McNemar 1947; Benjamini and Hochberg 1995",
    ),
    Metric(
        name="gap_by_number",
        label="probing gap, layers of one number",
        definition="The same gap of the teacher's layer l and the student's layer l, counted from "
        "the embeddings, where they do not stand at the same relative depth; a family of its own.",
        minimum=-1,
        maximum=1,
        higher_is_better=False,
    ),
    Metric(
        name="retention",
        label="retention",
        definition="(student - floor) / (teacher - floor) of the accuracies at the best layers, "
        "floor being the teacher's architecture with random weights at its own best layer. "
        "Undefined where the teacher is not beyond the floor by more than noise.",
        higher_is_better=True,
    ),
    Metric(
        name="centre_of_gravity",
        label="centre of gravity",
        definition="The mean relative depth (0: embeddings, 1: last block), each layer weighted by "
        "its accuracy above the majority class: where in the model a task can be read.",
        minimum=0,
        maximum=1,
        source="after Tenney et al. 2019",
    ),
    Metric(
        name="centre_of_gravity_shift",
        label="shift of the centre of gravity",
        definition="The student's centre of gravity minus the teacher's; positive: later.",
        minimum=-1,
        maximum=1,
    ),
)
