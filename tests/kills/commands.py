"""The commands that are killed, each small enough to run hundreds of times.

Does: make what a command needs, and run it as a person would who types the same line again. Does
not: kill.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import kdprobe
from kdprobe.cache import Cache
from kdprobe.cli.report import report
from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.collectors.probes.options import ProbingRequest
from tests.augmenters.builders import TEXTS, task_file
from tests.cli.scene import run
from tests.cli.test_probing import write_sets
from tests.distillers.builders import toy_file
from tests.models.tiny import tiny_checkpoint

TRAINING: dict[str, Any] = {
    "batch_size": 8, "learning_rate": 1e-3, "limit": 16, "eval_limit": 8, "device": "cpu",
    "bf16": False, "threads": 1, "offline": True,
}  # fmt: skip
STAGED = """
name = "staged"
student = "layers=1"
[[stages]]
name = "inside"
training = { best_by = "last" }
[[stages.objectives]]
name = "hidden_states"
[[stages]]
name = "outside"
[[stages.objectives]]
name = "soft_targets"
[training]
epochs = 1
evaluate_every = 1
"""


@dataclass(frozen=True)
class Place:
    """Where a command runs.

    Args:
        inputs: a folder of what it reads; no kill harms it.
        root: a folder that holds all it writes, its cache too.
    """

    inputs: Path
    root: Path

    @property
    def task(self) -> str:
        """The task's file."""
        return str(self.inputs / "toy.tsv")

    @property
    def teacher(self) -> str:
        """A checkpoint of two layers."""
        return str(self.inputs / "teacher")

    @property
    def output(self) -> Path:
        """Where the results go."""
        return self.root / "out"


def make_inputs(inputs: Path) -> None:
    """Write a task, a teacher that has learnt it, another model and probing sentences."""
    place = Place(inputs, inputs)
    inputs.mkdir(parents=True)
    toy_file(inputs, train=200, dev=20)
    kdprobe.finetune(
        "bert:L2,H32,A2,I64,V120", task=place.task, output=place.teacher, epochs=6,
        learning_rate=5e-3, device="cpu", bf16=False, threads=1, offline=True,
    )  # fmt: skip
    tiny_checkpoint(inputs / "student", labels=("neg", "pos"), layers=1, width=16)
    write_sets(inputs / "sets")
    (inputs / "sets" / "obj_number.txt").write_text(second_set())
    (inputs / "staged.toml").write_text(STAGED)
    task_file(inputs / "texts", train=TEXTS, dev=["a film"])


def second_set() -> str:
    """Give a second probing task, some of its sentences those of the first."""
    rows = [
        f"{part}\t{'NN' if k % 2 else 'NNS'}\t{'the dog' if k % 3 else 'she saw'} {part} {k}"
        for part, size in (("tr", 40), ("va", 20), ("te", 20))
        for k in range(size)
    ]
    return "\n".join(rows) + "\n"


def finetune(place: Place, *, resume: bool, **more: Any) -> None:
    """Train with three checkpoints, of which the best and the last are kept."""
    kdprobe.finetune(
        "bert:L1,H16,A1,I32,V120", task=place.task, output=place.output, resume=resume,
        epochs=1.5, evaluate_every=1, **TRAINING, **more,
    )  # fmt: skip


def distill(place: Place, *, resume: bool) -> None:
    """Distil with a teacher that is asked once."""
    kdprobe.distill(
        place.teacher, task=place.task, output=place.output, resume=resume, student="layers=1",
        epochs=1, evaluate_every=1, **TRAINING,
    )  # fmt: skip


def with_control(place: Place, *, resume: bool) -> None:
    """Distil a student, and its control beside it."""
    kdprobe.distill(
        place.teacher, task=place.task, output=place.output, resume=resume, student="layers=1",
        with_control=True, epochs=1, evaluate_every=2, **TRAINING,
    )  # fmt: skip


def stages(place: Place, *, resume: bool) -> None:
    """Distil in two stages."""
    kdprobe.distill(
        place.teacher, task=place.task, output=place.output, resume=resume,
        recipe=place.inputs / "staged.toml", **TRAINING,
    )  # fmt: skip


def sweep(place: Place, *, resume: bool) -> None:
    """Distil two students; a sweep goes on by itself."""
    options = {**TRAINING, "epochs": 1.0, "best_by": "last"}
    kdprobe.sweep(
        place.teacher, "seed=1,2", task=place.task, output=place.output, student="layers=1",
        options=options,
    )  # fmt: skip


def compare(place: Place, *, resume: bool, words: bool = True, force: bool = False) -> None:
    """Compare two models by their probes, and by their word scores where these are wanted."""
    kdprobe.compare(
        place.teacher, str(place.inputs / "student"), task=place.task, output=place.output,
        only=["agreement", "probing", *(["attribution_agreement"] if words else [])],
        attributions=AttributionRequest(methods=("occlusion",), sentences=6) if words else None,
        probing=ProbingRequest(
            tasks=("bigram_shift", "obj_number"), sentences=40, probing_dir=place.inputs / "sets"
        ),
        limit=12, resamples=100, device="cpu", offline=True, threads=1, force=force,
    )  # fmt: skip


def augment(place: Place, *, resume: bool, **more: Any) -> None:
    """Make texts in a few chunks."""
    kdprobe.augment(
        str(place.inputs / "texts" / "toy.tsv"), output=place.root / "out.tsv", resume=resume,
        offline=True, **{"n": 60, **more},
    )  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A command, and what stands where it writes before it is run.

    Args:
        run: runs it, with `--resume` or without.
        prepare: run before.
        then: what is typed after it, and after a kill in its place; None: after a kill the same.
        late: whether all of it is its end.
    """

    run: Callable[..., None]
    prepare: Callable[[Place], None] = lambda place: None
    then: Callable[..., None] | None = None
    late: bool = False


def _over(command: Callable[..., None], before: Mapping[str, Any], **now: Any) -> Command:
    """Run a command with --force where an earlier run and files of the user's stand."""

    def prepare(place: Place) -> None:
        command(place, resume=False, **before)
        (place.output / "mine").mkdir(parents=True, exist_ok=True)
        (place.output / "mine" / "notes.txt").write_text("mine")
        (place.output / "notes.txt").write_text("mine")
        shutil.rmtree(place.root / "cache", ignore_errors=True)

    def run(place: Place, *, resume: bool) -> None:
        command(place, resume=resume, force=not resume, **now)

    return Command(run, prepare)


class _Stop:
    """A display that ends its process, as a kill does, after so many optimiser steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[_Stop]:
        """Count the steps of the training only."""
        self.counting = title.startswith("train on")
        yield self

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        """Count, and end."""
        self.left -= steps if self.counting else 0
        if self.left <= 0:
            os._exit(0)

    def say(self, message: str) -> None:
        """Say nothing."""


def _killed_once(place: Place) -> None:
    """Leave a training that was killed after its second checkpoint of three."""
    child = os.fork()
    if not child:
        try:
            finetune(place, resume=False, progress=_Stop(3))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (place.output / "checkpoints" / "checkpoint-2").is_dir()


def go_on(place: Place, *, resume: bool) -> None:
    """Go on with a training."""
    finetune(place, resume=True)


def remember(place: Place, *, resume: bool) -> None:
    """Distil with a teacher of which the cache keeps more than its logits."""
    kdprobe.distill(
        place.teacher, task=place.task, output=place.output, resume=resume, student="layers=2",
        recipe="pkd-last", epochs=1, evaluate_every=2, **TRAINING,
    )  # fmt: skip


def explain(place: Place, *, resume: bool) -> None:
    """Compare word scores, of which the cache keeps much."""
    kdprobe.compare(
        place.teacher, str(place.inputs / "student"), task=place.task, output=place.output,
        only=["agreement", "attribution_agreement"],
        attributions=AttributionRequest(methods=("occlusion", "lime"), sentences=4),
        limit=12, resamples=100, device="cpu", offline=True, threads=1, force=True,
    )  # fmt: skip


def clear(place: Place, *, resume: bool) -> None:
    """Delete what the cache holds."""
    Cache.default().clear()


def _results_to_render(place: Place) -> None:
    """Leave a comparison, an older page of it, older figures and a file of the user's."""
    compare(place, resume=False, words=False)
    shutil.rmtree(place.root / "cache")
    (place.output / "report.html").write_text("older" * 100)
    figures = place.output / "figures"
    report(place.output, output=place.root / "first.html", figures=figures)
    for figure in figures.iterdir():
        figure.write_text("older" * 100)
    (figures / "notes.txt").write_text("mine")


def render(place: Place, *, resume: bool) -> None:
    """Render a comparison again, page and figures."""
    report(place.output, figures=place.output / "figures")


def _older(page: Path) -> None:
    page.write_text("older" * 100)


def draw(place: Place, *, resume: bool) -> None:
    """Explain one text into a page."""
    done = run(
        "attribute", place.teacher, "--text", "a fine film", "-o", place.root / "words.html",
        "--device", "cpu",
    )  # fmt: skip
    assert done.code == 0, done.err


COMMANDS: dict[str, Command] = {
    "finetune": Command(finetune),
    "distill": Command(distill),
    "distill-control": Command(with_control),
    "stages": Command(stages),
    "sweep": Command(sweep),
    "compare": Command(compare),
    "augment": Command(augment),
    "finetune-over": _over(finetune, {"seed": 1}),
    "compare-over": _over(compare, {}, words=False),
    "augment-over": _over(augment, {"seed": 1}),
    "finetune-resume": Command(go_on, _killed_once),
    "distill-memory": Command(remember),
    "cache-clear": Command(clear, partial(explain, resume=False), then=explain, late=True),
    "report": Command(render, _results_to_render, late=True),
    "attribute": Command(draw, lambda place: _older(place.root / "words.html"), late=True),
}
