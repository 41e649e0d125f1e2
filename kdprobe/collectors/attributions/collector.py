"""Word scores of every compared model.

Does: choose the sentences, find what all models read of them, and explain each model (and, for
ceiling and floor, a second seed, a second run and a model of random weights). Does not: explain or
compare; `extract/` and `analysis/` do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from kdprobe.collectors.attributions.joining import joined
from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.collectors.attributions.plan import plan_of
from kdprobe.collectors.predictions import COLLECTOR as PREDICTIONS
from kdprobe.collectors.protocol import Collected
from kdprobe.collectors.session import Session
from kdprobe.errors import ConfigError
from kdprobe.models.handle import Capability
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.own_sentences import OwnSentences
from kdprobe.observations.study import Study
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.tasks.own_sentences import read_own
from kdprobe.tasks.task import Split, Task

if TYPE_CHECKING:
    from kdprobe.extract.attributions import Explained
    from kdprobe.extract.coalitions import Output
    from kdprobe.extract.settings import ExplanationSettings


class PreparedAttributions(NamedTuple):
    """The request and a person's own sentences; None: the session's examples are explained."""

    request: AttributionRequest
    split: Split | None


@dataclass(frozen=True)
class AttributionsCollector:
    """Word scores by several methods, of chosen examples or of a person's own sentences."""

    name: str = "attributions"
    kind: type[Attributions] = Attributions
    options: type[AttributionRequest] = AttributionRequest
    needs: frozenset[Capability] = frozenset({"logits"})
    after: tuple[str, ...] = ("predictions", "probes")
    by_default: bool = False

    def versions(self, options: AttributionRequest) -> dict[str, int]:
        """Return those of what is kept, by what they are of."""
        from kdprobe.extract.kept_explanations import EXTRACTOR_VERSION
        from kdprobe.extract.method import METHODS

        methods = {name: METHODS.load(name).version for name in options.methods}
        return {"extractor": EXTRACTOR_VERSION, **methods}

    def prepare(
        self, session: Session, options: AttributionRequest
    ) -> PreparedAttributions | Skipped:
        """Read the file of own sentences, if any, and find the models that can be explained."""
        own = None if options.file is None else read_own(options.file, session.task)
        split = session.split if own is None else own
        reason = self._nobody(session)
        if reason is not None:
            return Skipped(what=self.name, reason=reason)
        _check_label(session.task, options)
        if options.target == "gold" and not len(split.gold_rows):
            raise ConfigError(
                "target = gold", found="the examples have no labels", expected="labelled examples"
            )
        return PreparedAttributions(options, own)

    def _unable(self, session: Session) -> dict[str, str]:
        """Return the models that cannot be explained, and why, as far as is known by now."""
        lacking = session.lacking(self.needs)
        unable = {name: f"{name}: {reason}" for name, reason in lacking.items()}
        for model in session.models:
            for alarm in (alarm for run in model.runs for alarm in run.alarms):
                unable.setdefault(model.name, f"{model.name}: {alarm}")
        return unable

    def _nobody(self, session: Session) -> str | None:
        """Return why there are no two models to explain; None: there are."""
        unable = self._unable(session)
        if session.models[0].name not in unable and len(session.models) - len(unable) > 1:
            return None
        return "; ".join(unable.values()) or "there is no student"

    def collect(
        self, session: Session, prepared: PreparedAttributions, progress: Progress
    ) -> Collected[Attributions] | Collected[OwnSentences] | Skipped:
        """Explain the models; own sentences become a study of their own."""
        from kdprobe.collectors.attributions.floors import Floors
        from kdprobe.collectors.attributions.kinds import explain_all
        from kdprobe.collectors.attributions.methods import explain_apart, usable_methods

        request, cache, seed = prepared.request, session.cache, session.seed
        reason = self._nobody(session)  # what a function gives is known once it was called
        if reason is not None:
            return Skipped(what=self.name, reason=reason)
        unable = self._unable(session)
        able = {model.name: model.runs for model in session.models if model.name not in unable}
        study = session.study
        if prepared.split is not None:
            study = _own_study(session, prepared.split, tuple(able), progress)
        plan = plan_of(study, list(able.values()), request)
        several = session.task.kind == "multilabel"
        setting = setting_of(request, seed, several=several)
        setting, unusable = usable_methods(setting, plan, able)
        left_out = (Skipped(what=self.name, reason=unable[name], models=(name,)) for name in unable)
        skipped = (*left_out, *unusable)
        if not setting.methods:
            return Skipped(what=self.name, reason="; ".join(item.reason for item in unusable))

        floors = Floors(seed)

        def explain(by: ExplanationSettings) -> dict[str, dict[str, Explained]]:
            how = {"cache": cache, "progress": progress, "workers": session.workers}
            return explain_all(plan, able, by, floors, teacher=study.teacher.name, how=how)

        explained, setting, failed = explain_apart(tuple(able), setting, explain)
        attributions, skipped = joined(study, plan, setting, explained), (*skipped, *failed)
        if prepared.split is None:
            return Collected(attributions, skipped)
        return Collected(OwnSentences(study.with_observations(attributions)), skipped)


def _own_study(
    session: Session, split: Split, models: tuple[str, ...], progress: Progress
) -> Study:
    """Ask the models about a person's own sentences, in a session of their own.

    Args:
        session: the comparison.
        split: the sentences; ids that the comparison's examples have are changed.
        models: those that can be asked, the teacher among them.
        progress: where to show progress.
    """
    taken = set(session.split.ids)
    renamed = replace(split, ids=tuple(_free(key, taken) for key in split.ids))
    own = session.with_split(renamed, models)
    outputs = PREDICTIONS.collect(own, renamed, progress).observation
    return own.with_observation(outputs).study


def _free(key: str, taken: set[str]) -> str:
    return _free(f"{key}~", taken) if key in taken else key


def _check_label(task: Task, request: AttributionRequest) -> None:
    """Refuse a label that the task does not have, and one gold label where there may be several."""
    if request.label and request.label not in task.labels:
        raise ConfigError(
            f"label = {request.label}", found=f"{task.name} has no such label",
            expected="one of " + ", ".join(task.labels[:12]),
        )  # fmt: skip
    if request.target == "gold" and task.kind == "multilabel":
        raise ConfigError(
            "target = gold", found="an example may have several gold labels",
            expected="teacher (its most probable label) or own",
            remedy="`attribution.options=label=NAME` explains one label of all examples",
        )  # fmt: skip


def setting_of(request: AttributionRequest, seed: int, *, several: bool) -> ExplanationSettings:
    """Return how a request explains texts.

    Args:
        request: what a person set.
        seed: of all sampling.
        several: whether an example may have several labels at once, each explained by itself.
    """
    from kdprobe.extract.settings import ExplanationSettings

    methods = {name: request.of_method(name) for name in request.methods}
    output: Output = request.output
    if several:
        output = "label log-odds" if output == "log-odds" else "label probability"
    return ExplanationSettings(
        methods, output=output, removal=request.removal, seed=seed, beam=request.beam
    )


COLLECTOR = AttributionsCollector()
