"""Transfer sets: texts without labels, for a teacher to speak about.

Does: gather the training texts, the texts that must not leak and an augmenter, keep what is new and
clean until there is enough, and write it. Does not: make texts; `augmenters/methods/` does.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from kdprobe.atomic import write_text
from kdprobe.augmenters.augmenter import AUGMENTERS, Augmenter, AugmenterRun, GeneratedText, Maker
from kdprobe.augmenters.deduplicate import Deduplicator
from kdprobe.augmenters.texts import Texts
from kdprobe.augmenters.writer import TransferSet, check_suffix, columns_of, read_record, write_set
from kdprobe.config.base import parse
from kdprobe.distillers.resume import first_change, read_plan, refuse_change, write_plan
from kdprobe.errors import ConfigError, KdprobeError, OutputError, TaskError
from kdprobe.foreign import disk_is_full
from kdprobe.leftovers import clear_leftovers, remove_folder
from kdprobe.plain_files import read_json, toml_value
from kdprobe.progress import Progress, Silent
from kdprobe.tasks.open import open_task

if TYPE_CHECKING:
    from kdprobe.distillers.compute import Compute

_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


def augment(
    task: str,
    *,
    output: str | Path,
    method: str = "rules",
    n: int | None = None,
    model: str | None = None,
    pos_from: str | Path | None = None,
    settings: Mapping[str, str] = _NO_SETTINGS,
    split: str = "train",
    limit: int | None = None,
    data_dir: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    resume: bool = False,
    force: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> TransferSet:
    """Make a transfer set for distillation.

    No text stands in it twice, in the training split, or in another split of the task: equal means
    equal after `augmenters.deduplicate.key_of`.

    Args:
        task: a name, a task file or a data file.
        output: the file to write: .tsv, .jsonl or .parquet.
        method: `rules`, `masked_lm` or `language_model`; see `kdprobe list augmenters`.
        n: how many texts at most; None: what the method makes by itself.
        model: of a method that has one: a folder, a hub id, or a shape like `gpt2:L4,H256,A4`.
        pos_from: of `rules`: a treebank to count parts of speech from.
        settings: other options of the method, as `--set KEY=VALUE` has them.
        split: the split whose texts are learnt from.
        limit: learn from a random sample of so many of them.
        data_dir: where the task's folder is; None: `$KDPROBE_DATA`, then the hub.
        seed: of everything random.
        device: where a model runs: `auto`, `cpu` or `cuda`.
        threads: CPU threads of a model; None: as torch is set.
        resume: go on with an interrupted run of the same options; the file is the one that an
            uninterrupted run writes.
        force: write over what stands in `output`.
        offline: ask no network.
        progress: a display.

    Raises:
        UsageError: anything that cannot be used, in one message.
    """
    started = time.perf_counter()
    shown = progress or Silent()
    path = Path(output)
    check_suffix(path)
    if n is not None and n < 1:
        raise ConfigError("--n", found=str(n), expected="1 or more")
    augmenter = AUGMENTERS.load(method)
    method = augmenter.name
    options = _options(augmenter, settings, model=model, pos_from=pos_from)
    texts = Texts.load(
        open_task(task), split, data_dir=data_dir, limit=limit, seed=seed, offline=offline
    )
    room = _room(augmenter, device, threads)
    plan = {
        "command": "augment", "method": method, "version": augmenter.version,
        "options": options.model_dump(mode="json"),
        "read": dict(augmenter.identity(options, offline=offline)),
        "n": n, "seed": seed, **room.plan(), **texts.plan(),
    }  # fmt: skip
    held = _finished(path, plan, resume=resume, force=force)
    if held is not None:
        shown.say(f"{path} had been finished already.")
        return held
    with _begun(path, plan, resume=resume, force=force) as work:
        bench = AugmenterRun(seed, n, room.device, offline, work, shown)
        with room.settled(seed):
            maker = augmenter.open(texts.train, options, bench)
            sieve = _collect(maker, texts, work, title=f"make texts by {method}", progress=shown)
        made = _result(path, maker, sieve, texts, seconds=time.perf_counter() - started)
        columns = columns_of(sieve.kept, method=method, has_pairs=texts.train.pairs is not None)
        write_set(path, columns, made.record(plan))
    remove_folder(work)
    return made


def _options(
    augmenter: Augmenter,
    settings: Mapping[str, str],
    *,
    model: str | None,
    pos_from: str | Path | None,
) -> BaseModel:
    given: dict[str, object] = {key: toml_value(value) for key, value in settings.items()}
    for key, value in (("model", model), ("pos_from", pos_from)):
        if value is not None:
            given[key] = str(value)
    return parse(augmenter.options, given, f"--method {augmenter.name}")


@dataclass(frozen=True)
class _Room:
    """Where a method runs; `compute` is None for one without a model, which loads no torch."""

    compute: Compute | None

    @property
    def device(self) -> str:
        return "cpu" if self.compute is None else self.compute.device

    def plan(self) -> dict[str, Any]:
        """Name what last digits depend on."""
        if self.compute is None:
            return {}
        return {"device": self.compute.device, "threads": self.compute.threads}

    @contextlib.contextmanager
    def settled(self, seed: int) -> Iterator[None]:
        """Seed every global generator for a block, and put all back after."""
        if self.compute is None:
            yield
            return
        from kdprobe.distillers.compute import settled

        with settled(self.compute, seed=seed, purpose="augment"):
            yield


def _room(augmenter: Augmenter, device: str, threads: int | None) -> _Room:
    if not augmenter.runs_model:
        return _Room(None)
    from kdprobe.distillers.compute import choose_compute

    return _Room(choose_compute(device=device, bf16=False, threads=threads))


def _finished(
    path: Path, plan: Mapping[str, Any], *, resume: bool, force: bool
) -> TransferSet | None:
    """Give what an earlier run of the same options wrote; refuse to write over anything else.

    A run that was not finished goes on, also when its file stands: the record beside it may belong
    to the file that was to be replaced.
    """
    work = _work_folder(path)
    clear_leftovers(work.parent, work.name)
    if force or not path.exists() or read_plan(work) is not None:
        return None
    record = read_record(path)
    same = record is not None and first_change(record["plan"], json.loads(json.dumps(plan))) is None
    if record is None or not (resume and same):
        raise OutputError(
            str(path),
            found="exists",
            expected="a new file",
            remedy="choose another with -o, or say --force to write over it",
        )
    return TransferSet.of_record(path, record)


@contextlib.contextmanager
def _begun(path: Path, plan: Mapping[str, Any], *, resume: bool, force: bool) -> Iterator[Path]:
    """Give the folder of what is not finished yet; a run that cannot be finished leaves none.

    What was interrupted, met a full disk, or had been begun by an earlier run stays for --resume.
    """
    work = _work_folder(path)
    goes_on = resume and not force and read_plan(work) is not None
    missing = [folder for folder in work.parents if not folder.exists()]
    _open_work(
        path, plan, resume=resume, force=force
    )  # what it refuses is another run's, and stays
    try:
        yield work
    except Exception as error:
        if (
            not goes_on
            and not disk_is_full(error.__cause__ or error)
            and (isinstance(error, KdprobeError) or not any(work.glob("chunk-*.json")))
        ):
            remove_folder(work)
            with contextlib.suppress(OSError):
                for folder in missing:
                    folder.rmdir()
        raise


def _open_work(path: Path, plan: Mapping[str, Any], *, resume: bool, force: bool) -> None:
    """Make the folder of what is not finished yet, beside the file, or go on in it."""
    work = _work_folder(path)
    before = read_plan(work)
    if before is not None and resume and not force:
        refuse_change(work, before, plan)
        return
    if work.exists() and not force:
        raise OutputError(
            str(work),
            found="holds the texts of a run that was interrupted",
            remedy="say --resume to go on with it, or --force to start anew",
        )
    remove_folder(work)
    write_plan(work, plan)


def _work_folder(path: Path) -> Path:
    """Name the folder of what is not finished yet, beside the file."""
    return path.with_name(f"{path.name}.unfinished")


def _collect(
    maker: Maker, texts: Texts, work: Path, *, title: str, progress: Progress
) -> Deduplicator:
    """Make chunks, or take those a killed run had made, until there is enough."""
    sieve = texts.deduplicator()
    wanted = maker.wanted
    with progress.stage(title, maker.chunks if wanted is None else wanted) as stage:
        for chunk in range(maker.chunks):
            kept = sieve.add(_chunk(maker, chunk, work), wanted=wanted)
            stage.advance(1 if wanted is None else kept, note=f"{len(sieve.kept):,} kept")
            if wanted is not None and len(sieve.kept) >= wanted:
                break
    return sieve


def _chunk(maker: Maker, chunk: int, work: Path) -> list[GeneratedText]:
    place = work / f"chunk-{chunk:06d}.json"
    if place.is_file():
        rows = read_json(place, error=OutputError, remedy="say --force to start anew")
        return [GeneratedText(*row) for row in rows]
    drafts = maker.make(chunk)
    write_text(place, json.dumps(drafts))
    return drafts


def _result(
    path: Path, maker: Maker, sieve: Deduplicator, texts: Texts, *, seconds: float
) -> TransferSet:
    size = len(sieve.kept)
    if not size:
        raise TaskError(
            f"{texts.train.task.name} {texts.train.name}",
            found=f"none of {sieve.drawn:,} texts that were made is new",
            remedy="give other options of the method, or more training texts",
        )
    notes = texts.notes()
    if maker.wanted is not None and size < maker.wanted:
        notes += (f"{maker.wanted:,} texts were asked for; the method made {size:,} new ones",)
    counts = {
        "drawn": sieve.drawn, "kept": size, "empty": sieve.empty, "known": sieve.known,
        "repeated": sieve.repeated, "leaked": sieve.leaked,
    }  # fmt: skip
    return TransferSet(path, size, counts, sieve.leaks, dict(maker.facts), notes, seconds)
