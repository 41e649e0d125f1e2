"""What the numbers of `selective_agreement` mean, for people. Does not compute."""

from __future__ import annotations

from kdprobe.results.schema import Metric

_AREA = "Geifman, Uziel and El-Yaniv 2019 (AURC and excess AURC; here of agreement, not of error)"
_SEQUENCE = "Clopper and Pearson 1934; Bauer 1991; Angelopoulos et al. 2021, Learn then Test"


def _areas(name: str, of: str, what: str) -> tuple[Metric, ...]:
    """Define the area under one curve, and what it is read against."""
    parts = (
        ("", f"area under coverage and {name}",
         f"The mean, over all numbers of answers from 1 to all, of {what} among the answers the "
         "student is surest of; equal confidences count as in a random order.", True),
        ("_chance", f"{name} area by chance",
         f"The same area for a confidence that says nothing: {of} over all examples.", None),
        ("_oracle", f"{name} area of the oracle",
         "The same area for a confidence that puts every good answer above every other.", None),
        ("_excess", f"{name} area missed",
         "Oracle minus area: what the order of the confidences costs, 0 at best.", False),
        ("_normalised", f"{name} area, normalised",
         "(area - chance) / (oracle - chance): 0 when confidence says nothing, 1 for the oracle, "
         "below 0 when the student is surer where it is worse.", True),
    )  # fmt: skip
    return tuple(
        Metric(
            name=f"{name}_auc{part}", label=label, definition=definition,
            minimum=None if part == "_normalised" else 0, maximum=1, higher_is_better=better,
            source=_AREA,
        )
        for part, label, definition, better in parts
    )  # fmt: skip


METRICS = (
    *_areas("agreement", "the agreement", "the share that the teacher gives too"),
    *_areas("accuracy", "the accuracy", "the share that is right"),
    Metric(
        name="selective_threshold",
        label="threshold with a guarantee",
        definition="The smallest confidence from which on the student may answer itself: chosen on "
        "one half of the examples so that, with the confidence asked for, at least the target "
        "share of its answers there are the teacher's; 0 answers everything.",
        unit="probability",
        minimum=0,
        maximum=1,
        source=_SEQUENCE,
    ),
    Metric(
        name="selective_coverage",
        label="answered at the threshold",
        definition="Share of the other half of the examples, not used to choose the threshold, on "
        "which the student's confidence reaches it; the rest is handed on.",
        unit="share",
        minimum=0,
        maximum=1,
        higher_is_better=True,
    ),
    Metric(
        name="selective_agreement",
        label="agreement at the threshold",
        definition="Share of the answers at or above the threshold that are the teacher's, on the "
        "half that was not used to choose it.",
        unit="share",
        minimum=0,
        maximum=1,
        higher_is_better=True,
    ),
)
