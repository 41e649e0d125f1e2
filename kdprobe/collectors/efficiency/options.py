"""How costs are measured, as a person sets it.

Does: check the options before any model is opened. Does not: measure.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from kdprobe.collectors.protocol import CollectorOptions
from kdprobe.config.flags import Flag, Panel


class EfficiencyOptions(CollectorOptions):
    """How costs are measured.

    Args:
        measure: whether they are.
        seconds: for timing each model, at most; large models take a few repetitions all the same.
        memory: whether each model is opened in a fresh process, which takes some seconds a model.
    """

    group: ClassVar[str] = "efficiency"
    panel: ClassVar[Panel] = "what to compare"
    asks: ClassVar[tuple[str, ...]] = ("measure",)

    measure: Annotated[
        bool,
        Flag(
            "Measure size, multiply-adds, latency, throughput and memory of every model.",
            name="efficiency",
        ),
    ] = True
    seconds: Annotated[
        float,
        Field(ge=0.1, le=86_400),
        Flag("Time each model for N seconds at most.", name="efficiency-seconds", metavar="N"),
    ] = 5.0
    memory: Annotated[
        bool,
        Flag("Measure memory in fresh processes.", name="efficiency-memory", both=True),
    ] = True


OPTIONS = EfficiencyOptions
