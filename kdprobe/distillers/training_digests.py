"""What two trainings have in common, as digests that their records can be held against each other.

Does: hash the weights a training begins with and the order of its examples. Does not: train.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

from kdprobe.distillers.training_job import TrainingJob

if TYPE_CHECKING:
    from torch import nn


def weights_digest(model: nn.Module) -> str:
    """Return the SHA-256 of a model's state: each name, format, shape and the bytes of its values.

    Equal digests are equal bits; processors that round otherwise give others for weights that were
    computed (random ones, projections).

    >>> from torch import nn
    >>> weights_digest(nn.Linear(2, 1)) == weights_digest(nn.Linear(2, 1))
    False
    """
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        values = weight.detach().cpu().contiguous()
        digest.update(f"{name}\0{values.dtype}\0{tuple(values.shape)}\0".encode())
        digest.update(values.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def order_digest(job: TrainingJob, steps: int, *, before: str = "") -> str:
    """Return the SHA-256 of the examples' ids in the order in which steps read them.

    Args:
        job: the training.
        steps: optimiser steps that were taken.
        before: the digest of the stages before; empty: none.
    """
    size = job.settings.batch_size * job.settings.gradient_accumulation
    digest = hashlib.sha256(f"{before}\0{size}".encode())
    order, epoch = job.order, 0
    while steps > 0:
        order.set_epoch(epoch)
        rows = list(order)[: steps * size]
        ids = "\0".join(job.split.ids[row] for row in rows)
        digest.update(f"\n{ids}".encode("utf-8", "surrogatepass"))
        steps, epoch = steps - job.epoch_steps, epoch + 1
    return digest.hexdigest()
