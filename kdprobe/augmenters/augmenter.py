"""What an augmenter is, and where they are found.

Does: name the protocol that each file of `methods/` answers, and its registry. Does not: make texts
(the methods do), choose among them (`deduplicate.py`) or write them (`writer.py`).

An augmenter makes its texts in numbered chunks. A chunk depends on the training texts, the options,
the seed and its own number, never on the chunks before it: a run that was killed makes the missing
chunks and ends with the file it would have written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, JsonValue

from kdprobe.progress import Progress
from kdprobe.registry import Plugins
from kdprobe.tasks.task import Split


class GeneratedText(NamedTuple):
    """A text, or a pair of texts, that was made and that nobody has checked yet.

    `source` is the id of the training example it was made from; empty: of no single one.
    """

    text: str
    pair: str | None = None
    source: str = ""


@dataclass(frozen=True)
class AugmenterRun:
    """What a run gives its augmenter.

    Args:
        seed: of everything random.
        wanted: how many texts were asked for; None: as many as the method makes by itself.
        device: where a model runs, as torch names it.
        offline: ask no network.
        folder: a place for what must outlive a kill; it exists, and goes when the run has ended.
        progress: a display.
    """

    seed: int
    wanted: int | None
    device: str
    offline: bool
    folder: Path
    progress: Progress


class Maker(Protocol):
    """An augmenter that is ready to make texts of one split."""

    @property
    def chunks(self) -> int:
        """How many chunks there are."""

    @property
    def wanted(self) -> int | None:
        """After how many distinct texts to stop; None: when the chunks are used up."""

    @property
    def facts(self) -> Mapping[str, str]:
        """What a reader of the texts must know of how they were made."""

    def make(self, chunk: int) -> list[GeneratedText]:
        """Make the texts of a chunk, counted from 0; the same ones at every call."""


class Augmenter(Protocol):
    """One file of `methods/`."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def version(self) -> int:
        """Raised when the same seed gives other texts."""

    @property
    def options(self) -> type[BaseModel]:
        """The frozen model of its options; all have defaults."""

    @property
    def runs_model(self) -> bool:
        """Whether a neural network runs, so that device and threads matter."""

    def identity(self, options: Any, *, offline: bool) -> Mapping[str, JsonValue]:
        """Return by content what it reads beside the training texts (a model, a treebank)."""

    def open(self, split: Split, options: Any, run: AugmenterRun) -> Maker:
        """Get ready; long work goes on where `run.folder` says it had stopped."""


AUGMENTERS: Plugins[Augmenter] = Plugins(
    package="kdprobe.augmenters.methods",
    attribute="AUGMENTER",
    kind="method",
    entry_points="kdprobe.augmenters",
)
