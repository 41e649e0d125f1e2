"""Word scores of every compared model, joined for the analyses.

Does: choose the sentences, find what all models read of them, and explain each model (and, for
ceiling and floor, a second seed, a second run and a model of random weights). Does not: explain or
compare; `extract/` and `analysis/` do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

from kdprobe.cache import Cache
from kdprobe.comparison.attribution_plan import (
    AttributionRequest,
    Plan,
    own_study,
    plan_of,
    sampling_note,
)
from kdprobe.comparison.guarding import explain_apart
from kdprobe.config.base import parse
from kdprobe.errors import ConfigError
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.study import Bools, Floats, Study
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.tasks.own_sentences import read_own
from kdprobe.tasks.task import Task

if TYPE_CHECKING:
    from kdprobe.comparison.inputs import Inputs
    from kdprobe.extract.attributions import Explained
    from kdprobe.extract.settings import ExplanationSettings
    from kdprobe.models.handle import ModelHandle
    from kdprobe.models.hf import HfModel

ANALYSES = ("attribution_agreement", "faithfulness")
RESEEDED, SECOND_RUN, RANDOM_WEIGHTS = "reseeded", "second run", "random weights"


def requested(
    given: AttributionRequest | None, task: Task, *, only: Sequence[str], skip: Sequence[str]
) -> AttributionRequest | None:
    """Say what is explained: as given or, when `only` asks for it, the usual; None: nothing.

    Raises:
        TaskError: the file of own sentences cannot be used.
    """
    if given is None and any(name in ANALYSES for name in only):
        given = AttributionRequest()
    wanted = [name for name in ANALYSES if name not in skip and (not only or name in only)]
    if given is None or not wanted:
        return None
    if given.file is None:
        return given
    return replace(given, own=read_own(Path(given.file), task))


def add_attributions(
    study: Study, handles: Sequence[Sequence[ModelHandle]], *, inputs: Inputs, progress: Progress
) -> tuple[Study, tuple[Skipped, ...]]:
    """Explain the models of a study, when asked for, and give it with their word scores.

    Returns:
        The study, and which models could not be explained and why.
    """
    from kdprobe.comparison.attribution_methods import usable_methods

    request, cache = inputs.attributions, inputs.cache
    if request is None:
        return study, ()
    able, skipped = _able(study, handles)
    if study.teacher.name not in able or len(able) < 2:
        reason = "; ".join(dict.fromkeys(item.reason for item in skipped)) or "there is no student"
        return study, tuple(Skipped(what=name, reason=reason) for name in ANALYSES)
    asked = study
    if request.own is not None:
        asked = own_study(study, request.own, able, cache=cache, batch_size=inputs.batch_size,
                          progress=progress)  # fmt: skip
    if request.target == "gold" and asked.split.labels is None:
        raise ConfigError(
            "target = gold", found="the examples have no labels", expected="labelled examples"
        )
    plan = plan_of(asked, list(able.values()), request)
    setting, unusable = usable_methods(_setting(request, study.seed), plan, able)
    skipped += unusable
    if not setting.methods:
        reason = "; ".join(item.reason for item in unusable)
        return study, (*skipped, *(Skipped(what=name, reason=reason) for name in ANALYSES))

    def explain(name: str, by: ExplanationSettings) -> dict[str, Explained]:
        return _explain_all(plan, able[name], by, role=name == study.teacher.name, cache=cache,
                            progress=progress, seed=study.seed)  # fmt: skip

    seen, setting, failed = explain_apart(tuple(able), setting, explain)
    found = replace(asked, attributions=_joined(asked, plan, setting, seen))
    return found if asked is study else replace(study, own=found), (*skipped, *failed)


def _able(
    study: Study, handles: Sequence[Sequence[ModelHandle]]
) -> tuple[dict[str, list[HfModel]], list[Skipped]]:
    from kdprobe.models.hf import HfModel

    able: dict[str, list[HfModel]] = {}
    skipped = []
    for population, members in zip(study.models, handles, strict=True):
        opened = [member for member in members if isinstance(member, HfModel)]
        if len(opened) == len(members):
            able[population.name] = opened
            continue
        reason = f"{population.name} is a predictions file: new texts cannot be put to it"
        models = (population.name,)
        skipped += [Skipped(what=name, reason=reason, models=models) for name in ANALYSES]
    return able, skipped


def _setting(request: AttributionRequest, seed: int) -> ExplanationSettings:
    from kdprobe.extract.method import METHODS
    from kdprobe.extract.settings import ExplanationSettings

    methods: dict[str, BaseModel] = {
        name: parse(METHODS.load(name).options, dict(request.options.get(name, {})), name)
        for name in request.methods
    }
    return ExplanationSettings(methods, output=request.output, removal=request.removal, seed=seed)


def _explain_all(
    plan: Plan,
    members: Sequence[HfModel],
    setting: ExplanationSettings,
    *,
    role: bool,
    cache: Cache | None,
    progress: Progress,
    seed: int,
) -> dict[str, Explained]:
    """Explain one model; `role` is whether it is the teacher. Kinds as in `Attributions`."""
    from kdprobe.extract.attributions import explain_model
    from kdprobe.models.random_init import random_twin

    first = members[0]
    asked = plan.of(first.name)
    found = {"": explain_model(first, asked, setting, cache=cache, progress=progress)}
    plain = replace(setting, deletion=False)
    found[RESEEDED] = _reseeded(found[""], plan, first, plain, cache=cache, progress=progress)
    if role and len(members) > 1:
        found[SECOND_RUN] = explain_model(members[1], asked, plain, cache=cache, progress=progress)
    if not role:
        twin = random_twin(first, seed=seed)
        found[RANDOM_WEIGHTS] = explain_model(twin, asked, plain, cache=cache, progress=progress)
    return found


def _reseeded(
    found: Explained,
    plan: Plan,
    model: HfModel,
    setting: ExplanationSettings,
    *,
    cache: Cache | None,
    progress: Progress,
) -> Explained:
    """Explain again with another seed what holds sampling noise; all else would be the same."""
    from kdprobe.extract.attributions import explain_model

    noisy = {
        name: [row for row, one in enumerate(found[name]) if one.scored.sampled]
        for name in setting.methods
    }
    rows = sorted({row for places in noisy.values() for row in places})
    if not rows:
        return found
    again = explain_model(
        model,
        [plan.of(model.name)[row] for row in rows],
        replace(
            setting,
            seed=setting.seed + 1,
            methods={name: options for name, options in setting.methods.items() if noisy[name]},
        ),
        cache=cache,
        progress=progress,
    )
    joined = {name: list(found[name]) for name in setting.methods}
    for name, explained in again.items():
        for row, one in zip(rows, explained, strict=True):
            joined[name][row] = one
    return {name: tuple(explained) for name, explained in joined.items()}


def _joined(
    study: Study,
    plan: Plan,
    setting: ExplanationSettings,
    seen: Mapping[str, Mapping[str, Explained]],
) -> Attributions:
    from kdprobe.extract.attributions import RANDOM, SHARES

    scores: dict[tuple[str, str, str], tuple[Floats, ...]] = {}
    special, gaps, sampled, deletion, failed = {}, {}, {}, {}, set()
    unsettled: list[str] = []
    for model, kinds in seen.items():
        for kind, explained in kinds.items():
            for method in setting.methods:
                arrays = []
                for one, inside, found in zip(plan.ids, plan.read, explained[method], strict=True):
                    spread = _spread(found.scored.scores, inside)
                    if not len(spread):
                        failed.add((model, method, one))
                    arrays.append(spread)
                scores[model, method, kind] = tuple(arrays)
        for method in (*setting.methods, RANDOM):
            entries = kinds[""][method]
            falls = [found.deletion for found in entries]
            deletion[model, method] = np.array(falls).reshape(len(falls), len(SHARES), 2)
            if method == RANDOM:
                continue
            special[model, method] = np.array([found.scored.special for found in entries])
            gaps[model, method] = np.array([found.scored.gap for found in entries])
            largest = getattr(setting.methods[method], "largest_gap", np.inf)
            unsettled += [
                f"{model} on {key}"
                for key, gap in zip(plan.ids, gaps[model, method].tolist(), strict=True)
                if gap > largest
            ]
            sampled[model, method] = np.array([found.scored.sampled for found in entries])
    return Attributions(
        ids=plan.ids, words=plan.words, target=plan.target, methods=tuple(setting.methods),
        scores=scores, special=special, gaps=gaps, sampled=sampled, deletion=deletion,
        shares=SHARES, counts=plan.counts,
        notes=(*_notes(study, plan, setting, sorted(failed)), *_gap_notes(unsettled)),
        own_target=plan.own_target,
    )  # fmt: skip


def _gap_notes(unsettled: Sequence[str]) -> tuple[str, ...]:
    """Name the explanations whose scores do not add up after the most integration steps."""
    if not unsettled:
        return ()
    shown, more = ", ".join(unsettled[:10]), len(unsettled) - 10
    return (
        f"{len(unsettled)} explanations do not add up to the change of the output within their "
        f"largest gap: {shown}{f' and {more} more' if more > 0 else ''} (attributions.parquet "
        "holds every gap).",
    )


def _spread(scores: Floats, inside: Bools) -> Floats:
    """Put scores of the words read among all words; no scores stay none."""
    if not len(scores):
        return scores
    spread: Floats = np.full(len(inside), np.nan)
    spread[inside] = scores
    return spread


def _notes(
    study: Study, plan: Plan, setting: ExplanationSettings, failed: Sequence[tuple[str, str, str]]
) -> tuple[str, ...]:
    notes = [sampling_note(study, plan)]
    what = "the log-odds of" if setting.output == "log-odds" else "the probability of"
    if study.split.task.kind == "regression":
        notes.append("Explained is the predicted score.")
    else:
        whose = (
            "each model's own predicted class" if plan.own_target else "one class for all models"
        )
        notes.append(f"Explained is {what} {whose}.")
    notes += plan.notes
    cut = [key for key, inside in zip(plan.ids, plan.read, strict=True) if not inside.all()]
    if cut:
        told = "1 example is" if len(cut) == 1 else f"{len(cut)} examples are"
        notes.append(
            f"{told} longer than a model reads; only words that all models read were explained "
            f"(first: {cut[0]})."
        )
    for model, method, key in failed[:3]:
        notes.append(f"{method} gave no finite scores for {model} on {key}: it is left out.")
    if len(failed) > 3:
        notes.append(f"{len(failed) - 3} more explanations without finite scores are left out.")
    return tuple(notes)
