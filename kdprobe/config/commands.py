"""The options that one command has for itself: `distill`, `finetune`, `augment`.

Does: type them, as `config/options.py` types what commands share. Does not: do anything with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue

from kdprobe.config.flags import Flag, FlagOptions, Panel
from kdprobe.config.options import AnySeed, Jobs, Missing, Seed


class Seeded(FlagOptions):
    """The seed, of a command that has no other option of its own."""

    seed: Seed = 0


class DistillOptions(FlagOptions):
    """What a student is and learns from."""

    panel: ClassVar[Panel] = "models and data"

    recipe: Annotated[
        str | Path, Flag("A name (`kdprobe list recipes`) or a .toml file.", everyday=True)
    ] = "vanilla"
    student: Annotated[
        str | None, Flag("See `kdprobe list students`. Default: the recipe's.", everyday=True)
    ] = None
    settings: Annotated[
        Mapping[str, JsonValue],
        Flag(
            "Change one thing in the recipe; repeat.",
            name="set",
            metavar="KEY=VALUE",
            reads="pairs",
            panel="training",
        ),
    ] = Field(default_factory=dict)
    transfer_set: Annotated[
        Path | None, Flag("More texts; see `kdprobe augment`.", metavar="FILE")
    ] = None
    transfer_only: Annotated[bool, Flag("Learn from the transfer set alone.")] = False
    missing: Annotated[
        Missing,
        Flag(
            "Texts that a predictions file as TEACHER does not answer: refuse them, or drop them "
            "and count them."
        ),
    ] = "refuse"
    with_control: Annotated[
        bool,
        Flag(
            "Train a control too, in DIR-control: the same student without the teacher, with the "
            "same first weights, examples in the same order, and steps.",
            everyday=True,
        ),
    ] = False
    seed: Seed = 0
    jobs: Jobs = None


class FinetuneOptions(FlagOptions):
    """What a model is made from."""

    panel: ClassVar[Panel] = "models and data"

    student: Annotated[
        str | None,
        Flag("Cut MODEL down first, e.g. layers=3: a control student.", everyday=True),
    ] = None
    like: Annotated[
        Path | None,
        Flag(
            "The control of a distilled student: its task, shape, examples, seeds and settings, "
            "and as many steps. What is typed beside it wins.",
            metavar="STUDENT",
            everyday=True,
        ),
    ] = None
    seed: AnySeed = None


class AugmentOptions(FlagOptions):
    """How texts are made."""

    panel: ClassVar[Panel] = "models and data"

    method: Annotated[str, Flag("rules, masked_lm or language_model.", everyday=True)] = "rules"
    n: Annotated[
        Annotated[int, Field(ge=1)] | None,
        Flag("At most N texts. Default: the method's own.", short="n", metavar="N", everyday=True),
    ] = None
    model: Annotated[
        str | None,
        Flag(
            "The language model: a folder or hub id; for language_model also a shape that is "
            "trained from scratch (gpt2:L4,H256,A4,V8000).",
            everyday=True,
        ),
    ] = None
    pos_from: Annotated[
        Path | None,
        Flag(
            "For rules: count parts of speech from a .mrg or .conllu file. Default: an English "
            "lexicon.",
            metavar="TREEBANK",
        ),
    ] = None
    settings: Annotated[
        Mapping[str, JsonValue],
        Flag(
            "Another option of the method; repeat.",
            name="set",
            metavar="KEY=VALUE",
            reads="pairs",
        ),
    ] = Field(default_factory=dict)
    split: Annotated[str, Flag("Whose texts are learnt from.")] = "train"
    seed: Seed = 0
