"""What the numbers of `paired_tests` mean, in words for the report.

Does: hold the definitions. Does not: compute.
"""

from __future__ import annotations

from kdprobe.results.schema import Metric


def _difference(name: str, label: str, definition: str, *, unit: str, source: str) -> Metric:
    reach = 1.0 if unit == "share" else None
    return Metric(
        name=name,
        label=label,
        definition=definition,
        unit=unit,
        minimum=None if reach is None else -reach,
        maximum=reach,
        source=source,
    )


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _difference(
            "mcnemar",
            "Accuracy difference, McNemar",
            "Accuracy of model_a minus that of model_b: examples only model_a gets right minus "
            "examples only model_b gets right, over all. p: McNemar's test of equal accuracy, "
            "exact below 25 examples that only one gets right, else chi-square with continuity "
            "correction.",
            unit="share",
            source="McNemar 1947",
        ),
        _difference(
            "mcnemar_midp",
            "Accuracy difference, McNemar mid-p",
            "The same difference with the mid-p variant of McNemar's test, which is less "
            "cautious than the exact one.",
            unit="share",
            source="Fagerland, Lydersen and Laake 2013",
        ),
        Metric(
            name="cochran_q",
            label="Spread of accuracies, Cochran's Q",
            definition="The best model's accuracy minus the worst one's. p: Cochran's Q test that "
            "all models are equally often right.",
            unit="share",
            minimum=0.0,
            maximum=1.0,
            source="Cochran 1950",
        ),
        Metric(
            name="stuart_maxwell",
            label="Shift of predicted labels, Stuart-Maxwell",
            definition="Half the summed differences between the shares in which two models give "
            "each label: the share of predictions that would have to change for the shares to be "
            "equal. p: Stuart-Maxwell test of equal shares.",
            unit="share",
            minimum=0.0,
            maximum=1.0,
            higher_is_better=False,
            source="Stuart 1955; Maxwell 1970",
        ),
        Metric(
            name="minimum_detectable_difference",
            label="Minimum detectable difference",
            definition="2.8 sqrt(d / N), d the share of examples that only one of the two gets "
            "right: the accuracy difference that a test at 5 % finds 8 times in 10. A smaller true "
            "difference would mostly stay unseen on this many examples.",
            unit="share",
            minimum=0.0,
            higher_is_better=False,
            source="normal approximation; 2.8 = 1.96 + 0.84",
        ),
        _difference(
            "pearson_difference",
            "Pearson difference",
            "Pearson's correlation with the gold scores of model_a minus that of model_b, on the "
            "same examples.",
            unit="",
            source="paired bootstrap (Efron and Tibshirani 1993)",
        ),
        _difference(
            "absolute_error_difference",
            "Absolute error difference, Wilcoxon",
            "Mean absolute error of model_a minus that of model_b. p: Wilcoxon's signed-rank test "
            "on the differences; if it does not matter which model predicts, they are symmetric "
            "about 0, which is what the test asks.",
            unit="score",
            source="Wilcoxon 1945; zeros after Pratt 1959",
        ),
    )
}
