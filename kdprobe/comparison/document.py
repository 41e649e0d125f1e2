"""The results document of a comparison.

Does: put it together from the evidence and the results of the analyses, and write and parse it
once. Does not: compute any number.
"""

from __future__ import annotations

import datetime
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import JsonValue

from kdprobe.collectors.session import ComparedModel, Session
from kdprobe.comparison.analyses import TRAINING, Ran
from kdprobe.comparison.attribution_examples import explained_ids, with_words
from kdprobe.comparison.collect import CollectedEvidence
from kdprobe.comparison.controls import control_notices
from kdprobe.comparison.examples import examples, page_rows
from kdprobe.comparison.model_facts import model_info, model_notices
from kdprobe.comparison.options import AnalysisOptions, CompareOptions
from kdprobe.comparison.suspicion import suspicions
from kdprobe.models.training_record import trained_in_bfloat16
from kdprobe.observations.controls import Controls
from kdprobe.observations.label_sets import as_given
from kdprobe.observations.own_sentences import OwnSentences
from kdprobe.observations.study import Study
from kdprobe.observations.training_history import TrainingHistories
from kdprobe.report.examples import named_examples
from kdprobe.results.io import dumps, loads
from kdprobe.results.schema import (
    AnalysisResult,
    Notice,
    ProducedBy,
    Request,
    ResultsDocument,
    Role,
    Skipped,
    TaskInfo,
)
from kdprobe.results.states import MARGIN
from kdprobe.version import __version__

PACKAGES = ("torch", "transformers", "numpy", "scipy", "statsmodels", "pydantic")


class WrittenDocument(NamedTuple):
    """A document, as it reads when it comes back from its file, and the text of that file."""

    document: ResultsDocument
    text: str


def document_of(
    evidence: CollectedEvidence,
    ran: Ran,
    options: CompareOptions,
    *,
    command: str = "",
) -> WrittenDocument:
    """Put the document of a comparison together, write it as JSON and parse it.

    Args:
        evidence: what the collectors gave.
        ran: what came of the analyses.
        options: every option of the run.
        command: the command as typed.
    """
    session, study = evidence.session, evidence.session.study
    request = Request(
        command=command,
        seed=session.seed,
        options=_protocol(options, evidence, session, ran.names),
    )
    timings = {**evidence.seconds, **ran.seconds}
    document = ResultsDocument(
        produced_by=produced_by(request),
        request=request,
        task=task_info(study),
        models=tuple(
            model_info(model.spec, model.runs, _role(study, model)) for model in session.models
        ),
        analyses=(*ran.results, *training_result(study, options.analyses)),
        warnings=tuple(_notices(session)),
        examples_total=study.n,
        skipped=_skipped(evidence, ran),
        timings={name: round(value, 3) for name, value in timings.items()},
    )
    rows = page_rows(study, named_examples(document), explained_ids(study))
    shown = with_words(study, examples(study, rows, document.task.answers), document)
    total = document.examples_total + len(shown) - len(rows)
    document = document.model_copy(update={"examples": shown, "examples_total": total})
    text = dumps(document)
    return WrittenDocument(loads(text), text)


def _role(study: Study, model: ComparedModel) -> Role:
    """Return what a model is here: the teacher, a student, or a student's control."""
    is_control = study.has(Controls) and model.name in study.get(Controls).names
    return "control" if is_control else model.role


def _skipped(evidence: CollectedEvidence, ran: Ran) -> tuple[Skipped, ...]:
    """List what did not run, each analysis once: what could not be collected says why."""
    missing = [
        line.model_copy(update={"requested": line.requested or line.what in ran.requested})
        for line in evidence.skipped
    ]
    known = {line.what for line in missing}
    return (*missing, *(line for line in ran.skipped if line.what not in known))


def training_result(study: Study, chosen: AnalysisOptions) -> tuple[AnalysisResult, ...]:
    """Return the learning curves as a result, unless analyses were named or they are left out."""
    if not study.has(TrainingHistories) or chosen.only or TRAINING in chosen.skip:
        return ()
    histories = study.get(TrainingHistories)
    return (
        AnalysisResult(
            name=TRAINING,
            version=1,
            title="How the students were trained",
            caption="As logged while they were trained; scores are of the split they were "
            "scored on then.",
            curves=histories.curves,
            notes=histories.notes,
        ),
    )


def _notices(session: Session) -> list[Notice]:
    """Return what the reader must know of the choice of models and examples, worst first."""
    specs = [model.spec for model in session.models]
    truncated = session.outputs.truncated
    notices = [
        *session.noticed,
        *suspicions(specs, [model.runs for model in session.models], session.split),
        *session.notices,
    ]
    for model in session.models:
        cut = truncated.get(model.name, 0)
        notices += model_notices(model.spec, model.runs, cut, len(session.split))
    return [*notices, *control_notices(specs[1:], session.study)]


def _protocol(
    options: CompareOptions, evidence: CollectedEvidence, session: Session, analyses: Sequence[str]
) -> dict[str, JsonValue]:
    """Return every choice after defaults were filled in, for the protocol card; no full paths."""
    data, runtime = options.data, options.runtime
    half = trained_in_bfloat16([model.spec for model in session.models])
    task, task_file = session.task.name, session.task_file
    usual = session.split.name if task_file is None else task_file.compare_split
    return {
        "task": Path(data.task).name if isinstance(data.task, str) else task,
        "split": data.split or usual,
        "analyses": list(analyses),
        "limit": data.limit,
        **({} if options.analyses.margin == MARGIN else {"margin": options.analyses.margin}),
        "resamples": session.resamples,
        "slice_columns": list(session.slice_columns),
        **_control_options(session.study),
        **({"cluster": session.split.clustered_by} if session.split.clustered_by else {}),
        **({"missing": {"rule": "drop", **session.unanswered}} if data.missing == "drop" else {}),
        **evidence.options,
        "device": runtime.device,
        "dtype": runtime.dtype,
        "batch_size": runtime.batch_size,
        "label_map": dict(data.label_map) if data.label_map else None,
        **({"trained_in_bfloat16": list[JsonValue](half)} if half else {}),
    }


def _control_options(study: Study) -> dict[str, JsonValue]:
    """Return the controls and who told them, for the protocol card; nothing without one."""
    if not study.has(Controls):
        return {}
    controls = study.get(Controls)
    source = "" if controls.named else " (from the records of the trainings)"
    return {"control": ", ".join(controls.names) + source}


def produced_by(request: Request) -> ProducedBy:
    """Return what made a document; `request` names device and dtype."""
    import importlib.metadata

    torch = sys.modules.get("torch")
    return ProducedBy(
        kdprobe=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages={name: importlib.metadata.version(name) for name in PACKAGES},
        threads=torch.get_num_threads() if torch else None,
        device=str(request.options["device"]),
        dtype=str(request.options["dtype"]),
        created=datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat(),
    )


def task_info(study: Study) -> TaskInfo:
    """Describe the split that all numbers are about."""
    split = as_given(study)
    task = split.task
    counts: dict[str, int] = {}
    if split.labels is not None and task.kind != "regression":
        gold = split.labels[split.gold_rows].astype(np.int64)
        totals = (
            gold.sum(axis=0)
            if task.kind == "multilabel"
            else np.bincount(gold, minlength=len(task.labels))
        )
        counts = {name: int(total) for name, total in zip(task.labels, totals, strict=True)}
    return TaskInfo(
        name=task.name,
        version=task.version,
        kind=task.kind,
        labels=task.labels,
        sets=_sets(study),
        primary_score=task.primary_score,
        split=split.name,
        n=len(split),
        clusters=study.clusters_in(),
        clustered_by=split.clustered_by,
        fingerprint=split.fingerprint,
        label_counts=counts,
        citation=task.citation,
        description=task.description,
    )


def _sets(study: Study) -> tuple[tuple[int, ...], ...]:
    """Return the sets of labels of all examples that the page may carry."""
    studies = [study, study.get(OwnSentences).study] if study.has(OwnSentences) else [study]
    sets = (each.split.task.sets for each in studies)
    return tuple(dict.fromkeys(held for each in sets if each is not None for held in each.members))
