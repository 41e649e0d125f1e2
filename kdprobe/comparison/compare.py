"""`kdprobe compare`: the one place that knows the order.

Does: check what was asked, gather the observations, run the analyses, make the document, write the
files. Does not: any of that itself; each step lives in its own room.
"""

from __future__ import annotations

import datetime
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from kdprobe import atomic
from kdprobe.cache import Cache
from kdprobe.comparison.analyses import Ran, analysis_names, analysis_options, choose, run_all
from kdprobe.comparison.asked import asked_for, check_folder_name
from kdprobe.comparison.attribution_examples import explained_ids, with_words
from kdprobe.comparison.attribution_plan import AttributionRequest
from kdprobe.comparison.attributions import requested
from kdprobe.comparison.document import examples, named_ids, page_rows, task_info, write_outputs
from kdprobe.comparison.histories import trained_in_bfloat16, training_results
from kdprobe.comparison.inputs import Inputs, Opened, gather
from kdprobe.comparison.method_settings import settings_told
from kdprobe.comparison.probing_request import ProbingRequest, request_of, request_options
from kdprobe.comparison.result import Comparison
from kdprobe.comparison.task_choice import ChosenTask, Columns, choose_task
from kdprobe.config.task import TaskFile
from kdprobe.errors import ConfigError
from kdprobe.models.spec import ModelSpec, parse_specs
from kdprobe.progress import Progress, Silent
from kdprobe.results.io import dumps, loads
from kdprobe.results.schema import ProducedBy, Request, ResultsDocument
from kdprobe.version import __version__

_MOST_RESAMPLES = 100_000
PACKAGES = ("torch", "transformers", "numpy", "scipy", "statsmodels", "pydantic")


def compare(
    teacher: str,
    students: str | Sequence[str],
    *,
    task: str | TaskFile | ChosenTask | None = None,
    output: str | Path | None = None,
    split: str | None = None,
    data_dir: str | Path | None = None,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | None = None,
    labels: Sequence[str] = (),
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    settings: Mapping[str, Mapping[str, object]] | None = None,
    slice_columns: Sequence[str] = (),
    minimal_pairs: str | Path | None = None,
    pairs_per_phenomenon: int | None = None,
    probing: ProbingRequest | None = None,
    attributions: AttributionRequest | None = None,
    attribution_gap: int | None = None,
    label_map: Mapping[str, str] | None = None,
    limit: int | None = None,
    resamples: int = 2000,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float32",
    threads: int | None = None,
    batch_size: int = 64,
    cache: bool | str | Path = True,
    offline: bool = False,
    force: bool = False,
    command: str = "",
    progress: Progress | None = None,
) -> Comparison:
    """Compare a teacher with its students on one split of one task.

    Args:
        teacher: a checkpoint folder, a hub id or a predictions file; `NAME=PATH` names it,
            `NAME=PATH,PATH` is one model trained with several seeds.
        students: one or more of the same.
        task: a task's name, a task file (.toml, or open) or a table of examples, as typed or as
            `choose_task` opened it; None: what the records of the checkpoints name, or what the
            predictions files are about.
        output: a new or empty folder for results.json, report.html, metrics.csv and
            predictions.parquet; None writes nothing.
        split: the split to compare on; None: the task file's (usually `dev`).
        data_dir: where the task's files are; see `kdprobe tasks NAME`.
        text: the column of the text, when `task` is a table.
        text_pair: the column of the second text, likewise.
        label: the column of the label, likewise.
        labels: the names of the classes in order, when `task` is a table; also of those that it
            does not show. None: those that it shows, and those that the models name.
        only: run only these analyses; see `kdprobe list analyses`.
        skip: run all analyses but these; `training` leaves out the learning curves.
        settings: options of analyses by name, `{"calibration": {"bins": 10}}`.
        slice_columns: extra columns of the split to slice by.
        minimal_pairs: a folder of BLiMP's jsonl files, for acceptability tasks.
        pairs_per_phenomenon: at most so many pairs of each phenomenon, a seeded choice.
        probing: what to ask of every layer; None: nothing, unless `only` names probing.
        attributions: which words to explain, and how; None: none, unless `only` names
            attribution_agreement or faithfulness.
        attribution_gap: of how many examples of train and of the split the attribution maps of
            AD-KD are compared; None: none, unless `only` names attribution_gap.
        label_map: model label -> task label, for models whose labels are `LABEL_0` …
        limit: at most so many examples, a seeded choice.
        resamples: bootstrap resamples behind every interval.
        seed: of everything random; the same seed gives the same numbers.
        device: auto, cpu, cuda, cuda:N or mps.
        dtype: float32, or bfloat16, which moves numbers a little; the report names it.
        threads: threads of torch; None leaves torch's own choice.
        batch_size: examples a forward pass; moves no number beyond rounding.
        cache: False asks every model anew; a path keeps the cache there.
        offline: never ask the hub.
        force: write into a folder that is not empty.
        command: the command as typed, for the report.
        progress: where to show progress.

    Raises:
        UsageError: wrong input; one message says where, what, what was expected, what to do.
    """
    started = time.perf_counter()
    shown = progress or Silent()
    named = [students] if isinstance(students, str) else list(students)
    _check_counts(resamples=resamples, batch_size=batch_size, limit=limit, gap=attribution_gap)
    models = _models_of(teacher, named)
    task_file, notices = choose_task(
        task, models, Columns(text, text_pair, label, tuple(labels)), offline=offline,
        label_map=label_map,
    )  # fmt: skip
    only, skip = analysis_names(only, option="only"), analysis_names(skip, option="skip")
    names = choose(only, skip)
    chosen = analysis_options(settings or {})
    if output is not None:
        check_folder_name(Path(output))
        atomic.require_empty_folder(Path(output), force=force)
    _use_threads(threads)
    inputs = Inputs(
        models=models, task_file=task_file, split=split or task_file.compare_split,
        data_dir=Path(data_dir) if data_dir else None, limit=limit, seed=seed,
        resamples=resamples, slice_columns=tuple(slice_columns),
        minimal_pairs=str(minimal_pairs) if minimal_pairs else None,
        pairs_per_phenomenon=pairs_per_phenomenon, device=device, dtype=dtype,
        batch_size=batch_size, offline=offline, label_map=label_map, cache=_open_cache(cache),
        probing=request_of(probing, names, only=only),
        attributions=requested(attributions, task_file.task(), only=only, skip=skip),
        attribution_gap=attribution_gap or (200 if "attribution_gap" in only else None),
    )  # fmt: skip
    wanted = asked_for(only, skip, minimal_pairs, probing, attributions, attribution_gap)
    opened = gather(inputs, shown, notices)
    ran = run_all(opened.study, names, requested=wanted, options=chosen, progress=shown)
    told = task if isinstance(task, str) else task_file.name
    request = Request(command=command, seed=seed, options=_options(inputs, names, told))
    ran.seconds["all"] = time.perf_counter() - started
    curves = training_results(inputs.models[1:], only=only, skip=skip)
    ran = ran._replace(results=(*ran.results, *curves))
    document = _document(opened, request, ran, wanted)
    if output is not None:
        write_outputs(document, opened.study, Path(output))
    return Comparison(document, folder=Path(output) if output is not None else None)


def _models_of(teacher: str, students: Sequence[str]) -> tuple[ModelSpec, ...]:
    if not students:
        raise ConfigError("students", found="none is named", expected="at least one")
    return parse_specs([teacher, *students])


def _check_counts(*, resamples: int, batch_size: int, limit: int | None, gap: int | None) -> None:
    for option, value, least, most in (
        ("--resamples", resamples, 100, _MOST_RESAMPLES),
        ("--batch-size", batch_size, 1, None),
        ("--limit", limit, 1, None),
        ("--attribution-gap", gap, 1, None),
    ):
        if value is not None and value < least:
            raise ConfigError(option, found=f"is {value}", expected=f"at least {least}")
        if value is not None and most is not None and value > most:
            raise ConfigError(option, found=f"is {value:,}", expected=f"at most {most:,}")


def _use_threads(threads: int | None) -> None:
    if threads is None:
        return
    import torch

    if threads < 1:
        raise ConfigError("--threads", found=f"is {threads}", expected="at least 1")
    torch.set_num_threads(threads)


def _open_cache(cache: bool | str | Path) -> Cache | None:
    if cache is False:
        return None
    return Cache.default() if cache is True else Cache(Path(cache))


def _options(inputs: Inputs, names: Sequence[str], task: str) -> dict[str, JsonValue]:
    """Every choice after defaults were filled in, for the protocol card; no full paths."""
    half = trained_in_bfloat16(inputs.models)
    return {
        "task": Path(task).name,
        "split": inputs.split,
        "analyses": list(names),
        "limit": inputs.limit,
        "resamples": inputs.resamples,
        "slice_columns": list(inputs.slice_columns),
        "minimal_pairs": Path(inputs.minimal_pairs).name if inputs.minimal_pairs else None,
        "pairs_per_phenomenon": inputs.pairs_per_phenomenon,
        "probing": request_options(inputs.probing),
        "methods": list(inputs.attributions.methods) if inputs.attributions else None,
        "attribution_sentences": inputs.attributions.sentences if inputs.attributions else None,
        "sentences": inputs.attributions.origin if inputs.attributions else None,
        "attribution_gap": inputs.attribution_gap,
        "device": inputs.device,
        "dtype": inputs.dtype,
        "batch_size": inputs.batch_size,
        "label_map": dict(inputs.label_map) if inputs.label_map else None,
        "method_settings": settings_told(inputs.attributions),
        **({"trained_in_bfloat16": list[JsonValue](half)} if half else {}),
    }


def _document(opened: Opened, request: Request, ran: Ran, wanted: Sequence[str]) -> ResultsDocument:
    """Put the document together, as it reads when it comes back from its file."""
    unable = [
        item.model_copy(update={"requested": item.requested or item.what in wanted})
        for item in opened.skipped
    ]
    told = {item.what for item in unable}
    timings = {**opened.timings, **ran.seconds}
    document = ResultsDocument(
        produced_by=produced_by(request),
        request=request,
        task=task_info(opened.study),
        models=opened.models,
        analyses=ran.results,
        warnings=opened.notices,
        examples_total=opened.study.n,
        skipped=(*unable, *(item for item in ran.skipped if item.what not in told)),
        timings={name: round(value, 3) for name, value in timings.items()},
    )
    named = named_ids(document)
    rows = page_rows(opened.study, named | explained_ids(opened.study))
    shown = with_words(opened.study, examples(opened.study, rows), named)
    total = document.examples_total + len(shown) - len(rows)
    document = document.model_copy(update={"examples": shown, "examples_total": total})
    return loads(dumps(document))


def produced_by(request: Request) -> ProducedBy:
    """Say what made a document; `request` names device and dtype."""
    import importlib.metadata

    torch = sys.modules.get("torch")
    return ProducedBy(
        kdprobe=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages={name: importlib.metadata.version(name) for name in PACKAGES},
        threads=torch.get_num_threads() if torch else None,
        device=str(request.options["device"]),
        dtype=str(request.options["dtype"]),
        created=datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat(),
    )
