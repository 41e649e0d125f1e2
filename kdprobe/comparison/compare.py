"""`kdprobe.compare`: from what a person named to the results.

Does: the steps in their order, a line each. Does not: any of them itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, cast

from kdprobe.collectors.protocol import CollectorOptions
from kdprobe.collectors.session import Session, open_session
from kdprobe.comparison.analyses import ChosenAnalyses, chosen_analyses, run_all
from kdprobe.comparison.collect import collect, collectors_of
from kdprobe.comparison.controls import control_name, controls_of, with_controls
from kdprobe.comparison.document import document_of
from kdprobe.comparison.files import check_output, write_files
from kdprobe.comparison.options import (
    AnalysisOptions,
    CompareKeywords,
    CompareOptions,
    compare_options,
)
from kdprobe.comparison.parity import converted_models, parity_notices
from kdprobe.comparison.result import Comparison
from kdprobe.comparison.rounding import rounding_notices
from kdprobe.comparison.task_choice import ChosenTask, choose_task, columns_of
from kdprobe.config.options import EvaluationDataOptions, InferenceRuntime
from kdprobe.config.task import TaskFile
from kdprobe.models.model_like import ModelLike, ModelsLike, specs_of
from kdprobe.progress import Progress, display_of
from kdprobe.tasks.at_hand import task_on_disk
from kdprobe.workers.pool import Workers

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset

    from kdprobe.collectors.attributions.options import AttributionRequest


def compare(
    teacher: ModelLike | Mapping[str, ModelLike],
    students: ModelsLike,
    *,
    task: str | Path | TaskFile | ChosenTask | pd.DataFrame | Dataset | None = None,
    output: str | Path | None = None,
    data: EvaluationDataOptions | None = None,
    runtime: InferenceRuntime | None = None,
    analyses: AnalysisOptions | None = None,
    collectors: Mapping[str, CollectorOptions] | None = None,
    command: str = "",
    progress: Progress | None = None,
    **flat: Unpack[CompareKeywords],
) -> Comparison:
    """Compare a teacher with its students on one split of one task.

    Args:
        teacher: one of: a checkpoint folder, a hub id, a predictions file or
            `python:MODULE:FUNCTION` (`NAME=PATH` names it, `NAME=PATH,PATH` is one model trained
            with several seeds); a loaded model with its
            tokenizer `(model, tokenizer)`, alone where the tokenizer lies where the model came
            from; a `text-classification` pipeline; a function that takes a list of texts (of a task
            of pairs: a list of pairs of texts) and gives `[n, classes]` probabilities in the order
            of the task's labels (or of its attribute `labels`), or labels; `Predictions` of another
            comparison.
        students: one or more of the same, or a mapping of names to them, in which a list is one
            model trained with several seeds.
        task: a task's name, a task file (.toml, or open), or examples: a table's path, a
            DataFrame or a `datasets.Dataset`; None: what the records of the checkpoints name, or
            what the predictions files are about.
        output: a new or empty folder for results.json, report.html, metrics.csv and
            predictions.parquet; None writes nothing.
        data: the split, where the task's files are, the columns of a table, the limit.
        runtime: device, dtype, threads, batch size, cache.
        analyses: which analyses run, their options, resamples and the seed.
        collectors: options of evidence by collector: `minimal_pairs`, `probes`, `attributions`,
            `attribution_maps`, `similarity`, `attention_similarity`, `causal_use`, `efficiency`;
            an expensive one is collected when it stands here.
        command: the command as typed, for the report.
        progress: where to show progress.
        **flat: any field of `data`, `runtime` and `analyses` by its name; `force=True` writes into
            a folder that is not empty; and of the collectors `minimal_pairs` (a folder),
            `pairs_per_phenomenon`, `probing`, `attributions`, `attribution_gap` and `attention`
            (numbers of examples), `similarity` (a number of sentences), `causal_use` (names of
            properties) and `efficiency` (true: sizes and speed are measured).

    Raises:
        UsageError: wrong input; one message says where, what, what was expected, what to do.
        TypeError: a keyword that there is not; the nearest is named.

    >>> import pandas as pd
    >>> task = pd.DataFrame({"text": ["a fine day", "rain", "fine", "a storm"],
    ...                      "label": ["good", "bad", "good", "bad"]})
    >>> def teacher(texts):  # columns: bad, good
    ...     return [[0.25, 0.75] if "fine" in text else [0.75, 0.25] for text in texts]
    >>> def student(texts):
    ...     return [[0.25, 0.75] if text == "fine" else [0.75, 0.25] for text in texts]
    >>> result = compare(teacher, {"small": student}, task=task, resamples=100)
    >>> result.get("agreement", "small").value, result.get("accuracy", "teacher").value
    (0.75, 1.0)
    """
    started = time.perf_counter()
    if not isinstance(command, str):
        raise TypeError(f"compare() takes command as text, not {type(command).__name__}")
    options = compare_options(
        flat, task=task, output=output, data=data, runtime=runtime, analyses=analyses,
        collectors=collectors,
    )  # fmt: skip
    specs = specs_of(teacher, students)
    control_name(options.analyses.control, [spec.name for spec in specs[1:]])
    to_run = chosen_analyses(options.analyses)
    check_output(options.output)
    use_threads(options.runtime.threads)
    jobs, threads = options.runtime.jobs, options.runtime.threads or 1
    shown = display_of(progress)
    with (
        task_on_disk(options.data.task) as named,
        Workers(jobs, threads=threads, say=shown.say) as workers,
    ):
        chosen = choose_task(
            named, specs, columns_of(options.data), offline=options.runtime.offline,
            label_map=options.data.label_map, missing=options.data.missing,
        )  # fmt: skip
        session = open_session(
            specs, chosen.task_file, data=options.data, runtime=options.runtime,
            seed=options.analyses.seed, resamples=options.analyses.resamples,
            slice_columns=options.analyses.slice_columns, workers=workers,
        )  # fmt: skip
        return compare_opened(
            session.with_notices(*chosen.notices), to_run, options, command=command,
            progress=shown, started=started,
        )  # fmt: skip


def compare_opened(
    session: Session,
    to_run: ChosenAnalyses,
    options: CompareOptions,
    *,
    command: str = "",
    progress: Progress | None = None,
    started: float | None = None,
) -> Comparison:
    """Compare what was opened: collect the evidence, analyse it, write it down.

    Args:
        session: the task, its examples and the models.
        to_run: the analyses, in order.
        options: every option, checked.
        command: the command as typed, for the report.
        progress: where to show progress.
        started: when the run began, by `time.perf_counter`; None: now.

    Raises:
        UsageError: a file or an option that cannot be used, before any model is asked.
    """
    begin = time.perf_counter() if started is None else started
    shown = display_of(progress)
    collectors = collectors_of(to_run.names, options.evidence, only=to_run.only)
    controls = controls_of(options.analyses.control, [model.spec for model in session.models[1:]])
    converted = converted_models(
        session, runtime=options.runtime, label_map=options.data.label_map
    )  # fmt: skip
    evidence = collect(session, collectors, shown, given=options.evidence)
    if converted:
        noticed = parity_notices(evidence.session, converted, shown)
        evidence = evidence._replace(session=evidence.session.with_notices(*noticed))
    rounded = rounding_notices(
        evidence.session, runtime=options.runtime, label_map=options.data.label_map,
        explaining=cast("AttributionRequest | None", collectors.get("attributions")),
        progress=shown,
    )  # fmt: skip
    evidence = evidence._replace(session=evidence.session.with_notices(*rounded))
    evidence = evidence._replace(session=with_controls(evidence.session, controls))
    study = evidence.session.study
    requested = [name for name in (*to_run.only, *evidence.requested) if name not in to_run.skip]
    ran = run_all(study, to_run, requested=requested, progress=shown)
    ran.seconds["all"] = time.perf_counter() - begin
    document, text = document_of(evidence, ran, options, command=command)
    folder = options.output.output
    if folder is not None:
        write_files(document, study, folder, text=text)
    return Comparison(document, folder=folder, study=study)


def use_threads(threads: int | None) -> None:
    """Set the number of torch's threads; None leaves its own choice."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
