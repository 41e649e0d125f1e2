"""Which methods can explain every model of a comparison.

Does: try each method on one short sentence of each model, leave out, with the reason, those that a
model does not allow, and go on without a method that fails. Does not: explain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from kdprobe.collectors.attributions.options import DEFAULT_METHODS
from kdprobe.collectors.attributions.plan import ExplanationPlan
from kdprobe.collectors.guarding import failure
from kdprobe.extract.attributions import Explained
from kdprobe.extract.explained_piece import ask
from kdprobe.extract.method import METHODS
from kdprobe.extract.own_outputs import method_obstacles
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.handle import ModelHandle, lacking
from kdprobe.models.texts_reader import reader_of
from kdprobe.results.schema import Skipped

Kinds = dict[str, Explained]


def usable_methods(
    setting: ExplanationSettings, plan: ExplanationPlan, models: Mapping[str, Sequence[ModelHandle]]
) -> tuple[ExplanationSettings, list[Skipped]]:
    """Leave out the methods that a model does not allow; agreement needs both sides.

    Args:
        setting: how everything is explained.
        plan: the chosen sentences; the shortest is tried.
        models: name -> its runs.

    Returns:
        The setting with the methods that are left, and what was left out with the first reason.
    """
    if not plan.sentences:
        return setting, []
    shortest = min(plan.sentences, key=lambda one: len(one.words))
    named = tuple(setting.methods) != DEFAULT_METHODS
    skipped: dict[str, Skipped] = {}
    for name, runs in models.items():
        for run in runs:
            reasons = {
                method: reason
                for method in setting.methods
                if (reason := lacking(run, METHODS.load(method).needs)) is not None
            }
            able = {name: own for name, own in setting.methods.items() if name not in reasons}
            tried = replace(setting, methods=able)
            reasons |= method_obstacles(ask(reader_of(run), shortest, tried), tried)
            for method, reason in reasons.items():
                left_out = Skipped(
                    what=method, reason=f"{name}: {reason}", models=(name,), requested=named
                )
                skipped.setdefault(method, left_out)
    methods = {name: own for name, own in setting.methods.items() if name not in skipped}
    return replace(setting, methods=methods), list(skipped.values())


def explain_apart(
    models: Sequence[str],
    setting: ExplanationSettings,
    explain: Callable[[ExplanationSettings], dict[str, Kinds]],
) -> tuple[dict[str, Kinds], ExplanationSettings, tuple[Skipped, ...]]:
    """Explain models by all methods, or, when a method fails, by those that do not.

    Args:
        models: their names.
        setting: how; its methods.
        explain: explains all models by the methods of a setting, see `kinds`.

    Returns:
        The explanations by model, the setting with the methods that worked, and those that failed
        with what was raised.

    Raises:
        Exception: see `collectors.guarding.failure`; or every method failed.
    """
    try:
        return explain(setting), setting, ()
    except Exception as error:
        first = failure("", error)
    explained: dict[str, Kinds] = {name: {} for name in models}
    works, skipped = {}, []
    for method, options in setting.methods.items():
        alone = replace(setting, methods={method: options})
        try:
            by_model = explain(alone)
        except Exception as error:
            skipped.append(failure(method, error))
            continue
        works[method] = options
        for name, kinds in by_model.items():
            for kind, one in kinds.items():
                explained[name][kind] = {**explained[name].get(kind, {}), **one}
    if not works:
        raise RuntimeError(first.reason.removeprefix("failed (").partition("); ")[0])
    return explained, replace(setting, methods=works), tuple(skipped)
