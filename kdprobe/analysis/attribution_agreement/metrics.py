"""What the numbers about attributions mean, in words for the report.

Does: define each metric once. Does not: compute.
"""

from kdprobe.results.schema import Metric

_KRISHNA = "Krishna et al. 2022"


def _share(name: str, label: str, definition: str, source: str = "", least: float = -1) -> Metric:
    return Metric(
        name=name, label=label, definition=definition, minimum=least, maximum=1,
        higher_is_better=True, source=source,
    )  # fmt: skip


AGREEMENT = (
    _share(
        "spearman", "rank correlation of word scores",
        "Spearman's correlation between the teacher's and the student's signed word scores of one "
        "sentence, averaged over sentences. Read it against its ceiling and floor.",
    ),
    _share("kendall", "Kendall's tau-b", "The same with Kendall's tau-b, averaged over sentences."),
    _share("pearson", "Pearson's correlation", "The same with Pearson's correlation."),
    _share(
        "abs_spearman", "rank correlation of sizes",
        "Spearman's correlation of the absolute scores: which words matter, whatever their sign.",
    ),
    _share(
        "top_k", "top words in common",
        "Share of the k strongest words in common, k = min(3, half the words), corrected for "
        "chance: 0 when unrelated, 1 when the same.", _KRISHNA, -1,
    ),
    _share(
        "top_1", "strongest word the same",
        "Share of sentences in which the same word is strongest for both models.", "", 0,
    ),
    _share(
        "rank_agreement", "top places in common",
        "Share of the k first places held by the same word, corrected for chance.", _KRISHNA,
    ),
    _share(
        "sign_agreement", "top words in common with their sign",
        "Share of the k strongest words that both have, with the same sign; chance not removed.",
        _KRISHNA, 0,
    ),
    _share(
        "signed_rank_agreement", "top places in common with their sign",
        "Share of the k first places held by the same word with the same sign; chance not removed.",
        _KRISHNA, 0,
    ),
    _share(
        "pairwise_agreement", "pairs of words in the same order",
        "Share of pairs of words put in the same order by size, minus the share put in the other.",
        _KRISHNA,
    ),
    _share(
        "ceiling", "ceiling",
        "The rank correlation that a model's scores have with those of its explainer run with "
        "another seed: of sampled sentences as the sampling errors of their own draws give it "
        "(two seeds simulated from them, 50 times), or from a second run where a method knows no "
        "errors. An exact or deterministic explainer has 1. Subset between seeds: two trained "
        "runs of the teacher. Of a pair: the square root of the product of both models' ceilings.",
        "Wu 1986",
    ),
    _share(
        "floor", "floor",
        "Rank correlation of the teacher with a model of the student's shape and random weights.",
    ),
    _share(
        "floor_shuffled", "floor, shuffled words",
        "Rank correlation of the teacher's scores with the student's after shuffling its words.",
    ),
    Metric(
        name="normalised", label="attribution agreement, normalised",
        definition="(rank correlation - floor) / (ceiling - floor): 0 is what a model that learnt "
        "nothing reaches, 1 what the explainer can show at best.", higher_is_better=True,
    ),
    Metric(
        name="disattenuated", label="attribution agreement, disattenuated",
        definition="Rank correlation divided by the ceiling of the pair: what it would be if the "
        "explainers had no noise.", higher_is_better=True, source="Spearman 1904",
    ),
    _share(
        "trivial", "correlation with a trivial explainer",
        "Rank correlation of the size of a model's word scores with what needs no model: the "
        "word's length, its rarity in the split, its place in the sentence (the subset names it).",
    ),
    _share(
        "partial", "rank correlation left",
        "Rank correlation of both models' scores when length, rarity and place of the words are "
        "taken out of both; sentences of six words and more.",
    ),
    _share(
        "low_agreement", "agreement that counts as low",
        "Rank correlation below which the reasons of a sentence count as others; see the next.",
    ).model_copy(update={"higher_is_better": None}),
    _share(
        "other_reasons", "right for other reasons",
        "Share of the sentences that both models get right on which the rank correlation lies "
        "below the 5th percentile of the ceiling's sentences; where at least half of those have no "
        "noise (an exact explainer, one run), below 0.", "", 0,
    ).model_copy(update={"higher_is_better": False}),
)  # fmt: skip
