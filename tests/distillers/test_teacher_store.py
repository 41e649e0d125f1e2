"""Tests of the logits of a split: right rows, right teacher, right labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.teacher_signal import NoTeacher
from kdprobe.distillers.teacher_store import TeacherFile, all_logits
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.models import batches
from kdprobe.progress import Silent
from kdprobe.workers.pool import Workers
from tests.distillers.builders import toy_job, toy_split

DEVICE = torch.device("cpu")


class Listener(Silent):
    """A display that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def job() -> TrainingJob:
    torch.manual_seed(0)
    return toy_job(TrainingSettings(), n=40)


def test_rows_and_columns(job: TrainingJob) -> None:
    """Guards the order: batches are sorted by length, the result must not be; labels by name."""
    job.student.train()
    logits = all_logits(
        job.student, job.encoded, columns=(1, 0), device=DEVICE, batch_size=7,
        progress=Silent(), title="",
    )  # fmt: skip
    assert job.student.training  # its mode is put back
    job.student.eval()
    for row in range(40):
        with torch.no_grad():
            alone = job.student(**job.encoded.batch([row])).logits[0]
        assert logits[row].tolist() == pytest.approx([float(alone[1]), float(alone[0])], abs=1e-5)


@pytest.mark.slow
def test_processes_give_the_bits_of_one(job: TrainingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """A teacher whose last digits tell the cores trains another student on another machine."""
    monkeypatch.setattr(batches, "PIECE_TOKENS", 50)
    lines: list[str] = []

    def logits(workers: Workers) -> np.ndarray:
        return all_logits(
            job.student, job.encoded, columns=(1, 0), device=DEVICE, batch_size=7,
            progress=Silent(), title="", workers=workers,
        )  # fmt: skip

    with Workers(2, starting=0, say=lines.append) as two:
        np.testing.assert_array_equal(logits(two), logits(Workers()))
    assert len(lines) == 1, "all of it was done elsewhere"
    assert lines[0].startswith("2 processes")


def test_keys_differ_by_everything_that_matters() -> None:
    """Guards against quantities of another teacher, split, length, label order or device."""
    split = toy_split(4)
    file = TeacherFile("f" * 64, split, 32, (0, 1), DEVICE)
    others = [
        replace(file, fingerprint="e" * 64),
        replace(file, split=toy_split(4, seed=1)),
        replace(file, max_length=16),
        replace(file, columns=(1, 0)),
        replace(file, device=torch.device("cuda")),
    ]
    assert len({str(file.parts), *(str(other.parts) for other in others)}) == 6


def test_a_fine_tuning_reads_no_teacher() -> None:
    """Guards against a loss that quietly learns from something."""
    assert NoTeacher().view([0], DEVICE).values == {}
