"""What the numbers of `agreement` mean, in words for the report.

Does: hold the definitions. Does not: compute.
"""

from __future__ import annotations

from kdprobe.results.schema import Metric


def _coefficient(name: str, label: str, definition: str, source: str = "") -> Metric:
    return Metric(
        name=name,
        label=label,
        definition=definition,
        minimum=-1.0,
        maximum=1.0,
        higher_is_better=True,
        source=source,
    )


def _neutral(name: str, label: str, definition: str, source: str = "") -> Metric:
    return _coefficient(name, label, definition, source).model_copy(
        update={"higher_is_better": None}
    )


def _distance(
    name: str, label: str, definition: str, *, unit: str, maximum: float | None, source: str
) -> Metric:
    return Metric(
        name=name,
        label=label,
        definition=definition,
        unit=unit,
        minimum=0.0,
        maximum=maximum,
        higher_is_better=False,
        source=source,
    )


_SHARES: tuple[Metric, ...] = (
    Metric(
        name="agreement",
        label="Agreement",
        definition="The share of examples on which both models predict the same label, right or "
        "wrong. Also called label loyalty.",
        unit="share",
        minimum=0.0,
        maximum=1.0,
        higher_is_better=True,
        source="Stanton et al. 2021 (top-1 agreement); Xu et al. 2021 (label loyalty)",
    ),
    Metric(
        name="churn",
        label="Churn",
        definition="The share of examples on which the predicted labels differ: 1 - agreement. "
        "Also called flip rate.",
        unit="share",
        minimum=0.0,
        maximum=1.0,
        higher_is_better=False,
        source="Milani Fard et al. 2016",
    ),
)

_KAPPAS: tuple[Metric, ...] = (
    _coefficient(
        "cohens_kappa",
        "Cohen's kappa",
        "Agreement beyond what two models with these label shares would reach by chance: 1 is "
        "full agreement, 0 is chance. Method asymptotic: the same value with the large-sample "
        "interval. Read it with its attainable range.",
        "Cohen 1960; interval: Fleiss, Cohen and Everitt 1969",
    ),
    _coefficient(
        "pabak",
        "PABAK",
        "Kappa with all labels taken as equally likely by chance; skewed labels do not lower it.",
        "Byrt, Bishop and Carlin 1993",
    ),
    _coefficient(
        "gwet_ac1",
        "Gwet's AC1",
        "Agreement beyond chance where chance is taken from how varied the labels are; steadier "
        "than kappa when one label dominates.",
        "Gwet 2008",
    ),
    _neutral(
        "kappa_attainable_low",
        "Lowest attainable kappa",
        "The smallest kappa two models can have that make, on each gold label, exactly the "
        "mistakes these two make, if they share as few as possible.",
    ),
    _neutral(
        "kappa_attainable_high",
        "Highest attainable kappa",
        "The largest kappa two models can have that make, on each gold label, exactly the "
        "mistakes these two make, if they share as many as possible.",
    ),
    _neutral(
        "kappa_independent",
        "Kappa of independent mistakes",
        "The kappa expected if each model made its mistakes independently of the other, given "
        "the gold label: what being good at the task gives for free.",
        "Geirhos, Meding and Wichmann 2020, given the label",
    ),
    Metric(
        name="kappa_normalised",
        label="Kappa, place in its range",
        definition="(kappa - kappa of independent mistakes) / (highest attainable kappa - kappa "
        "of independent mistakes): 0 when mistakes are independent, 1 when as many as possible "
        "are shared, negative when the models avoid each other's mistakes.",
        maximum=1.0,
        higher_is_better=True,
    ),
    _neutral(
        "error_consistency",
        "Error consistency",
        "Cohen's kappa of right and wrong: whether two models fail on the same examples more "
        "often than their accuracies alone explain. 0: independent.",
        "Geirhos, Meding and Wichmann 2020",
    ),
    _coefficient(
        "fleiss_kappa",
        "Fleiss' kappa",
        "Agreement beyond chance of all models at once, chance from their pooled label shares.",
        "Fleiss 1971",
    ),
    _coefficient(
        "krippendorff_alpha",
        "Krippendorff's alpha",
        "Agreement beyond chance of all models at once, with a small-sample correction.",
        "Krippendorff 2011, nominal labels",
    ),
)

_KL = "Kullback and Leibler 1951; Stanton et al. 2021 (predictive KL)"
_DISTANCES: tuple[Metric, ...] = (
    _distance(
        "kl",
        "KL divergence, mean",
        "The mean over examples of KL(model_a || model_b), temperature 1: how badly model_b's "
        "probabilities stand in for model_a's. A few confident disagreements carry it.",
        unit="nats",
        maximum=None,
        source=_KL,
    ),
    _distance(
        "kl_median",
        "KL divergence, median",
        "KL(model_a || model_b) of the example in the middle.",
        unit="nats",
        maximum=None,
        source=_KL,
    ),
    _distance(
        "kl_p95",
        "KL divergence, 95th percentile",
        "KL(model_a || model_b) that 95 % of the examples do not exceed.",
        unit="nats",
        maximum=None,
        source=_KL,
    ),
    _distance(
        "kl_p99",
        "KL divergence, 99th percentile",
        "KL(model_a || model_b) that 99 % of the examples do not exceed. It has an interval from "
        "381 examples on: with fewer the sample may end before it.",
        unit="nats",
        maximum=None,
        source=_KL,
    ),
    _distance(
        "kl_max",
        "KL divergence, maximum",
        "The largest KL(model_a || model_b) of an example; it grows with the number of examples, "
        "so compare it on one set of them only.",
        unit="nats",
        maximum=None,
        source=_KL,
    ),
    _distance(
        "jensen_shannon",
        "Jensen-Shannon divergence",
        "The mean over examples of the symmetric, bounded relative of KL, natural logarithm.",
        unit="nats",
        maximum=0.6931471805599454,
        source="Lin 1991",
    ),
    _distance(
        "total_variation",
        "Total variation",
        "The mean over examples of half the summed differences of the probabilities: the largest "
        "difference the models can have on any set of labels.",
        unit="probability",
        maximum=1.0,
        source="Levin and Peres 2017, ch. 4",
    ),
    Metric(
        name="probability_loyalty",
        label="Probability loyalty",
        definition="The mean over examples of 1 - the square root of the Jensen-Shannon divergence "
        "(natural logarithm, as in published figures): 1 where both give the same probabilities, "
        ".167 where they rule each other's out.",
        minimum=0.16744538876502157,
        maximum=1.0,
        higher_is_better=True,
        source="Xu et al. 2021",
    ),
)

_OF_CEILING: tuple[Metric, ...] = (
    Metric(
        name="agreement_of_ceiling",
        label="Agreement, share of the seed ceiling",
        definition="Agreement of two models divided by the agreement of one of them with itself "
        "between seeds: 1 means the student is as close as another training run would be.",
        unit="share",
        minimum=0.0,
        higher_is_better=True,
    ),
    Metric(
        name="kappa_of_ceiling",
        label="Kappa, share of the seed ceiling",
        definition="Kappa of two models divided by the kappa of one of them with itself between "
        "seeds; undefined when that is not above 0.",
        unit="share",
        higher_is_better=True,
    ),
)

METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (*_SHARES, *_KAPPAS, *_DISTANCES, *_OF_CEILING)
}
