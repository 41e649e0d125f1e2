"""Distilling: a student that learns from a teacher.

Does: gather teacher, student, recipe and examples, check that the teacher has something to teach,
and hand all of it to `distillers/`. Does not: define objectives or train.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from pydantic import JsonValue

from kdprobe.config.commands import DistillOptions
from kdprobe.config.docs import documented
from kdprobe.config.keywords import DistillKeywords
from kdprobe.config.options import TRAINING_OPTIONS, DataOptions, Output, Runtime
from kdprobe.config.recipe import Recipe, open_recipe
from kdprobe.config.recipe_changes import (
    for_task,
    resolve_setting,
    setting_names,
    with_settings,
    with_training,
)
from kdprobe.config.stages import parts_of
from kdprobe.config.training import TrainingSettings, refuse_unread
from kdprobe.distillers.control_training import ControlTraining
from kdprobe.distillers.data import TrainingData
from kdprobe.distillers.dry_run import dry_run
from kdprobe.distillers.job_facts import precision_of, settings_rows
from kdprobe.distillers.model_card import CardFacts
from kdprobe.distillers.model_folder import WritePage
from kdprobe.distillers.open_teacher import AnyTeacher, check_students, open_teacher
from kdprobe.distillers.prepared_part import PreparedPart
from kdprobe.distillers.processes import join_processes, process_group
from kdprobe.distillers.run_options import CallObjects, RunOptions, display
from kdprobe.distillers.staged_training import StagedTraining
from kdprobe.distillers.teacher import Teacher
from kdprobe.distillers.teacher_source import TeacherSource
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.distillers.transfer import transfer_set_alone, with_transfer_set
from kdprobe.distillers.weighted_loss import option_names
from kdprobe.errors import ConfigError
from kdprobe.models.model_like import ModelLike
from kdprobe.portable import portable_word
from kdprobe.progress import Progress, Silent
from kdprobe.report.training import page_writer
from kdprobe.workers.pool import Workers

if TYPE_CHECKING:
    from kdprobe.tasks.at_hand import Examples


@documented(DistillOptions, *TRAINING_OPTIONS)
def distill(
    teacher: ModelLike | TeacherSource,
    *,
    task: str | Path | Examples | None = None,
    output: str | Path | Output,
    student: str | None = None,
    recipe: str | Path = "vanilla",
    settings: Mapping[str, JsonValue] | None = None,
    data: DataOptions | None = None,
    training: TrainingSettings | None = None,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
    **keywords: Unpack[DistillKeywords],
) -> TrainingResult:
    """Train a student on what a teacher predicts.

    Args:
        teacher: a folder or hub id of a classifier that was trained for the task; a loaded model
            with its tokenizer, or a `text-classification` pipeline; or what is known by its answers
            alone: a predictions file, whose rows are joined to the texts, or a function of texts
            (or `python:MODULE:FUNCTION`), which is asked about each text once, and of which nothing
            is kept for another run but under a version; see `kdprobe.compare`. Whoever distils
            several students of one function hands over one `TeacherSource`.
        task: a name, a task file or a data file; or examples: a DataFrame, a `datasets.Dataset`, or
            a mapping of the names of splits to them (a `DatasetDict`).
        output: the folder to write: a plain `transformers` folder with a card and a record; or a
            `TrainingOutput`.
        student: `layers=3` and the like (copied from the teacher), `bert:L4,H128` (random weights,
            the teacher's tokenizer), a folder or a hub id; None: as the recipe says.
        recipe: a name or a TOML file.
        settings: changes to the recipe by name, `{"temperature": 3}`.
        data: which examples, a `TrainingDataOptions`.
        training: how it is trained; what is not named in it is the recipe's.
        runtime: the machine, a `TrainingRuntime`.
        progress: a display.
        **keywords: any field of those objects by itself, and what is listed below.

    Returns:
        Scores on the evaluation split, agreement with the teacher, the history, the folder; with
        `with_control` also the result of the control, which stands in `OUTPUT-control`.

    Raises:
        UsageError: anything that cannot be used, in one message.
        TypeError: a keyword that does not exist, or stands in an object too.
    """
    named = {"task": task, "student": student, "recipe": recipe, "settings": settings, **keywords}
    objects = CallObjects(data, training, runtime)
    with join_processes():
        options = RunOptions.of("distill", DistillOptions, objects, output, named)
        source = TeacherSource.of("distill", teacher, offline=options.offline)
        options = replace(options, labels_of=source.given)
        shown = display(progress)
        jobs = 1 if process_group().many else options.own.jobs
        with (
            options.with_examples_on_disk() as readable,
            Workers(jobs, say=shown.say) as workers,
        ):
            return _distill(source, readable, shown, workers)


def _distill(
    source: TeacherSource,
    options: RunOptions[DistillOptions],
    progress: Progress,
    workers: Workers,
) -> TrainingResult:
    """Train in this process, or in its share of several."""
    if options.data.task is None:
        raise ConfigError("`task`", found="is missing", expected="a task")
    written, label_map = open_recipe(options.own.recipe), options.data.label_map
    data = _data(options)
    recipe = adapted_recipe(written, data.task.name, options)
    parts = parts_of(recipe)
    check_students(source, parts)
    origins = [(p.recipe.student, source.path if p.teacher is None else None) for p in parts]
    teacher, data = open_teacher(
        source, data, parts, options.compute(origins, progress), label_map=label_map,
        missing=options.own.missing, offline=options.offline, progress=progress,
    )  # fmt: skip
    if isinstance(teacher, Teacher):
        teacher = replace(teacher, workers=workers)
    plan = {
        "command": "distill", "teacher": source.name, "fingerprint": teacher.fingerprint,
        "recipe": recipe.model_dump(mode="json"),
        "label_map": None if label_map is None else dict(label_map),
        **options.plan(data, teacher.compute),
    }  # fmt: skip
    if options.own.transfer_set is not None:
        plan["transfer_set"] = options.own.transfer_set.name
    training = StagedTraining(
        parts, data, teacher, options.folder, options.seed, options.offline, progress
    )
    control = _control(training, source, options) if options.own.with_control else None
    run = options.open(plan, progress if len(parts) == 1 else Silent())
    if run is None:
        result = TrainingResult.of_dry_run(data, dry_run(training))
        return result if control is None else replace(result, control=control.dry_run())

    def card(prepared: PreparedPart) -> CardFacts:
        return _card_facts(source.word, teacher, data, recipe, prepared, options)

    def page(prepared: PreparedPart) -> WritePage:
        student, suffix = portable_word(prepared.part.recipe.student), prepared.part.stage_label
        return _page(f"{data.task.name}: {student} distilled with {recipe.name}{suffix}", prepared)

    result = run if isinstance(run, TrainingResult) else training.run(run, plan, card, page)
    return result if control is None else replace(result, control=control.train(_page))


def _page(title: str, prepared: PreparedPart) -> WritePage:
    teacher = prepared.job.evaluation.teacher_scores()
    return page_writer(title, prepared.preflight.facts, teacher=teacher)


def _control(
    training: StagedTraining, source: TeacherSource, options: RunOptions[DistillOptions]
) -> ControlTraining:
    """Prepare the control, and refuse what would stop it before its student takes a step.

    Raises:
        TaskError: no training example has a gold label.
        OutputError: its folder may not be written.
    """
    data = training.data
    if options.own.transfer_set is not None:  # of which no text has a gold label
        data = options.with_data(limit=None).load_data()
    control = ControlTraining(training, data.with_gold(), options, source.word)
    if not options.output.dry_run:
        control.require_place()
    return control


def _data(options: RunOptions[DistillOptions]) -> TrainingData:
    """Load the examples, with a transfer set beside the training texts or in their place.

    Raises:
        ConfigError: it shall be learnt from alone, and there is none.
    """
    transfer_set, limit, seed = options.own.transfer_set, options.data.limit, options.sampled_by
    if transfer_set is None:
        if options.own.transfer_only:
            raise ConfigError(
                "`transfer_only`",
                found="there is no `transfer_set`",
                expected="a file of texts; `kdprobe augment` writes one",
            )
        return options.load_data()
    if options.own.transfer_only:
        return transfer_set_alone(options.load_evaluation(), transfer_set, limit=limit, seed=seed)
    whole = options.with_data(limit=None).load_data()
    return with_transfer_set(whole, transfer_set, limit=limit, seed=seed)


def adapted_recipe(recipe: Recipe, task: str, options: RunOptions[DistillOptions]) -> Recipe:
    """Return the recipe as it is for a task, with the changes of `settings` and of the options.

    Raises:
        ConfigError: an unknown setting, one given twice, or a value of the wrong kind.
    """
    names = option_names(recipe.all_objectives)
    named, student = options.named_settings, options.own.student
    twice = {f"training.{name}": name for name in named}
    twice |= {} if student is None else {"student": "student"}
    for key in options.own.settings:
        other = twice.get(resolve_setting(key, setting_names(recipe, names)))
        if other is not None:
            raise ConfigError(
                f"`settings` {key}", found=f"is given by `{other}` too", expected="one of the two"
            )
    changed = with_settings(
        for_task(recipe, task, option_names=names), options.own.settings, option_names=names
    )
    adapted = with_training(changed, named, student=student)
    refuse_unread(named, adapted.training.optimizer)
    return adapted


def _card_facts(
    word: str,
    teacher: AnyTeacher,
    data: TrainingData,
    recipe: Recipe,
    prepared: PreparedPart,
    options: RunOptions[DistillOptions],
) -> CardFacts:
    """Compose what the model card says."""
    facts = dict(prepared.preflight.facts)
    terms = {
        term.name: f"weight {term.weight:g}" + "".join(
            f", {key} {value}" for key, value in term.options.model_dump().items()
        )
        for term in prepared.job.weighted_loss.terms
    }  # fmt: skip
    return CardFacts(
        kind="distill",
        headline=f"A student for {data.task.name}, distilled from {teacher.name} with the recipe "
        f"{recipe.name}{prepared.part.stage_label}.",
        sections={
            "Teacher": {key: value for key, value in facts.items() if key.startswith("teacher")},
            "Data": data.rows(),
            "Objectives": terms,
            "Training": {
                "student": portable_word(prepared.part.recipe.student),
                **settings_rows(prepared.part.recipe.training.model_dump()),
                "seed": str(options.seed),
                "computed in": precision_of(prepared.job),
            },
        },
        command=options.command_line(
            "distill",
            word,
            student=recipe.student,
            seed=options.seed,
            with_control=False,
            jobs=None,
        ),
        precision=precision_of(prepared.job),
        recipe=recipe.source,
        notes=prepared.preflight.notes,
    )
