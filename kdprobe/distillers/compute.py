"""Where a training runs and in which numbers, and everything random in it.

Does: choose the device by what the machine has and the precision by what is known of the students,
seed every generator for the length of a block and put their states back. Does not: offer fp16,
which a CPU accepts and ignores, or ask the processor which precision it likes.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from kdprobe.distillers.precision import is_shown_equal
from kdprobe.distillers.trackers import require_trackers
from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.precision import has_bfloat16
from kdprobe.seeds import derive_seed


@dataclass(frozen=True)
class Compute:
    """A device and a number format, and where else the training is logged.

    Args:
        device: `cpu` or `cuda`.
        bf16: whether matrix products run in bfloat16; weights and losses stay float32.
        threads: CPU threads of torch.
        report_to: the trackers; see `trackers.py`. They change no number.
    """

    device: Literal["cpu", "cuda"]
    bf16: bool
    threads: int
    report_to: tuple[str, ...] = ()

    @property
    def precision(self) -> str:
        """For people: `float32` or `bfloat16 products, float32 weights`."""
        return "bfloat16 products, float32 weights" if self.bf16 else "float32"


def choose_compute(
    *,
    device: str = "auto",
    bf16: bool | Literal["auto"] = "auto",
    threads: int | None = None,
    families: Sequence[str] = (),
    report_to: Sequence[str] = (),
) -> Compute:
    """Choose where to train, and in which numbers.

    Args:
        device: `auto` (a CUDA device when there is one), `cpu` or `cuda`.
        bf16: `auto` is true only when students of all these families were shown to be equal in
            both precisions, whatever the processor; see `precision.is_shown_equal`.
        threads: CPU threads; None: as torch is set.
        families: of the students that are trained; see `precision.family_of`.
        report_to: where the training is logged, too.

    Raises:
        MissingExtraError: the package of a tracker is not installed.
        ConfigError: an unknown device, or no thread.
        CapabilityError: CUDA was asked for and there is none, or a device without bfloat16.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError("`device`", found=repr(device), expected="auto, cpu or cuda")
    if threads is not None and threads < 1:
        raise ConfigError("`threads`", found=str(threads), expected="1 or more")
    if device == "cuda" and not torch.cuda.is_available():
        raise CapabilityError(
            "`device`", found="no CUDA device can be used", remedy="say `device=cpu`"
        )
    chosen: Literal["cpu", "cuda"] = "cpu"
    if device != "cpu" and torch.cuda.is_available():
        chosen = "cuda"
    half = bool(families) and all(map(is_shown_equal, families)) if bf16 == "auto" else bf16
    if half and chosen == "cuda" and not has_bfloat16(chosen):
        raise CapabilityError(
            "`bf16`", found="this CUDA device has no bfloat16", remedy="say `bf16=False`"
        )
    require_trackers(report_to)
    return Compute(chosen, half, threads or torch.get_num_threads(), tuple(report_to))


@contextlib.contextmanager
def settled(compute: Compute, *, seed: int, purpose: str) -> Iterator[None]:
    """Seed every global generator for a block, use the chosen threads, and put all back after.

    On a CPU, operations without a deterministic form raise an error inside the block.

    Args:
        compute: where the block runs.
        seed: the run's seed.
        purpose: what the numbers are for; another purpose draws other numbers.
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    gpu = torch.cuda.get_rng_state_all() if compute.device == "cuda" else []
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    switches: Any = torch.utils.deterministic
    filling = switches.fill_uninitialized_memory
    drawn = derive_seed(seed, purpose)
    random.seed(drawn)
    np.random.seed(drawn % 2**32)
    torch.manual_seed(drawn)
    if compute.threads != threads:
        torch.set_num_threads(compute.threads)
    if compute.device == "cpu":
        torch.use_deterministic_algorithms(True)
        switches.fill_uninitialized_memory = False  # costs time, finds faults only
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        switches.fill_uninitialized_memory = filling
        if compute.threads != threads:
            torch.set_num_threads(threads)
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        if gpu:
            torch.cuda.set_rng_state_all(gpu)
