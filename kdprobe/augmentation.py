"""Transfer sets: texts without labels, for a teacher to label.

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
from typing import TYPE_CHECKING, Any, Unpack

from pydantic import BaseModel, JsonValue

from kdprobe.augmenters.augmenter import AUGMENTERS, Augmenter, AugmenterRun
from kdprobe.augmenters.collect import collect, result_of
from kdprobe.augmenters.texts import Texts
from kdprobe.augmenters.writer import TransferSet, check_suffix, columns_of, read_record, write_set
from kdprobe.config.base import parse
from kdprobe.config.commands import AugmentOptions
from kdprobe.config.docs import documented
from kdprobe.config.flat import gathered
from kdprobe.config.keywords import AugmentKeywords
from kdprobe.config.options import DataOptions, Output, ResumableOutput, Runtime
from kdprobe.distillers.resume import first_change, read_plan, refuse_change, write_plan
from kdprobe.errors import ConfigError, KdprobeError, OutputError
from kdprobe.foreign import disk_is_full
from kdprobe.leftovers import clear_leftovers, remove_folder
from kdprobe.plain_files import toml_value
from kdprobe.progress import Progress, display_of
from kdprobe.tasks.open import open_task

if TYPE_CHECKING:
    from kdprobe.distillers.compute import Compute


@documented(AugmentOptions, DataOptions, Runtime, ResumableOutput)
def augment(
    task: str | None = None,
    *,
    output: str | Path | Output,
    method: str = "rules",
    n: int | None = None,
    settings: Mapping[str, JsonValue] | None = None,
    data: DataOptions | None = None,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
    **keywords: Unpack[AugmentKeywords],
) -> TransferSet:
    """Make a transfer set for distillation.

    No text stands in it twice, in the training split, or in another split of the task: equal means
    equal after `augmenters.deduplicate.key_of`.

    Args:
        task: a name, a task file or a data file.
        output: the file to write: .tsv, .jsonl or .parquet; or a `ResumableOutput`.
        method: `rules`, `masked_lm` or `language_model`; see `kdprobe list augmenters`.
        n: how many texts at most; None: what the method makes by itself.
        settings: other options of the method, by name.
        data: which texts are learnt from.
        runtime: where a model runs.
        progress: a display.
        **keywords: any field of those objects by itself, and what is listed below.

    Raises:
        UsageError: anything that cannot be used, in one message.
        TypeError: a keyword that does not exist, or stands in an object too.
    """
    started = time.perf_counter()
    shown = display_of(progress)
    named = {"task": task, "method": method, "n": n, "settings": settings, **keywords}
    call = AugmentCall.of(output, named, data, runtime)
    own, path, seed = call.own, call.path, call.own.seed
    check_suffix(path)
    augmenter = AUGMENTERS.load(own.method)
    options = call.method_options(augmenter)
    texts = call.texts()
    machine = _machine(augmenter, call.runtime)
    plan = {
        "command": "augment", "method": augmenter.name, "version": augmenter.version,
        "options": options.model_dump(mode="json"),
        "read": dict(augmenter.identity(options, offline=call.runtime.offline)),
        "n": own.n, "seed": seed, **machine.plan(), **texts.plan(),
    }  # fmt: skip
    resume, force = call.output.resume, call.output.force
    held = _finished(path, plan, resume=resume, force=force)
    if held is not None:
        shown.say(f"{path} had been finished already.")
        return held
    with _begun(path, plan, resume=resume, force=force) as work:
        run = AugmenterRun(seed, own.n, machine.device, call.runtime.offline, work, shown)
        with machine.settled(seed):
            maker = augmenter.open(texts.train, options, run)
            title = f"make texts by {augmenter.name}"
            deduplicator = collect(maker, texts, work, title=title, progress=shown)
        transfer_set = result_of(
            path, maker, deduplicator, texts, seconds=time.perf_counter() - started
        )
        columns = columns_of(
            deduplicator.kept, method=augmenter.name, has_pairs=texts.train.pairs is not None
        )
        write_set(path, columns, transfer_set.record(plan))
    remove_folder(work)
    return transfer_set


@dataclass(frozen=True)
class AugmentCall:
    """What `augment` was given."""

    own: AugmentOptions
    data: DataOptions
    runtime: Runtime
    output: ResumableOutput

    @classmethod
    def of(
        cls,
        output: str | Path | Output,
        named: Mapping[str, object],
        data: DataOptions | None,
        runtime: Runtime | None,
    ) -> AugmentCall:
        """Join the objects and the flat keywords of a call.

        Raises:
            TypeError: a keyword that does not exist, or stands in an object too.
            ConfigError: a value that is wrong.
        """
        held = output if isinstance(output, Output) else None
        flat = named if held is not None else {**named, "output": output}
        parts: dict[str, Any] = gathered("augment", flat, {
            "own": (AugmentOptions, None), "data": (DataOptions, data),
            "runtime": (Runtime, runtime), "output": (ResumableOutput, held),
        })  # fmt: skip
        return cls(**parts)

    @property
    def path(self) -> Path:
        """The file to write.

        Raises:
            ConfigError: none is named.
        """
        if self.output.output is None:
            raise ConfigError("`output`", found="is missing", expected="a file to write")
        return self.output.output

    def method_options(self, augmenter: Augmenter) -> BaseModel:
        """Return the options of the method.

        Raises:
            ConfigError: an option that it does not have, or a value of the wrong kind.
        """
        given: dict[str, object] = {
            key: toml_value(value) if isinstance(value, str) else value
            for key, value in self.own.settings.items()
        }
        for key, value in (("model", self.own.model), ("pos_from", self.own.pos_from)):
            if value is not None:
                given[key] = str(value)
        return parse(augmenter.options, given, f"`method={augmenter.name}`")

    def texts(self) -> Texts:
        """Load the texts that are learnt from.

        Raises:
            ConfigError: no task is named, or a label map is.
        """
        if self.data.task is None:
            raise ConfigError("`task`", found="is missing", expected="a task")
        if self.data.label_map is not None:
            raise ConfigError(
                "`label_map`", found="is given", expected="none: texts are made without labels"
            )
        seed = self.own.seed if self.data.sample_seed is None else self.data.sample_seed
        return Texts.load(
            open_task(self.data.task, **self.data.columns), self.own.split,
            data_dir=self.data.data_dir, limit=self.data.limit, seed=seed,
            offline=self.runtime.offline,
        )  # fmt: skip


@dataclass(frozen=True)
class _Machine:
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


def _machine(augmenter: Augmenter, runtime: Runtime) -> _Machine:
    if not augmenter.runs_model:
        return _Machine(None)
    from kdprobe.distillers.compute import choose_compute

    return _Machine(choose_compute(device=runtime.device, bf16=False, threads=runtime.threads))


def _finished(
    path: Path, plan: Mapping[str, Any], *, resume: bool, force: bool
) -> TransferSet | None:
    """Return what an earlier run of the same options wrote; refuse to write over anything else.

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
            remedy="choose another with `output`, or say `force` to write over it",
        )
    return TransferSet.of_record(path, record)


@contextlib.contextmanager
def _begun(path: Path, plan: Mapping[str, Any], *, resume: bool, force: bool) -> Iterator[Path]:
    """Yield the folder of what is not finished yet; a run that cannot be finished leaves none.

    What was interrupted, met a full disk, or had been begun by an earlier run stays for `resume`.
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
            remedy="say `resume` to go on with it, or `force` to start anew",
        )
    remove_folder(work)
    write_plan(work, plan)


def _work_folder(path: Path) -> Path:
    """Name the folder of what is not finished yet, beside the file."""
    return path.with_name(f"{path.name}.unfinished")
