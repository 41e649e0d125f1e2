"""Every model explained, and again for ceiling and floor.

Does: explain all models at once, with what bounds their agreement: a second seed, a second run, a
model of random weights. Does not: choose sentences or methods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np

from kdprobe.collectors.attributions.estimate import say_estimate
from kdprobe.collectors.attributions.floors import FloorKey, Floors
from kdprobe.collectors.attributions.plan import ExplanationPlan
from kdprobe.extract.attributions import Explained, ExplanationRequest, explain_models
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.handle import ModelHandle
from kdprobe.models.hf import HfModel

RESEEDED, SECOND_RUN, RANDOM_WEIGHTS = "reseeded", "second run", "random weights"


def explain_all(
    plan: ExplanationPlan,
    models: Mapping[str, Sequence[ModelHandle]],
    setting: ExplanationSettings,
    floors: Floors,
    *,
    teacher: str,
    how: Mapping[str, Any],
) -> dict[str, dict[str, Explained]]:
    """Explain the sentences of a plan to every model.

    Args:
        plan: the sentences.
        models: name -> its runs.
        setting: the methods.
        floors: the models of random weights.
        teacher: its name.
        how: the cache, the progress and the workers of `explain_models`.

    Returns:
        Model -> kind, as in `Attributions` -> explanations.
    """
    floors.open.clear()  # what a method that failed left unexplained
    plain = replace(setting, deletion=False)
    requests: dict[tuple[str, str], ExplanationRequest] = {}
    floor_of: dict[str, FloorKey] = {}
    for name, runs in models.items():
        first, sentences = runs[0], plan.of(name)
        requests[name, ""] = ExplanationRequest(first, sentences, setting)
        if name == teacher and len(runs) > 1:
            requests[name, SECOND_RUN] = ExplanationRequest(runs[1], sentences, plain)
        if name != teacher and "gradients" in first.capabilities:  # weights: a twin without them
            floor_of[name] = floors.ask(cast(HfModel, first), sentences, plain)
    title = f"explaining {_counted(models)}"
    requested = [*requests.values(), *floors.open.values()]
    answers = explain_models(
        requested, title=title, **how,
        before=partial(say_estimate, progress=how["progress"], jobs=how["workers"].jobs),
    )  # fmt: skip
    explained = dict(zip(requests, answers, strict=False))
    floors.learn(answers[len(requests) :])
    again = {
        name: request
        for name, runs in models.items()
        if (request := _noisy(explained[name, ""], plan.of(name), runs[0], plain)) is not None
    }
    title += " again with another seed"
    anew = dict(zip(again, explain_models([*again.values()], title=title, **how), strict=True))
    kinds: dict[str, dict[str, Explained]] = {}
    for name in models:
        first_kind = explained[name, ""]
        kinds[name] = {"": first_kind, RESEEDED: first_kind}
        if name in anew:
            kinds[name][RESEEDED] = _reseeded(first_kind, anew[name], setting)
        if (name, SECOND_RUN) in explained:
            kinds[name][SECOND_RUN] = explained[name, SECOND_RUN]
        if name in floor_of:
            kinds[name][RANDOM_WEIGHTS] = floors.known[floor_of[name]]
    return kinds


def _counted(models: Mapping[str, object]) -> str:
    return f"{len(models)} models" if len(models) > 1 else next(iter(models))


def _noisy_rows(first: Explained, setting: ExplanationSettings) -> dict[str, list[int]]:
    """Return the sentences that say no agreement with themselves, by method; see `Attribution`.

    What was not sampled would be the same.
    """
    return {
        name: [row for row, one in enumerate(first[name])
               if one.scored.sampled and np.isnan(one.scored.itself)]
        for name in setting.methods
    }  # fmt: skip


def _noisy(
    first: Explained,
    sentences: Sequence[Sentence],
    model: ModelHandle,
    setting: ExplanationSettings,
) -> ExplanationRequest | None:
    """Ask again with another seed for what holds sampling noise; all else would be the same."""
    noisy = _noisy_rows(first, setting)
    rows = sorted({row for places in noisy.values() for row in places})
    if not rows:
        return None
    methods = {name: options for name, options in setting.methods.items() if noisy[name]}
    other = replace(setting, seed=setting.seed + 1, methods=methods)
    return ExplanationRequest(model, [sentences[row] for row in rows], other)


def _reseeded(first: Explained, again: Explained, setting: ExplanationSettings) -> Explained:
    """Return the explanations with what another seed gives in place of what holds noise."""
    noisy = _noisy_rows(first, setting)
    rows = sorted({row for places in noisy.values() for row in places})
    joined = {name: list(first[name]) for name in setting.methods}
    for name, explained in again.items():
        for row, one in zip(rows, explained, strict=True):
            joined[name][row] = one
    return {name: tuple(explained) for name, explained in joined.items()}
