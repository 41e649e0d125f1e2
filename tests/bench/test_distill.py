"""What a cached teacher and length groups save: our trainer against Hugging Face's.

`KDPROBE_ENCODER` names a classifier's folder for CoLA (with `KDPROBE_DATA`); without it a tiny one.
Each round has a seed of its own, so that students are compared over several.
"""

from __future__ import annotations

import copy
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.trainer_utils import IntervalStrategy

from kdprobe.config.recipe import ObjectiveSetting
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.compute import Compute, choose_compute, settled
from kdprobe.distillers.data import encode_for
from kdprobe.distillers.encoding import Encoded, GroupedByLength
from kdprobe.distillers.forward import predict, shape_of
from kdprobe.distillers.initial_student import open_student
from kdprobe.distillers.objective import ModelPair
from kdprobe.distillers.teacher_signal import StoredTeacher
from kdprobe.distillers.teacher_store import all_logits
from kdprobe.distillers.trainer import StudentTrainer
from kdprobe.distillers.training_job import EvaluationSet, TrainingJob
from kdprobe.distillers.weighted_loss import build_weighted_loss
from kdprobe.models.checkpoint import Loaded, load_classifier, quiet
from kdprobe.models.precision import has_bfloat16
from kdprobe.models.reparametrised_embeddings import FORMS, fold
from kdprobe.progress import Silent
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import Split
from tests.bench.peak import operations, share_of_peak
from tests.bench.rows import BenchRows
from tests.bench.trainer_peer import distil_with_trainer
from tests.distillers.builders import TASK, toy_split
from tests.models.tiny import tiny_checkpoint

REAL = bool(os.environ.get("KDPROBE_ENCODER"))
EXAMPLES, HELD = (256, 256) if REAL else (96, 64)
BATCH, EPOCHS, PADDED = 32, 3, 128
ROUNDS = 3 if REAL else 5
STEPS = EPOCHS * EXAMPLES // BATCH
RATE = 5e-5
CPU = torch.device("cpu")


class Bench(NamedTuple):
    """A teacher, a student of three layers or fewer, and what they read."""

    teacher: Loaded
    student: Any
    split: Split
    encoded: Encoded
    held_split: Split
    held: Encoded


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    folder = os.environ.get("KDPROBE_ENCODER")
    if folder:
        task = open_task("cola")
        split = load_split(task, "train", offline=True, limit=EXAMPLES, seed=0)
        held = load_split(task, "dev", offline=True, limit=HELD, seed=0)
        loaded = load_classifier(folder, task=task.task(), offline=True)
    else:
        split, held = toy_split(EXAMPLES), toy_split(HELD, seed=1, name="dev")
        place = tiny_checkpoint(
            tmp_path / "t", labels=TASK.labels, layers=4, width=64, heads=4, max_length=PADDED
        )
        loaded = load_classifier(str(place), task=TASK, offline=True)
    loaded.model.requires_grad_(False).eval()
    torch.manual_seed(0)
    spec = "layers=3" if folder else "layers=2"
    student = open_student(spec, loaded, split.task, offline=True, progress=Silent())
    for module in student.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # else no two ways to compute one loss are equal
    encoded, unseen = (
        encode_for(student.model, loaded.tokenizer, part, max_length=PADDED)
        for part in (split, held)
    )
    return Bench(loaded, student.model, split, encoded, held, unseen)


def trainer(
    bench: Bench, student: Any, folder: Path, *, padding: str, seed: int, bf16: bool = False,
    steps: int = -1,
) -> list[float]:  # fmt: skip
    """Hugging Face's trainer; see `distil_with_trainer`.

    Padded to 128 it goes through our batches (it costs the same in any order), so that the mean
    loss and the student are compared; with dynamic padding it shuffles as it does.
    """
    columns, gold = bench.encoded.columns, np.asarray(bench.split.labels)
    rows = [
        {**{name: ids[row] for name, ids in columns.items()}, "labels": int(gold[row])}
        for row in range(EXAMPLES)
    ]
    grouped = GroupedByLength(bench.encoded.lengths, batch=BATCH, seed=seed)
    return distil_with_trainer(
        bench.teacher, student, rows, order=grouped if padding == "max_length" else None,
        padding=padding, longest=PADDED, folder=folder, num_train_epochs=EPOCHS,
        per_device_train_batch_size=BATCH, learning_rate=RATE, lr_scheduler_type="constant",
        logging_steps=STEPS, bf16=bf16, seed=seed, max_steps=steps,
    )  # fmt: skip


def teach(bench: Bench) -> NDArray[np.float32]:
    """The teacher's pass over the training texts."""
    return all_logits(
        bench.teacher.model, bench.encoded, columns=bench.teacher.columns, device=CPU,
        batch_size=64, progress=Silent(), title="",
    )  # fmt: skip


def ours(bench: Bench, student: Any, compute: Compute, folder: Path, *, seed: int) -> list[float]:
    """Our trainer: the teacher's pass first, then every epoch, and a checkpoint."""
    logits = teach(bench)
    shapes = shape_of(student), shape_of(bench.teacher.model)
    settings = TrainingSettings(
        epochs=EPOCHS, batch_size=BATCH, learning_rate=RATE, warmup=0.0, schedule="constant",
        evaluate_every=10**6,
    )  # fmt: skip
    terms = (
        ObjectiveSetting(name="hard_labels", weight=0.5),
        ObjectiveSetting(name="soft_targets", weight=0.5, options={"temperature": 1.0}),
    )
    weighted_loss = build_weighted_loss(terms, reduction="example", where="bench")
    job = TrainingJob(
        student=student, tokenizer=bench.teacher.tokenizer, split=bench.split,
        encoded=bench.encoded, evaluation=EvaluationSet(bench.held_split, bench.held),
        weighted_loss=weighted_loss, models=ModelPair(bench.split.task, *shapes, same_tokens=True),
        teacher=StoredTeacher(torch.from_numpy(logits)), settings=settings, compute=compute,
        seed=seed,
    )  # fmt: skip
    with settled(compute, seed=seed, purpose="bench"):
        trainer = StudentTrainer(job, folder=folder, callbacks=[])
        trainer.args.logging_steps = STEPS  # one log of the mean over all steps
        trainer.args.eval_strategy = IntervalStrategy.NO  # the peer has none
        trainer.train()
    fold(student, *FORMS)
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def timed(call: Callable[[], list[float]]) -> tuple[float, list[float]]:
    started = time.process_time()
    losses = call()
    return time.process_time() - started, losses


def divergence(bench: Bench, student: Any) -> float:
    """Mean KL to the teacher over unseen examples: how well the student has learnt."""
    student.eval()
    inputs = bench.held.batch(range(HELD))
    said = predict(bench.teacher.model, inputs, columns=torch.tensor(bench.teacher.columns))
    left, right = (torch.log_softmax(logits, -1) for logits in (predict(student, inputs), said))
    value: Tensor = nn.functional.kl_div(left, right, log_target=True, reduction="batchmean")
    return float(value)


def work_of_all(bench: Bench, folder: Path) -> dict[str, float]:
    """Floating-point operations of each way to train, and of our pass of the teacher.

    Every step of the padded peer has as many; of the others a whole training is counted.
    """
    plain = Compute("cpu", bf16=False, threads=torch.get_num_threads())
    peer = partial(trainer, bench, folder=folder, seed=0)

    def of(train: Callable[[Any], object]) -> float:
        student = copy.deepcopy(bench.student)
        return operations(lambda: train(student))

    padded = STEPS * of(lambda student: peer(student, padding="max_length", steps=1))
    dynamic = of(lambda student: peer(student, padding="longest"))
    own = of(lambda student: ours(bench, student, plain, folder, seed=0))
    return {
        TEACHER: operations(lambda: teach(bench)), PADDED_PEER: padded, DYNAMIC: dynamic,
        DYNAMIC_HALF: dynamic, OURS: own, OURS_HALF: own,
    }  # fmt: skip


def share_of(way: str, work: dict[str, float], seconds: float) -> float:
    """The share of peak that a way to train reached; our teacher's pass is float32 in both."""
    if way in (DYNAMIC_HALF, OURS_HALF):
        full = work[TEACHER] if way == OURS_HALF else 0.0
        half = share_of_peak(work[way] - full, seconds, torch.bfloat16)
        return half + share_of_peak(full, seconds)
    return share_of_peak(work[way], seconds)


PADDED_PEER, DYNAMIC, DYNAMIC_HALF = (
    "Trainer padded to 128",
    "Trainer with dynamic padding",
    "Trainer with dynamic padding in bfloat16",
)
OURS, OURS_HALF, TEACHER = "ours, float32", "ours, bfloat16", "our teacher's pass"
LIMITS = {PADDED_PEER: (15.0, 30.0), DYNAMIC: (3.0, 5.0), DYNAMIC_HALF: (None, None)}
COMPARED = ((OURS, PADDED_PEER), (OURS, DYNAMIC), (OURS_HALF, PADDED_PEER),
            (OURS_HALF, DYNAMIC), (OURS_HALF, DYNAMIC_HALF))  # fmt: skip


def all_ways(bench: Bench) -> dict[str, Callable[[Any, Path, int], list[float]]]:
    """Every way to train a student; bfloat16 where the processor has it, emulated it saves none."""
    plain = Compute("cpu", bf16=False, threads=torch.get_num_threads())
    half = choose_compute(device="cpu", bf16=has_bfloat16("cpu"))
    peer = partial(trainer, bench)
    ways: dict[str, Callable[[Any, Path, int], list[float]]] = {
        PADDED_PEER: lambda s, p, r: peer(s, p, padding="max_length", seed=r),
        DYNAMIC: lambda s, p, r: peer(s, p, padding="longest", seed=r),
        OURS: lambda s, p, r: ours(bench, s, plain, p, seed=r),
    }
    if half.bf16:
        ways[DYNAMIC_HALF] = lambda s, p, r: peer(s, p, padding="longest", seed=r, bf16=True)
        ways[OURS_HALF] = lambda s, p, r: ours(bench, s, half, p, seed=r)
    return ways


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_steps_against_the_trainer(bench: Bench, tmp_path: Path, bench_row: BenchRows) -> None:
    """Guards speed that is bought with another student: losses are equal before times are told."""
    ways = all_ways(bench)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    learnt: dict[str, list[float]] = {name: [] for name in ways}
    losses: dict[str, list[float]] = {name: [] for name in ways}
    with quiet():
        work = work_of_all(bench, tmp_path / "counted")
        for number in range(ROUNDS):
            for name, way in ways.items():
                student, place = copy.deepcopy(bench.student), tmp_path / f"{name} {number}"
                took, of_steps = timed(lambda: way(student, place, number))  # noqa: B023 (at once)
                losses[name].append(statistics.mean(of_steps))
                seconds[name].append(took)
                learnt[name].append(divergence(bench, student))
    report(bench, seconds, learnt)
    check_equal(bench, losses, learnt)
    average = {name: statistics.mean(steps) for name, steps in learnt.items()}
    shares = {name: share_of(name, work, statistics.median(each)) for name, each in seconds.items()}
    for mine, theirs in COMPARED:
        if mine not in ways:
            continue
        must, goal = LIMITS[theirs]
        most = statistics.median(seconds[theirs]) / statistics.median(seconds[mine]) / shares[mine]
        bench_row(
            f"distilling, {mine}, to {theirs}",
            [slow / fast for slow, fast in zip(seconds[theirs], seconds[mine], strict=True)],
            agreement=f"KL {average[mine]:.4f}, the Trainer's {average[theirs]:.4f}",
            must=must, goal=goal, share=shares[mine],
            limits=f"the Trainer does {work[theirs] / work[mine]:.1f} times the operations at "
            f"{100 * shares[theirs]:.0f} % of peak; ours at peak would be {most:.1f} times as fast",
        )  # fmt: skip
    assert statistics.median(seconds[PADDED_PEER]) > 2 * statistics.median(seconds[OURS])


def check_equal(
    bench: Bench, losses: dict[str, list[float]], learnt: dict[str, list[float]]
) -> None:
    """The same losses and students in one order of batches; in another and in bfloat16 nearly."""
    assert losses[OURS] == pytest.approx(losses[PADDED_PEER], abs=2e-3)
    assert learnt[OURS] == pytest.approx(learnt[PADDED_PEER], abs=2e-3)
    bound = 0.15 * divergence(bench, bench.student) + 2e-3
    average = {name: statistics.mean(steps) for name, steps in learnt.items()}
    for name, value in average.items():
        assert abs(value - average[OURS]) < bound, name
    if OURS_HALF in losses:
        assert losses[OURS_HALF] == pytest.approx(losses[PADDED_PEER], abs=5e-2)


def report(bench: Bench, seconds: dict[str, list[float]], learnt: dict[str, list[float]]) -> None:
    """Print speed and what was learnt."""
    start = divergence(bench, bench.student)
    for name, each in seconds.items():
        took = statistics.median(each)
        print(f"{name}: {STEPS / took:.2f} steps/s, {EPOCHS * EXAMPLES / took:.0f} sentences/s, "
              f"KL to the teacher on unseen texts {statistics.mean(learnt[name]):.4f} +- "
              f"{statistics.stdev(learnt[name]):.4f} over {ROUNDS} seeds "
              f"(before: {start:.4f})")  # fmt: skip
