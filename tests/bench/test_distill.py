"""What a cached teacher and length groups save: our trainer against the loops people write.

`KDPROBE_ENCODER` names a classifier's folder for CoLA (with `KDPROBE_DATA`); without it a tiny one.
"""

from __future__ import annotations

import copy
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kdprobe.config.recipe import ObjectiveSetting
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.classroom import encode_for
from kdprobe.distillers.compute import Compute, choose_compute, settled
from kdprobe.distillers.encoding import Encoded, GroupedByLength
from kdprobe.distillers.lesson import Examination, Lesson
from kdprobe.distillers.mixture import build_mixture
from kdprobe.distillers.objective import Situation
from kdprobe.distillers.students import open_student
from kdprobe.distillers.teacher_store import StoredTeacher, all_logits
from kdprobe.distillers.trainer import StudentTrainer
from kdprobe.distillers.views import predict, shape_of
from kdprobe.models.checkpoint import Loaded, load_classifier
from kdprobe.progress import Silent
from kdprobe.seeds import derive_generator
from kdprobe.tasks.catalog import open_task
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import Split
from tests.distillers.builders import TASK, toy_split
from tests.models.tiny import tiny_checkpoint

EXAMPLES, BATCH, EPOCHS, PADDED = 96, 32, 3, 128
ROUNDS = 3 if os.environ.get("KDPROBE_ENCODER") else 5
STEPS = EPOCHS * EXAMPLES // BATCH
RATE = 5e-5
CPU = torch.device("cpu")


class Bench(NamedTuple):
    """A teacher, a student of three layers or fewer, and what they read."""

    teacher: Loaded
    student: Any
    split: Split
    encoded: Encoded


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    folder = os.environ.get("KDPROBE_ENCODER")
    if folder:
        task = open_task("cola")
        split = load_split(task, "train", offline=True, limit=EXAMPLES, seed=0)
        loaded = load_classifier(folder, task=task.task(), offline=True)
    else:
        split = toy_split(EXAMPLES)
        place = tiny_checkpoint(
            tmp_path / "t", labels=TASK.labels, layers=4, width=64, heads=4, max_length=PADDED
        )
        loaded = load_classifier(str(place), task=TASK, offline=True)
    loaded.model.requires_grad_(False).eval()
    torch.manual_seed(0)
    spec = "layers=3" if folder else "layers=2"
    pupil = open_student(spec, loaded, split.task, offline=True, progress=Silent())
    for module in pupil.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # else no two ways to compute one loss are equal
    encoded = encode_for(pupil.model, loaded.tokenizer, split, max_length=PADDED)
    return Bench(loaded, pupil.model, split, encoded)


def our_order(bench: Bench) -> Iterator[list[int]]:
    """The batches of our trainer; padding to 128 costs the same in any order."""
    sampler = GroupedByLength(bench.encoded.lengths, batch=BATCH, seed=0)
    for epoch in range(EPOCHS):
        sampler.set_epoch(epoch)
        rows = list(sampler)
        yield from (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def shuffled(bench: Bench) -> Iterator[list[int]]:
    """The batches of a common loader."""
    for epoch in range(EPOCHS):
        drawn = derive_generator(0, "bench", "distil", str(epoch)).permutation(EXAMPLES)
        yield from (drawn[start : start + BATCH].tolist() for start in range(0, EXAMPLES, BATCH))


def plain_loop(bench: Bench, student: Any, order: Iterator[list[int]], padding: Any) -> list[float]:
    """The loop of tutorials: tokenise, ask the teacher, step; gives each step's loss."""
    optimizer = torch.optim.AdamW(student.parameters(), lr=RATE, weight_decay=0.0)
    student.train()
    losses = []
    for rows in order:
        texts = [bench.split.texts[row] for row in rows]
        inputs = bench.teacher.tokenizer(
            texts, padding=padding, max_length=PADDED, truncation=True, return_tensors="pt"
        )
        labels = torch.tensor(np.asarray(bench.split.labels)[rows])
        with torch.no_grad():
            said = bench.teacher.model(**inputs).logits[:, list(bench.teacher.columns)]
        logits = student(**inputs).logits
        soft = nn.functional.kl_div(
            torch.log_softmax(logits, -1), torch.log_softmax(said, -1),
            log_target=True, reduction="batchmean",
        )  # fmt: skip
        loss = 0.5 * nn.functional.cross_entropy(logits, labels) + 0.5 * soft
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def ours(bench: Bench, student: Any, compute: Compute, folder: Path) -> list[float]:
    """Our trainer: the teacher's pass first, then every epoch."""
    logits = all_logits(
        bench.teacher.model, bench.encoded, columns=bench.teacher.columns, device=CPU,
        batch_size=64, progress=Silent(), title="",
    )  # fmt: skip
    shapes = shape_of(student), shape_of(bench.teacher.model)
    settings = TrainingSettings(
        epochs=EPOCHS, batch_size=BATCH, learning_rate=RATE, warmup=0.0, schedule="constant",
        evaluate_every=10**6,
    )  # fmt: skip
    terms = (
        ObjectiveSetting(name="hard_labels", weight=0.5),
        ObjectiveSetting(name="soft_targets", weight=0.5, options={"temperature": 1.0}),
    )
    mixture = build_mixture(terms, reduction="example", where="bench")
    lesson = Lesson(
        student=student, tokenizer=bench.teacher.tokenizer, split=bench.split,
        encoded=bench.encoded, examination=Examination(bench.split, bench.encoded),
        mixture=mixture, situation=Situation(bench.split.task, *shapes, same_tokens=True),
        teacher=StoredTeacher(torch.from_numpy(logits)), settings=settings, compute=compute, seed=0,
    )  # fmt: skip
    with settled(compute, seed=0, purpose="bench"):
        trainer = StudentTrainer(lesson, folder=folder, callbacks=[])
        trainer.args.logging_steps = STEPS  # one log of the mean over all steps
        trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def timed(call: Callable[[], list[float]]) -> tuple[float, list[float]]:
    started = time.process_time()
    losses = call()
    return time.process_time() - started, losses


def divergence(bench: Bench, student: Any) -> float:
    """Mean KL to the teacher over the examples: how well the student has learnt."""
    student.eval()
    inputs = bench.encoded.batch(range(EXAMPLES))
    said = predict(bench.teacher.model, inputs, columns=torch.tensor(bench.teacher.columns))
    left, right = (torch.log_softmax(found, -1) for found in (predict(student, inputs), said))
    value: Tensor = nn.functional.kl_div(left, right, log_target=True, reduction="batchmean")
    return float(value)


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_steps_against_plain_loops(
    bench: Bench, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Guards speed that is bought with another student: losses are equal before times are told.

    The loop that pads to 128 goes through our batches, so that the mean loss and the student are
    compared; the loop with dynamic padding shuffles as loaders do, and its student is compared.
    """
    plain = Compute("cpu", bf16=False, threads=torch.get_num_threads())
    half = choose_compute(device="cpu", bf16="auto")
    ways: dict[str, Callable[[Any, int], list[float]]] = {
        "padded to 128": lambda s, _: plain_loop(bench, s, our_order(bench), "max_length"),
        "dynamic padding": lambda s, _: plain_loop(bench, s, shuffled(bench), "longest"),
        "ours, float32": lambda s, r: ours(bench, s, plain, tmp_path / f"f{r}"),
    }
    if half.bf16:
        ways["ours, bfloat16"] = lambda s, r: ours(bench, s, half, tmp_path / f"h{r}")
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    losses: dict[str, list[float]] = {}
    learnt: dict[str, float] = {}
    for number in range(ROUNDS):
        for name, way in ways.items():
            student = copy.deepcopy(bench.student)
            took, losses[name] = timed(lambda: way(student, number))  # noqa: B023 (called at once)
            seconds[name].append(took)
            learnt[name] = divergence(bench, student)
    start = divergence(bench, bench.student)
    mean = statistics.mean(losses["padded to 128"])
    assert losses["ours, float32"] == pytest.approx([mean], abs=2e-3)
    assert learnt["ours, float32"] == pytest.approx(learnt["padded to 128"], abs=2e-3)
    assert abs(learnt["dynamic padding"] - learnt["ours, float32"]) < 0.25 * start + 2e-3
    if half.bf16:
        assert losses["ours, bfloat16"] == pytest.approx([mean], abs=5e-2)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    for name, took in medians.items():
        print(f"{name}: {STEPS / took:.2f} steps/s, {EPOCHS * EXAMPLES / took:.0f} sentences/s, "
              f"KL to the teacher {learnt[name]:.4f} (before: {start:.4f})")  # fmt: skip
    best = min(took for name, took in medians.items() if name.startswith("ours"))
    for name in ("padded to 128", "dynamic padding"):
        ratio = medians[name] / best
        record_property(f"ratio to {name}", ratio)
        print(f"distil: {ratio:.1f} times as fast as the loop with {name}, teacher's pass counted")
    assert medians["padded to 128"] > 2 * best
