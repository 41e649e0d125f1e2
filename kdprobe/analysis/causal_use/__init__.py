"""Causal use: does a model use what its layers hold, and does a student use what it kept?

Does: estimate how far erasing each property from each layer moves the predictions beyond random
subspaces, say who uses what, and join what probing found. Does not: erase; `collectors/causal_use`
does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.causal_use.effects import Effect, Key, effects_of, score_losses
from kdprobe.analysis.causal_use.metrics import METRICS
from kdprobe.analysis.causal_use.verdicts import lost_table, unused_table, usage_of, usage_table
from kdprobe.analysis.causal_use.views import erased_table, use_matrix
from kdprobe.analysis.estimates import EstimateKey, estimate, undefined_estimate
from kdprobe.analysis.gold import labelled_note
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.analysis.student_gaps.gaps import with_q
from kdprobe.analysis.task_scores import UNDEFINED
from kdprobe.analysis.task_scores.views import primary_name
from kdprobe.observations.causal_use import CausalUse
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Notice, Table
from kdprobe.stats.arrays import Floats

_HOW = "paired bootstrap over examples and random subspaces, percentile"
_NOTHING = "nothing of it can be read from this layer, so that nothing was erased"
_LABELS = "a regression predicts numbers, not labels that flip"
_FAR = 0.1
"""How far the variance that random subspaces take may lie from that of the property's."""


def _undefined(study: Study, erased: CausalUse) -> list[Estimate]:
    """Return the uses that cannot be measured: of whole models, and of layers."""
    models = [
        undefined_estimate(EstimateKey("use", model, subset=one.name), reason)
        for model, reason in erased.reasons.items()
        for one in erased.properties
    ]
    layers = [
        undefined_estimate(EstimateKey("use", model, subset=one.name, layer=str(layer)), reason)
        for (model, layer), reason in erased.unchanged.items()
        for one in erased.properties
    ]
    return [*models, *layers]


def _uses(effects: Mapping[Key, Effect], n: int) -> list[Estimate]:
    """Estimate the use of every cell."""
    uses = []
    for (model, name, layer), effect in effects.items():
        at = EstimateKey("use", model, subset=name, layer=str(layer))
        if not effect.rank:
            uses.append(undefined_estimate(at, _NOTHING, n=n))
            continue
        uses.append(estimate(at, effect.use, n=n, undefined="", p_value=effect.p_value, how=_HOW))
    return uses


def _besides(key: Key, effect: Effect, n: int) -> list[Estimate]:
    """Estimate what the use is made of, and the flips."""
    model, name, layer = key
    at = {"model_a": model, "subset": name, "layer": str(layer)}
    estimates = [
        estimate(EstimateKey(metric, **at), draws, n=n, undefined="", how=_HOW)
        for metric, draws in (
            ("erased_change", effect.change),
            ("control_change", effect.control),
        )
    ]
    flips = EstimateKey("flips_beyond_control", **at)
    if effect.flips is None:
        return [*estimates, undefined_estimate(flips, _LABELS, n=n)]
    return [*estimates, estimate(flips, effect.flips, n=n, undefined="", how=_HOW)]


def _losses(study: Study, erased: CausalUse, effects: Mapping[Key, Effect]) -> list[Estimate]:
    """Estimate what erasing takes from the score, of the examples with a gold label."""
    labelled = study.with_gold()
    known = erased.only(labelled.split.ids) if labelled.split.labels is not None else None
    metric = "score_loss_beyond_control"
    if known is None or not known.ids:
        reason = (
            "the split has no gold labels, so no score is known"
            if known is None
            else "no example that was run has a gold label"
        )
        return [
            undefined_estimate(EstimateKey(metric, m, subset=p, layer=str(layer)), reason)
            for m, p, layer in effects
        ]
    why = UNDEFINED.get(primary_name(study), "the score is undefined there")
    return [
        estimate(
            EstimateKey(metric, m, subset=p, layer=str(layer)), loss.draws,
            n=len(known.ids), undefined=why, p_value=loss.p_value, how=_HOW,
        )
        for (m, p, layer), loss in score_losses(labelled, known, effects).items()
    ]  # fmt: skip


def _mean_use(effects: Mapping[Key, Effect], model: str, name: str) -> Floats | None:
    """Average a model's use of a property over its layers, in every resample."""
    own = [one.use for (who, what, _), one in effects.items() if (who, what) == (model, name)]
    return np.mean(own, axis=0) if own else None


def _lost(study: Study, erased: CausalUse, effects: Mapping[Key, Effect]) -> list[Estimate]:
    estimates = []
    for one in erased.properties:
        teacher = _mean_use(effects, study.teacher.name, one.name)
        for student in study.students:
            at = EstimateKey("use_lost", study.teacher.name, student.name, subset=one.name)
            other = _mean_use(effects, student.name, one.name)
            if teacher is None or other is None:
                without = study.teacher.name if teacher is None else student.name
                estimates.append(undefined_estimate(at, f"nothing was erased from {without}"))
            else:
                draws, n = teacher - other, len(erased.ids)
                estimates.append(estimate(at, draws, n=n, undefined="", how=_HOW))
    return estimates


def _notices(erased: CausalUse) -> list[Notice]:
    notices = [
        Notice(
            code="causal-use-unread", severity="note", models=(model,),
            message=f"Nothing was erased from {model}: {reason}.",
        )
        for model, reason in erased.reasons.items()
    ]  # fmt: skip
    far = sorted(
        {
            f"{one.property} in {one.model}"
            for one in erased.layers
            if one.rank and abs(one.control_share - one.share) > _FAR * one.share
        }
    )
    if far:
        notices.append(
            Notice(
                code="causal-use-control", severity="warning",
                message="At some layers no subspace of that rank takes as much variance as the "
                f"property's, so that the control is not of its size: {', '.join(far)}.",
            )
        )  # fmt: skip
    return notices


def _notes(study: Study, erased: CausalUse, done: Mapping[str, AnalysisResult]) -> tuple[str, ...]:
    fitted = ", ".join(f"{one.name} ({one.sentences:,})" for one in erased.properties)
    notes = [
        f"What is erased is told by the labelled sentences of {fitted}: every token's state with "
        "the label of its sentence, special tokens apart. Afterwards no linear map of the mean of "
        "the words, of that of a quarter of them, or of a special token tells their label, and the "
        "examples' states are moved as little as that allows. What is read in a way that is not "
        "linear may remain: a use that is not found is not a proof that there is none.",
        f"Each erasure is held against {erased.draws} random subspaces.",
        *erased.notes,
        *labelled_note(study, "The score lost"),
    ]
    if "probing" not in done:
        notes.append(
            "Whether a property is kept is not known: no layer was probed (`probing.tasks`)."
        )
    return tuple(notes)


@dataclass(frozen=True)
class CausalUseAnalysis:
    """What every model loses with a property, beyond random subspaces."""

    name: str = "causal_use"
    version: int = 1
    title: str = "Causal use"
    after: tuple[str, ...] = ("probing",)
    gold: Gold = "both"
    reads: tuple[type, ...] = (CausalUse,)
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies in which nothing was erased."""
        if study.has(CausalUse):
            return None
        return (
            "no property was erased from a layer, as it takes minutes; "
            "`causal_use.properties=subj_number` adds it"
        )

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Estimate every cell, decide who uses what, and draw."""
        erased = study.get(CausalUse)
        effects, n = effects_of(study, erased), len(erased.ids)
        # Two families: a use is known of all examples, a loss of those with a gold label.
        tested = [*with_q(_uses(effects, n)), *with_q(_losses(study, erased, effects))]
        rest = [one for key, effect in effects.items() for one in _besides(key, effect, n)]
        shown = [*tested, *_undefined(study, erased)]
        return AnalysisResult(
            **described(self, options),
            caption="A probe tells what a layer holds. Here it is taken away, and the rest of the "
            "model goes on: does what it says change more than by any other subspace of that size?",
            metrics=METRICS,
            estimates=(*shown, *rest, *_lost(study, erased, effects)),
            tables=_tables(study, shown, erased, effects, done),
            matrices=tuple(
                matrix
                for place, model in enumerate(study.models)
                for metric in ("use", "score_loss_beyond_control")
                if (matrix := use_matrix(shown, metric, model.name, place, unit=_unit(study)))
            ),
            warnings=tuple(_notices(erased)),
            notes=_notes(study, erased, done),
        )


def _unit(study: Study) -> str:
    return "score" if study.split.task.kind == "regression" else "nats"


def _tables(
    study: Study,
    tested: Sequence[Estimate],
    erased: CausalUse,
    effects: Mapping[Key, Effect],
    done: Mapping[str, AnalysisResult],
) -> tuple[Table, ...]:
    usages = {
        (model.name, one.name): usage_of(tested, model.name, one.name)
        for one in erased.properties
        for model in study.models
        if model.name not in erased.reasons
    }
    lost = [lost_table(usages, study.teacher.name)] if study.students else []
    kept = [unused_table(usages, done)] if "probing" in done else []
    return (*lost, *kept, usage_table(usages), erased_table(effects))


ANALYSIS = CausalUseAnalysis()
