"""What the numbers of `faithfulness` mean, in words for the report. Does not compute."""

from kdprobe.results.schema import Metric

_EDIN = "Edin et al. 2024, arXiv 2408.08137; limits exact, by a programme over all subsets"


def _normalised(side: str, rest: str, better: bool) -> tuple[Metric, Metric]:
    """Define one side of normalised AOPC, and its difference between teacher and student."""
    return (
        Metric(
            name=f"normalised_{side}", label=f"{side}, normalised",
            definition=f"AOPC between the worst and the best order for this model and text: the "
            f"mean fall of the explained class's probability as words are deleted one by one, "
            f"{rest}, put between 0, the least that any order of deletions reaches, and 1, the "
            "greatest. Models may be compared by it.",
            minimum=0, maximum=1, higher_is_better=better, source=_EDIN,
        ),
        Metric(
            name=f"normalised_{side}_difference", label=f"difference in {side}, normalised",
            definition=f"Normalised {side} of model_a (the teacher) minus that of model_b (the "
            "student), on the texts where both have one and the same resamples.",
            minimum=-1, maximum=1, source=_EDIN,
        ),
    )  # fmt: skip


METRICS = (
    Metric(
        name="comprehensiveness", label="comprehensiveness",
        definition="Fall of the explained class's probability when the top 10 to 50 % of words "
        "are left out, averaged over the shares and sentences, minus the same for random words: "
        "above 0 the ranking finds words the model uses.", minimum=-2, maximum=2,
        higher_is_better=True, source="DeYoung et al. 2020",
    ),
    Metric(
        name="sufficiency", label="sufficiency",
        definition="Fall of the explained class's probability when only the top 10 to 50 % of "
        "words are kept, minus the same for random words: below 0 the top words carry more of the "
        "decision than random ones.", minimum=-2, maximum=2, higher_is_better=False,
        source="DeYoung et al. 2020",
    ),
    Metric(
        name="random_comprehensiveness", label="comprehensiveness of random words",
        definition="The fall when random words are left out, the average of five rankings.",
        minimum=-1, maximum=1,
    ),
    Metric(
        name="random_sufficiency", label="sufficiency of random words",
        definition="The fall when only random words are kept, the average of five rankings.",
        minimum=-1, maximum=1,
    ),
    Metric(
        name="leave_one_out", label="agreement with leaving out one word",
        definition="Kendall's tau-b between a method's word scores and what the output loses when "
        "each word alone is left out (occlusion), averaged over the sentences: near 1 the method "
        "says what single words do.", minimum=-1, maximum=1, higher_is_better=True,
    ),
    Metric(
        name="special_mass", label="mass on special tokens",
        definition="Share of the absolute scores that lies on tokens that are no part of a word.",
        minimum=0, maximum=1,
    ),
    Metric(
        name="incomplete", label="sentences whose scores do not add up",
        definition="Share of sentences in which the scores miss the change of the output by more "
        "than 1 %.", minimum=0, maximum=1, higher_is_better=False,
    ),
    Metric(
        name="pointing", label="damaged word found",
        definition="Share of damaged sentences in which the damaged word has the strongest score "
        "towards the label of damaged sentences.", minimum=0, maximum=1, higher_is_better=True,
    ),
    Metric(
        name="pointing_chance", label="damaged word found by chance",
        definition="The same for a word drawn at random: the average of one over the words.",
        minimum=0, maximum=1,
    ),
    Metric(
        name="damaged_mass", label="mass on the damaged word",
        definition="Share of the scores towards the label of damaged sentences that lies on the "
        "damaged word.", minimum=0, maximum=1, higher_is_better=True,
    ),
    *_normalised("comprehensiveness", "the highest score first", better=True),
    *_normalised("sufficiency", "the lowest score first", better=False),
    Metric(
        name="normalised_random", label="normalised AOPC of a random order",
        definition="What an order drawn at random reaches on average, between the same limits: "
        "both sides are read against it.", minimum=0, maximum=1, source=_EDIN,
    ),
    Metric(
        name="aopc_low", label="AOPC of the worst order",
        definition="The least mean fall of the probability that any order of deletions reaches, "
        "averaged over the texts: the model's own limit, whatever explains it.",
        minimum=-1, maximum=1, source=_EDIN,
    ),
    Metric(
        name="aopc_high", label="AOPC of the best order",
        definition="The greatest mean fall of the probability that any order of deletions reaches, "
        "averaged over the texts.", minimum=-1, maximum=1, source=_EDIN,
    ),
)  # fmt: skip
