"""Distilling: a student that learns from a teacher.

Does: gather teacher, student, recipe and examples, check that the teacher has something to teach,
and hand all of it to `distillers/`. Does not: define objectives or train.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from kdprobe.config.base import parse
from kdprobe.config.recipe import (
    BestBy,
    Recipe,
    TrainingSettings,
    for_task,
    open_recipe,
    with_settings,
)
from kdprobe.distillers.classroom import (
    Data,
    command_line,
    encode_for,
    lesson_facts,
    load_data,
    precision_of,
    require_labels,
    settings_rows,
)
from kdprobe.distillers.compute import choose_compute, settled
from kdprobe.distillers.first_look import first_look
from kdprobe.distillers.fitting import fit, open_run
from kdprobe.distillers.lesson import Examination, Lesson, TrainingResult
from kdprobe.distillers.mixture import build_mixture, option_names, refuse_unmet, remarks
from kdprobe.distillers.model_card import Story
from kdprobe.distillers.objective import Situation
from kdprobe.distillers.preflight import Preflight, layer_table
from kdprobe.distillers.students import Pupil, layer_map_of, open_student, with_words
from kdprobe.distillers.teacher import Teacher
from kdprobe.distillers.trainer import check_best_by
from kdprobe.distillers.views import shape_of
from kdprobe.models.shapes import texts_of
from kdprobe.progress import Progress, Silent

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
    device: str = "auto",
    bf16: bool | Literal["auto"] = "auto",
    threads: int | None = None,
    limit: int | None = None,
    eval_limit: int | None = None,
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
        device: `auto` (a CUDA device when there is one), `cpu` or `cuda`.
        bf16: matrix products in bfloat16; `auto`: where the hardware has it.
        threads: CPU threads; None: as torch is set.
        limit: learn from a random sample of so many examples.
        eval_limit: score on a random sample of so many.
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
    shown = progress or Silent()
    written = open_recipe(recipe)
    data = load_data(
        task, train_split=train_split, eval_split=eval_split, data_dir=data_dir,
        limit=limit, eval_limit=eval_limit, seed=seed, offline=offline,
    )  # fmt: skip
    chosen = _adapt(written, data.task.name, settings, student, given)
    compute = choose_compute(device=device, bf16=bf16, threads=threads)
    master = Teacher.open(teacher, data, chosen, compute, label_map, offline)
    plan = {
        "command": "distill", "teacher": teacher, "fingerprint": master.fingerprint, **data.plan(),
        "recipe": chosen.model_dump(mode="json"),
        "label_map": None if label_map is None else dict(label_map),
        "seed": seed, "device": compute.device, "bf16": compute.bf16, "threads": compute.threads,
    }  # fmt: skip
    run = None if dry_run else open_run(
        Path(output), plan, resume=resume, force=force, progress=shown
    )  # fmt: skip
    if isinstance(run, TrainingResult):
        return run
    made = _prepare(master, data, chosen, seed=seed, offline=offline, progress=shown)
    if run is None:
        return TrainingResult.of_dry_run(made.lesson, made.preflight)
    story = _story(master, data, chosen, made, given)
    return fit(made.lesson, run, plan=plan, preflight=made.preflight, story=story, progress=shown)


def _adapt(
    recipe: Recipe,
    task: str,
    settings: Mapping[str, str],
    student: str | None,
    given: Mapping[str, Any],
) -> Recipe:
    """Give the recipe as it is for a task, with the changes of `--set` and of the options."""
    names = option_names(recipe.objectives)
    changed = with_settings(
        for_task(recipe, task, option_names=names), settings, option_names=names
    )
    training = {
        name: given[name] for name in TrainingSettings.model_fields if given[name] is not None
    }
    data = changed.model_dump()
    data["training"] |= training
    if student is not None:
        data["student"] = student
    return parse(Recipe, data, f"recipe {recipe.name}")


class _Made(NamedTuple):
    """A lesson and what was found while it was prepared."""

    lesson: Lesson
    preflight: Preflight
    pupil: Pupil


def _prepare(
    master: Teacher, data: Data, recipe: Recipe, *, seed: int, offline: bool, progress: Progress
) -> _Made:
    """Score the teacher, make the student, and refuse what cannot teach or learn."""
    logits = master.logits(data.evaluation, master.evaluation, progress=progress)
    facts = master.facts(data.evaluation, logits)
    with settled(master.compute, seed=seed, purpose="new weights"):
        pupil = open_student(
            recipe.student, master.loaded, data.task,
            offline=offline, pairs=data.train.pairs is not None,
            texts=texts_of(data.train.texts, data.train.pairs), progress=progress,
        )  # fmt: skip
    longest = recipe.training.max_length
    encoded, examined = (
        encode_for(pupil.model, pupil.tokenizer, split, max_length=longest)
        for split in (data.train, data.evaluation)
    )
    same = encoded.columns["input_ids"] == master.train.columns["input_ids"]
    layers = layer_map_of(recipe.layer_map, pupil, master.loaded)
    shapes = shape_of(pupil.model), shape_of(master.loaded.model)
    situation = Situation(data.task, *shapes, layers, same_tokens=same)
    mixture = build_mixture(
        recipe.objectives, reduction=recipe.reduction, where=f"recipe {recipe.name}"
    )
    refuse_unmet(mixture, situation)
    if mixture.needs(situation).words:
        encoded = with_words(encoded, pupil, data.train, max_length=longest, progress=progress)
    if mixture.needs(situation).labels:
        require_labels(data.train, why="an objective of the recipe reads them")
    lesson = Lesson(
        student=pupil.model,
        tokenizer=pupil.tokenizer,
        split=data.train,
        encoded=encoded,
        examination=Examination(data.evaluation, examined, logits),
        mixture=mixture,
        situation=situation,
        teacher=master.signal(mixture, situation, data, progress=progress),
        settings=recipe.training,
        compute=master.compute,
        seed=seed,
    )
    check_best_by(lesson)
    facts += lesson_facts(lesson)
    facts += first_look(
        pupil, data.evaluation, examined, logits,
        device=master.compute.device, progress=progress,
    )  # fmt: skip
    facts.append(("same token ids", "yes" if same else "no: each reads with its own tokenizer"))
    table = layer_table(layers, pupil.copied, how=pupil.how)
    notes = (*pupil.notes, *master.loaded.notes, *remarks(mixture, situation), *data.notes())
    return _Made(lesson, Preflight((*data.rows().items(), *facts), table, notes), pupil)


def _story(
    master: Teacher, data: Data, recipe: Recipe, made: _Made, given: Mapping[str, Any]
) -> Story:
    """Compose what the model card tells."""
    options: list[tuple[str, object]] = [("--task", given["task"]), ("-o", given["output"])]
    options += [("--recipe", given["recipe"]), ("--student", recipe.student)]
    options += [("--set", f"{key}={value}") for key, value in given["settings"].items()]
    for name in TrainingSettings.model_fields:
        options.append((f"--{name.replace('_', '-')}", given[name]))
    options += [("--limit", given["limit"]), ("--eval-limit", given["eval_limit"])]
    options.append(("--seed", given["seed"]))
    facts = dict(made.preflight.facts)
    teacher = {key: value for key, value in facts.items() if key.startswith("teacher")}
    terms = {
        term.name: f"weight {term.weight:g}" + "".join(
            f", {key} {value}" for key, value in term.options.model_dump().items()
        )
        for term in made.lesson.mixture.terms
    }  # fmt: skip
    return Story(
        kind="distill",
        headline=f"A student for {data.task.name}, taught by {master.name} with the recipe "
        f"{recipe.name}.",
        sections={
            "Teacher": teacher,
            "Data": data.rows(),
            "Objectives": terms,
            "Training": {
                "student": recipe.student,
                **settings_rows(recipe.training.model_dump()),
                "seed": str(given["seed"]),
                "computed in": precision_of(made.lesson),
            },
        },
        command=command_line("distill", master.path, options),
        precision=precision_of(made.lesson),
        recipe=recipe.source,
        notes=made.preflight.notes,
    )
