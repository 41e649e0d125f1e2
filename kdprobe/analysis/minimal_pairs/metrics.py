"""What the numbers on minimal pairs mean, in words for the report.

Does: define each metric once. Does not: compute.
"""

from kdprobe.results.schema import Metric

METRICS = (
    Metric(
        name="accuracy",
        label="accuracy on minimal pairs",
        definition="Share of pairs in which the model gives the acceptable sentence a higher "
        "probability of being acceptable than the damaged one; a tie counts half. Guessing gives "
        "one half.",
        minimum=0,
        maximum=1,
        higher_is_better=True,
        source="Warstadt et al. 2020 (BLiMP)",
    ),
    Metric(
        name="gap",
        label="gap",
        definition="Teacher's accuracy minus the student's on the same pairs; positive means lost. "
        "The p-value is McNemar's over pairs judged differently (a t-test's over pairs and runs "
        "where a model has several); the q-value is Benjamini-Hochberg's over all phenomena and "
        "students.",
        minimum=-1,
        maximum=1,
        higher_is_better=False,
        source="McNemar 1947; Benjamini and Hochberg 1995",
    ),
    Metric(
        name="margin_spearman",
        label="rank correlation of margins",
        definition="Spearman's correlation between the teacher's and the student's margins, the "
        "difference in log-probability of being acceptable between the two sentences of a pair: "
        "whether both find the same pairs easy.",
        minimum=-1,
        maximum=1,
        higher_is_better=True,
    ),
)
