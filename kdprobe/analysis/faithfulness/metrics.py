"""What the numbers of `faithfulness` mean, in words for the report. Does not compute."""

from kdprobe.results.schema import Metric

_DEYOUNG = "DeYoung et al. 2020"
_EDIN = "Edin et al. 2024, arXiv 2408.08137; limits exact, by a programme over all subsets"


def _of(
    name: str, label: str, definition: str, least: float, *, most: float = 1,
    better: bool | None = None, source: str = "",
) -> Metric:  # fmt: skip
    return Metric(
        name=name, label=label, definition=definition, minimum=least, maximum=most,
        higher_is_better=better, source=source,
    )  # fmt: skip


def _normalised(side: str, rest: str, better: bool) -> tuple[Metric, Metric]:
    """Define one side of normalised AOPC, and its difference between teacher and student."""
    return (
        _of(
            f"normalised_{side}", f"{side}, normalised",
            f"AOPC between the worst and the best order for this model and text: the "
            f"mean fall of the explained class's probability as words are deleted one by one, "
            f"{rest}, put between 0, the least that any order of deletions reaches, and 1, the "
            "greatest. Models may be compared by it.", 0, better=better, source=_EDIN,
        ),
        _of(
            f"normalised_{side}_difference", f"difference in {side}, normalised",
            f"Normalised {side} of model_a (the teacher) minus that of model_b (the "
            "student), on the texts where both have one and the same resamples.",
            -1, source=_EDIN,
        ),
    )  # fmt: skip


METRICS = (
    _of(
        "comprehensiveness", "comprehensiveness",
        "Fall of the explained class's probability when the top 10 to 50 % of words "
        "are left out, averaged over the shares and sentences, minus the same for random words: "
        "above 0 the ranking finds words the model uses.", -2, most=2, better=True, source=_DEYOUNG,
    ),
    _of(
        "sufficiency", "sufficiency",
        "Fall of the explained class's probability when only the top 10 to 50 % of "
        "words are kept, minus the same for random words: below 0 the top words carry more of the "
        "decision than random ones.", -2, most=2, better=False, source=_DEYOUNG,
    ),
    _of(
        "random_comprehensiveness", "comprehensiveness of random words",
        "The fall when random words are left out, the average of five rankings.", -1,
    ),
    _of(
        "random_sufficiency", "sufficiency of random words",
        "The fall when only random words are kept, the average of five rankings.", -1,
    ),
    _of(
        "leave_one_out", "agreement with leaving out one word",
        "Kendall's tau-b between a method's word scores and what the output loses when "
        "each word alone is left out (occlusion), averaged over the sentences: near 1 the method "
        "says what single words do.", -1, better=True,
    ),
    _of(
        "special_mass", "mass on special tokens",
        "Share of the absolute scores that lies on tokens that are no part of a word.", 0,
    ),
    _of(
        "incomplete", "sentences whose scores do not add up",
        "Share of sentences in which the scores miss the change of the output by more "
        "than 1 %.", 0, better=False,
    ),
    _of(
        "pointing", "damaged word found",
        "Share of damaged sentences in which the damaged word has the strongest score "
        "towards the label of damaged sentences.", 0, better=True,
    ),
    _of(
        "pointing_chance", "damaged word found by chance",
        "The same for a word drawn at random: the average of one over the words.", 0,
    ),
    _of(
        "damaged_mass", "mass on the damaged word",
        "Share of the scores towards the label of damaged sentences that lies on the "
        "damaged word.", 0, better=True,
    ),
    *_normalised("comprehensiveness", "the highest score first", better=True),
    *_normalised("sufficiency", "the lowest score first", better=False),
    _of(
        "normalised_random", "normalised AOPC of a random order",
        "What an order drawn at random reaches on average, between the same limits: "
        "both sides are read against it.", 0, source=_EDIN,
    ),
    _of(
        "aopc_low", "AOPC of the worst order",
        "The least mean fall of the probability that any order of deletions reaches, "
        "averaged over the texts: the model's own limit, whatever explains it.", -1, source=_EDIN,
    ),
    _of(
        "aopc_high", "AOPC of the best order",
        "The greatest mean fall of the probability that any order of deletions reaches, "
        "averaged over the texts.", -1, source=_EDIN,
    ),
)  # fmt: skip
