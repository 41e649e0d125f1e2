"""The floor of agreement is explained once for all students of a shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdprobe.extract.attributions
from kdprobe.collectors.attributions.floors import Floors
from kdprobe.extract.attributions import explain_model, explain_models
from kdprobe.extract.method import METHODS
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.handle import ModelHandle
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.random_init import random_twin
from kdprobe.models.texts_reader import TextsReader, reader_of
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")


def explain_open(floors: Floors) -> None:
    """Explain what was asked of models with random weights."""
    asked = [*floors.open.values()]
    floors.learn(explain_models(asked, title="floors", cache=None, progress=Silent()))


def test_a_shape_is_explained_once_without_a_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against the same random network explained once a student, or for other sentences.

    Equal to what its twin gives when it is explained alone.
    """
    readers: list[str] = []

    def counted(handle: ModelHandle) -> TextsReader:
        readers.append(handle.name)
        return reader_of(handle)

    def opened(name: str, **options: Any) -> HfModel:
        path = tiny_checkpoint(tmp_path / name, labels=TASK.labels, **options)
        return open_hf(str(path), name=name, task=TASK, device="cpu")

    monkeypatch.setattr(kdprobe.extract.attributions, "reader_of", counted)
    one, two, deep = opened("one", seed=1), opened("two", seed=2), opened("deep", layers=3)
    setting = ExplanationSettings({"occlusion": METHODS.load("occlusion").options()},
                                  deletion=False)  # fmt: skip
    sentences = [Sentence(text, (text,), split_words(text), 1) for text in SENTENCES[:4]]
    floors = Floors(0)
    first, second = (floors.ask(each, sentences, setting) for each in (one, two))
    assert first == second
    explain_open(floors)
    assert readers == ["random weights of one"]
    alone = explain_model(
        random_twin(two, seed=0), sentences, setting, cache=None, progress=Silent()
    )
    for ours, theirs in zip(floors.known[first]["occlusion"], alone["occlusion"], strict=True):
        np.testing.assert_array_equal(ours.scored.scores, theirs.scored.scores)

    readers.clear()
    floors.ask(deep, sentences, setting)
    floors.ask(one, sentences, setting)
    floors.ask(two, [replace(sentences[0], target=0)], setting)
    explain_open(floors)
    assert readers == ["random weights of deep", "random weights of two"]
