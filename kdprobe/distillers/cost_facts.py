"""What a training may cost, said before its first step.

Does: name its estimated time and memory, and what bfloat16 products would save where the hardware
multiplies bfloat16 itself. Does not: measure a step; `estimate.py` does.
"""

from __future__ import annotations

from dataclasses import replace

from kdprobe.distillers.estimate import estimate_seconds
from kdprobe.distillers.memory import Memory
from kdprobe.distillers.precision import price_of
from kdprobe.distillers.preflight import Facts
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.models.mixed_precision import products
from kdprobe.models.precision import LEAST_ADVISED, has_bfloat16
from kdprobe.results.numbers import show_duration

_WORTH = 0.9
"""Share of the time in float32 above which nothing is worth saying."""


def cost_facts(seconds: float, memory: Memory) -> Facts:
    """Return the rows of a plan on what a training may cost."""
    time_row = ("estimated time", f"about {show_duration(seconds)}")
    return [time_row, ("estimated memory", memory.summary)]


def bfloat16_facts(job: TrainingJob, seconds: float, *, of: TrainingJob | None = None) -> Facts:
    """Return the row of a plan on what `bf16` would save and cost; none where it saves nothing.

    A few steps are measured in both. It advises and chooses nothing: the same command trains the
    same student on every machine.

    Args:
        job: what is timed.
        seconds: of its steps and evaluations as it is.
        of: see `estimate_seconds`.
    """
    compute = job.compute
    large, _ = products(job.student)
    if compute.bf16 or not large or seconds < LEAST_ADVISED or not has_bfloat16(compute.device):
        return []
    other = estimate_seconds(replace(job, compute=replace(compute, bf16=True)), of=of)
    if other > _WORTH * seconds:
        return []
    architecture = str(job.student.config.model_type)
    return [(
        "bfloat16",
        f"this machine multiplies it itself: `bf16` would save about {1 - other / seconds:.0%} of "
        f"{show_duration(seconds)}; its price: {price_of(architecture)}",
    )]  # fmt: skip
