"""`kdprobe compare TEACHER STUDENT …`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import options, terminal
from kdprobe.cli.compare_checks import analyses_of, gates_of, task_of
from kdprobe.cli.compared import command_line, summary

if TYPE_CHECKING:
    from kdprobe.collectors.attributions.options import AttributionRequest
    from kdprobe.collectors.probes.options import ProbingRequest
    from kdprobe.comparison.result import Comparison
    from kdprobe.results.gates import Gate


@terminal.guarded
def compare(
    teacher: Annotated[
        str,
        typer.Argument(
            metavar="TEACHER",
            help="A checkpoint folder, a hub id or a predictions file; NAME=PATH names it, "
            "NAME=PATH,PATH is one model trained with several seeds.",
        ),
    ],
    students: Annotated[list[str], typer.Argument(metavar="STUDENT...", help="One or more.")],
    task: options.OptionalTask = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Default: reports/TASK."),
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Default: the task's.")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME,...", help="Run only these.")
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="NAME,...", help="Run all but these.")
    ] = None,
    slices: Annotated[
        list[str] | None,
        typer.Option("--slice", metavar="COLUMN,...", help="Slice by these columns of the data."),
    ] = None,
    minimal_pairs: Annotated[
        Path | None,
        typer.Option("--minimal-pairs", metavar="DIR", help="A folder of BLiMP's jsonl files."),
    ] = None,
    pairs_per_phenomenon: Annotated[
        int | None,
        typer.Option("--pairs-per-phenomenon", min=1, metavar="N", help="At most N of each."),
    ] = None,
    probe_tasks: Annotated[
        list[str] | None,
        typer.Option("--probe-tasks", metavar="NAME,...",
                     help="Ask every layer these probing tasks (`kdprobe list probes`), or all."),
    ] = None,
    probe_sentences: Annotated[
        int,
        typer.Option("--probe-sentences", min=20, max=1_000_000, metavar="N",
                     help="Training sentences each."),
    ] = 2000,
    pooling: Annotated[
        list[str] | None,
        typer.Option("--pooling", metavar="NAME,...", help="mean, max, cls, last; default: mean."),
    ] = None,
    probe: Annotated[
        str, typer.Option("--probe", help="logistic, mlp, senteval, senteval-sum, thesis or fast.")
    ] = "logistic",
    probe_seeds: Annotated[
        int | None,
        typer.Option("--probe-seeds", min=1, max=100, metavar="N",
                     help="Starts of each probe; default: 3 of mlp, thesis, fast, else 1."),
    ] = None,
    mdl: Annotated[
        bool | None,
        typer.Option("--mdl/--no-mdl", help="Code length of each task; default: of small ones."),
    ] = None,
    probing_dir: Annotated[
        Path | None,
        typer.Option("--probing-dir", metavar="DIR", help="A folder of SentEval's probing files."),
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--methods", "--attribution-methods", metavar="NAME,...",
            help="Explain words by these methods and compare; see `kdprobe list methods`.",
        ),
    ] = None,
    method_settings: options.MethodSet = None,
    attribution_sentences: Annotated[
        int | None,
        typer.Option(
            "--attribution-sentences", min=1, metavar="N",
            help="Explain N examples (200 when only --methods is given), a stratified choice.",
        ),
    ] = None,
    sentences: Annotated[
        Path | None,
        typer.Option(
            "--sentences", metavar="FILE",
            help="Explain these sentences instead: a text file, one a line, or a table.",
        ),
    ] = None,
    attribution_gap: Annotated[
        int | None,
        typer.Option(
            "--attribution-gap", min=1, metavar="N",
            help="Compare AD-KD's attribution maps on N examples of train and of the split.",
        ),
    ] = None,
    data_dir: options.DataDir = None,
    text: options.Text = None,
    text_pair: options.TextPair = None,
    label: options.Label = None,
    labels: options.Labels = None,
    label_map: options.LabelMap = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="ANALYSIS.KEY=VALUE", help="An option of an analysis."),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if", metavar="CONDITION",
            help="Exit with 4 when a student fulfils it, e.g. 'kappa<0.8', 'kappa_low<0.8' (the "
            "lower end of the interval; _high: the upper), 'STUDENT:mcc<0.5'; repeat it.",
        ),
    ] = None,
    limit: options.Limit = None,
    resamples: Annotated[
        int,
        typer.Option("--resamples", min=100, max=100_000,
                     help="Bootstrap resamples of every interval."),
    ] = 2000,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, max=1_000_000)] = 64,
    dtype: Annotated[
        str, typer.Option("--dtype", help="float32, or bfloat16 (faster on some machines).")
    ] = "float32",
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep what models say for the next run.")
    ] = True,
    offline: options.Offline = False,
    force: options.Force = False,
    open_report: Annotated[
        bool, typer.Option("--open", help="Open the report in a browser at the end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the headline numbers as JSON.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Compare students with their teacher on a task, and write the report.

    Example: kdprobe compare out/teacher out/student --task cola -o reports/cola
    """
    import kdprobe

    run = analyses_of(options.names(only, "--only"), options.names(skip, "--skip"))
    gates = gates_of(fail_if or [], students, run)
    classes = options.names(labels, "--labels")
    chosen, name = task_of(task, (teacher, *students), (text, text_pair, label, tuple(classes)))
    folder = output or Path("reports") / name
    result = kdprobe.compare(
        teacher, students, task=chosen, output=folder, split=split, data_dir=data_dir,
        text=text, text_pair=text_pair, label=label,
        labels=classes, only=run.only, skip=run.skip,
        settings=_nested(options.pairs("--set", settings)),
        slice_columns=options.names(slices, "--slice"),
        minimal_pairs=minimal_pairs, pairs_per_phenomenon=pairs_per_phenomenon,
        probing=_probing(
            options.names(probe_tasks, "--probe-tasks"), "probing" in run.only, probe_sentences,
            options.names(pooling, "--pooling"), probe, probe_seeds, mdl, probing_dir,
        ),
        attributions=_attributions(
            options.names(methods, "--methods"), attribution_sentences, sentences, run.only,
            options.nested("--method-set", method_settings),
        ),
        attribution_gap=attribution_gap, label_map=options.label_map(label_map),
        limit=limit, resamples=resamples, seed=seed, device=device, dtype=dtype, threads=threads,
        batch_size=batch_size, cache=cache, offline=offline, force=force,
        command=command_line(sys.argv), progress=terminal.progress(quiet=quiet),
    )  # fmt: skip
    summary(result, as_json=as_json, quiet=quiet)
    if open_report:
        typer.launch(str((folder / "report.html").resolve()))
    _leave(result, gates)


def _probing(
    tasks: Sequence[str],
    named: bool,
    sentences: int,
    poolings: Sequence[str],
    probe: str,
    seeds: int | None,
    mdl: bool | None,
    folder: Path | None,
) -> ProbingRequest | None:
    """Give what to ask of the layers; nothing unless tasks are given or the analysis is `named`."""
    from kdprobe.collectors.probes.options import ProbingRequest

    if not tasks and not named:
        return None
    return ProbingRequest(
        tuple(tasks) or ("all",), sentences, tuple(poolings) or ("mean",), probe, seeds, mdl, folder
    )


def _attributions(
    methods: Sequence[str],
    count: int | None,
    file: Path | None,
    only: Sequence[str],
    settings: Mapping[str, object],
) -> AttributionRequest | None:
    """Give which words to explain; nothing when no option asks for it.

    Raises:
        ConfigError: settings of methods when nothing is explained.
    """
    from kdprobe.collectors.attributions.options import AttributionRequest
    from kdprobe.comparison.options import asked_evidence

    values = {"methods": tuple(methods), "sentences": count, "file": file, "options": settings}
    typed = {name: value for name, value in values.items() if value}
    request = asked_evidence({"attributions": typed}, only=only).get("attributions")
    return request if isinstance(request, AttributionRequest) else None


def _leave(result: Comparison, gates: Sequence[Gate]) -> None:
    """Exit with 4 when a gate failed, with 3 when something asked for could not run."""
    from kdprobe.results.gates import tripped

    failed = [line for gate in gates for line in tripped(gate, result.document)]
    for line in failed:
        terminal.tell(f"gate failed: {line}")
    if failed:
        raise typer.Exit(terminal.GATE)
    if any(item.requested for item in result.document.skipped):
        raise typer.Exit(terminal.SKIPPED)


def _nested(flat: dict[str, str]) -> dict[str, dict[str, object]]:
    """Turn `calibration.bins=10` into options by analysis; numbers and booleans are read as TOML.

    Raises:
        ConfigError: a key without its analysis.
    """
    from kdprobe.analysis.protocol import ANALYSES
    from kdprobe.errors import ConfigError
    from kdprobe.plain_files import toml_value

    nested: dict[str, dict[str, object]] = {}
    for key, value in flat.items():
        analysis, dot, name = key.partition(".")
        if not dot:
            raise ConfigError("--set", found=repr(key), expected="ANALYSIS.KEY=VALUE")
        nested.setdefault(ANALYSES.find(analysis, option="set"), {})[name] = toml_value(value)
    return nested
