"""A program that trains, predicts, compares and explains on a small task, and prints the numbers.

Argument: a folder to work in, and the number of threads. `test_kernel_paths.py` starts it with
several kernels; does not: test anything itself.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from kdprobe.distillation import distill
from kdprobe.distillers.encoding import GroupedByLength
from kdprobe.extract.attributions import explain_model
from kdprobe.extract.method import METHODS
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.finetuning import finetune
from kdprobe.models.hf import open_hf
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.seeds import derive_generator
from tests.distillers.builders import TASK, toy_file, toy_split

MODELS = {"bert": "bert:L2,H32,A2,I64,V200", "bilstm": "bilstm:hidden=16,fc=16,embed=16"}
METHODS_USED = ("integrated_gradients", "occlusion")


def digest(values: Any) -> str:
    """Hash the bytes of an array."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]


def drawn() -> dict[str, str]:
    """Give hashes of what is drawn at random, and of what is made of text."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        uniform = torch.rand(1000)
        masks = torch.nn.functional.dropout(torch.ones(1000), 0.1)
        order = torch.randperm(1000)
    resamples = derive_generator(1, "kernels").integers(0, 100, size=1000)
    split = toy_split(64)
    batches = GroupedByLength(np.arange(64) % 9, batch=8, seed=3)
    return {
        "uniform": digest(uniform), "dropout": digest(masks), "order": digest(order),
        "batches": digest(list(batches)), "texts": split.fingerprint,
        "resamples": digest(resamples),
    }  # fmt: skip


def explained(place: Path) -> dict[str, list[float]]:
    """Give word scores of two sentences."""
    handle = open_hf(str(place), name="m", task=TASK, device="cpu")
    texts = ("the great film the man", "a terrible plan")
    asked = [Sentence(text, (text,), split_words(text), 1) for text in texts]
    setting = ExplanationSettings({name: METHODS.load(name).options() for name in METHODS_USED})
    made = explain_model(handle, asked, setting, cache=None, progress=Silent())
    return {
        name: [float(score) for one in made[name] for score in one.scored.scores]
        for name in METHODS_USED
    }


def main(folder: Path, threads: int) -> dict[str, Any]:
    """Run the chain."""
    task = str(toy_file(folder, train=320, dev=60))
    given: Any = {"task": task, "device": "cpu", "threads": threads, "offline": True}
    given |= {"batch_size": 16, "epochs": 3.0, "learning_rate": 3e-3, "evaluate_every": 20}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        close = {"normal numbers": torch.randn(1000).tolist()}
    labels: dict[str, list[int]] = {}
    split = toy_split(60, seed=5, name="dev")
    for kind, shape in MODELS.items():
        place = folder / kind
        trained = finetune(shape, output=place, **given)
        close[f"{kind} losses"] = [e["loss"] for e in trained.history if "loss" in e]
        handle = open_hf(str(place), name=kind, task=TASK, device="cpu")
        values = handle.outputs(split, batch_size=16, advance=lambda _: None).values
        close[f"{kind} logits"] = values.ravel().tolist()
        labels[kind] = values.argmax(1).tolist()
        state = load_file(place / "model.safetensors")
        close[f"{kind} weights"] = [float(state[name].double().square().sum()) for name in state]
        close |= {f"{kind} {name}": scores for name, scores in explained(place).items()}
    student = distill(str(folder / "bert"), student="layers=1", output=folder / "student", **given)
    close["student scores"] = [student.scores[name] or 0.0 for name in ("loss", "kl")]
    ranks = {name: student.scores[name] for name in ("accuracy", "agreement", "cohens_kappa")}
    return {"bits": drawn(), "close": close, "labels": labels, "scores": ranks}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
