"""How a model is trained, whatever it learns from.

Does: define the settings, their defaults and their meaning. Does not: train.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kdprobe.config.base import Options

_Share = Annotated[float, Field(ge=0, lt=1)]
BestBy = Literal["score", "loss", "agreement", "kl", "last"]


class TrainingSettings(Options):
    """How a model is trained, whatever it learns from.

    Args:
        epochs: passes over the training examples; a fraction ends inside a pass.
        batch_size: examples whose gradient is computed at once, by all processes together.
        gradient_accumulation: such batches to one optimiser step.
        learning_rate: of the optimiser at its peak.
        warmup: below 1 the share of all steps, otherwise the number of steps, over which the
            learning rate rises from 0.
        schedule: what the learning rate does afterwards.
        weight_decay: on weight matrices; biases and normalisation weights have none.
        optimizer: AdamW, or Adadelta (Zeiler 2012), whose usual learning rate is 1.
        betas: of AdamW: how slowly it forgets gradients, and their squares.
        rho: of Adadelta: how slowly it forgets squares of gradients and of steps.
        epsilon: added to what the gradient is divided by; None: 1e-8 (AdamW), 1e-6 (Adadelta).
        max_grad_norm: gradients are scaled down to this norm; 0 switches it off.
        max_length: tokens read of an example, special tokens included.
        best_by: which checkpoint is kept: the best task `score` (the default), the lowest `loss`
            on the gold labels, the highest `agreement` with or lowest `kl` to the teacher
            (distillation only), or the `last`. Ties go to the earlier one; an undefined score
            ranks lowest.
        early_stopping: stop after this many evaluations without a better one; None never stops.
        evaluate_every: optimiser steps between evaluations; None evaluates after each epoch, and
            several times in one that is longer than 1,000 steps.
    """

    epochs: Annotated[float, Field(gt=0, le=10_000)] = 3.0
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = 32
    gradient_accumulation: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    learning_rate: Annotated[float, Field(gt=0, le=1000)] = 5e-5
    warmup: Annotated[float, Field(ge=0)] = 0.1
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(ge=0)] = 1.0
    max_length: Annotated[int, Field(ge=4, le=1_000_000)] = 128
    best_by: BestBy = "score"
    early_stopping: Annotated[int, Field(ge=1)] | None = None
    evaluate_every: Annotated[int, Field(ge=1)] | None = None
    optimizer: Literal["adamw", "adadelta"] = "adamw"
    betas: tuple[_Share, _Share] = (0.9, 0.999)
    rho: _Share = 0.95
    epsilon: Annotated[float, Field(gt=0)] | None = None
