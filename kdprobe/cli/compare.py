"""`kdprobe compare TEACHER STUDENT …`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import terminal
from kdprobe.cli.compare_checks import analyses_of, gates_of, task_of
from kdprobe.cli.compared import Summary, command_line, summary, write_summary
from kdprobe.cli.flags import Quiet, Shown, Spread, generated
from kdprobe.cli.written_files import MARKDOWN, check_written
from kdprobe.collectors.protocol import COLLECTORS, options_of
from kdprobe.comparison.options import AnalysisOptions, asked_evidence
from kdprobe.config.flags import FlagOptions
from kdprobe.config.options import EvaluationDataOptions, InferenceRuntime, Output

if TYPE_CHECKING:
    from kdprobe.comparison.result import Comparison
    from kdprobe.results.gates import Gate

_TASK = (
    "A task's name (see `kdprobe tasks`), a task file (.toml), or a table of examples (.tsv, .csv, "
    ".jsonl, also with .gz; .parquet). Default: what the models say they are about."
)


def _collectors() -> dict[str, type[FlagOptions]]:
    """Return the options of every collector, by its name."""
    return {name: options_of(name) for name in COLLECTORS.names()}


@terminal.guarded
@generated
def compare(
    teacher: Annotated[
        str,
        typer.Argument(
            metavar="TEACHER",
            help="A checkpoint folder, a hub id, a predictions file, or python:MODULE:FUNCTION, a "
            "function of texts that is imported, from the working directory too; NAME=PATH names "
            "it, NAME=PATH,PATH is one model trained with several seeds; 'PATH?quantize=int8' or "
            "'PATH?dtype=bf16' runs it in these numbers.",
        ),
    ],
    students: Annotated[list[str], typer.Argument(metavar="STUDENT...", help="One or more.")],
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            help="Exit with 4 when a student fulfils it, e.g. 'kappa<0.8', 'kappa_low<0.8' (the "
            "lower end of the interval; _high: the upper), 'STUDENT:mcc<0.5', "
            "'student_differences.kappa(A,B)<0' (A minus B); repeat it.",
            rich_help_panel="output",
        ),
    ] = None,
    open_report: Annotated[
        bool,
        typer.Option(
            "--open", help="Open the report in a browser at the end.", rich_help_panel="output"
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the headline numbers as JSON.", rich_help_panel="output"
        ),
    ] = False,
    summary_file: Summary = None,
    quiet: Quiet = False,
    *,
    data: Annotated[EvaluationDataOptions, Shown(help={"task": _TASK})],
    place: Annotated[Output, Shown(help={"output": "Default: reports/TASK."})],
    analyses: AnalysisOptions,
    evidence: Annotated[Mapping[str, Mapping[str, object]], Spread(_collectors)],
    runtime: InferenceRuntime,
) -> None:
    """Compare students with their teacher on a task, and write the report.

    Example: kdprobe compare out/teacher out/student --task cola -o reports/cola
    """
    import kdprobe
    from kdprobe.comparison.files import WRITTEN

    run = analyses_of(analyses.only, analyses.skip)
    gates = gates_of(fail_if or [], students, run)
    wanted = asked_evidence(evidence, only=run.only)
    task, name = task_of(data, (teacher, *students))
    folder = place.output or Path("reports") / name
    check_written(
        {MARKDOWN: summary_file},
        reads=[Path(word.partition("=")[2] or word) for word in (teacher, *students)],
        writes=[folder / name for name in WRITTEN],
    )
    result = kdprobe.compare(
        teacher,
        students,
        task=task,
        output=folder,
        data=data,
        runtime=runtime,
        analyses=analyses,
        collectors=wanted,
        command=command_line(sys.argv),
        progress=terminal.progress(quiet=quiet),
        force=place.force,
    )
    summary(result, as_json=as_json, quiet=quiet)
    if summary_file is not None:
        write_summary(result.document, summary_file, quiet=as_json)
    if open_report:
        typer.launch(str((folder / "report.html").resolve()))
    _leave(result, gates)


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
