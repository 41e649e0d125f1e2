"""What a student lost, in two lists: its behaviour, and what its layers hold.

Does: sort the gaps of a document by certainty and count them, name a part by where it was measured.
Does not: compute or rank a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.results.schema import Gap, ResultsDocument

LOST, PERHAPS_LOST, NOISE = CERTAINTIES = ("lost", "perhaps lost", "within noise")
ALPHA = 0.05
PAIRS, PROBING = "phenomenon", "probing"
"""The kinds of gaps of minimal pairs, and of a model's layers."""


def certainty(gap: Gap) -> str:
    """Return how sure it is that a gap is a loss.

    Definition: `lost` when the interval of the gap lies above 0 and its q-value is below .05;
    `perhaps lost` when only the interval says so; `within noise` when the interval includes 0, or
    there is none.

    >>> row = Gap(student="s", kind="label", subset="label: no", metric="accuracy",
    ...            teacher_value=0.9, student_value=0.8, gap=0.1, low=0.02, high=0.18, n=50)
    >>> certainty(row), certainty(row.model_copy(update={"q_value": 0.04}))
    ('perhaps lost', 'lost')
    """
    if gap.low is None or gap.low <= 0:
        return NOISE
    return LOST if gap.q_value is not None and gap.q_value < ALPHA else PERHAPS_LOST


def is_pairs(gap: Gap) -> bool:
    """Whether a gap was measured on minimal pairs, not on a slice by a column of that name."""
    return gap.kind == PAIRS and not gap.subset.startswith(f"{gap.kind}: ")


def part_name(gap: Gap, split: str) -> str:
    """Name a part so that two measurements of one phenomenon are told apart.

    Definition: `dev: reflexive binding` is a slice of the split, `minimal pairs: reflexive
    binding` a phenomenon of the pairs; a label and a length say what they are.

    >>> row = Gap(student="s", kind="phenomenon", subset="phenomenon: npi_x", metric="accuracy",
    ...            teacher_value=0.9, student_value=0.8, gap=0.1, low=0.02, high=0.18, n=50)
    >>> part_name(row, "dev"), part_name(row.model_copy(update={"subset": "npi_x"}), "dev")
    ('dev: npi x', 'minimal pairs: npi x')
    """
    if gap.kind in ("label", "length"):
        return gap.subset.replace(": ", " ", 1)
    if gap.kind == PROBING:
        return gap.subset.removeprefix("probing ").replace("_", " ")
    name = gap.subset.removeprefix(f"{gap.kind}: ").replace("_", " ")
    return f"{'minimal pairs' if is_pairs(gap) else split}: {name}"


@dataclass(frozen=True)
class Losses:
    """The gaps of one student above 0, by certainty, each in the document's order.

    Args:
        lost, perhaps, noise: see `certainty`.
        total: how many parts were looked at; None where the document does not say.
    """

    lost: tuple[Gap, ...] = ()
    perhaps: tuple[Gap, ...] = ()
    noise: tuple[Gap, ...] = ()
    total: int | None = None

    @property
    def worst(self) -> Gap | None:
        """The first gap of the surest kind that there is."""
        return next(iter((*self.lost, *self.perhaps, *self.noise)), None)

    @property
    def any(self) -> bool:
        """Whether any part was looked at."""
        return self.worst is not None or bool(self.total)


def _sorted(gaps: list[Gap], total: int | None) -> Losses:
    by = {word: tuple(gap for gap in gaps if certainty(gap) == word) for word in CERTAINTIES}
    return Losses(by[LOST], by[PERHAPS_LOST], by[NOISE], total)


def behaviour(document: ResultsDocument, student: str) -> Losses:
    """Return what a student lost of the teacher's answers: slices, labels, minimal pairs."""
    rows = (gap for result in document.analyses for gap in result.gaps)
    return _sorted(
        [g for g in rows if g.student == student and g.gap > 0 and g.kind != PROBING], None
    )


def layers(document: ResultsDocument, student: str) -> Losses:
    """Return what a student's layers lost: of the probing tasks, at the best layer of each."""
    rows = (gap for result in document.analyses for gap in result.gaps)
    gaps = [g for g in rows if g.student == student and g.gap > 0 and g.kind == PROBING]
    result = document.analysis("probing")
    tasks = {
        number.subset
        for number in (result.estimates if result else ())
        if number.metric == "gap" and student in (number.model_a, number.model_b)
    }
    return _sorted(gaps, max(len(tasks), len(gaps)) if result else None)
