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
from kdprobe.tasks.probing_build import find_file
from kdprobe.tasks.probing_sets import ProbingSet

_SMALL = 1000
_FEW_CLASSES = 50


@dataclass(frozen=True)
class ProbingRequest:
    """What to ask of the layers.

    Args:
        tasks: names of probing tasks or own `.toml` files; `all` for every one.
        sentences: training sentences of each task at most; half as many of dev and test each.
        poolings: how the words of a layer are made one vector; charts show the first.
        probe: see `extract.probe_fits.PROBES`.
        seeds: how many starts each probe gets.
        mdl: whether the online code length is measured; None: where that is cheap, see `wants_mdl`.
        probing_dir: a folder of SentEval's files; None: `$KDPROBE_DATA/senteval`, else built from
            the embedded grammar.
    """

    tasks: tuple[str, ...] = ("all",)
    sentences: int = 2000
    poolings: tuple[str, ...] = ("mean",)
    probe: str = "logistic"
    seeds: int = 1
    mdl: bool | None = None
    probing_dir: Path | None = None

    def wants_mdl(self, asked: ProbingSet) -> bool:
        """Whether a task's code length is measured: it costs two to four fits more.

        Unless said, where the task is small: at most 1,000 training sentences and 50 classes.
        """
        if self.mdl is not None:
            return self.mdl
        return len(asked.train) <= _SMALL and len(asked.labels) <= _FEW_CLASSES


def request_of(
    names: Sequence[str],
    *,
    only: Sequence[str],
    tasks: Sequence[str],
    sentences: int,
    poolings: Sequence[str],
    probe: str,
    probe_seeds: int | None,
    mdl: bool | None,
    probing_dir: str | Path | None,
) -> ProbingRequest | None:
    """Give what to probe, or None when it was not asked for: it costs minutes.

    Raises:
        UsageError: a size that is too small, or a task, file, pooling, probe or number of seeds
            that cannot be; before any model is opened.
    """
    if "probing" not in names or not (tasks or "probing" in only):
        return None
    if sentences < 20:
        raise ConfigError("--probe-sentences", found=f"is {sentences}", expected="at least 20")
    folder = Path(probing_dir) if probing_dir else None
    for task in open_probing_tasks(tuple(tasks) or ("all",)):
        find_file(task, probing_dir=folder)
    from kdprobe.extract.probe_fits import check_probe
    from kdprobe.extract.probe_fits import probe_seeds as seeds_of
    from kdprobe.models.hidden import check_poolings

    return ProbingRequest(
        tuple(tasks) or ("all",),
        sentences,
        check_poolings(tuple(poolings) or ("mean",)),
        check_probe(probe),
        seeds_of(probe, probe_seeds),
        mdl,
        folder,
    )


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
