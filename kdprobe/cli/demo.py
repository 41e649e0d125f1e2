"""`kdprobe demo`: the whole line on the embedded task, without data, network or weights."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import options, terminal

TEACHER = "bert:L3,H128,I256,A4"
STUDENT = "bert:L1,H64,I128,A2"
LEAST_MCC = 0.6


@terminal.guarded
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR")] = Path("reports/demo"),
    seed: options.Seed = 0,
    threads: options.Threads = None,
    open_report: Annotated[
        bool, typer.Option("--open", help="Open the report in a browser at the end.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a tiny teacher on the embedded task, distil two students, compare, write the report.

    Needs no data, no network and no pretrained weights, and takes a few minutes.

    Example: kdprobe demo -o reports/demo
    """
    import kdprobe
    from kdprobe.cli.compare import command_line, summary
    from kdprobe.errors import TrainingError

    started = time.perf_counter()
    shown = terminal.progress(quiet=quiet)
    models = output / "models"
    shutil.rmtree(models, ignore_errors=True)
    common = {"task": "grammar", "seed": seed, "threads": threads, "device": "cpu"}
    shown.say("1 of 4: a teacher learns the embedded task from scratch")
    teacher = kdprobe.finetune(
        TEACHER, output=models / "teacher", epochs=6.0, learning_rate=1e-3, progress=shown, **common
    )
    if teacher.scores["mcc"] <= LEAST_MCC:
        raise TrainingError(
            "kdprobe demo",
            found=f"the teacher reached a dev MCC of {teacher.scores['mcc']:.2f}",
            expected=f"more than {LEAST_MCC}",
            remedy="a comparison with a teacher that has not learnt would show nothing; "
            "try another --seed and report this",
        )
    shown.say("2 of 4: a small student learns from the teacher")
    kdprobe.distill(
        str(models / "teacher"), output=models / "kd-student", student=STUDENT, epochs=6.0,
        learning_rate=2e-3, progress=shown, **common,
    )  # fmt: skip
    shown.say("3 of 4: the same student learns from the labels alone")
    kdprobe.finetune(
        STUDENT,
        output=models / "baseline",
        epochs=6.0,
        learning_rate=2e-3,
        progress=shown,
        **common,
    )
    shown.say("4 of 4: comparison")
    result = kdprobe.compare(
        str(models / "teacher"),
        [str(models / "kd-student"), str(models / "baseline")],
        task="grammar",
        output=output,
        seed=seed,
        device="cpu",
        threads=threads,
        force=True,
        command=command_line(sys.argv),
        progress=shown,
    )
    summary(result, as_json=False, quiet=quiet)
    typer.echo(f"Done in {time.perf_counter() - started:.0f} s.")
    if open_report:
        typer.launch(str((output / "report.html").resolve()))
