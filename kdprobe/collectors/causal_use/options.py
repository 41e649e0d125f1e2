"""Which properties are erased from the layers, as a person sets it.

Does: check the options before any model is opened. Does not: find sentences or erase.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, JsonValue, model_validator

from kdprobe.collectors.protocol import CollectorOptions
from kdprobe.config.flags import Flag, Panel
from kdprobe.config.probing import OptionNames, open_probing_tasks

NAMES = OptionNames(
    "causal_use.properties", "causal_use.probing_dir", "causal_use.sentences"
)  # fmt: skip
DEFAULT_PROPERTIES = ("past_present", "subj_number", "obj_number")


class CausalUseOptions(CollectorOptions):
    """Which properties are erased, and on how many examples that is measured.

    Args:
        properties: names of probing tasks of few classes, or own `.toml` files.
        sentences: labelled sentences that an eraser is fitted on, at most.
        examples: examples of the split that are run, a seeded choice.
        draws: random subspaces that each erasure is held against.
        probing_dir: a folder of SentEval's files; None: as for probing.

    Raises:
        UsageError: a property or file that cannot be, before any model is opened.
    """

    group: ClassVar[str] = "causal_use"
    panel: ClassVar[Panel] = "probing"
    asks: ClassVar[tuple[str, ...]] = ("properties",)

    properties: Annotated[
        tuple[str, ...],
        Flag(
            "Erase these properties (probing tasks) from every layer: is what it holds used?",
            name="causal-use", metavar="NAME,...", reads="names",
        ),
    ] = DEFAULT_PROPERTIES  # fmt: skip
    sentences: Annotated[
        int,
        Field(ge=100, le=1_000_000),
        Flag("Labelled sentences that erasers are fitted on.", name="causal-sentences",
             metavar="N"),
    ] = 2000  # fmt: skip
    examples: Annotated[
        int,
        Field(ge=2),
        Flag("Examples that are run with each erased.", name="causal-examples", metavar="N"),
    ] = 500
    draws: Annotated[
        int,
        Field(ge=5, le=1000),
        Flag("Random subspaces as control.", name="causal-draws", metavar="N"),
    ] = 5
    probing_dir: Annotated[
        Path | None,
        Flag("SentEval's probing files for erasers.", name="causal-dir", metavar="DIR"),
    ] = None

    @model_validator(mode="after")
    def _properties_and_files_are_there(self) -> CausalUseOptions:
        from kdprobe.tasks.probing.build import find_file

        for task in open_probing_tasks(self.properties, named=NAMES):
            find_file(task, probing_dir=self.probing_dir, named=NAMES)
        return self

    @classmethod
    def described(cls, options: Any) -> dict[str, JsonValue]:
        """Return the choices, names of files without their paths."""
        if options is None:
            return {"causal_use": None}
        return {
            "causal_use": {
                "properties": [Path(name).name for name in options.properties],
                "sentences": options.sentences,
                "examples": options.examples,
                "draws": options.draws,
                "folder": options.probing_dir.name if options.probing_dir else None,
            }
        }


OPTIONS = CausalUseOptions
