"""The charts of a sweep: cost against gain, and the fronts.

Does: place students, teacher and single seeds in a chart for each front. Does not: decide who
stands on a front, or draw marks; `chart_pareto.py` does.
"""

from __future__ import annotations

from markupsafe import Markup

from kdprobe.report.chart_pareto import Picture, Spot, draw_pareto
from kdprobe.report.markup import fill
from kdprobe.report.svg import Chart
from kdprobe.report.sweep_names import chance_sentence
from kdprobe.report.sweep_students import axis_title, numbered, scale
from kdprobe.results.schema import Estimate
from kdprobe.results.sweep import Front, SweepDocument

OPEN_SENTENCES = 2


def sweep_charts(document: SweepDocument) -> list[Chart]:
    """Draw the fronts; one without a student that has both numbers is left out."""
    drawn = ((front, _spots(document, front)) for front in document.fronts)
    return [
        draw_pareto(_picture(document, front), spots)
        for front, spots in drawn
        if any(spot.number for spot in spots)
    ]


def _spots(document: SweepDocument, front: Front) -> list[Spot]:
    """Place the students, and the teacher where it has both numbers."""
    spots = []
    for number, name in [*numbered(document), ("", document.teacher.name)]:
        cost, gain = document.find(front.cost, name), document.find(front.gain, name)
        if cost is None or gain is None or cost.value is None or gain.value is None:
            continue
        by = scale(document, front.cost)[0]
        runs = document.runs_of(name) if number else ()
        single = ({**run.scores, **run.fidelity}.get(front.gain) for run in runs)
        spots.append(
            Spot(
                number=number,
                name=name,
                x=cost.value / by,
                y=gain.value,
                x_ends=_ends(cost, by),
                y_ends=_ends(gain, 1.0),
                singles=tuple(value for value in single if value is not None),
                group=2 if not number else 0 if name in front.students else 1,
            )
        )
    return spots


def _ends(number: Estimate, by: float) -> tuple[float, float] | None:
    if number.low is None or number.high is None:
        return None
    return number.low / by, number.high / by


def _picture(document: SweepDocument, front: Front) -> Picture:
    gain, cost = document.metric(front.gain), document.metric(front.cost)
    less = "smaller" if front.cost == "parameters" else "faster"
    return Picture(
        name=front.name,
        title=f"{gain.label} against {cost.label.lower()}",
        finding=front.finding,
        caption=f"Better is up and to the {'left' if front.cost_falls else 'right'}: no student is "
        f"{less} and better than one on the line.",
        x_title=axis_title(document, cost),
        y_title=axis_title(document, gain),
        cost_falls=front.cost_falls,
    )


def fronts_section(document: SweepDocument) -> Markup:
    """Write the first section: what is at chance, who is best beyond noise, and the fronts."""
    findings = {front.finding for front in document.fronts}
    charts = sweep_charts(document)
    # A front that is drawn says its sentence under its chart.
    sentences = [one for one in document.sentences if not (charts and one in findings)]
    chance = chance_sentence(document)
    first = [chance, *sentences[:OPEN_SENTENCES]] if chance else sentences[:OPEN_SENTENCES]
    return fill(
        "sweep_fronts.html",
        sentences=[one for one in first if one] or ["No run gave a student."],
        rest=sentences[OPEN_SENTENCES:],
        notices=document.notices,
        charts=charts,
        caption="Numbers beside the marks are those of the table below. Bars are the intervals of "
        "the table; points whose bars overlap may well change places with other examples or seeds: "
        "see the differences below.",
    )


def sweep_figures(document: SweepDocument) -> dict[str, str]:
    """Draw every chart as an SVG file of its own, by name."""
    return {c.name: str(c.svg(standalone=True)) + "\n" for c in sweep_charts(document)}
