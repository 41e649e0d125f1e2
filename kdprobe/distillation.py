"""Distilling: a student that learns from a teacher.

Does: gather teacher, student, recipe and examples, check that the teacher has something to teach,
and hand all of it to `distillers/`. Does not: define objectives or train.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from kdprobe.config.recipe import Recipe, open_recipe
from kdprobe.config.recipe_changes import for_task, with_settings, with_training
from kdprobe.config.stages import parts_of
from kdprobe.config.training import BestBy, TrainingSettings
from kdprobe.distillers.data import TrainingData
from kdprobe.distillers.dry_run import dry_run
from kdprobe.distillers.job_facts import command_line, precision_of, settings_rows
from kdprobe.distillers.model_card import CardFacts
from kdprobe.distillers.model_folder import WritePage
from kdprobe.distillers.prepared_part import PreparedPart
from kdprobe.distillers.processes import join_processes
from kdprobe.distillers.run_options import Occasion, display
from kdprobe.distillers.staged_training import StagedTraining
from kdprobe.distillers.teacher import Teacher
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.distillers.transfer import transfer_set_alone, with_transfer_set
from kdprobe.distillers.weighted_loss import option_names
from kdprobe.errors import ConfigError
from kdprobe.models.shapes import parse_student
from kdprobe.portable import portable_word
from kdprobe.progress import Progress, Silent
from kdprobe.report.training import page_writer

_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


def distill(
    teacher: str,
    *,
    task: str,
    output: str | Path,
    student: str | None = None,
    recipe: str | Path = "vanilla",
    settings: Mapping[str, str] = _NO_SETTINGS,
    train_split: str = "train",
    eval_split: str | None = None,
    data_dir: str | Path | None = None,
    transfer_set: str | Path | None = None,
    transfer_only: bool = False,
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
    label_map: Mapping[str, str] | None = None,
    seed: int = 0,
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
    """Train a student on what a teacher says.

    Args:
        teacher: a folder or hub id of a classifier that was trained for the task.
        task: a name, a task file or a data file.
        output: the folder to write: a plain `transformers` folder with a card and a record.
        student: `layers=3` and the like (copied from the teacher), `bert:L4,H128` (random weights,
            the teacher's tokenizer), a folder or a hub id; None: as the recipe says.
        recipe: a name or a TOML file.
        settings: changes to the recipe, `--set key=value`.
        train_split: the split that is learnt from.
        eval_split: the split that is scored; None: the one the task compares on.
        data_dir: where the task's folder is; None: `$KDPROBE_DATA`, then the hub.
        transfer_set: a file of further texts to learn from, without labels, as `augment` writes it.
        transfer_only: learn from those texts alone; the task's own training texts are not read.
        epochs: passes over the training examples;
            None here and below: as the recipe says.
        batch_size: examples whose gradient is computed at once.
        gradient_accumulation: such batches to one optimiser step.
        learning_rate: of AdamW at its peak.
        warmup: below 1 a share of all steps, otherwise steps, over which it rises from 0.
        schedule: what it does afterwards.
        weight_decay: of AdamW, on weight matrices.
        max_grad_norm: gradients are scaled down to this norm; 0 switches it off.
        max_length: tokens read of an example.
        best_by: which checkpoint is kept; see `config.recipe.TrainingSettings`.
        early_stopping: stop after so many evaluations without a better one; None: never.
        evaluate_every: optimiser steps between evaluations; None: each epoch.
        label_map: the teacher's label name -> the task's, where they differ.
        seed: of new weights, the order of the examples and dropout.
        sample_seed: of the samples that limits take; None: `seed`.
        device: `auto` (a CUDA device when there is one), `cpu` or `cuda`.
        bf16: large matrix products in bfloat16; `auto`: only for students that were shown to be
            equal in both precisions, on every machine alike; see `distillers.precision`.
        threads: CPU threads; None: as torch is set.
        limit: learn from a random sample of so many examples.
        eval_limit: score on a random sample of so many.
        labels: the names of the classes in order, when `task` is a table; also of those that it
            does not show. None: those that it shows, and those of the teacher.
        resume: go on with an interrupted run of the same options.
        force: write over what stands in `output`.
        offline: ask no network.
        dry_run: check everything, score the teacher, write no folder and take no step.
        progress: a display.

    Returns:
        Scores on the evaluation split, agreement with the teacher, the history, the folder.

    Raises:
        UsageError: anything that cannot be used, in one message.
    """
    given = locals()
    with join_processes():
        return _distill(given, display(progress))


def _distill(given: Mapping[str, Any], progress: Progress) -> TrainingResult:
    """Train in this process, or in its share of several."""
    at = Occasion.of(given)
    written = open_recipe(given["recipe"])
    data = _data(at, given["transfer_set"], alone=given["transfer_only"])
    recipe = _adapt(written, data.task.name, given)
    parts = parts_of(recipe)
    for part in parts:
        parse_student(part.recipe.student)  # a slip in it is told before the teacher is opened
    compute = at.compute(
        [(p.recipe.student, given["teacher"] if p.teacher is None else None) for p in parts],
        progress,
    )
    master = Teacher.open(
        given["teacher"], data, parts[0].recipe, compute, given["label_map"], at.offline
    )
    plan = {
        "command": "distill", "teacher": given["teacher"], "fingerprint": master.fingerprint,
        "recipe": recipe.model_dump(mode="json"),
        "label_map": None if given["label_map"] is None else dict(given["label_map"]),
        **at.plan(data, compute),
    }  # fmt: skip
    if given["transfer_set"] is not None:
        plan["transfer_set"] = Path(given["transfer_set"]).name
    run = at.open(plan, progress if len(parts) == 1 else Silent())
    if isinstance(run, TrainingResult):
        return run
    course = StagedTraining(
        parts, data, master, Path(given["output"]), at.seed, at.offline, progress
    )
    if run is None:
        return TrainingResult.of_dry_run(data, dry_run(course))

    def tell(made: PreparedPart) -> CardFacts:
        return _story(master, data, recipe, made, given)

    def draw(made: PreparedPart) -> WritePage:
        student, told = portable_word(made.part.recipe.student), made.part.told
        title = f"{data.task.name}: {student} taught with {recipe.name}{told}"
        return page_writer(title, made.preflight.facts)

    return course.run(run, plan, tell, draw)


def _data(at: Occasion, transfer_set: str | Path | None, *, alone: bool) -> TrainingData:
    """Load the examples, with a transfer set beside the training texts or in their place.

    Raises:
        ConfigError: it shall be learnt from alone, and there is none.
    """
    if transfer_set is None:
        if alone:
            raise ConfigError(
                "--transfer-only",
                found="there is no --transfer-set",
                expected="a file of texts; `kdprobe augment` writes one",
            )
        return at.data()
    if alone:
        evaluation = at.evaluation()
        return transfer_set_alone(evaluation, transfer_set, limit=at.limit, seed=at.sampled_by)
    whole = replace(at, limit=None).data()
    return with_transfer_set(whole, transfer_set, limit=at.limit, seed=at.sampled_by)


def _adapt(recipe: Recipe, task: str, given: Mapping[str, Any]) -> Recipe:
    """Give the recipe as it is for a task, with the changes of `--set` and of the options."""
    names = option_names(recipe.all_objectives)
    changed = with_settings(
        for_task(recipe, task, option_names=names), given["settings"], option_names=names
    )
    options = {name: given.get(name) for name in TrainingSettings.model_fields}
    training = {name: value for name, value in options.items() if value is not None}
    return with_training(changed, training, student=given["student"])


def _story(
    master: Teacher,
    data: TrainingData,
    recipe: Recipe,
    made: PreparedPart,
    given: Mapping[str, Any],
) -> CardFacts:
    """Compose what the model card tells."""
    options: list[tuple[str, object]] = [("--task", given["task"]), ("-o", given["output"])]
    options.append(("--transfer-set", given["transfer_set"]))
    options.append(("--transfer-only", given["transfer_only"]))
    options += [("--recipe", given["recipe"]), ("--student", recipe.student)]
    options += [("--set", f"{key}={value}") for key, value in given["settings"].items()]
    for name in TrainingSettings.model_fields:
        options.append((f"--{name.replace('_', '-')}", given.get(name)))
    options += [("--limit", given["limit"]), ("--eval-limit", given["eval_limit"])]
    options.append(("--labels", ",".join(given["labels"]) or None))
    renamed = [f"{one}={other}" for one, other in (given["label_map"] or {}).items()]
    options.append(("--label-map", ",".join(renamed) or None))
    options += [("--seed", given["seed"]), ("--sample-seed", given["sample_seed"])]
    facts = dict(made.preflight.facts)
    teacher = {key: value for key, value in facts.items() if key.startswith("teacher")}
    terms = {
        term.name: f"weight {term.weight:g}" + "".join(
            f", {key} {value}" for key, value in term.options.model_dump().items()
        )
        for term in made.job.weighted_loss.terms
    }  # fmt: skip
    return CardFacts(
        kind="distill",
        headline=f"A student for {data.task.name}, taught by {master.name} with the recipe "
        f"{recipe.name}{made.part.told}.",
        sections={
            "Teacher": teacher,
            "Data": data.rows(),
            "Objectives": terms,
            "Training": {
                "student": portable_word(made.part.recipe.student),
                **settings_rows(made.part.recipe.training.model_dump()),
                "seed": str(given["seed"]),
                "computed in": precision_of(made.job),
            },
        },
        command=command_line("distill", master.path, options),
        precision=precision_of(made.job),
        recipe=recipe.source,
        notes=made.preflight.notes,
    )
