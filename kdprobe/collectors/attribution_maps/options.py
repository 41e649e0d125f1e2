"""Of how many examples attribution maps are compared, as a person sets it.

Does: check the options before any model is opened. Does not: collect.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, JsonValue

from kdprobe.collectors.protocol import CollectorOptions
from kdprobe.config.flags import Flag, Panel


class AttributionMapOptions(CollectorOptions):
    """Of how many examples the attribution maps of AD-KD are compared.

    Args:
        examples: of train and of the compared split, each a seeded choice.
    """

    group: ClassVar[str] = "attribution_gap"
    panel: ClassVar[Panel] = "explaining"

    examples: Annotated[
        int,
        Field(ge=1),
        Flag(
            "Compare AD-KD's attribution maps on N examples of train and of the split.",
            name="attribution-gap", metavar="N",
        ),
    ] = 200  # fmt: skip

    @classmethod
    def described(cls, options: Any) -> dict[str, JsonValue]:
        """Return the number of examples."""
        return {"attribution_gap": None if options is None else options.examples}


OPTIONS = AttributionMapOptions
