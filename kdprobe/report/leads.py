"""The one sentence under a section's heading: its main number, teacher beside students.

Does: say for each section which number stands for it, and write it of every model. Does not:
compute, or judge a difference; intervals and tests stand in the section itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kdprobe.plain_text import printable
from kdprobe.report.lost import split_gaps
from kdprobe.results.losses import LOST, certainty
from kdprobe.results.method_names import method_label
from kdprobe.results.numbers import show_count, show_number
from kdprobe.results.schema import AnalysisResult, Estimate, Gap, ResultsDocument

MOST_NAMED = 6
_NAME = 40


class Main(NamedTuple):
    """The number that stands for a section: its analysis, its metric, and how a line begins."""

    analysis: str
    metric: str
    words: str


_MAIN: dict[str, tuple[Main, ...]] = {
    "agreement": (Main("agreement", "agreement", "Share of examples on which both say the same"),),
    "calibration": (Main("calibration", "calibration_error", "Calibration error beyond chance"),),
    "attribution": (
        Main("attribution_agreement", "normalised", "Word scores alike, floor 0, ceiling 1"),
        Main("attribution_agreement", "spearman", "Rank correlation of word scores"),
    ),
    "minimal_pairs": (Main("minimal_pairs", "accuracy", "Minimal pairs judged rightly"),),
    "selective_agreement": (
        Main("selective_agreement", "selective_coverage", "Share the student may answer itself"),
    ),
    "efficiency": (
        Main("efficiency", "speedup", "Times as fast as the teacher, one sentence at a time"),
        Main("efficiency", "parameters", "Parameters"),
    ),
    "similarity": (
        Main("similarity", "mean_equal_depth", "CKA with the teacher's layers at equal depth"),
        Main("attention_similarity", "mean_attention_js", "Distance of attention to the teacher's"),
    ),
}  # fmt: skip


def lead(document: ResultsDocument, section: str) -> str:
    """Return the sentence of a section.

    Args:
        document: the results document.
        section: the section's name.

    Returns:
        One plain sentence of foreign text not yet escaped; empty where there is none to say.
    """
    own = _OWN.get(section)
    if own is not None:
        return own(document)
    mains = _MAIN.get(section, ())
    return next(filter(None, (_of_main(document, main) for main in mains)), "")


def _name(model: str) -> str:
    return printable(model, limit=_NAME)


def _listed(values: Iterable[tuple[str, str]]) -> str:
    """Write models and values; beyond the first few only how many there are."""
    parts = [f"{_name(model)} {value}" for model, value in values]
    rest = len(parts) - MOST_NAMED
    shown = ", ".join(parts[:MOST_NAMED])
    return f"{shown} and {rest} more" if rest > 0 else shown


def _of_main(document: ResultsDocument, main: Main) -> str:
    """Write a metric over all examples of every model, or of every student beside the teacher."""
    result = document.analysis(main.analysis)
    numbers = [
        number
        for number in (result.estimates if result else ())
        if number.metric == main.metric and number.subset == "all" and not number.layer
    ]
    alone = [number for number in numbers if not number.model_b]
    paired = [number for number in numbers if number.model_a == document.teacher.name]
    first: dict[str, str] = {}
    for number in alone or paired:
        shown = "undefined" if number.value is None else show_number(number.value)
        first.setdefault(number.model_b or number.model_a, shown)
    if set(first) <= {document.teacher.name}:
        return ""
    method = method_label((alone or paired)[0].method)
    return f"{main.words}{f' ({method})' if method else ''}: {_listed(first.items())}."


def _scores(document: ResultsDocument) -> str:
    score = document.task.primary_score
    result = document.analysis("task_scores")
    label = next((m.label for m in result.metrics if m.name == score), "") if result else ""
    return _of_main(document, Main("task_scores", score, label))


def lost_of(document: ResultsDocument, gaps: Sequence[Gap], *analyses: str) -> str:
    """Count the gaps that are losses beyond noise, of each student.

    Args:
        document: names the students.
        gaps: of behaviour, or of layers.
        analyses: those that measured them: the parts with a q-value are what was looked at.
    """
    counts = []
    for model in document.students:
        lost = sum(gap.student == model.name and certainty(gap) == LOST for gap in gaps)
        tested = sum(
            number.model_b == model.name and number.q_value is not None
            for name in analyses
            for number in _estimates(document.analysis(name), "gap")
            if number.layer in ("", "best")
        )
        of = f" of {show_count(tested)}" if tested else ""
        counts.append((model.name, f"{show_count(lost)}{of}"))
    return f"Parts lost beyond noise (q < .05): {_listed(counts)}."


def _student_gaps(document: ResultsDocument) -> str:
    gaps, _ = split_gaps(gap for result in document.analyses for gap in result.gaps)
    return lost_of(document, gaps, "slices", "minimal_pairs") if gaps else ""


def _probing(document: ResultsDocument) -> str:
    """State each student's widest gap at the best layers."""
    widest: dict[str, Estimate] = {}
    for number in _estimates(document.analysis("probing"), "gap"):
        held = widest.get(number.model_b)
        if number.layer == "best" and (held is None or (held.value or 0.0) < (number.value or 0.0)):
            widest[number.model_b] = number
    listed = _listed(
        (student, f"{show_number(number.value or 0.0)} on {number.subset}")
        for student, number in widest.items()
    )
    return f"Widest gap to the teacher, best layer against best layer: {listed}." if listed else ""


def _estimates(result: AnalysisResult | None, metric: str) -> list[Estimate]:
    numbers = result.estimates if result else ()
    return [number for number in numbers if number.metric == metric and number.value is not None]


def _slices(document: ResultsDocument) -> str:
    gaps = _estimates(document.analysis("slices"), "gap")
    sure: dict[str, int] = dict.fromkeys((gap.model_b for gap in gaps), 0)
    for gap in gaps:
        sure[gap.model_b] += gap.q_value is not None and gap.q_value < 0.05
    parts = len({gap.subset for gap in gaps})
    listed = _listed((name, show_count(count)) for name, count in sure.items())
    what = f"Slices that differ from the teacher beyond noise (q < .05), of {show_count(parts)}"
    return f"{what}: {listed}." if gaps else ""


def _causal_use(document: ResultsDocument) -> str:
    """Count the properties of which some layer's erasing moves predictions beyond noise."""
    tested: dict[str, set[str]] = {}
    used: dict[str, set[str]] = {}
    for use in _estimates(document.analysis("causal_use"), "use"):
        tested.setdefault(use.model_a, set()).add(use.subset)
        if (use.value or 0.0) > 0 and use.q_value is not None and use.q_value < 0.05:
            used.setdefault(use.model_a, set()).add(use.subset)
    listed = _listed(
        (model, f"{show_count(len(used.get(model, ())))} of {show_count(len(properties))}")
        for model, properties in tested.items()
    )
    return f"Properties used beyond noise (q < .05): {listed}." if tested else ""


def _examples(document: ResultsDocument) -> str:
    """State how many examples there are, and on which share of them whom is right."""
    total = max(document.examples_total, len(document.examples))
    groups = [
        (number.subset, f"{100 * (number.value or 0.0):.0f} %")
        for number in _estimates(document.analysis("correctness_groups"), "share")
    ]
    right = f", by who is right: {_listed(groups)}" if groups else ""
    return f"{show_count(total)} examples{right}."


def _training(document: ResultsDocument) -> str:
    result = document.analysis("training")
    curves = len(result.curves) if result else 0
    return f"Learning curves, {show_count(curves)} charts." if curves else ""


def _checks(document: ResultsDocument) -> str:
    numbers = [number for result in document.analyses for number in result.estimates]
    undefined = sum(number.value is None for number in numbers)
    return (
        f"{show_count(undefined)} of {show_count(len(numbers))} numbers are undefined, each with "
        f"its reason."
    )


def _protocol(document: ResultsDocument) -> str:
    origin = document.produced_by
    device = f" on {origin.device}" if origin.device else ""
    return f"kdprobe {origin.kdprobe}{device}, seed {document.request.seed}."


_OWN: dict[str, Callable[[ResultsDocument], str]] = {
    "scores": _scores,
    "checks": _checks,
    "training": _training,
    "student_gaps": _student_gaps,
    "probing": _probing,
    "slices": _slices,
    "causal_use": _causal_use,
    "browser": _examples,
    "protocol": _protocol,
}
