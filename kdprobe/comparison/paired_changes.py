"""The numbers that two studies of the same examples have, drawn on the same resamples.

Does: run the analyses of both studies once more and keep the draws behind their numbers, subtract
them, test the changes. Does not: define a number; the analyses do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import BaseModel

from kdprobe.analysis.estimates import EstimateKey, kept_draws
from kdprobe.analysis.protocol import ANALYSES, Analysis, examples_for
from kdprobe.analysis.student_differences.pairs import freedom_of
from kdprobe.analysis.student_gaps.gaps import gap_estimate
from kdprobe.comparison.analyses import choose
from kdprobe.comparison.diff_matching import BothNumbers
from kdprobe.foreign import debugging, said
from kdprobe.observations.label_sets import LabelOutputs
from kdprobe.observations.predictions import Predictions
from kdprobe.observations.study import Study
from kdprobe.results.diff import NumberChange, Verdict
from kdprobe.results.schema import AnalysisResult, Estimate, Metric
from kdprobe.stats.arrays import Floats
from kdprobe.stats.differences import ALPHA, adjusted, bootstrap_p

_SAME = 1e-6
"""How far a number may lie from that of results.json and still be it, relative to its size."""
_ROUNDING = 1e-9
_PAIRED = "paired bootstrap over examples, percentile, after minus before"
_ALONE = "it does not follow from predictions by resampling"

Drawn = Mapping[tuple[str, EstimateKey], Floats]
"""The draws behind numbers, float64 `[B + 1]` each, by analysis and coordinates."""


@dataclass(frozen=True)
class PairedStudies:
    """The studies behind both reports, of the same examples in the same order.

    Args:
        before: the study of the earlier report.
        after: that of the later one.
        same_weights: the models that are the same in both, by their later names.
        same_outputs: those of them whose outputs are the same, too, but for the rounding of a file.
        options: of the analyses that both reports have and define alike.
    """

    before: Study
    after: Study
    same_weights: frozenset[str]
    same_outputs: frozenset[str]
    options: Mapping[str, BaseModel]

    def later_name(self, name: str) -> str:
        """Return the name that decides how the runs of a later model are drawn.

        Runs of other weights are other runs, and drawn for themselves.
        """
        model = next((one for one in self.after.models if one.name == name), None)
        if model is None or len(model.runs) == 1 or name in self.same_weights:
            return name
        return f"{name} (after)"


def _drawn(study: Study, options: Mapping[str, BaseModel]) -> tuple[Drawn, Mapping[str, str]]:
    """Run analyses that read predictions alone; the draws of their numbers, and what failed."""
    done: dict[str, AnalysisResult] = {}
    held: dict[tuple[str, EstimateKey], Floats] = {}
    failed: dict[str, str] = {}
    for name in choose(tuple(options), ()) if options else ():
        analysis: Analysis = ANALYSES.load(name)
        examples = examples_for(analysis, study)
        if set(getattr(analysis, "reads", ())) - {LabelOutputs}:
            continue  # of what no predictions tell
        if analysis.skip_reason(examples) is not None:
            continue
        try:
            with kept_draws() as kept:
                given = options.get(name) or analysis.options()
                done[name] = analysis.run(examples, given, done)
        except Exception as error:  # of an analysis of somebody else; its numbers have no interval
            if debugging():
                raise
            failed[name] = f"{name} could not be run on its predictions ({said(error)})"
        held |= {(name, at): draws for at, draws in kept.items()}
    return held, failed


def number_changes(
    numbers: Sequence[BothNumbers],
    metrics: Mapping[str, Metric],
    studies: PairedStudies | None,
    why: str,
) -> tuple[NumberChange, ...]:
    """Subtract every number of both reports, with a paired interval where there can be one.

    Definition: after minus before, on the same resamples of the examples (and, of models with
    several runs, of their runs; the runs of other weights are drawn for themselves); the interval
    is the percentile interval, p that of the paired bootstrap, q Holm's over the models that have
    this number in this place. A change is *within noise* unless q is below .05 and the interval
    leaves 0, and *unchanged* where both reports have the same weights, outputs and number.

    Args:
        numbers: those that both reports have.
        metrics: what they mean, by `analysis.metric`.
        studies: what is behind them; None: that is not known.
        why: the reason why it is not.
    """
    if studies is None:
        return tuple(_plain(one, why) for one in numbers)
    names = {model.name: studies.later_name(model.name) for model in studies.after.models}
    earlier, failed = _drawn(studies.before, studies.options)
    later, more = _drawn(_renamed(studies.after, names), studies.options)
    reasons = {**failed, **more}
    drawn = [_difference(one, names, earlier, later, reasons) for one in numbers]
    changes: dict[int, NumberChange] = {}
    families: dict[tuple[str, ...], list[tuple[int, Floats]]] = {}
    for place, (one, each) in enumerate(zip(numbers, drawn, strict=True)):
        if isinstance(each, str):
            changes[place] = _plain(one, each)
        elif (
            abs(each[0]) <= _ROUNDING
            and (_models(one) & set(names) or set(names)) <= studies.same_outputs
        ):
            changes[place] = _unchanged(one)
        else:
            at = one.after
            family = (one.analysis, at.metric, at.subset, at.layer, at.pooling, at.method)
            families.setdefault(family, []).append((place, each))
    for members in families.values():
        changes |= dict(_tested(members, numbers, metrics, studies))
    return tuple(changes[place] for place in range(len(numbers)))


def _renamed(study: Study, names: Mapping[str, str]) -> Study:
    """Return a study whose models have other names."""
    models = tuple(replace(one, name=names[one.name]) for one in study.models)
    renamed = replace(study, models=models)
    if not study.has(LabelOutputs):
        return renamed
    held = study.get(LabelOutputs)
    runs = {names[name]: outputs for name, outputs in held.runs.items()}
    return renamed.with_observations(replace(held, runs=runs))


def same_outputs(before: Study, after: Study, names: Mapping[str, str]) -> frozenset[str]:
    """Return the models whose outputs are the same in two studies, but for the rounding of a file.

    Draws of equal outputs need not be equal: an analysis that simulates draws other numbers where
    a probability differs in its last digit.

    Args:
        before: the examples and outputs of one, as they were given.
        after: those of the other, in the same order.
        names: the earlier name of each model that is asked about, by its later one.
    """
    earlier = {model.name: model.runs for model in before.models}
    return frozenset(
        model.name
        for model in after.models
        if model.name in names
        and len(model.runs) == len(earlier[names[model.name]])
        and all(map(_alike, earlier[names[model.name]], model.runs))
    )


def _alike(one: Predictions, other: Predictions) -> bool:
    """Whether two runs give the same probabilities, labels or scores."""
    if one.scale in ("label logits", "label sets", "labels", "scores"):
        first, second = one.values, other.values
        if "label logits" == one.scale == other.scale:
            first, second = (np.tanh(0.5 * values) for values in (first, second))
    elif one.has_probabilities and other.has_probabilities:
        first, second = (np.exp(run.log_probabilities) for run in (one, other))
    else:
        return False
    return first.shape == second.shape and bool((np.abs(first - second) <= _ROUNDING).all())


def _models(one: BothNumbers) -> set[str]:
    return {name for name in (one.after.model_a, one.after.model_b) if name}


def _difference(
    one: BothNumbers,
    names: Mapping[str, str],
    earlier: Drawn,
    later: Drawn,
    failed: Mapping[str, str],
) -> Floats | str:
    """Return the draws of a change, or why there are none."""
    if one.before.value is None or one.after.value is None:
        return "it is undefined in one of the reports"
    before = earlier.get((one.analysis, _key(one.before, {})))
    after = later.get((one.analysis, _key(one.after, names)))
    if before is None or after is None:
        return failed.get(one.analysis, _ALONE)
    for number, draws, side in ((one.before, before, "earlier"), (one.after, after, "later")):
        value = number.value or 0.0
        if not abs(float(draws[0]) - value) <= _SAME * max(1.0, abs(value)):
            return (
                f"the predictions of the {side} report give {float(draws[0]):.6g} for it, its "
                f"results.json {value:.6g}"
            )
    return after - before


def _key(number: Estimate, names: Mapping[str, str]) -> EstimateKey:
    a, b = (names.get(name, name) for name in (number.model_a, number.model_b))
    return EstimateKey(number.metric, a, b, number.subset, number.layer, number.pooling,
                       number.method)  # fmt: skip


def _plain(one: BothNumbers, why: str) -> NumberChange:
    """Return a change without an interval."""
    before, after = one.before.value, one.after.value
    blank = {"low": None, "high": None, "p_value": None, "q_value": None, "interval": "",
             "note": ""}  # fmt: skip
    verdict: Verdict = "undefined" if before is None or after is None else "no interval"
    if before is None or after is None:
        reason = one.after.undefined or one.before.undefined
        change = one.after.model_copy(update={**blank, "value": None, "undefined": reason})
    else:
        change = one.after.model_copy(update={**blank, "value": after - before})
    return NumberChange(analysis=one.analysis, before=one.before, after=one.after, change=change,
                        verdict=verdict, why=why)  # fmt: skip


def _unchanged(one: BothNumbers) -> NumberChange:
    change = one.after.model_copy(
        update={"value": 0.0, "low": 0.0, "high": 0.0, "p_value": None, "q_value": None,
                "interval": _PAIRED, "note": ""}
    )  # fmt: skip
    return NumberChange(analysis=one.analysis, before=one.before, after=one.after, change=change,
                        verdict="unchanged")  # fmt: skip


def _tested(
    family: Sequence[tuple[int, Floats]],
    numbers: Sequence[BothNumbers],
    metrics: Mapping[str, Metric],
    studies: PairedStudies,
) -> Iterator[tuple[int, NumberChange]]:
    """Test the changes of one number of several models, and adjust the p-values over them."""
    draws = [each for _, each in family]
    freedom = [_freedom(numbers[place], studies) for place, _ in family]
    p_values = [
        bootstrap_p(each, family=len(family), freedom=tails)
        for each, tails in zip(draws, freedom, strict=True)
    ]
    members = adjusted(draws, p_values, freedom)
    for (place, each), p, member in zip(family, p_values, members, strict=True):
        one = numbers[place]
        metric = metrics[f"{one.analysis}.{one.after.metric}"]
        number = gap_estimate(
            _key(one.after, {}), each, n=one.after.n or studies.after.n, undefined="",
            share=metric.unit == "share", p_value=p, how=_PAIRED,
            clusters=studies.after.clusters_in(),
        )  # fmt: skip
        if number.low is None:
            yield place, _plain(one, number.note or "it has no interval")
            continue
        change = number.model_copy(update={"q_value": member.q, "note": ""})
        yield place, NumberChange(
            analysis=one.analysis, before=one.before, after=one.after, change=change,
            verdict=_verdict(change, metric),
        )  # fmt: skip


def _freedom(one: BothNumbers, studies: PairedStudies) -> float:
    """Return the degrees of freedom of a change: of the fewest runs of a model behind it."""
    later = [each for each in studies.after.models if each.name in _models(one)]
    earlier = [each for each in studies.before.models
               if each.name in (one.before.model_a, one.before.model_b)]  # fmt: skip
    return freedom_of(*later, *earlier) if later or earlier else math.inf


def _verdict(change: Estimate, metric: Metric) -> Verdict:
    low, high, q = change.low, change.high, change.q_value
    if low is None or high is None or q is None or q >= ALPHA or low <= 0.0 <= high:
        return "within noise"
    up = low > 0
    if metric.higher_is_better is None:
        return "higher" if up else "lower"
    return "better" if up == metric.higher_is_better else "worse"
