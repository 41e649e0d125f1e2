"""Which minimal pairs are judged, as a person sets it.

Does: check the options before any model is opened. Does not: collect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, JsonValue

from kdprobe.collectors.protocol import CollectorOptions
from kdprobe.config.flags import Flag, Panel


class MinimalPairOptions(CollectorOptions):
    """Which minimal pairs are judged.

    Args:
        folder: of BLiMP's jsonl files, for a task of acceptability; None: those of the embedded
            task, and none of any other.
        per_phenomenon: at most so many pairs of each phenomenon, a seeded choice; None: all, or 50
            of the embedded task.
    """

    group: ClassVar[str] = "minimal_pairs"
    panel: ClassVar[Panel] = "what to compare"
    asks: ClassVar[tuple[str, ...]] = ("folder",)

    folder: Annotated[
        Path | None,
        Flag(
            "A folder of BLiMP's jsonl files.", name="minimal-pairs", metavar="DIR", everyday=True
        ),
    ] = None
    per_phenomenon: Annotated[
        Annotated[int, Field(ge=1)] | None,
        Flag("At most N of each.", name="pairs-per-phenomenon", metavar="N"),
    ] = None

    @classmethod
    def described(cls, options: Any) -> dict[str, JsonValue]:
        """Return the name of the folder and the number of pairs."""
        folder = None if options is None else options.folder
        return {
            "minimal_pairs": folder.name if folder else None,
            "pairs_per_phenomenon": None if options is None else options.per_phenomenon,
        }


OPTIONS = MinimalPairOptions
