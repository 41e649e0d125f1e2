"""The explanations of all models, joined to one observation with notes for the reader.

Does: lay out scores, gaps and deletion curves by model, method and kind. Does not: explain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from kdprobe.collectors.attributions.plan import ExplanationPlan, sampling_note
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.label_sets import as_given
from kdprobe.observations.study import Study
from kdprobe.plain_text import how_many
from kdprobe.stats.arrays import Bools, Floats

if TYPE_CHECKING:
    from kdprobe.extract.attributions import Explained
    from kdprobe.extract.settings import ExplanationSettings


def joined(
    study: Study,
    plan: ExplanationPlan,
    setting: ExplanationSettings,
    by_model: Mapping[str, Mapping[str, Explained]],
) -> Attributions:
    """Join the explanations of all models to one observation.

    Args:
        study: the explained examples, or a person's own sentences.
        plan: the chosen sentences.
        setting: the methods that worked.
        by_model: model -> kind (see `Attributions`) -> method -> explanation of each sentence.
    """
    from kdprobe.extract.explained_piece import RANDOM, SHARES

    scores: dict[tuple[str, str, str], tuple[Floats, ...]] = {}
    special, gaps, sampled, deletion, failed = {}, {}, {}, {}, set()
    itself, drawn = {}, {}
    unsettled: list[str] = []
    for model, kinds in by_model.items():
        for kind, explained in kinds.items():
            for method in setting.methods:
                arrays = []
                for one, inside, each in zip(plan.ids, plan.read, explained[method], strict=True):
                    spread = _spread(each.scored.scores, inside)
                    if not len(spread):
                        failed.add((model, method, one))
                    arrays.append(spread)
                scores[model, method, kind] = tuple(arrays)
        for method in (*setting.methods, RANDOM):
            entries = kinds[""][method]
            falls = [each.deletion for each in entries]
            deletion[model, method] = np.array(falls).reshape(len(falls), len(SHARES), 2)
            if method == RANDOM:
                continue
            special[model, method] = np.array([each.scored.special for each in entries])
            gaps[model, method] = np.array([each.scored.gap for each in entries])
            largest = getattr(setting.methods[method], "largest_gap", np.inf)
            unsettled += [
                f"{model} on {key}"
                for key, gap in zip(plan.ids, gaps[model, method].tolist(), strict=True)
                if gap > largest
            ]
            sampled[model, method] = np.array([each.scored.sampled for each in entries])
            itself[model, method] = np.array([each.scored.itself for each in entries])
            drawn[model, method] = np.array([each.scored.drawn for each in entries])
    return Attributions(
        ids=plan.ids, words=plan.words, target=plan.target, methods=tuple(setting.methods),
        scores=scores, special=special, gaps=gaps, sampled=sampled, deletion=deletion,
        shares=SHARES, counts=plan.counts,
        notes=(*_notes(study, plan, setting, sorted(failed)), *_gap_notes(unsettled)),
        own_target=plan.own_target, beam=setting.beam, itself=itself, drawn=drawn,
        **_orders(setting, by_model),
    )  # fmt: skip


class _Orders(TypedDict):
    orders: dict[tuple[str, str], Floats]
    order_limits: dict[str, Floats]
    estimated: dict[str, Bools]


def _orders(
    setting: ExplanationSettings, by_model: Mapping[str, Mapping[str, Explained]]
) -> _Orders:
    """Measure the orders of all models' scores."""
    from kdprobe.collectors.attributions.orders import measured_orders

    methods = tuple(setting.methods)
    areas = {model: measured_orders(kinds[""], methods) for model, kinds in by_model.items()}
    return {
        "orders": {
            (m, method): a for m, each in areas.items() for method, a in each.orders.items()
        },
        "order_limits": {model: each.limits for model, each in areas.items()},
        "estimated": {model: each.estimated for model, each in areas.items()},
    }


def _gap_notes(unsettled: Sequence[str]) -> tuple[str, ...]:
    """Return a note on explanations that do not add up after the most integration steps."""
    if not unsettled:
        return ()
    shown, more = ", ".join(unsettled[:10]), len(unsettled) - 10
    return (
        f"{how_many(len(unsettled), 'explanation does', 'explanations do')} not add up to the "
        f"change of the output within the largest gap: {shown}"
        f"{f' and {more} more' if more > 0 else ''} (attributions.parquet holds every gap).",
    )


def _spread(scores: Floats, inside: Bools) -> Floats:
    """Put scores of the words read among all words; no scores stay none."""
    if not len(scores):
        return scores
    spread: Floats = np.full(len(inside), np.nan)
    spread[inside] = scores
    return spread


def _notes(
    study: Study,
    plan: ExplanationPlan,
    setting: ExplanationSettings,
    failed: Sequence[tuple[str, str, str]],
) -> tuple[str, ...]:
    notes = [sampling_note(study, plan)]
    what = "the log-odds of" if setting.output.endswith("log-odds") else "the probability of"
    several = setting.output.startswith("label")
    if study.split.task.kind == "regression":
        notes.append("Explained is the predicted score.")
    else:
        whose = (
            "each model's own predicted class" if plan.own_target else "one class for all models"
        )
        if several:
            whose = "one label for all models, by itself: the teacher's most probable"
            if plan.own_target:
                whose = "each model's own most probable label, by itself"
            elif len(set(plan.target.tolist())) == 1:
                name = as_given(study).task.labels[int(plan.target[0])]
                whose = f"the label {name!r}, by itself"
        notes.append(f"Explained is {what} {whose}.")
    notes += plan.notes
    cut = [key for key, inside in zip(plan.ids, plan.read, strict=True) if not inside.all()]
    if cut:
        count = how_many(len(cut), "example is", "examples are")
        notes.append(
            f"{count} longer than a model reads; only words that all models read were explained "
            f"(first: {cut[0]})."
        )
    for model, method, key in failed[:3]:
        notes.append(f"{method} gave no finite scores for {model} on {key}: it is left out.")
    if len(failed) > 3:
        notes.append(
            f"{how_many(len(failed) - 3, 'more explanation')} without finite scores "
            f"{'is' if len(failed) == 4 else 'are'} left out."
        )
    return tuple(notes)
