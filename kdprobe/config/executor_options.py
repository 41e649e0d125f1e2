"""Where many long jobs run: the options that suites and sweeps share.

Does: type them. Does not: run anything; `workers/executors.py` does.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from kdprobe.config.flags import Flag, FlagOptions, Panel


class ExecutorOptions(FlagOptions):
    """Where jobs run."""

    panel: ClassVar[Panel] = "runtime"

    executor: Annotated[
        Literal["local", "ray"],
        Flag("local, or ray (needs the extra `ray`).", metavar="NAME", everyday=True),
    ] = "local"
    address: Annotated[
        str | None, Flag("A Ray cluster's, HOST:PORT. Default: workers here.", metavar="HOST:PORT")
    ] = None
