"""Tests of stored teacher logits: right rows, right teacher, right labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.cache import Cache
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.own_reading import OwnReading
from kdprobe.distillers.teacher_signal import NoTeacher
from kdprobe.distillers.teacher_store import TeacherFile, all_logits, teacher_logits
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.models.text_model import TextModel
from kdprobe.progress import Silent
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


def ask(job: TrainingJob, file: TeacherFile, cache: Cache, display: Listener) -> np.ndarray:
    text = TextModel(job.student, job.tokenizer, name="t")
    own = OwnReading(text, job.split, job.encoded, file.max_length, file.columns)
    return teacher_logits(
        job.student, job.encoded, file, cache=cache, progress=display, title="t", own=own
    )


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


def test_stored_once_and_checked(job: TrainingJob, tmp_path: Path) -> None:
    """Guards the cache: a second student asks nothing, and a changed teacher is noticed."""
    file = TeacherFile("f" * 64, job.split, 32, (0, 1), DEVICE)
    cache, display = Cache(tmp_path), Listener()
    first = ask(job, file, cache, display)
    calls: list[int] = []
    hook = job.student.register_forward_hook(
        lambda module, given, output: calls.append(len(output.logits))
    )
    assert np.array_equal(ask(job, file, cache, display), first)
    # the rows that are checked again, in one batch; a few alone
    assert sorted(calls, reverse=True)[0] == 16
    assert 0 < calls.count(1) == len(calls) - 1 < 8
    hook.remove()
    with torch.no_grad():
        job.student.classifier.bias += 1.0
    changed = ask(job, file, cache, display)
    assert np.allclose(changed, first + 1.0, atol=1e-5)
    assert display.said == ["The stored logits are not what the teacher gives now; computed again."]


def test_keys_differ_by_everything_that_matters() -> None:
    """Guards against logits of another teacher, split, length, label order or device."""
    split = toy_split(4)
    file = TeacherFile("f" * 64, split, 32, (0, 1), DEVICE)
    others = [
        replace(file, fingerprint="e" * 64),
        replace(file, split=toy_split(4, seed=1)),
        replace(file, max_length=16),
        replace(file, columns=(1, 0)),
        replace(file, device=torch.device("cuda")),
    ]
    assert len({file.key.digest, *(other.key.digest for other in others)}) == 6


def test_another_number_of_rows_is_not_trusted(job: TrainingJob, tmp_path: Path) -> None:
    """Guards a store that was cut short."""
    file = TeacherFile("f" * 64, job.split, 32, (0, 1), DEVICE)
    cache, display = Cache(tmp_path), Listener()
    cache.store(file.key, {"logits": np.zeros((3, 2), dtype=np.float32)}, description="short")
    assert ask(job, file, cache, display).shape == (40, 2)
    assert NoTeacher().view([0], DEVICE).values == {}
