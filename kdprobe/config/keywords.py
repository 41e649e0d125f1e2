"""The flat keywords of the public functions, for type checkers.

Does: name each keyword with what it takes; `tests/config/test_keywords.py` holds them against the
options models, which say what they mean. Does not: check anything; `config/flat.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from kdprobe.config.training import BestBy, Optimizer, Schedule


class DataKeywords(TypedDict, total=False):
    """Of `DataOptions`, but the task."""

    data_dir: str | Path | None
    text: str | None
    text_pair: str | None
    label: str | None
    labels: Sequence[str] | None
    label_map: Mapping[str, str] | None
    limit: int | None
    sample_seed: int | None


class RuntimeKeywords(TypedDict, total=False):
    """Of `Runtime`."""

    device: str | None
    threads: int | None
    offline: bool | None


class InferenceKeywords(RuntimeKeywords, total=False):
    """Of `InferenceRuntime`."""

    jobs: int | None
    dtype: str | None
    batch_size: int | None
    cache: bool | str | Path | None


class TrainingKeywords(DataKeywords, RuntimeKeywords, total=False):
    """Of everything that a training takes: its data, settings, machine and output."""

    train_split: str | None
    eval_split: str | None
    eval_limit: int | None
    epochs: float | None
    batch_size: int | None
    gradient_accumulation: int | None
    learning_rate: float | None
    warmup: float | None
    schedule: Schedule | None
    weight_decay: float | None
    max_grad_norm: float | None
    max_length: int | None
    best_by: BestBy | None
    early_stopping: int | None
    evaluate_every: int | None
    optimizer: Optimizer | None
    betas: tuple[float, float] | None
    rho: float | None
    epsilon: float | None
    bf16: bool | Literal["auto"] | None
    report_to: Sequence[str] | None
    seed: int | None
    resume: bool | None
    force: bool | None
    dry_run: bool | None


class DistillKeywords(TrainingKeywords, total=False):
    """Of `distill`: those of a training, a transfer set, and a control."""

    transfer_set: str | Path | None
    transfer_only: bool | None
    missing: Literal["refuse", "drop"] | None
    with_control: bool | None
    jobs: int | None


class SweepKeywords(DistillKeywords, total=False):
    """Of `sweep`: those of `distill` for all runs; `options` is the same as a mapping."""

    options: Mapping[str, Any] | None
    command: str | None
    executor: str | None
    address: str | None


class AugmentKeywords(RuntimeKeywords, total=False):
    """Of `augment`."""

    model: str | None
    pos_from: str | Path | None
    split: str | None
    limit: int | None
    sample_seed: int | None
    data_dir: str | Path | None
    text: str | None
    text_pair: str | None
    label: str | None
    labels: Sequence[str] | None
    seed: int | None
    resume: bool | None
    force: bool | None
