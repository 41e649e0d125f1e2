"""How fast this process multiplies matrices, and how much of that a call reaches.

Does: measure the products a second of large matrices, in the type and with the threads of a row;
count a call's floating-point operations with torch's counter and kdprobe's rules for what that
leaves out. Does not: hold rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from kdprobe.extract.operations import counting_rules

SIDES = (512, 1024)
ROUNDS = 6


def peak(dtype: torch.dtype = torch.float32) -> float:
    """Return the floating-point operations a second of a product of square matrices at best.

    Of CPU seconds, in this process and with its threads; a multiply-add is two operations.
    """
    return _peak(dtype, torch.get_num_threads())


@cache
def _peak(dtype: torch.dtype, threads: int) -> float:
    return max(_of_square(side, dtype) for side in SIDES)


def _of_square(side: int, dtype: torch.dtype) -> float:
    left, right = (torch.ones(side, side, dtype=dtype) for _ in range(2))
    work = 2.0 * side**3
    times = max(1, int(1.5e9 / work))
    best = 0.0
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(times):
            left @ right
        best = max(best, times * work / (time.process_time() - started))
    return best


def _attention_backward(
    gradient: Sequence[int], query: Sequence[int], *rest: Any, **more: Any
) -> int:
    """Five products of `[..., L, L]` by width: the scores anew, and a gradient of each factor."""
    *heads, length, width = query
    return 5 * 2 * prod(heads) * length * length * width


def operations(call: Callable[[], object]) -> float:
    """Run a call once and count its floating-point operations, of backward passes too.

    >>> weights = torch.ones(4, 3)
    >>> operations(lambda: torch.ones(2, 4) @ weights)
    48.0
    """
    aten: Any = torch.ops.aten
    backward = aten._scaled_dot_product_flash_attention_for_cpu_backward
    rules = {**counting_rules(), backward: _attention_backward}
    with FlopCounterMode(display=False, custom_mapping=rules) as counter:
        call()
    return float(counter.get_total_flops())


def share_of_peak(work: float, seconds: float, dtype: torch.dtype = torch.float32) -> float:
    """Return which share of the peak so many operations in so many CPU seconds are.

    >>> round(share_of_peak(peak(), 2.0), 3)
    0.5
    """
    return work / seconds / peak(dtype)
