"""Every family of students that distilling supports, each as a job of a few tiny steps.

Does: build a teacher of the right architecture, the student as `student` would, and a job for
one objective. The families are read from the tables of the package, so that a new architecture,
beginning or mode is met by the contract suites on arrival. Does not: assert.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification

from kdprobe.config.recipe import ObjectiveSetting
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.compute import Compute, settled
from kdprobe.distillers.data import encode_for
from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.forward import prepare, shape_of
from kdprobe.distillers.initial_student import InitialStudent, layer_map_of, open_student
from kdprobe.distillers.objective import LOGITS, ModelPair
from kdprobe.distillers.teacher_signal import LiveTeacher
from kdprobe.distillers.trainer import StudentTrainer
from kdprobe.distillers.training_job import EvaluationSet, TrainingJob
from kdprobe.distillers.weighted_loss import WeightedLoss, build_weighted_loss
from kdprobe.models.architectures import LAYER_LISTS
from kdprobe.models.architectures import PARTS as CUT_KINDS
from kdprobe.models.bilstm_shape import MODES
from kdprobe.models.checkpoint import Loaded
from kdprobe.models.shapes import INITS, label_settings
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split
from tests.contracts.test_objectives import OPTIONS
from tests.distillers.builders import TASK, toy_split
from tests.models.tiny import tiny_tokenizer

# What the architectures call the sizes of a model of three layers, 16 wide; dropout is 0, so that
# two precisions can be compared.
_SIZES = {
    "num_hidden_layers": 3, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32,
    "n_layers": 3, "dim": 16, "n_heads": 2, "hidden_dim": 32, "embedding_size": 16,
    "n_layer": 3, "n_embd": 16, "n_head": 2, "n_positions": 64, "max_position_embeddings": 66,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "dropout": 0.0,
    "attention_dropout": 0.0, "seq_classif_dropout": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0,
    "attn_pdrop": 0.0, "initializer_range": 0.2, "pad_token_id": 0, "bos_token_id": None,
    "eos_token_id": None,
}  # fmt: skip
BATCHES = ((0, 1, 2, 3, 4, 5), (6, 7, 8), (9, 10, 11, 12))


class Family(NamedTuple):
    """A student as `student` names it, and the architecture of its teacher."""

    student: str
    teacher: str = "bert"
    pairs: bool = False


class Steps(NamedTuple):
    """What a few optimiser steps gave."""

    losses: tuple[float, ...]
    gradients: tuple[Tensor, ...]
    dtypes: frozenset[torch.dtype]
    student: Any


def families() -> dict[str, Family]:
    """Return all families by name, from the tables that the package itself reads."""
    listed = {f"{kind}, copied layers": Family("layers=2", kind) for kind in sorted(LAYER_LISTS)}
    for kind in sorted(CUT_KINDS):
        for init in INITS:
            if init != "copy" and (kind == "bert" or init == "truncated"):
                spec = f"layers=2,hidden=8,intermediate=16,heads=1,init={init}"
                listed[f"{kind}, {init}"] = Family(spec, kind)
    for mode in MODES:
        listed[f"bilstm, {mode}"] = Family(f"bilstm:hidden=6,fc=8,embeddings=teacher,mode={mode}")
    lstm = "bilstm:hidden=6,fc=8,layers=2,embed=8,sentence=max"
    return listed | {
        "bert, new": Family("bert:L2,H16,A2"),
        "bert, teacher's embeddings": Family("bert:L2,H8,A1,embeddings=teacher"),
        "bilstm, two layers": Family(lstm),
        "bilstm, siamese": Family("bilstm:hidden=6,fc=8", pairs=True),
        "gpt2, from a folder": Family("GPT2"),
    }


FAMILIES = families()


@functools.cache
def classifier(kind: str, seed: int = 0) -> Any:
    """Return a tiny classifier of an architecture, random weights without dropout, in eval mode.

    It is shared: copy it before anything is changed.
    """
    config = AutoConfig.for_model(
        kind, vocab_size=len(tiny_tokenizer("bert")), **_SIZES, **label_settings(TASK)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForSequenceClassification.from_config(config).float().eval()


def saved(kind: str, folder: Path) -> Path:
    """Save such a classifier with its tokenizer, as users' folders are."""
    place = folder / kind
    if not place.exists():
        classifier(kind).save_pretrained(place)
        tiny_tokenizer("bert").save_pretrained(place)
    return place


def split_of(family: Family, n: int = 16, *, name: str = "train") -> Split:
    """Return the family's examples: texts, or pairs for students that compare two."""
    split = toy_split(n, name=name, seed=n)
    if not family.pairs:
        return split
    return Split(
        task=split.task, name=name, ids=split.ids, texts=split.texts,
        pairs=tuple(reversed(split.texts)), labels=split.labels,
    )  # fmt: skip


def begin(family: Family, folder: Path) -> tuple[Loaded, InitialStudent, Split]:
    teacher = copy.deepcopy(classifier(family.teacher, seed=1)).requires_grad_(False)
    loaded = Loaded(teacher, tiny_tokenizer("bert"), (0, 1), ())
    split = split_of(family)
    spec = str(saved("gpt2", folder)) if family.student == "GPT2" else family.student
    torch.manual_seed(0)
    student = open_student(
        spec, loaded, TASK, offline=True, progress=Silent(), pairs=family.pairs, texts=split.texts
    )
    for module in student.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return loaded, student, split


def weighted_loss_of(objective: str) -> WeightedLoss:
    """Return the loss of one objective, with options that fit tiny models."""
    setting = ObjectiveSetting(name=objective, options=dict(OPTIONS.get(objective, {})))
    return build_weighted_loss((setting,), reduction="example", where="contract")


def pair_of(loaded: Loaded, student: InitialStudent, split: Split) -> ModelPair:
    """Return the builds of a student and its teacher, all layers matched."""
    ids = [_read(one, split).columns["input_ids"] for one in (student, loaded)]
    return ModelPair(
        TASK, shape_of(student.model), shape_of(loaded.model),
        layer_map_of("emb+uniform", student, loaded), same_tokens=ids[0] == ids[1],
    )  # fmt: skip


@functools.cache
def models_of(name: str, folder: Path) -> ModelPair:
    """Return the builds of a family's student and teacher."""
    return pair_of(*begin(FAMILIES[name], folder))


def skip_reason(name: str, objective: str, folder: Path) -> str | None:
    """Return why an objective has no value for a family, or None."""
    term = weighted_loss_of(objective).terms[0]
    return term.objective.skip_reason(models_of(name, folder), term.options)


def job_of(name: str, objective: str, folder: Path) -> TrainingJob:
    """Return a job of one objective for a family."""
    family = FAMILIES[name]
    loaded, student, split = begin(family, folder)
    weighted_loss, models = weighted_loss_of(objective), pair_of(loaded, student, split)
    needs = weighted_loss.needs(models)
    prepare(loaded.model, needs.teacher, gradients=needs.teacher_model)
    dev = split_of(family, 8, name="dev")
    return TrainingJob(
        student=student.model, tokenizer=student.tokenizer, split=split,
        encoded=_read(student, split), evaluation=EvaluationSet(dev, _read(student, dev)),
        weighted_loss=weighted_loss, models=models,
        teacher=LiveTeacher(
            loaded.model, _read(loaded, split), needs.teacher | {LOGITS}, (0, 1),
            needs.teacher_model,
        ),
        settings=TrainingSettings(batch_size=6, learning_rate=1e-3),
        compute=Compute("cpu", bf16=False, threads=1), seed=0,
    )  # fmt: skip


def _read(reader: InitialStudent | Loaded, split: Split) -> Encoded:
    return encode_for(reader.model, reader.tokenizer, split, max_length=32)


def take_steps(job: TrainingJob, folder: Path, *, bf16: bool) -> Steps:
    """Take a few steps as the trainer takes them, on a copy of the job's student."""
    compute = Compute("cpu", bf16=bf16, threads=1)
    student = copy.deepcopy(job.student)
    job = TrainingJob(**{**vars(job), "student": student, "compute": compute})
    dtypes: set[torch.dtype] = set()
    with settled(compute, seed=0, purpose="contract"):
        trainer = StudentTrainer(job, folder=folder, callbacks=[])
        model = trainer.accelerator.prepare_model(trainer.trainable)
        hooks = [
            part.register_forward_hook(_noting(dtypes))
            for part in student.modules()
            if isinstance(part, nn.Linear) or type(part).__name__ == "Conv1D"
        ]
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        optimiser = torch.optim.AdamW(weights, lr=1e-3)
        losses = []
        for rows in BATCHES:
            sample = trainer._prepare_inputs(trainer.collate(list(rows)))
            window = trainer._get_num_items_in_batch([sample], torch.device("cpu"))
            optimiser.zero_grad()
            losses.append(float(trainer.training_step(model, sample, window)))
            gradients = [weight.grad for weight in weights if weight.grad is not None]
            optimiser.step()
        for hook in hooks:
            hook.remove()
    return Steps(tuple(losses), tuple(gradients), frozenset(dtypes), student)


def _noting(dtypes: set[torch.dtype]) -> Callable[..., None]:
    def note(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor):
            dtypes.add(output.dtype)

    return note


def finite(values: Any) -> bool:
    """Whether every number of a tensor or an array is finite."""
    return bool(np.isfinite(torch.as_tensor(values).detach().double().numpy()).all())
