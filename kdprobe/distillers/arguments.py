"""The arguments of the trainer of `transformers`.

Does: translate the settings; every automatic choice of `transformers` is off. Does not: train.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from kdprobe.distillers.processes import process_group
from kdprobe.distillers.teacher_signal import NoTeacher
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.errors import ConfigError

_ADAM_EPSILON, _ADADELTA_EPSILON = 1e-8, 1e-6


def check_best_by(job: TrainingJob) -> None:
    """Refuse a rule for the best checkpoint that has no number here.

    Raises:
        ConfigError: agreement or KL without a teacher, or on a regression.
    """
    rule = job.settings.best_by
    if rule not in ("agreement", "kl"):
        return
    if job.models.teacher is None and job.models.answers is None:
        raise ConfigError("`best_by`", found=f"{rule} without a teacher", expected="score or loss")
    if rule == "kl" and job.models.answers in ("labels", "label sets"):
        raise ConfigError(
            "`best_by`", found="kl to a teacher that gives labels and no probabilities",
            expected="agreement, score or loss",
        )  # fmt: skip
    taught = not isinstance(job.teacher, NoTeacher)
    if job.models.answers is not None and taught and job.evaluation.teacher is None:
        raise ConfigError(
            "`best_by`", found=f"{rule}, and the teacher answered no text of "
            f"{job.evaluation.split.name}", expected="score, loss or last",
        )  # fmt: skip
    if job.split.task.kind == "regression":
        raise ConfigError("`best_by`", found=f"{rule} of a regression", expected="score or loss")


def other_optimizer(job: TrainingJob) -> tuple[type[torch.optim.Optimizer], dict[str, Any]] | None:
    """Return the optimiser that `transformers` has no name for, with its settings; None: AdamW."""
    settings = job.settings
    if settings.optimizer == "adamw":
        return None
    return torch.optim.Adadelta, {
        "lr": settings.learning_rate,
        "rho": settings.rho,
        "eps": settings.epsilon or _ADADELTA_EPSILON,
    }


def training_arguments(job: TrainingJob, folder: Path) -> TrainingArguments:
    """Translate the settings; every automatic choice of `transformers` is off."""
    settings, compute = job.settings, job.compute
    args = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup,
        lr_scheduler_type="constant_with_warmup"
        if settings.schedule == "constant"
        else settings.schedule,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optim="adamw_torch_fused",
        adam_beta1=settings.betas[0],
        adam_beta2=settings.betas[1],
        adam_epsilon=settings.epsilon or _ADAM_EPSILON,
        bf16=compute.bf16,
        use_cpu=compute.device == "cpu",
        eval_strategy="steps",
        eval_steps=job.evaluate_every,
        save_strategy="steps",
        save_steps=job.evaluate_every,
        metric_for_best_model="eval_selection",
        greater_is_better=settings.best_by not in ("loss", "kl"),
        logging_strategy="steps",
        logging_steps=50,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        train_sampling_strategy="group_by_length",
        dataloader_num_workers=0,
        dataloader_pin_memory=compute.device == "cuda",
        disable_tqdm=True,
        report_to=[],  # `trackers.py` hands those that were asked for over as callbacks
        run_name=folder.parent.name,
        ddp_backend="gloo" if compute.device == "cpu" and process_group().many else None,
        seed=job.seed % 2**32,
        data_seed=job.seed % 2**32,
    )
    args._n_gpu = min(1, args.n_gpu)  # several GPUs need torchrun; DataParallel splits by keys
    return args
