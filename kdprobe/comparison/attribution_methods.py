"""Which methods can explain every model of a comparison.

Does: try each method on one short sentence of each model, and leave out, with the reason, those
that a model does not allow. Does not: explain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kdprobe.comparison.attribution_plan import DEFAULT_METHODS, Plan
from kdprobe.extract.attributions import ask
from kdprobe.extract.own_outputs import method_obstacles
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.hf import HfModel
from kdprobe.models.reader import Reader
from kdprobe.results.schema import Skipped


def usable_methods(
    setting: ExplanationSettings, plan: Plan, models: Mapping[str, Sequence[HfModel]]
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
    for name, members in models.items():
        for member in members:
            reasons = method_obstacles(ask(Reader(member), shortest, setting), setting)
            for method, reason in reasons.items():
                told = Skipped(
                    what=method, reason=f"{name}: {reason}", models=(name,), requested=named
                )
                skipped.setdefault(method, told)
    methods = {name: own for name, own in setting.methods.items() if name not in skipped}
    return replace(setting, methods=methods), list(skipped.values())
