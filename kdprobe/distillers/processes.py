"""Several processes that train one student together, as `torchrun` starts them.

Does: open the group, choose which process writes, add numbers and gradients up over all processes.
Does not: cut batches (`StudentTrainer.collate` does) or start processes.

One process and several train the same student: every process goes through the same batches,
computes its share of each, and steps with the sum of all gradients. `batch_size` is therefore that
of all processes together.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, distributed, nn

T = TypeVar("T")

_PATIENCE = timedelta(days=2)  # one process may run a teacher over a large set while others wait


class ProcessGroup(NamedTuple):
    """Which of how many processes this is; one alone is the first of one."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and shows progress."""
        return self.rank == 0

    @property
    def many(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    def share(self, rows: Sequence[T]) -> list[T]:
        """Return this process's part of the rows of a batch: each is in one process's part.

        >>> [ProcessGroup(rank, 2).share([7, 8, 9]) for rank in (0, 1)]
        [[7, 9], [8]]
        """
        return list(rows[self.rank :: self.size])

    def total(self, values: Tensor) -> Tensor:
        """Add a tensor up over all processes; every process gets the sum."""
        if not self.many:
            return values
        summed = values.clone()
        distributed.all_reduce(summed)
        return summed

    def gathered(self, names: Sequence[str]) -> list[str]:
        """Return the names that all processes hold together, in the order of the processes."""
        if not self.many:
            return list(names)
        parts: list[list[str]] = [[] for _ in range(self.size)]
        distributed.all_gather_object(parts, list(names))
        return [name for part in parts for name in part]

    def from_leader(self, value: T) -> T:
        """Return what the leading process has; the values of the others are left."""
        if not self.many:
            return value
        held = [value]
        distributed.broadcast_object_list(held, 0)
        return held[0]

    def wait(self) -> None:
        """Go on once every process has come here."""
        if self.many:
            distributed.barrier()

    @contextlib.contextmanager
    def leader_first(self) -> Iterator[None]:
        """Run a block in the leading process, and then in the others at once."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()


ALONE = ProcessGroup()


def process_group() -> ProcessGroup:
    """Return which process this is; without a group it is alone."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return ALONE
    return ProcessGroup(distributed.get_rank(), distributed.get_world_size())


@contextlib.contextmanager
def join_processes() -> Iterator[ProcessGroup]:
    """Join the other processes for a block, where the environment names any (`WORLD_SIZE`).

    Gloo carries what lies in main memory, NCCL what lies on CUDA devices, of which each process
    takes that of its local rank. A group that a caller has opened is used and left open.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or distributed.is_initialized():
        yield process_group()
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield process_group()
    finally:
        distributed.destroy_process_group()


def add_up_gradients(module: nn.Module, group: ProcessGroup) -> None:
    """Replace every gradient by its sum over all processes.

    A weight that no process has a gradient for keeps none, so that an optimiser leaves it alone as
    it does in a single process.
    """
    if not group.many:
        return
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    device = weights[0].device
    held = torch.tensor([float(weight.grad is not None) for weight in weights], device=device)
    used = [w for w, count in zip(weights, group.total(held).tolist(), strict=True) if count]
    if not used:
        return
    parts = [torch.zeros_like(w) if w.grad is None else w.grad for w in used]
    sizes = [w.numel() for w in used]
    summed = group.total(torch.cat([part.ravel() for part in parts]))
    for weight, part in zip(used, torch.split(summed, sizes), strict=True):
        weight.grad = part.view_as(weight)


def same_start(module: nn.Module, group: ProcessGroup) -> None:
    """Copy the leader's weights to every process."""
    if group.many:
        for weight in (*module.parameters(), *module.buffers()):
            distributed.broadcast(weight.data, 0)
