"""Fine-tuning: a classifier from a pretrained encoder, from a part of one, or from nothing.

Does: gather what a training needs and hand it to `distillers/`. Does not: know a teacher;
`distillation.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from kdprobe.config.base import parse
from kdprobe.config.recipe import ObjectiveSetting, open_recipe
from kdprobe.config.training import BestBy, TrainingSettings
from kdprobe.distillers.arguments import check_best_by
from kdprobe.distillers.compute import Compute, settled
from kdprobe.distillers.control import Control
from kdprobe.distillers.data import TrainingData, encode_for
from kdprobe.distillers.fitting import fit
from kdprobe.distillers.forward import shape_of
from kdprobe.distillers.job_facts import (
    command_line,
    job_facts,
    precision_notes,
    precision_of,
    settings_rows,
)
from kdprobe.distillers.model_card import CardFacts
from kdprobe.distillers.objective import ModelPair
from kdprobe.distillers.own_reading import OwnReading
from kdprobe.distillers.preflight import Preflight
from kdprobe.distillers.processes import join_processes
from kdprobe.distillers.run_options import Occasion, display
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
from kdprobe.tasks.open import open_task

_SETTINGS = tuple(TrainingSettings.model_fields)


def finetune(
    model: str | None = None,
    *,
    task: str | None = None,
    output: str | Path,
    student: str | None = None,
    like: str | Path | None = None,
    train_split: str | None = None,
    eval_split: str | None = None,
    data_dir: str | Path | None = None,
    epochs: float | None = None,
    batch_size: int | None = None,
    gradient_accumulation: int | None = None,
    learning_rate: float | None = None,
    warmup: float | None = None,
    schedule: Literal["linear", "cosine", "constant"] | None = None,
    weight_decay: float | None = None,
    max_grad_norm: float | None = None,
    max_length: int | None = None,
    best_by: BestBy | None = None,
    early_stopping: int | None = None,
    evaluate_every: int | None = None,
    seed: int | None = None,
    sample_seed: int | None = None,
    device: str = "auto",
    bf16: bool | Literal["auto"] = "auto",
    threads: int | None = None,
    limit: int | None = None,
    eval_limit: int | None = None,
    labels: Sequence[str] = (),
    resume: bool = False,
    force: bool = False,
    offline: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train a classifier on a task's gold labels.

    Args:
        model: a folder or hub id of a pretrained encoder, whose head is made anew; or a shape,
            `bert:L4,H128,I512,A4,V8000`, that starts from random weights with a tokenizer
            trained on the training texts. None: the shape that the student of `like` began as.
        task: a name, a task file or a data file; None: the task of `like`.
        output: the folder to write: a plain `transformers` folder with a card and a record.
        student: train a part of the encoder, like `layers=3`; a baseline for distilled students.
        like: the folder of a distilled student whose control this is: what is None here and below
            is what that student had, with as many steps; see `distillers/control.py`.
        train_split: the split that is learnt from; None: `train`.
        eval_split: the split that is scored; None: the one the task compares on.
        data_dir: where the task's folder is; None: `$KDPROBE_DATA`, then the hub.
        epochs: passes over the training examples; None: 3 for an encoder as it is; for a part of
            one and for random weights the settings of the recipe vanilla (10 epochs), so that a
            student and its control have equal budgets.
        batch_size: examples whose gradient is computed at once; None: 32.
        gradient_accumulation: such batches to one optimiser step; None: 1.
        learning_rate: of AdamW at its peak; None: 5e-5.
        warmup: below 1 a share of all steps, otherwise steps, over which it rises from 0; None: .1.
        schedule: what it does afterwards; None: `linear`.
        weight_decay: of AdamW, on weight matrices; None: 0.
        max_grad_norm: gradients are scaled down to this norm; 0 switches it off; None: 1.
        max_length: tokens read of an example; None: 128.
        best_by: which checkpoint is kept; None: `score`; see `config.training.TrainingSettings`.
        early_stopping: stop after so many evaluations without a better one; None: never.
        evaluate_every: optimiser steps between evaluations; None: each epoch.
        seed: of the new weights, the order of the examples and dropout; None: 0.
        sample_seed: of the samples that limits take; None: `seed`.
        device: `auto` (a CUDA device when there is one), `cpu` or `cuda`.
        bf16: see `kdprobe.distill`; `auto` beside `like`: as the student was trained.
        threads: CPU threads; None: as torch is set.
        limit: learn from a random sample of so many examples.
        eval_limit: score on a random sample of so many examples.
        labels: the classes in order, when `task` is a table; none: those that it shows.
        resume: go on with an interrupted run of the same options.
        force: write over what stands in `output`.
        offline: ask no network.
        dry_run: check everything, write nothing and take no step.
        progress: a display.

    Returns:
        Scores on the evaluation split, the history and the folder.

    Raises:
        UsageError: anything that cannot be used, in one message.
    """
    typed = locals()
    with join_processes():
        return _finetune(typed, display(progress))


def _finetune(typed: Mapping[str, Any], progress: Progress) -> TrainingResult:
    """Train in this process, or in its share of several."""
    chosen = {name: typed.get(name) for name in _SETTINGS}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    parse(TrainingSettings, chosen, "finetune")  # a wrong value is told before data are read
    like = None if typed["like"] is None else Control(read_student(typed["like"]))
    at = Occasion.of({**typed, **_examples(typed, like)})
    source, notes = _source(typed, like, at)
    made_from = (source.student or source.model, source.model)
    data, compute = at.data().with_gold(), at.compute([made_from], progress)
    settings, more = _settings(source, like, data, chosen)
    plan = source.plan() | {"training": settings.model_dump()} | at.plan(data, compute)
    if like is not None:
        plan["like"] = like.student.fingerprint
        more += like.start_notes(plan["fingerprint"], at.seed, bf16=compute.bf16)
    run = at.open(plan, progress)
    if isinstance(run, TrainingResult):
        return run
    with settled(compute, seed=at.seed, purpose="new weights"):
        lesson, begun = _prepare(source, data, settings, compute, at.seed)
    notes = (*begun, *notes, *more)
    preflight = Preflight(facts=(*data.rows().items(), *job_facts(lesson)), notes=notes)
    if run is None:
        return TrainingResult.of_dry_run(data, preflight)
    story = _story(source, data, lesson, notes, typed)
    return fit(
        lesson, run, plan=plan, preflight=preflight, card=story, progress=progress,
        write_page=page_writer(story.headline, preflight.facts),
    )  # fmt: skip


def _examples(typed: Mapping[str, Any], like: Control | None) -> dict[str, Any]:
    """Give what says which examples: as typed, or as the student had it.

    Raises:
        ConfigError: no task, or another than the student's.
    """
    seed, splits = typed["seed"], (typed["train_split"], typed["eval_split"])
    if like is None:
        if typed["task"] is None:
            raise ConfigError(
                "--task", found="is missing", expected="a task, or --like with a distilled student"
            )
        return {"seed": seed or 0, "train_split": splits[0] or "train"}
    chosen: dict[str, Any] = {"task": like.task_for(typed["task"])}
    chosen["seed"] = like.student.seed if seed is None else seed
    chosen["bf16"] = like.student.bf16 if typed["bf16"] == "auto" else typed["bf16"]
    given = typed["sample_seed"]
    chosen["sample_seed"] = like.student.sample_seed if given is None else given
    chosen["train_split"] = splits[0] or like.student.train_split
    chosen["eval_split"] = splits[1] or like.student.eval_split
    if splits[0] is None and not like.student.transfer:
        chosen["limit"] = typed["limit"] or like.student.examples
    if splits[1] is None:
        chosen["eval_limit"] = typed["eval_limit"] or like.student.eval_examples
    return chosen


def _source(
    typed: Mapping[str, Any], like: Control | None, at: Occasion
) -> tuple[Source, tuple[str, ...]]:
    """Say what the model is made from, with notes on how that is like the student."""
    if like is not None:
        start = like.start(typed["model"], typed["student"], at.seed)
        words = None
        if start.tokenizer is not None:
            task = open_task(at.task).task()
            words = load_classifier(str(start.tokenizer), task=task).tokenizer
        return Source(start.model, start.student, at.offline, words), start.notes
    if typed["model"] is None:
        raise ConfigError(
            "MODEL",
            found="is missing",
            expected="a folder, a hub id or a shape like bert:L4,H128; or --like with a student",
        )
    return Source(typed["model"], typed["student"], at.offline), ()


def _settings(
    source: Source, like: Control | None, data: TrainingData, chosen: Mapping[str, Any]
) -> tuple[TrainingSettings, tuple[str, ...]]:
    """Give the settings: what is typed, then what the student had, then the defaults."""
    if like is None:
        settings = parse(TrainingSettings, {**_defaults(source).model_dump(), **chosen}, "finetune")
        return settings, ()
    settings, notes = like.budget(len(data.train), chosen)
    return settings, (*notes, *like.examples_note(data.train.fingerprint, len(data.train)))


def _defaults(source: Source) -> TrainingSettings:
    """Give a student without a teacher what a distilled one has by default."""
    if source.student is not None or source.begins_at_random:
        return open_recipe("vanilla").training
    return TrainingSettings()


def _prepare(
    source: Source, data: TrainingData, settings: TrainingSettings, compute: Compute, seed: int
) -> tuple[TrainingJob, tuple[str, ...]]:
    """Build the model and everything around it; nothing is written."""
    model, tokenizer, notes = source.build(data)
    longest = settings.max_length
    lesson = TrainingJob(
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
    check_best_by(lesson)
    own = TextModel(model, tokenizer, name=source.model)
    OwnReading(own, data.train, lesson.encoded, longest).require_student()
    return lesson, (*notes, *data.notes(), *precision_notes(lesson))


def _story(
    source: Source,
    data: TrainingData,
    lesson: TrainingJob,
    notes: tuple[str, ...],
    typed: Mapping[str, Any],
) -> CardFacts:
    """Compose what the model card tells."""
    options: list[tuple[str, object]] = [("--task", typed["task"]), ("-o", typed["output"])]
    options += [("--student", typed["student"]), ("--like", typed["like"])]
    options += [("--seed", typed["seed"]), ("--sample-seed", typed["sample_seed"])]
    options += [(f"--{name.replace('_', '-')}", typed.get(name)) for name in _SETTINGS]
    options += [("--limit", typed["limit"]), ("--eval-limit", typed["eval_limit"])]
    options.append(("--labels", ",".join(typed["labels"]) or None))
    local = expanded(source.model).exists()
    what = Path(source.model).resolve().name if local else source.model
    return CardFacts(
        kind="finetune",
        headline=f"A classifier for {data.task.name}, fine-tuned from {what}.",
        sections={
            "Data": data.rows(),
            "Training": {
                "started from": what,
                **settings_rows(lesson.settings.model_dump()),
                "seed": str(lesson.seed),
                "computed in": precision_of(lesson),
            },
        },
        command=command_line("finetune", typed["model"], options),
        precision=precision_of(lesson),
        notes=notes,
    )
