"""The flat keywords of the public functions against the options models that say what they mean."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from kdprobe.augmentation import augment
from kdprobe.config.commands import AugmentOptions, DistillOptions, FinetuneOptions
from kdprobe.config.flags import FlagOptions
from kdprobe.config.keywords import (
    AugmentKeywords,
    DistillKeywords,
    InferenceKeywords,
    SweepKeywords,
    TrainingKeywords,
)
from kdprobe.config.options import (
    TRAINING_OPTIONS,
    DataOptions,
    InferenceRuntime,
    ResumableOutput,
    Runtime,
)
from kdprobe.distillation import distill
from kdprobe.finetuning import finetune
from kdprobe.sweeping.run import sweep

TRAINING = TRAINING_OPTIONS


@pytest.mark.parametrize(
    ("function", "keywords", "models"),
    [
        (distill, DistillKeywords, (DistillOptions, *TRAINING)),
        (finetune, TrainingKeywords, (FinetuneOptions, *TRAINING)),
        (augment, AugmentKeywords, (AugmentOptions, DataOptions, Runtime, ResumableOutput)),
        (sweep, SweepKeywords, (DistillOptions, *TRAINING)),
    ],
)
def test_every_option_is_a_keyword(
    function: Callable[..., object], keywords: Any, models: tuple[type[FlagOptions], ...]
) -> None:
    """Guards an option of the command line that Python cannot say, and a keyword nothing reads."""
    named = set(inspect.signature(function).parameters)
    options = {name for model in models for name in model.model_fields}
    missing = options - named - set(keywords.__annotations__)
    assert not missing - ({"label_map"} if function is augment else set())
    extra = {"options", "command", "executor", "address"} if function is sweep else set()
    assert set(keywords.__annotations__) - extra <= options


def test_inference_keywords() -> None:
    """Guards the same of what asks models and trains none."""
    assert set(InferenceKeywords.__annotations__) == set(InferenceRuntime.model_fields)


@pytest.mark.parametrize("function", [distill, finetune, augment])
def test_docstrings_list_the_keywords(function: Callable[..., object]) -> None:
    """Guards `help(kdprobe.distill)`: each keyword is there once, with its meaning."""
    text = inspect.getdoc(function) or ""
    head, keywords = text.split("Keywords:\n")
    assert keywords.count("\nlimit: ") + keywords.count("    limit: ") == 1
    assert "Use at most N examples" in keywords
    assert "data_dir: Where the task's files are" in keywords
    assert "limit:" not in head


def test_signatures_are_short() -> None:
    """Guards the 37 parameters that were."""
    for function in (distill, finetune, augment, sweep):
        assert len(inspect.signature(function).parameters) <= 12
