"""What a person asks of the layers.

Does: check the options of probing before any model is opened. Does not: find sentences or fit
probes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, JsonValue, field_validator, model_validator

from kdprobe.collectors.protocol import CollectorOptions
from kdprobe.config.flags import Flag, Panel
from kdprobe.config.probing import GOLD, PROBING, open_probing_tasks
from kdprobe.errors import ConfigError

if TYPE_CHECKING:
    from kdprobe.tasks.probing.sets import ProbingSet

_SMALL = 1000
_FEW_CLASSES = 50


class ProbingRequest(CollectorOptions):
    """What to ask of the layers.

    Args:
        tasks: names of probing tasks or own `.toml` files; `all` for every one; `gold` for the
            compared task's own labels.
        sentences: training sentences of each task at most; half as many of dev and test each.
        poolings: how the words of a layer are made one vector; charts show the first.
        probe: see `extract.probes.fits.PROBES`.
        probe_seeds: how many starts each probe gets; None: what is usual for it, see `seeds`.
        mdl: whether the online code length is measured; None: where that is cheap, see `wants_mdl`.
        probing_dir: a folder of SentEval's files; None: `$KDPROBE_DATA/senteval`, else built from
            the embedded grammar.

    Raises:
        UsageError: a task, file, pooling, probe or number of seeds that cannot be, or too few
            sentences; before any model is opened.
    """

    group: ClassVar[str] = "probing"
    panel: ClassVar[Panel] = "probing"
    asks: ClassVar[tuple[str, ...]] = ("tasks",)

    tasks: Annotated[
        tuple[str, ...],
        Flag(
            "Ask every layer these probing tasks (`kdprobe list probes`), all; gold: the labels.",
            name="probe-tasks", metavar="NAME,...", reads="names", everyday=True,
        ),
    ] = ("all",)  # fmt: skip
    sentences: Annotated[
        int,
        Field(ge=20, le=1_000_000),
        Flag("Training sentences each.", name="probe-sentences", metavar="N"),
    ] = 2000
    poolings: Annotated[
        tuple[str, ...],
        Flag("mean, max, cls, last.", name="pooling", metavar="NAME,...", reads="names"),
    ] = ("mean",)
    probe: Annotated[str, Flag("logistic, mlp, senteval, senteval-sum, thesis or fast.")] = (
        "logistic"
    )
    probe_seeds: Annotated[
        Annotated[int, Field(ge=1, le=100)] | None,
        Flag("Starts of each probe; default: 3 of mlp, thesis, fast, else 1.", metavar="N"),
    ] = None
    mdl: Annotated[
        bool | None, Flag("Code length of each task; default: of small ones.", both=True)
    ] = None
    probing_dir: Annotated[
        Path | None, Flag("A folder of SentEval's probing files.", metavar="DIR")
    ] = None

    @field_validator("poolings")
    @classmethod
    def _known_poolings(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from kdprobe.models.hidden import check_poolings

        return check_poolings(names)

    @field_validator("probe")
    @classmethod
    def _known_probe(cls, name: str) -> str:
        from kdprobe.extract.probes.fits import check_probe

        return check_probe(name)

    @model_validator(mode="after")
    def _tasks_and_files_are_there(self) -> ProbingRequest:
        from kdprobe.tasks.probing.build import find_file

        names = [GOLD] * (len(self.tasks) - len(self.with_sentences))
        for task in open_probing_tasks(self.with_sentences):
            find_file(task, probing_dir=self.probing_dir)
            names += [task.name] * (task.name.partition(":")[0] == GOLD)
        if self.asks_gold and len(names) > 1:  # a file of one's own may be called so, too
            raise ConfigError(
                f"`{PROBING.tasks}`", found=f"{names[-1]} is named twice", expected="once"
            )
        _ = self.seeds  # raises where the probe does not take that many
        return self

    @property
    def with_sentences(self) -> tuple[str, ...]:
        """The tasks that have sentences of their own: all but `gold`."""
        return tuple(name for name in self.tasks if name.casefold() != GOLD)

    @property
    def asks_gold(self) -> bool:
        """Whether the compared task's own labels are probed."""
        return len(self.with_sentences) < len(self.tasks)

    @property
    def seeds(self) -> int:
        """How many starts each probe gets."""
        from kdprobe.extract.probes.fits import probe_seeds

        return probe_seeds(self.probe, self.probe_seeds)

    def wants_mdl(self, data: ProbingSet) -> bool:
        """Whether a task's code length is measured: it costs two to four fits more.

        Unless said, where the task is small: at most 1,000 training sentences and 50 classes.
        """
        if self.mdl is not None:
            return self.mdl
        return len(data.train) <= _SMALL and len(data.labels) <= _FEW_CLASSES

    @classmethod
    def described(cls, options: Any) -> dict[str, JsonValue]:
        """Return the choices for the protocol card, names of files without their paths."""
        if options is None:
            return {"probing": None}
        return {
            "probing": {
                "tasks": [Path(task).name for task in options.tasks],
                "sentences": options.sentences,
                "poolings": list(options.poolings),
                "probe": options.probe,
                "probe_seeds": options.seeds,
                "mdl": options.mdl,
                "folder": options.probing_dir.name if options.probing_dir else None,
            }
        }


OPTIONS = ProbingRequest
