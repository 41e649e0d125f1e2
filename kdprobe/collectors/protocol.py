"""What a collector is, and where they are found.

Does: name the protocol that each entry of this folder answers, the base of their options, and the
registry. Does not: collect.

A collector makes one observation: evidence that costs a model's time or comes from a file, read by
any number of analyses. Adding one takes a file here, a frozen type in `observations/`, and an
analysis that names the type in its `reads`. One that has options is a folder: `collector.py`, and
`options.py`, which the command line reads without importing what collects.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import JsonValue

from kdprobe.config.flags import FlagOptions
from kdprobe.registry import Plugins

if TYPE_CHECKING:
    from kdprobe.collectors.session import Session
    from kdprobe.models.handle import Capability
    from kdprobe.progress import Progress
    from kdprobe.results.schema import Skipped

Kind_co = TypeVar("Kind_co", covariant=True)


class CollectorOptions(FlagOptions):
    """Base of the options of collectors; all have defaults.

    Args:
        asks: the fields that ask for the observation when they stand on the command line; the
            others only say how. Empty: any of them.
    """

    asks: ClassVar[tuple[str, ...]] = ()

    def __init__(self, /, *values: Any, **named: Any) -> None:
        """Take values by position, in the order of the fields, or by name.

        Raises:
            UnknownNameError: an option that there is not; the nearest are named.
            ConfigError: the first value that is wrong.
        """
        fields = tuple(type(self).model_fields)
        if len(values) > len(fields):
            raise TypeError(
                f"{type(self).__name__}() takes {len(fields)} values at most, not {len(values)}"
            )
        super().__init__(**dict(zip(fields, values, strict=False)), **named)

    @classmethod
    def described(cls, options: Any) -> dict[str, JsonValue]:
        """Return the choices for the protocol card, no full paths; None: nothing was collected.

        Args:
            options: an instance of the class, or None.
        """
        if not cls.model_fields:
            return {}
        return {cls.group: None if options is None else options.model_dump(mode="json")}

    @classmethod
    def refuse_alone(cls, given: Mapping[str, object]) -> None:
        """Raise where options that only say how are no use without one that asks.

        Args:
            given: what was given, none of `asks` among it.
        """


class WithoutOptions(CollectorOptions):
    """The options of a collector that has none."""


@dataclass(frozen=True)
class Collected(Generic[Kind_co]):
    """An observation with what the reader must know of how it was made.

    Args:
        observation: what goes into the study; None: nothing, for the reasons in `skipped`.
        skipped: parts of it that could not be collected; one whose `what` is the collector's name
            is told of every analysis that reads the observation.
        seconds: for the list of timings, by words for the reader.
    """

    observation: Kind_co | None
    skipped: tuple[Skipped, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


class Collector(Protocol[Kind_co]):
    """One entry of `collectors/`: opened models in, one observation out.

    Every cheap check stands in `prepare`, which is called of all collectors before the first one
    collects: a slip in a file costs no hour. One whose code has versions of its own (those of what
    it keeps in the cache) names them in `versions(options)`; see `code_versions`.
    """

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def kind(self) -> type[Kind_co]:
        """The observation's type, its key in `Study`; analyses name it in `reads`."""

    @property
    def options(self) -> type[CollectorOptions]:
        """The frozen model of its options: the flags and the protocol card come from it."""

    @property
    def needs(self) -> frozenset[Capability]:
        """What a model must be capable of to be part of the observation."""

    @property
    def after(self) -> tuple[str, ...]:
        """Collectors that come first when they run: those it reads from, and cheaper ones."""

    @property
    def by_default(self) -> bool:
        """Whether it is cheap enough to run in every comparison that has an analysis for it."""

    def prepare(self, session: Session, options: Any) -> Any:
        """Check files, names and sizes; ask no model.

        Returns:
            What `collect` needs; a `Skipped` with the reason where nothing can be collected; None
            where there is nothing to collect.

        Raises:
            UsageError: a file or option that cannot be used.
        """

    def collect(
        self, session: Session, prepared: Any, progress: Progress
    ) -> Kind_co | Skipped | Collected[Kind_co]:
        """Make the observation; it is a function of the session and what was prepared."""


COLLECTORS: Plugins[Collector[Any]] = Plugins(
    package="kdprobe.collectors",
    attribute="COLLECTOR",
    kind="collector",
    entry_points="kdprobe.collectors",
    apart=("examples", "guarding", "protocol", "session"),
)


def code_versions(name: str, options: CollectorOptions) -> Mapping[str, int]:
    """Return the versions of the code that makes an observation, by what they are of.

    Args:
        name: of the collector; one without `versions` has none.
        options: a method that they name has a version of its own.

    >>> from kdprobe.collectors.similarity.options import SimilarityOptions
    >>> sorted(code_versions("similarity", SimilarityOptions()))
    ['features', 'similarity']
    """
    versions = getattr(COLLECTORS.load(name), "versions", None)
    held: Mapping[str, int] = {} if versions is None else versions(options)
    return held


def options_of(name: str) -> type[CollectorOptions]:
    """Return the options of a collector; one of kdprobe's own is imported only where it has some.

    The options of a folder stand in its `options.py` as `OPTIONS`. A file of its own that names no
    `CollectorOptions` has none.

    >>> options_of("predictions").__name__, options_of("minimal_pairs").__name__
    ('WithoutOptions', 'MinimalPairOptions')
    """
    folder = Path(__file__).parent
    if (folder / name / "options.py").is_file():
        module = importlib.import_module(f"{COLLECTORS.package}.{name}.options")
        options: type[CollectorOptions] = module.OPTIONS
        return options
    file = folder / f"{name}.py"
    if file.is_file() and CollectorOptions.__name__ not in file.read_text(encoding="utf-8"):
        return WithoutOptions
    return COLLECTORS.load(name).options
