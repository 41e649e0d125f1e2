"""How a model is trained, whatever it learns from.

Does: define the settings, their defaults and their meaning. Does not: train.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from kdprobe.config.flags import Flag, FlagOptions, Panel
from kdprobe.errors import ConfigError

_Share = Annotated[float, Field(ge=0, lt=1)]
_Count = Annotated[int, Field(ge=1)]
BestBy = Literal["score", "loss", "agreement", "kl", "last"]
Schedule = Literal["linear", "cosine", "constant"]
Optimizer = Literal["adamw", "adadelta"]


class TrainingSettings(FlagOptions):
    """How a model is trained, whatever it learns from; each field's `Flag` says what it is.

    `best_by`: ties go to the earlier checkpoint; an undefined score ranks lowest. `optimizer`:
    AdamW, or Adadelta (Zeiler 2012), whose usual learning rate is 1.
    """

    panel: ClassVar[Panel] = "training"

    epochs: Annotated[
        float,
        Field(gt=0, le=10_000),
        Flag("Passes over the data; a fraction ends inside one.", everyday=True),
    ] = 3.0
    batch_size: Annotated[
        int,
        Field(ge=1, le=1_000_000),
        Flag("Examples a step, of all processes together.", everyday=True),
    ] = 32
    gradient_accumulation: Annotated[
        int, Field(ge=1, le=1_000_000), Flag("Batches summed before a step.")
    ] = 1
    learning_rate: Annotated[
        float, Field(gt=0, le=1000), Flag("Largest learning rate.", also=("lr",), everyday=True)
    ] = 5e-5
    warmup: Annotated[
        float,
        Field(ge=0),
        Flag("Share of steps over which the rate rises from 0; from 1 on, steps."),
    ] = 0.1
    schedule: Annotated[Schedule, Flag("What the rate does afterwards.")] = "linear"
    weight_decay: Annotated[
        float, Field(ge=0), Flag("On weight matrices; biases and normalisation have none.")
    ] = 0.0
    max_grad_norm: Annotated[
        float, Field(ge=0), Flag("Scale gradients down to this norm; 0: never.")
    ] = 1.0
    max_length: Annotated[
        int, Field(ge=4, le=1_000_000), Flag("Longest input, in tokens, special ones included.")
    ] = 128
    best_by: Annotated[
        BestBy,
        Flag(
            "What the checkpoint that is kept must be best by: the task's score, the loss on gold "
            "labels, agreement with or KL to the teacher (distillation), or the last."
        ),
    ] = "score"
    early_stopping: Annotated[
        _Count | None, Flag("Stop after N evaluations without a better one.", metavar="N")
    ] = None
    evaluate_every: Annotated[
        _Count | None,
        Flag(
            "Steps between evaluations. Default: each epoch, more often in long ones.", metavar="N"
        ),
    ] = None
    optimizer: Annotated[Optimizer, Flag("AdamW or Adadelta.")] = "adamw"
    betas: Annotated[
        tuple[_Share, _Share],
        Flag(
            "Of AdamW: how slowly it forgets gradients, and their squares.", metavar="FIRST SECOND"
        ),
    ] = (0.9, 0.999)
    rho: Annotated[
        _Share, Flag("Of Adadelta: how slowly it forgets squares of gradients and of steps.")
    ] = 0.95
    epsilon: Annotated[
        Annotated[float, Field(gt=0)] | None,
        Flag("Added to what gradients are divided by. Default: 1e-8 (AdamW), 1e-6 (Adadelta)."),
    ] = None


_ONLY_OF: dict[str, Optimizer] = {"betas": "adamw", "rho": "adadelta"}


def refuse_unread(named: Collection[str], optimizer: Optimizer) -> None:
    """Refuse settings of the optimizer that is not used: nothing would come of them.

    Args:
        named: the settings that a person named.
        optimizer: which one trains.

    Raises:
        ConfigError: the first of them.

    >>> refuse_unread(["rho"], "adamw")
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: `rho`: is a setting of adadelta, expected one of adamw, which trains
    """
    for name, owner in _ONLY_OF.items():
        if name in named and optimizer != owner:
            raise ConfigError(
                f"`{name}`", found=f"is a setting of {owner}",
                expected=f"one of {optimizer}, which trains",
            )  # fmt: skip
