"""Fine-tuning: a classifier from a pretrained encoder, from a part of one, or from nothing.

Does: gather what a training needs and hand it to `distillers/`. Does not: know a teacher;
`distillation.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from kdprobe.config.commands import FinetuneOptions
from kdprobe.config.docs import documented
from kdprobe.config.keywords import TrainingKeywords
from kdprobe.config.options import TRAINING_OPTIONS, DataOptions, Output, Runtime
from kdprobe.config.recipe import ObjectiveSetting, open_recipe
from kdprobe.config.training import TrainingSettings, refuse_unread
from kdprobe.distillers.arguments import check_best_by
from kdprobe.distillers.compute import Compute, settled
from kdprobe.distillers.control import Control
from kdprobe.distillers.cost_facts import bfloat16_facts, cost_facts
from kdprobe.distillers.data import TrainingData, encode_for
from kdprobe.distillers.estimate import estimate_seconds
from kdprobe.distillers.fitting import fit
from kdprobe.distillers.forward import shape_of
from kdprobe.distillers.job_facts import job_facts, precision_notes, precision_of, settings_rows
from kdprobe.distillers.memory import estimate_memory
from kdprobe.distillers.model_card import CardFacts
from kdprobe.distillers.objective import ModelPair
from kdprobe.distillers.own_reading import OwnReading
from kdprobe.distillers.preflight import Preflight
from kdprobe.distillers.processes import join_processes
from kdprobe.distillers.run_options import CallObjects, RunOptions, display, model_name
from kdprobe.distillers.source import Source
from kdprobe.distillers.student_record import read_student
from kdprobe.distillers.teacher_signal import NoTeacher
from kdprobe.distillers.training_job import EvaluationSet, TrainingJob, TrainingResult
from kdprobe.distillers.weighted_loss import build_weighted_loss
from kdprobe.errors import ConfigError
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.text_model import TextModel
from kdprobe.plain_files import expanded
from kdprobe.progress import Progress
from kdprobe.report.training import page_writer

if TYPE_CHECKING:
    from kdprobe.tasks.at_hand import Examples


@documented(FinetuneOptions, *TRAINING_OPTIONS)
def finetune(
    model: str | Path | None = None,
    *,
    task: str | Path | Examples | None = None,
    output: str | Path | Output,
    student: str | None = None,
    like: str | Path | None = None,
    data: DataOptions | None = None,
    training: TrainingSettings | None = None,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
    **keywords: Unpack[TrainingKeywords],
) -> TrainingResult:
    """Train a classifier on a task's gold labels.

    What is not named has these defaults: 3 passes for an encoder as it is; for a part of one and
    for random weights the settings of the recipe vanilla (10 passes), so that a student and its
    control have equal budgets; beside `like` everything is as the student had it, with as many
    steps (`distillers/control.py`).

    Args:
        model: a folder or hub id of a pretrained encoder, whose head is made anew; or a shape,
            `bert:L4,H128,I512,A4,V8000`, that starts from random weights with a tokenizer
            trained on the training texts. None: the shape that the student of `like` began as.
        task: a name, a task file or a data file; or examples: a DataFrame, a `datasets.Dataset`, or
            a mapping of the names of splits to them (a `DatasetDict`); None: the task of `like`.
        output: the folder to write: a plain `transformers` folder with a card and a record; or a
            `TrainingOutput`.
        student: train a part of the encoder, like `layers=3`; a baseline for distilled students.
        like: the folder of a distilled student whose control this is.
        data: which examples, a `TrainingDataOptions`.
        training: how it is trained.
        runtime: the machine, a `TrainingRuntime`.
        progress: a display.
        **keywords: any field of those objects by itself, and what is listed below.

    Returns:
        Scores on the evaluation split, the history and the folder.

    Raises:
        UsageError: anything that cannot be used, in one message.
        TypeError: a keyword that does not exist, or stands in an object too.
    """
    named = {"task": task, "student": student, "like": like, **keywords}
    objects = CallObjects(data, training, runtime)
    with join_processes():
        options = RunOptions.of("finetune", FinetuneOptions, objects, output, named)
        name = None if model is None else model_name("finetune", model)
        if options.data.label_map is not None and name is not None:
            options = replace(options, labels_of=name)  # the map says what its classes are called
        with options.with_examples_on_disk() as readable:
            return _finetune(readable, display(progress), name)


def _finetune(
    named: RunOptions[FinetuneOptions], progress: Progress, model: str | None
) -> TrainingResult:
    """Train in this process, or in its share of several."""
    like = None if named.own.like is None else Control(read_student(named.own.like))
    options = _with_examples(named, like)
    source, notes = _source(model, like, options)
    made_from = (source.student or source.model, source.model)
    data, compute = options.load_data().with_gold(), options.compute([made_from], progress)
    settings, more = _settings(source, like, data, options.named_settings)
    refuse_unread(options.named_settings, settings.optimizer)
    plan = source.plan() | {"training": settings.model_dump()} | options.plan(data, compute)
    if like is not None:
        plan["like"] = like.student.fingerprint
        more += like.start_notes(plan["fingerprint"], options.seed, bf16=compute.bf16)
    run = options.open(plan, progress)
    if isinstance(run, TrainingResult):
        return run
    with settled(compute, seed=options.seed, purpose="new weights"):
        job, begun = _prepare(source, data, settings, compute, options.seed)
    notes = (*begun, *notes, *more)
    preflight = Preflight(facts=(*data.rows().items(), *job_facts(job)), notes=notes)
    if run is None:
        seconds = estimate_seconds(job)
        costs = (*cost_facts(seconds, estimate_memory(job, None)), *bfloat16_facts(job, seconds))
        preflight = replace(preflight, facts=(*preflight.facts, *costs), seconds=seconds)
        return TrainingResult.of_dry_run(data, preflight)
    command = named.command_line("finetune", model)
    card = _card_facts(source, data, job, notes, command)
    if like is not None:
        card = replace(card, control_of=like.student.named)
    return fit(
        job, run, plan=plan, preflight=preflight, card=card, progress=progress,
        write_page=page_writer(card.headline, preflight.facts),
    )  # fmt: skip


def _with_examples(
    named: RunOptions[FinetuneOptions], like: Control | None
) -> RunOptions[FinetuneOptions]:
    """Return the options with the examples, seed and numbers of the student that is not named.

    Raises:
        ConfigError: no task, or another than the student's.
    """
    data, student = named.data, None if like is None else like.student
    if like is None or student is None:
        if data.task is None:
            raise ConfigError(
                "`task`", found="is missing", expected="a task, or `like` with a distilled student"
            )
        return named
    task = None if data.task is None else str(data.task)
    changes: dict[str, Any] = {"task": like.task_for(task, data.columns)}
    if data.sample_seed is None:
        changes["sample_seed"] = student.sample_seed
    if "train_split" not in data.model_fields_set:
        changes["train_split"] = student.train_split
        if not student.transfer:
            changes["limit"] = data.limit or student.examples
    if data.eval_split is None:
        changes["eval_split"] = student.eval_split
        changes["eval_limit"] = data.eval_limit or student.eval_examples
    options = named.with_data(**changes)
    if options.runtime.bf16 == "auto":
        options = replace(
            options, runtime=options.runtime.model_copy(update={"bf16": student.bf16})
        )
    return options if named.own.seed is not None else replace(options, seed=student.seed)


def _source(
    model: str | None, like: Control | None, options: RunOptions[FinetuneOptions]
) -> tuple[Source, tuple[str, ...]]:
    """Say what the model is made from, with notes on how that is like the student."""
    if like is not None:
        start = like.start(model, options.own.student, options.seed)
        words = None
        if start.tokenizer is not None:
            task = options.task_file().task()
            words = load_classifier(str(start.tokenizer), task=task).tokenizer
        return Source(start.model, start.student, options.offline, words), start.notes
    if model is None:
        raise ConfigError(
            "MODEL",
            found="is missing",
            expected="a folder, a hub id or a shape like bert:L4,H128; or `like` with a student",
        )
    return Source(model, options.own.student, options.offline), ()


def _settings(
    source: Source, like: Control | None, data: TrainingData, named: Mapping[str, Any]
) -> tuple[TrainingSettings, tuple[str, ...]]:
    """Return the settings: what is named, then what the student had, then the defaults."""
    if like is None:
        return TrainingSettings(**{**_defaults(source).model_dump(), **named}), ()
    settings, notes = like.budget(len(data.train), named)
    return settings, (*notes, *like.examples_note(data.train.fingerprint, len(data.train)))


def _defaults(source: Source) -> TrainingSettings:
    """Return the settings a student has by default, with a teacher or without."""
    if source.student is not None or source.begins_at_random:
        return open_recipe("vanilla").training
    return TrainingSettings()


def _prepare(
    source: Source, data: TrainingData, settings: TrainingSettings, compute: Compute, seed: int
) -> tuple[TrainingJob, tuple[str, ...]]:
    """Build the model and everything around it; nothing is written."""
    model, tokenizer, notes = source.build(data)
    longest = settings.max_length
    job = TrainingJob(
        student=model,
        tokenizer=tokenizer,
        split=data.train,
        encoded=encode_for(model, tokenizer, data.train, max_length=longest),
        evaluation=EvaluationSet(
            data.evaluation, encode_for(model, tokenizer, data.evaluation, max_length=longest)
        ),
        weighted_loss=build_weighted_loss(
            (ObjectiveSetting(name="hard_labels"),), reduction="example", where="finetune"
        ),
        models=ModelPair(data.task, shape_of(model)),
        teacher=NoTeacher(),
        settings=settings,
        compute=compute,
        seed=seed,
    )
    check_best_by(job)
    own = TextModel(model, tokenizer, name=source.model)
    OwnReading(own, data.train, job.encoded, longest).require_student()
    return job, (*notes, *data.notes(), *precision_notes(job))


def _card_facts(
    source: Source, data: TrainingData, job: TrainingJob, notes: tuple[str, ...], command: str
) -> CardFacts:
    """Compose what the model card says."""
    local = expanded(source.model).exists()
    what = Path(source.model).resolve().name if local else source.model
    return CardFacts(
        kind="finetune",
        headline=f"A classifier for {data.task.name}, fine-tuned from {what}.",
        sections={
            "Data": data.rows(),
            "Training": {
                "started from": what,
                **settings_rows(job.settings.model_dump()),
                "seed": str(job.seed),
                "computed in": precision_of(job),
            },
        },
        command=command,
        precision=precision_of(job),
        notes=notes,
    )
