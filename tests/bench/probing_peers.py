"""What probing is measured against: SentEval's pass over an encoder, its fits one after the other.

Also encoders, sentences and labels for it: real ones where `KDPROBE_ENCODER` and `KDPROBE_DATA`
name them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from kdprobe.extract.probes.data import ProbeData
from kdprobe.extract.probes.fits import ProbeOptions, protocols
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.seeds import derive_generator
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import Task
from tests.extract.probes.test_fits import one_by_one
from tests.models.tiny import WORDS, tiny_checkpoint

T = TypeVar("T")
TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
ROUNDS = 5
CLASSES = 3


def timed(call: Callable[[], T]) -> tuple[float, T]:
    started = time.process_time()
    value = call()
    return time.process_time() - started, value


def encoder_work(handle: HfModel, lengths: np.ndarray) -> float:
    """Floating-point operations of an encoder's matrix products over texts of so many tokens."""
    config = handle.model.config
    d, inner = config.hidden_size, config.intermediate_size
    tokens, squares = float(lengths.sum()), float((lengths.astype(np.float64) ** 2).sum())
    return float(
        config.num_hidden_layers * (tokens * (8 * d * d + 4 * d * inner) + 4 * squares * d)
    )


def token_lengths(handle: HfModel, texts: list[str]) -> np.ndarray:
    """How many tokens each text has."""
    return np.array([len(row) for row in handle.tokenizer(texts)["input_ids"]])


def encoder(folder: Path) -> HfModel:
    """The real encoder that KDPROBE_ENCODER names, else a six-layer one of random weights."""
    place = os.environ.get("KDPROBE_ENCODER", "")
    if not place:
        path = tiny_checkpoint(folder / "m", labels=TASK.labels, layers=6, width=128, heads=4)
        return open_hf(str(path), name="random encoder", task=TASK, device="cpu")
    labels = {"id2label": dict(enumerate(TASK.labels)), "label2id": {"bad": 0, "good": 1}}
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(place, num_labels=2, **labels)
    model.save_pretrained(folder / "m")
    AutoTokenizer.from_pretrained(place).save_pretrained(folder / "m")
    return open_hf(str(folder / "m"), name="real encoder", task=TASK, device="cpu")


def sentences(count: int) -> list[str]:
    """Different sentences of CoLA, or random words of its lengths where it is not here."""
    if os.environ.get("KDPROBE_DATA"):
        texts = load_split(open_task("cola"), "train", offline=True).texts
        return list(dict.fromkeys(texts[:: len(texts) // (count + count // 8)]))[:count]
    generator = derive_generator(0, "bench", "probing")
    made: dict[str, None] = {}
    while len(made) < count:
        made[" ".join(generator.choice(WORDS, size=generator.integers(4, 20)))] = None
    return list(made)


def padded(handle: HfModel, texts: list[str], layer: int, *, full: bool = False) -> np.ndarray:
    """SentEval's way: one layer and one pooling, batches of 128 in the order of word counts.

    `full` pads to 128 tokens, as many scripts do.
    """
    order = sorted(range(len(texts)), key=lambda row: len(texts[row].split()))
    out = np.empty((len(texts), handle.model.config.hidden_size), dtype=np.float32)
    cap = min(128, int(handle.model.config.max_position_embeddings))
    for start in range(0, len(order), 128):
        rows = order[start : start + 128]
        batch = handle.tokenizer(
            [texts[r] for r in rows], padding="max_length" if full else True, max_length=cap,
            truncation=True, return_tensors="pt",
        )  # fmt: skip
        with torch.no_grad():
            state = handle.model(**batch, output_hidden_states=True).hidden_states[layer]
        for place, row in enumerate(rows):
            length = int(batch["attention_mask"][place].sum())
            out[row] = state[place, 1 : length - 1].mean(0).numpy()
    return out


class Peer(NamedTuple):
    """One cell's grid, one fit after the other: seconds of 4 and of 5 fits a point, and the best.

    SentEval repeats the best L2 of every point from scratch for the test score.
    """

    careful: float
    repeated: float
    hits: np.ndarray


def grid_one_by_one(data: ProbeData, cell: int) -> Peer:
    careful = repeated = 0.0
    best, hits = -1.0, np.zeros(0, dtype=bool)
    grid = protocols(ProbeOptions("thesis"))[0]
    for hidden in grid.hidden:
        for dropout in grid.dropout:
            seconds, fits = [], []
            for l2 in grid.strengths:
                took, fit = timed(
                    lambda h=hidden, p=dropout, s=l2: one_by_one(data, cell, s, h, p)  # type: ignore[misc]
                )
                seconds.append(took)
                fits.append(fit)
            first = int(np.argmax([round(100 * fit[0], 2) for fit in fits]))
            careful += sum(seconds)
            repeated += sum(seconds) + seconds[first]
            if round(100 * fits[first][0], 2) > best:
                best, hits = round(100 * fits[first][0], 2), fits[first][1]
    return Peer(careful, repeated, hits)


def labelled(texts: list[str]) -> np.ndarray:
    """Three classes of length, with a tenth of the labels drawn: no probe reaches 1."""
    generator = derive_generator(0, "bench", "labels")
    labels = np.array([min(len(text.split()) // 7, CLASSES - 1) for text in texts])
    drawn = generator.random(len(texts)) < 0.1
    return np.where(drawn, generator.integers(0, CLASSES, size=len(texts)), labels)
