"""`kdprobe compare TEACHER STUDENT …`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import terminal, words
from kdprobe.cli.compare_checks import analyses_of, gates_of, task_of
from kdprobe.cli.compared import command_line, summary
from kdprobe.cli.flags import Quiet, Shown, generated
from kdprobe.config.commands import Seeded
from kdprobe.config.options import EvaluationDataOptions, InferenceRuntime, Output

if TYPE_CHECKING:
    from kdprobe.comparison.attribution_plan import AttributionRequest
    from kdprobe.comparison.probing_request import ProbingRequest
    from kdprobe.comparison.result import Comparison
    from kdprobe.results.gates import Gate


_TASK = (
    "A task's name (see `kdprobe tasks`), a task file (.toml), or a table of examples (.tsv, .csv, "
    ".jsonl, .parquet). Default: what the models say they are about."
)


@terminal.guarded
@generated
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
    method_settings: Annotated[
        list[str] | None,
        typer.Option(
            "--method-set", metavar="KEY=VALUE",
            help="target=teacher|gold|own, output=log-odds|probability, removal=delete|mask, or an "
            "option of a method: lime.samples=5000.",
        ),
    ] = None,
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
    resamples: Annotated[
        int,
        typer.Option("--resamples", min=100, max=100_000,
                     help="Bootstrap resamples of every interval."),
    ] = 2000,
    open_report: Annotated[
        bool, typer.Option("--open", help="Open the report in a browser at the end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the headline numbers as JSON.")
    ] = False,
    quiet: Quiet = False,
    *,
    data: Annotated[
        EvaluationDataOptions, Shown(without=("sample_seed",), help={"task": _TASK})
    ],
    place: Annotated[Output, Shown(help={"output": "Default: reports/TASK."})],
    runtime: InferenceRuntime,
    own: Seeded,
) -> None:  # fmt: skip
    """Compare students with their teacher on a task, and write the report.

    Example: kdprobe compare out/teacher out/student --task cola -o reports/cola
    """
    import kdprobe

    run = analyses_of(words.names(only, "--only"), words.names(skip, "--skip"))
    gates = gates_of(fail_if or [], students, run)
    chosen, name = task_of(
        None if data.task is None else str(data.task), (teacher, *students), data.columns
    )
    folder = place.output or Path("reports") / name
    result = kdprobe.compare(
        teacher, students, task=chosen, output=folder, split=data.split,
        data_dir=data.data_dir, **data.columns, only=run.only, skip=run.skip,
        settings=_nested(words.pairs("--set", settings)),
        slice_columns=words.names(slices, "--slice"),
        minimal_pairs=minimal_pairs, pairs_per_phenomenon=pairs_per_phenomenon,
        probing=_probing(
            words.names(probe_tasks, "--probe-tasks"), "probing" in run.only, probe_sentences,
            words.names(pooling, "--pooling"), probe, probe_seeds, mdl, probing_dir,
        ),
        attributions=_attributions(
            words.names(methods, "--methods"), attribution_sentences, sentences, run.only,
            words.nested("--method-set", method_settings),
        ),
        attribution_gap=attribution_gap, label_map=data.label_map,
        limit=data.limit, resamples=resamples, seed=own.seed, **runtime.model_dump(),
        force=place.force,
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
    from kdprobe.comparison.probing_request import ProbingRequest

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
    from kdprobe.comparison.attribution_plan import AttributionRequest
    from kdprobe.comparison.attributions import ANALYSES
    from kdprobe.comparison.method_settings import configured

    request = None
    if methods or count is not None or file is not None or any(name in ANALYSES for name in only):
        usual = AttributionRequest()
        request = AttributionRequest(
            tuple(methods) or usual.methods, usual.sentences if count is None else count, file
        )
    return configured(request, settings)


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
