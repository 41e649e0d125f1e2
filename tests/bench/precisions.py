"""Students of several families, trained in float32 and in bfloat16 from the same seeds.

Does: build each family's beginning and train it on one task; run as a program it prints one line a
training: `python -m tests.bench.precisions FAMILY TASK float32,bfloat16 0,1,2,3,4`. Does not:
judge; `distillers.precision` does.

`KDPROBE_MODELS` names the folder of real encoders, `KDPROBE_ENCODER` a classifier that was
fine-tuned on CoLA, `KDPROBE_DATA` the folder of real data.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kdprobe.distillation import distill
from kdprobe.finetuning import finetune

Precision = str
THREADS = 1


class Family(NamedTuple):
    """Students of one architecture that begin alike.

    `source` gives the model that `finetune` is given, `student` the part of it (on CoLA it is a
    part of the fine-tuned teacher, which teaches it), and `budgets` how long it is trained on each
    task.
    """

    source: Callable[[Path, str], str]
    student: str | None
    budgets: Mapping[str, Mapping[str, Any]]


class Trained(NamedTuple):
    """One training: the score on dev, the dev loss in nats, and CPU seconds."""

    score: float
    loss: float
    seconds: float


def _minilm(folder: Path, task: str) -> str:
    return str(Path(os.environ["KDPROBE_MODELS"]) / "minilm")


def _gpt2(folder: Path, task: str) -> str:
    """Save a decoder of random weights; its tokenizer is trained on the task's texts."""
    import torch
    from transformers import GPT2Config, GPT2ForSequenceClassification

    from kdprobe.models.word_pieces import train_tokenizer
    from kdprobe.tasks.open import open_task
    from kdprobe.tasks.sources import load_split

    texts = load_split(open_task(task), "train", offline=True).texts
    tokenizer = train_tokenizer(texts, vocabulary=4000)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=128, n_embd=256, n_layer=2, n_head=4,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    place = folder / "gpt2"
    GPT2ForSequenceClassification(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return str(place)


FAMILIES: dict[str, Family] = {
    "bilstm": Family(
        lambda folder, task: "bilstm:hidden=64,fc=512,embed=48,sentence=max", None,
        {"grammar": {"epochs": 4.0, "learning_rate": 4e-3, "limit": 6000},
         "cola": {"epochs": 2.0, "learning_rate": 2e-3}},
    ),
    "bert, copied layers": Family(
        _minilm, "layers=3",
        {"grammar": {"epochs": 3.0, "learning_rate": 3e-4, "limit": 4000, "batch_size": 16},
         "cola": {"epochs": 2.0, "learning_rate": 1e-4, "limit": 2000}},
    ),
    "bert, random weights": Family(
        lambda folder, task: "bert:L2,H256,I512,A4,V4000", None,
        {"grammar": {"epochs": 3.0, "learning_rate": 1e-3, "limit": 3000},
         "cola": {"epochs": 3.0, "learning_rate": 5e-4, "limit": 2000}},
    ),
    "gpt2, random weights": Family(
        _gpt2, None,
        {"grammar": {"epochs": 3.0, "learning_rate": 1e-3, "limit": 3000},
         "cola": {"epochs": 3.0, "learning_rate": 5e-4, "limit": 2000}},
    ),
}  # fmt: skip


def train(name: str, task: str, precision: Precision, seed: int, folder: Path) -> Trained:
    """Train one student; the order of the examples, dropout and new weights follow the seed."""
    family = FAMILIES[name]
    source = family.source(folder, task)
    started = time.process_time()
    teacher = task == "cola" and family.student is not None
    result = (distill if teacher else finetune)(
        os.environ["KDPROBE_ENCODER"] if teacher else source, task=task, student=family.student,
        output=folder / f"{precision}-{seed}", seed=seed, device="cpu",
        bf16=precision == "bfloat16", threads=THREADS, offline=True, **family.budgets[task],
    )  # fmt: skip
    score = result.scores["mcc"]
    loss = result.scores["loss"]
    return Trained(
        float("nan") if score is None else score, float("nan") if loss is None else loss,
        time.process_time() - started,
    )  # fmt: skip


def main(name: str, task: str, precisions: str, seeds: str) -> None:
    """Print one line for each training, as it ends."""
    with tempfile.TemporaryDirectory() as place:
        for seed in map(int, seeds.split(",")):
            for precision in precisions.split(","):
                done = train(name, task, precision, seed, Path(place))
                print(f"{name}\t{task}\t{precision}\t{seed}\t{done.score:.4f}\t{done.loss:.4f}\t"
                      f"{done.seconds:.1f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
