"""What a person asked of the layers.

Does: turn the options of a comparison into one request, and back into words for the protocol card.
Does not: find sentences or fit probes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from kdprobe.config.probing import open_probing_tasks
from kdprobe.errors import ConfigError
from kdprobe.tasks.probing.build import find_file
from kdprobe.tasks.probing.sets import ProbingSet

_SMALL = 1000
_FEW_CLASSES = 50


@dataclass(frozen=True)
class ProbingRequest:
    """What to ask of the layers.

    Args:
        tasks: names of probing tasks or own `.toml` files; `all` for every one.
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

    tasks: tuple[str, ...] = ("all",)
    sentences: int = 2000
    poolings: tuple[str, ...] = ("mean",)
    probe: str = "logistic"
    probe_seeds: int | None = None
    mdl: bool | None = None
    probing_dir: Path | None = None

    def __post_init__(self) -> None:
        """Check all that can be checked without a model, and find tasks and files."""
        from kdprobe.extract.probes.fits import check_probe, probe_seeds
        from kdprobe.models.hidden import check_poolings

        if self.sentences < 20:
            raise ConfigError(
                "--probe-sentences", found=f"is {self.sentences}", expected="at least 20"
            )
        for task in open_probing_tasks(self.tasks):
            find_file(task, probing_dir=self.probing_dir)
        object.__setattr__(self, "poolings", check_poolings(self.poolings))
        object.__setattr__(self, "probe", check_probe(self.probe))
        probe_seeds(self.probe, self.probe_seeds)

    @property
    def seeds(self) -> int:
        """How many starts each probe gets."""
        from kdprobe.extract.probes.fits import probe_seeds

        return probe_seeds(self.probe, self.probe_seeds)

    def wants_mdl(self, asked: ProbingSet) -> bool:
        """Whether a task's code length is measured: it costs two to four fits more.

        Unless said, where the task is small: at most 1,000 training sentences and 50 classes.
        """
        if self.mdl is not None:
            return self.mdl
        return len(asked.train) <= _SMALL and len(asked.labels) <= _FEW_CLASSES


def request_of(
    given: ProbingRequest | None, names: Sequence[str], *, only: Sequence[str]
) -> ProbingRequest | None:
    """Give what to probe; None when it was not asked for or is not run: it costs minutes.

    Args:
        given: what was asked for; None: nothing, unless `only` names probing.
        names: the analyses that are run.
        only: the analyses that were named.
    """
    if "probing" not in names:
        return None
    return given or (ProbingRequest() if "probing" in only else None)


def request_options(request: ProbingRequest | None) -> dict[str, JsonValue] | None:
    """Give the choices for the protocol card; no full paths."""
    if request is None:
        return None
    return {
        "tasks": [Path(task).name for task in request.tasks],
        "sentences": request.sentences,
        "poolings": list(request.poolings),
        "probe": request.probe,
        "probe_seeds": request.seeds,
        "mdl": request.mdl,
        "folder": request.probing_dir.name if request.probing_dir else None,
    }
