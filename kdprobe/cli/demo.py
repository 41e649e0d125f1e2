"""`kdprobe demo`: the whole line on the embedded task, without data, network or weights."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kdprobe.cli import terminal
from kdprobe.cli.flags import Quiet, Shown, generated
from kdprobe.config.commands import Seeded
from kdprobe.config.options import Runtime
from kdprobe.errors import TrainingError

if TYPE_CHECKING:
    from kdprobe.progress import Progress
    from kdprobe.results.schema import Estimate

# BiLSTMs learn the embedded grammar from nothing in about a minute. Tried and left: a transformer
# of four layers had learnt nothing after 3,000 steps, nor two LSTM layers at a rate of 4e-3.
TEACHER = "bilstm:hidden=64,fc=64,embed=64,layers=2,sentence=max"
STUDENT = "bilstm:hidden=32,fc=32,embed=32,layers=2,sentence=max"
RECIPE = "hidden-states"
CONTROL = "kd-student-control"
RATE = 2e-3
TEACHER_EPOCHS, STUDENT_EPOCHS = 8.0, 4.0
LEAST_MCC = 0.6
METHODS = ("integrated_gradients", "shap")
SENTENCES = 24
PROBED = 300
COMPARED = 500
"""Sentences that layers are compared on; LSTMs have no attention to compare, and say so."""
PROPERTIES = ("subj_number", "obj_number")
ERASED, DRAWS = 1000, 20
"""Examples with a property erased, and random subspaces beside: fewer tell no use from noise."""


@terminal.guarded
@generated
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR")] = Path("reports/demo"),
    open_report: Annotated[
        bool, typer.Option("--open", help="Open the report in a browser at the end.")
    ] = False,
    quiet: Quiet = False,
    *,
    own: Seeded,
    runtime: Annotated[Runtime, Shown(only=("threads",))],
) -> None:
    """Train a tiny teacher on the embedded task, a student of it and a control, and compare them.

    The control is the student without the teacher: the same first weights, sentences, order and
    steps. Needs no data, no network and no pretrained weights, and takes a few minutes.

    Example: kdprobe demo -o reports/demo
    """
    import kdprobe
    from kdprobe.cli.compared import command_line, summary
    from kdprobe.collectors.causal_use.options import CausalUseOptions
    from kdprobe.collectors.efficiency.options import EfficiencyOptions

    started, seed, threads = time.perf_counter(), own.seed, runtime.threads
    shown = terminal.progress(quiet=quiet)
    models = output / "models"
    _train(models, seed=seed, threads=threads, shown=shown)
    shown.say("3 of 3: comparison")
    result = kdprobe.compare(
        str(models / "teacher"),
        [str(models / "kd-student"), f"control={models / CONTROL}"],
        task="grammar",
        output=output,
        attributions=kdprobe.AttributionRequest(methods=METHODS, sentences=SENTENCES),
        probing=kdprobe.ProbingRequest(sentences=PROBED),
        similarity=COMPARED,
        attention=COMPARED,
        collectors={
            "causal_use": CausalUseOptions(properties=PROPERTIES, examples=ERASED, draws=DRAWS),
            "efficiency": EfficiencyOptions(memory=False),  # of models this small Python's alone
        },
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
    """Train the teacher, its student and the control; models of an earlier demo are replaced.

    Raises:
        TrainingError: the teacher did not learn the task, or the student is not nearer to it than
            the control.
    """
    import kdprobe
    from kdprobe.comparison.nearness import nearness

    # float32 on every machine: bfloat16 products ruin LSTMs of this size.
    everywhere: dict[str, Any] = {"threads": threads, "device": "cpu", "bf16": False}
    shutil.rmtree(models, ignore_errors=True)
    shown.say("1 of 3: a teacher learns the embedded task from scratch")
    teacher = kdprobe.finetune(
        TEACHER, task="grammar", output=models / "teacher", epochs=TEACHER_EPOCHS,
        learning_rate=RATE, seed=seed, progress=shown, **everywhere,
    )  # fmt: skip
    check_learnt(teacher.scores["mcc"])
    shown.say("2 of 3: a small student learns from labels and teacher, its control from labels")
    kdprobe.distill(
        str(models / "teacher"), task="grammar", output=models / "kd-student", student=STUDENT,
        recipe=RECIPE, epochs=STUDENT_EPOCHS, learning_rate=RATE, seed=seed, progress=shown,
        with_control=True, **everywhere,
    )  # fmt: skip
    trained = (models / name for name in ("teacher", "kd-student", CONTROL))
    check_nearer(nearness(*trained, task="grammar", seed=seed, progress=shown))


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


def check_nearer(gain: Estimate) -> None:
    """Stop the demo when what its teacher added cannot be told from noise.

    Raises:
        TrainingError: the interval of the difference is not above 0.
    """
    if gain.low is None or gain.low <= 0:
        raise TrainingError(
            "kdprobe demo",
            found="the student has its teacher's label "
            f"{gain.value or 0.0:.3f} [{gain.low or 0.0:.3f}, {gain.high or 0.0:.3f}] more often "
            "than the control that had no teacher",
            expected="an interval above 0",
            remedy="a report of these two would show noise; try another --seed and report this",
        )
