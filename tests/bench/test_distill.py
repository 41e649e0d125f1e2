"""What a cached teacher and length groups save: our trainer against the loops people write.

`KDPROBE_ENCODER` names a classifier's folder for CoLA (with `KDPROBE_DATA`); without it a tiny one.
Each round has a seed of its own, so that students are compared over several.
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
from kdprobe.models.checkpoint import Loaded, load_classifier
from kdprobe.models.precision import has_bfloat16
from kdprobe.models.reparametrised_embeddings import FORMS, fold
from kdprobe.progress import Silent
from kdprobe.seeds import derive_generator
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import Split
from tests.bench.peak import operations, share_of_peak
from tests.bench.rows import BenchRows
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
    return Bench(loaded, student.model, split, encoded, unseen)


def our_order(bench: Bench, seed: int) -> Iterator[list[int]]:
    """The batches of our trainer; padding to 128 costs the same in any order."""
    sampler = GroupedByLength(bench.encoded.lengths, batch=BATCH, seed=seed)
    for epoch in range(EPOCHS):
        sampler.set_epoch(epoch)
        rows = list(sampler)
        yield from (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def shuffled(seed: int) -> Iterator[list[int]]:
    """The batches of a common loader."""
    for epoch in range(EPOCHS):
        drawn = derive_generator(seed, "bench", "distil", str(epoch)).permutation(EXAMPLES)
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


def ours(bench: Bench, student: Any, compute: Compute, folder: Path, *, seed: int) -> list[float]:
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
    weighted_loss = build_weighted_loss(terms, reduction="example", where="bench")
    job = TrainingJob(
        student=student, tokenizer=bench.teacher.tokenizer, split=bench.split,
        encoded=bench.encoded, evaluation=EvaluationSet(bench.split, bench.encoded),
        weighted_loss=weighted_loss, models=ModelPair(bench.split.task, *shapes, same_tokens=True),
        teacher=StoredTeacher(torch.from_numpy(logits)), settings=settings, compute=compute,
        seed=seed,
    )  # fmt: skip
    with settled(compute, seed=seed, purpose="bench"):
        trainer = StudentTrainer(job, folder=folder, callbacks=[])
        trainer.args.logging_steps = STEPS  # one log of the mean over all steps
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


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_steps_against_plain_loops(bench: Bench, tmp_path: Path, bench_row: BenchRows) -> None:
    """Guards speed that is bought with another student: losses are equal before times are told.

    The loop that pads to 128 goes through our batches, so that the mean loss and the student are
    compared; the loop with dynamic padding shuffles as loaders do, and its student is compared.
    """
    plain = Compute("cpu", bf16=False, threads=torch.get_num_threads())
    half = choose_compute(device="cpu", bf16=has_bfloat16("cpu"))  # emulated it is no way to save
    ways: dict[str, Callable[[Any, int], list[float]]] = {
        "padded to 128": lambda s, r: plain_loop(bench, s, our_order(bench, r), "max_length"),
        "dynamic padding": lambda s, r: plain_loop(bench, s, shuffled(r), "longest"),
        "ours, float32": lambda s, r: ours(bench, s, plain, tmp_path / f"f{r}", seed=r),
    }
    if half.bf16:
        ways["ours, bfloat16"] = lambda s, r: ours(bench, s, half, tmp_path / f"h{r}", seed=r)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    learnt: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS):
        means: dict[str, float] = {}
        for name, way in ways.items():
            student = copy.deepcopy(bench.student)
            took, losses = timed(lambda: way(student, number))  # noqa: B023 (called at once)
            means[name] = statistics.mean(losses)
            seconds[name].append(took)
            learnt[name].append(divergence(bench, student))
        assert means["ours, float32"] == pytest.approx(means["padded to 128"], abs=2e-3)
        if half.bf16:
            assert means["ours, bfloat16"] == pytest.approx(means["padded to 128"], abs=5e-2)
    start = divergence(bench, bench.student)
    assert learnt["ours, float32"] == pytest.approx(learnt["padded to 128"], abs=2e-3)
    average = {name: statistics.mean(steps) for name, steps in learnt.items()}
    assert abs(average["dynamic padding"] - average["ours, float32"]) < 0.15 * start + 2e-3
    medians = {name: statistics.median(steps) for name, steps in seconds.items()}
    for name, took in medians.items():
        print(f"{name}: {STEPS / took:.2f} steps/s, {EPOCHS * EXAMPLES / took:.0f} sentences/s, "
              f"KL to the teacher on unseen texts {average[name]:.4f} +- "
              f"{statistics.stdev(learnt[name]):.4f} over {ROUNDS} seeds "
              f"(before: {start:.4f})")  # fmt: skip
    best_way = min((name for name in medians if name.startswith("ours")), key=medians.__getitem__)
    best = medians[best_way]
    work = operations(lambda: ways[best_way](copy.deepcopy(bench.student), ROUNDS))
    kind = torch.bfloat16 if best_way == "ours, bfloat16" else torch.float32
    for name in ("padded to 128", "dynamic padding"):
        ratio = medians[name] / best
        rounds = [slow / fast for slow, fast in zip(seconds[name], seconds[best_way], strict=True)]
        bench_row(
            f"distilling, {best_way}, to the loop with {name}",
            rounds,
            agreement=f"KL {average[best_way]:.4f}, the loop's {average[name]:.4f}",
            must={"padded to 128": 15.0, "dynamic padding": 3.0}[name],
            goal={"padded to 128": 30.0, "dynamic padding": 5.0}[name],
            share=share_of_peak(work, best, kind),
        )
        print(f"distil: {ratio:.1f} times as fast as the loop with {name}, teacher's pass counted")
    assert medians["padded to 128"] > 2 * best
