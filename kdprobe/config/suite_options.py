"""The options that `kdprobe suite run` has for itself.

Does: type them, as `config/commands.py` types those of other commands. Does not: do anything with
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from kdprobe.config.executor_options import ExecutorOptions
from kdprobe.config.flags import Flag
from kdprobe.config.suite import ScaleName


class SuiteRunOptions(ExecutorOptions):
    """How large a suite is made, and where its steps run."""

    scale: Annotated[ScaleName, Flag("tiny, small or paper.", metavar="NAME", everyday=True)] = (
        "tiny"
    )
    values: Annotated[
        Mapping[str, str],
        Flag(
            "What stands for ${NAME} in the file, e.g. encoder=FOLDER; repeat.",
            name="value", metavar="NAME=VALUE", reads="pairs", everyday=True,
        ),
    ] = Field(default_factory=dict)  # fmt: skip
    only: Annotated[
        tuple[str, ...],
        Flag(
            "Make these steps, parts or tasks alone, and what they hang on.",
            metavar="STEP,...", reads="names", everyday=True,
        ),
    ] = ()  # fmt: skip
    jobs: Annotated[
        Annotated[int, Field(ge=1, le=1000)] | None,
        Flag(
            "Steps at once, each with one thread. Default: one for each core that there is memory "
            "for, one with a GPU.",
            env="KDPROBE_JOBS", metavar="N",
        ),
    ] = None  # fmt: skip
