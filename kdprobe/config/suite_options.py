"""The options that `kdprobe suite run` has for itself.

Does: type them, as `config/commands.py` types those of other commands. Does not: do anything with
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from kdprobe.config.flags import Flag, FlagOptions, Panel
from kdprobe.config.suite import ScaleName


class SuiteRunOptions(FlagOptions):
    """How large a suite is made, and where its steps run."""

    panel: ClassVar[Panel] = "runtime"

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
    executor: Annotated[
        Literal["local", "ray"],
        Flag("local, or ray (needs the extra `ray`).", metavar="NAME", everyday=True),
    ] = "local"
    jobs: Annotated[
        Annotated[int, Field(ge=1, le=1000)],
        Flag("Steps at once, each with one thread.", metavar="N", everyday=True),
    ] = 1
    address: Annotated[
        str | None, Flag("A Ray cluster's, HOST:PORT. Default: workers here.", metavar="HOST:PORT")
    ] = None
