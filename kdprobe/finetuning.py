"""Fine-tuning: a classifier from a pretrained encoder, from a part of one, or from nothing.

Does: gather what a training needs and hand it to `distillers/`. Does not: know a teacher;
`distillation.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kdprobe.config.base import parse
from kdprobe.config.recipe import ObjectiveSetting
from kdprobe.config.training import BestBy, TrainingSettings
from kdprobe.distillers.arguments import check_best_by
from kdprobe.distillers.classroom import (
    Data,
    command_line,
    encode_for,
    lesson_facts,
    precision_of,
    settings_rows,
)
from kdprobe.distillers.compute import Compute, settled
from kdprobe.distillers.fitting import fit
from kdprobe.distillers.lesson import Examination, Lesson, TrainingResult
from kdprobe.distillers.mixture import build_mixture
from kdprobe.distillers.model_card import Story
from kdprobe.distillers.objective import Situation
from kdprobe.distillers.occasion import Occasion, display
from kdprobe.distillers.preflight import Preflight
from kdprobe.distillers.processes import team, together
from kdprobe.distillers.teacher_store import NoTeacher
from kdprobe.distillers.views import shape_of
from kdprobe.errors import ConfigError
from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.folder import fingerprint, locate
from kdprobe.models.narrowing import student_of
from kdprobe.models.shapes import (
    CopyShape,
    ModelPlace,
    NewShape,
    build_new,
    parse_student,
    texts_of,
)
from kdprobe.models.word_pieces import train_tokenizer
from kdprobe.models.word_student import build_word_student
from kdprobe.progress import Progress
from kdprobe.report.training import write_training_page

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_VOCABULARY = 8000


def finetune(
    model: str,
    *,
    task: str,
    output: str | Path,
    student: str | None = None,
    train_split: str = "train",
    eval_split: str | None = None,
    data_dir: str | Path | None = None,
    epochs: float = 3.0,
    batch_size: int = 32,
    gradient_accumulation: int = 1,
    learning_rate: float = 5e-5,
    warmup: float = 0.1,
    schedule: Literal["linear", "cosine", "constant"] = "linear",
    weight_decay: float = 0.0,
    max_grad_norm: float = 1.0,
    max_length: int = 128,
    best_by: BestBy = "score",
    early_stopping: int | None = None,
    evaluate_every: int | None = None,
    seed: int = 0,
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
            trained on the training texts.
        task: a name, a task file or a data file.
        output: the folder to write: a plain `transformers` folder with a card and a record.
        student: train a part of the encoder, like `layers=3`; a baseline for distilled students.
        train_split: the split that is learnt from.
        eval_split: the split that is scored; None: the one the task compares on.
        data_dir: where the task's folder is; None: `$KDPROBE_DATA`, then the hub.
        epochs: passes over the training examples.
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
        seed: of the new weights, the order of the examples and dropout.
        device: `auto` (a CUDA device when there is one), `cpu` or `cuda`.
        bf16: matrix products in bfloat16; `auto`: where the hardware has it.
        threads: CPU threads; None: as torch is set.
        limit: learn from a random sample of so many examples.
        eval_limit: score on a random sample of so many.
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
    given = locals()
    with together():
        return _finetune(given, display(progress))


def _finetune(given: Mapping[str, Any], progress: Progress) -> TrainingResult:
    """Train in this process, or in its share of several."""
    at = Occasion.of(given)
    names = (name for name in TrainingSettings.model_fields if name in given)
    settings = parse(TrainingSettings, {name: given[name] for name in names}, "finetune")
    data, compute = at.data().with_gold(), at.compute()
    source = _Source(given["model"], given["student"], at.offline)
    plan = source.plan() | {"training": settings.model_dump()} | at.plan(data, compute)
    run = at.open(plan, progress)
    if isinstance(run, TrainingResult):
        return run
    with settled(compute, seed=at.seed, purpose="new weights"):
        lesson, notes = _prepare(source, data, settings, compute, at.seed)
    preflight = Preflight(facts=(*data.rows().items(), *lesson_facts(lesson)), notes=notes)
    if run is None:
        return TrainingResult.of_dry_run(data, preflight)
    story = _story(source, data, lesson, notes, given)
    result = fit(lesson, run, plan=plan, preflight=preflight, story=story, progress=progress)
    if team().leads:
        write_training_page(
            run.output, result.history, best_step=result.best_step, title=story.headline,
            scores=result.scores, facts=preflight.facts,
        )  # fmt: skip
    return result


@dataclass(frozen=True)
class _Source:
    """What the model is made from."""

    model: str
    student: str | None
    offline: bool

    def plan(self) -> dict[str, Any]:
        """Name it by content."""
        made = parse_student(self.model, where="MODEL")
        known = made.path if isinstance(made, ModelPlace) else None
        held = fingerprint(locate(known, offline=self.offline)) if known else None
        return {
            "command": "finetune",
            "model": self.model,
            "fingerprint": held,
            "student": self.student,
        }

    def build(self, data: Data) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, list[str]]:
        """Make the model and its tokenizer; new weights come from torch's global generator."""
        made = parse_student(self.model, where="MODEL")
        if isinstance(made, CopyShape):
            raise ConfigError(
                "MODEL",
                found=f"{self.model!r} says what to keep of a model, but not of which",
                expected="a folder, a hub id or a shape like bert:L4,H128",
                remedy=f"say MODEL --student {self.model}",
            )
        if isinstance(made, NewShape | LstmShape):
            if self.student is not None:
                raise ConfigError(
                    "--student", found=f"{self.student!r} of a model that starts from nothing"
                )
            texts = texts_of(data.train.texts, data.train.pairs)
            if isinstance(made, LstmShape) and made.file is not None:
                pairs = data.train.pairs is not None
                words = build_word_student(made, data.task, texts=texts, pairs=pairs)
                return words.model, words.tokenizer, [words.note]
            wanted = made.vocabulary if isinstance(made, NewShape) else None
            tokenizer = train_tokenizer(texts, vocabulary=wanted or _VOCABULARY)
            note = f"started from random weights; {len(tokenizer):,} word pieces of its own"
            self._refuse_teacher(made)
            if isinstance(made, NewShape):
                return build_new(made, data.task, tokenizer=tokenizer), tokenizer, [note]
            return self._lstm(made, data, tokenizer), tokenizer, [note]
        loaded = load_classifier(made.path, task=data.task, new_head=True, offline=self.offline)
        if self.student is None:
            return loaded.model, loaded.tokenizer, ["its classifier head starts at random"]
        shape = parse_student(self.student)
        if not isinstance(shape, CopyShape):
            raise ConfigError(
                "--student", found=repr(self.student), expected="a part of MODEL, like layers=3"
            )
        texts = texts_of(data.train.texts, data.train.pairs)
        cut = student_of(
            shape, loaded.model, loaded.tokenizer, data.task, columns=None, texts=texts
        )
        return cut.model, loaded.tokenizer, list(cut.notes)

    def _refuse_teacher(self, shape: NewShape | LstmShape) -> None:
        if shape.embeddings == "teacher" or shape.mode != "non-static":
            raise ConfigError(
                "MODEL",
                found=f"{self.model!r} begins with the embeddings of a teacher",
                expected="mode=non-static and random embeddings: there is no teacher",
            )

    def _lstm(
        self, shape: LstmShape, data: Data, tokenizer: PreTrainedTokenizerBase
    ) -> PreTrainedModel:
        pairs = data.train.pairs is not None
        return build_lstm(shape, data.task, tokenizer=tokenizer, pairs=pairs)


def _prepare(
    source: _Source, data: Data, settings: TrainingSettings, compute: Compute, seed: int
) -> tuple[Lesson, tuple[str, ...]]:
    """Build the model and everything around it; nothing is written."""
    model, tokenizer, notes = source.build(data)
    longest = settings.max_length
    lesson = Lesson(
        student=model,
        tokenizer=tokenizer,
        split=data.train,
        encoded=encode_for(model, tokenizer, data.train, max_length=longest),
        examination=Examination(
            data.evaluation, encode_for(model, tokenizer, data.evaluation, max_length=longest)
        ),
        mixture=build_mixture(
            (ObjectiveSetting(name="hard_labels"),), reduction="example", where="finetune"
        ),
        situation=Situation(data.task, shape_of(model)),
        teacher=NoTeacher(),
        settings=settings,
        compute=compute,
        seed=seed,
    )
    check_best_by(lesson)
    return lesson, (*notes, *data.notes())


def _story(
    source: _Source, data: Data, lesson: Lesson, notes: tuple[str, ...], given: Mapping[str, Any]
) -> Story:
    """Compose what the model card tells."""
    options: list[tuple[str, object]] = [("--task", given["task"]), ("-o", given["output"])]
    options += [("--student", source.student), ("--seed", lesson.seed)]
    for name, value in lesson.settings.model_dump().items():
        if value != getattr(TrainingSettings(), name):
            options.append((f"--{name.replace('_', '-')}", value))
    options += [("--limit", given["limit"]), ("--eval-limit", given["eval_limit"])]
    options.append(("--labels", ",".join(given["labels"]) or None))
    what = Path(source.model).name if ":" not in source.model else source.model
    return Story(
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
        command=command_line("finetune", source.model, options),
        precision=precision_of(lesson),
        notes=notes,
    )
