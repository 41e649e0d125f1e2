"""`kdprobe demo`: the whole line on the embedded task, without data, network or weights."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import options, terminal
from kdprobe.errors import TrainingError

if TYPE_CHECKING:
    from kdprobe.progress import Progress

# A BiLSTM learns the embedded grammar from nothing in about a minute; small transformers that were
# tried were slower by far.
TEACHER = "bilstm:hidden=96,fc=64,embed=64,sentence=max"
STUDENT = "bilstm:hidden=24,fc=16,embed=24,sentence=max"
LEAST_MCC = 0.6
METHODS = ("integrated_gradients", "shap")
SENTENCES = 24
PROBED = 400


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
    from kdprobe.cli.compared import command_line, summary

    started = time.perf_counter()
    shown = terminal.progress(quiet=quiet)
    models = output / "models"
    _train(models, seed=seed, threads=threads, shown=shown)
    shown.say("4 of 4: comparison")
    result = kdprobe.compare(
        str(models / "teacher"),
        [str(models / "kd-student"), str(models / "baseline")],
        task="grammar",
        output=output,
        attributions=kdprobe.AttributionRequest(METHODS, SENTENCES),
        probing=kdprobe.ProbingRequest(sentences=PROBED),
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


def _train(models: Path, *, seed: int, threads: int | None, shown: Progress) -> None:
    """Train the teacher and both students; the models of an earlier demo are replaced.

    Raises:
        TrainingError: the teacher did not learn the task.
    """
    import kdprobe

    shutil.rmtree(models, ignore_errors=True)
    shown.say("1 of 4: a teacher learns the embedded task from scratch")
    teacher = kdprobe.finetune(
        TEACHER, task="grammar", output=models / "teacher", epochs=10.0, learning_rate=4e-3,
        seed=seed, threads=threads, device="cpu", progress=shown,
    )  # fmt: skip
    check_learnt(teacher.scores["mcc"])
    shown.say("2 of 4: a small student learns from the teacher")
    kdprobe.distill(
        str(models / "teacher"), task="grammar", output=models / "kd-student", student=STUDENT,
        epochs=6.0, learning_rate=4e-3, seed=seed, threads=threads, device="cpu", progress=shown,
    )  # fmt: skip
    shown.say("3 of 4: the same student learns from the labels alone")
    kdprobe.finetune(
        STUDENT, task="grammar", output=models / "baseline", epochs=6.0, learning_rate=4e-3,
        seed=seed, threads=threads, device="cpu", progress=shown,
    )  # fmt: skip


def check_learnt(mcc: float | None) -> None:
    """Stop the demo when its teacher has not learnt the task.

    Raises:
        TrainingError: the dev MCC is not above 0.6.
    """
    if mcc is None or mcc <= LEAST_MCC:
        reached = "no defined dev MCC" if mcc is None else f"a dev MCC of {mcc:.2f}"
        raise TrainingError(
            "kdprobe demo",
            found=f"the teacher reached {reached}",
            expected=f"more than {LEAST_MCC}",
            remedy="a comparison with a teacher that has not learnt would show nothing; "
            "try another --seed and report this",
        )
