"""One model with random weights for all models of a shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kdprobe.extract.attributions
from kdprobe.cache import Cache
from kdprobe.extract.attributions import explain_model
from kdprobe.extract.method import METHODS
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.handle import ModelHandle
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.hidden import LayerReader
from kdprobe.models.random_init import random_fingerprint, random_twin, twin_seed
from kdprobe.models.texts_reader import TextsReader, reader_of
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")


def opened(folder: Path, **options: Any) -> HfModel:
    path = tiny_checkpoint(folder, labels=options.pop("labels", TASK.labels), **options)
    return open_hf(str(path), name=folder.name, task=TASK, device="cpu")


@pytest.fixture
def students(tmp_path: Path) -> tuple[HfModel, HfModel]:
    return opened(tmp_path / "one", seed=1), opened(tmp_path / "two", seed=2)


def test_two_students_of_one_shape_are_explained_once(
    students: tuple[HfModel, HfModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against paying for the same random model once a student."""
    readers: list[str] = []

    def counted(handle: ModelHandle) -> TextsReader:
        readers.append(handle.name)
        return reader_of(handle)

    monkeypatch.setattr(kdprobe.extract.attributions, "reader_of", counted)
    methods = {name: METHODS.load(name).options() for name in ("gradient_x_input", "occlusion")}
    settings = ExplanationSettings(methods, deletion=False)
    sentences = [Sentence(text, (text,), split_words(text), 1) for text in SENTENCES[:4]]
    cache = Cache(tmp_path / "cache")
    first, second = (
        explain_model(
            random_twin(student, seed=0), sentences, settings, cache=cache, progress=Silent()
        )
        for student in students
    )
    assert readers == ["random weights of one"]
    alone = explain_model(
        random_twin(students[1], seed=0), sentences, settings, cache=None, progress=Silent()
    )
    for name in methods:
        for one, other, fresh in zip(first[name], second[name], alone[name], strict=True):
            np.testing.assert_array_equal(one.scored.scores, other.scored.scores)
            np.testing.assert_array_equal(one.scored.scores, fresh.scored.scores)


def test_their_layers_have_one_key_and_one_set_of_vectors(
    students: tuple[HfModel, HfModel],
) -> None:
    """Guards against two probing baselines for one shape, and one key for two baselines."""
    one, two = (LayerReader(student, ["mean"], random_seed=5) for student in students)
    assert (one.key, one.reading) == (two.key, two.reading)
    for text in SENTENCES[:3]:
        tokens = one.encode([text])[0][None]
        np.testing.assert_array_equal(one.read(tokens), two.read(tokens))
    assert LayerReader(students[0], ["mean"], random_seed=6).key != one.key
    assert LayerReader(students[0], ["mean"]).key == students[0].fingerprint


def test_all_that_is_drawn_of_a_shape_is_one_network(
    students: tuple[HfModel, HfModel], tmp_path: Path
) -> None:
    """Guards against a floor of explanations of another network than the baseline of probing.

    By hand: the weights are those that torch draws for the config from the derived seed. A student
    that lists its labels in another order shares them: the first output stays the first.
    """
    seed = twin_seed(7)
    twins = [random_twin(student, seed=7) for student in students]
    reader = LayerReader(students[0], ["mean"], random_seed=seed)
    assert twins[0].model is twins[1].model is reader.model
    assert {twin.fingerprint for twin in twins} == {reader.key}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = type(students[0].model)(students[0].model.config).state_dict()
    for name, weight in reader.model.state_dict().items():
        assert torch.equal(weight, drawn[name]), name
    turned = random_twin(opened(tmp_path / "turned", labels=("good", "bad")), seed=7)
    assert (turned.fingerprint, turned.reading) == (twins[0].fingerprint, twins[0].reading)


def test_a_shape_in_another_type_is_another_object(tmp_path: Path) -> None:
    """Guards against weights rounded to bfloat16 under the feet of a model in float32."""
    path = str(tiny_checkpoint(tmp_path / "m", labels=TASK.labels))
    full = open_hf(path, name="m", task=TASK, device="cpu")
    half = open_hf(path, name="m", task=TASK, device="cpu", dtype="bf16")
    one, other = random_twin(full, seed=0), random_twin(half, seed=0)
    assert (one.model.dtype, other.model.dtype) == (torch.float32, torch.bfloat16)
    assert other.precision == "bfloat16"
    assert one.reading != other.reading
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    assert all(torch.equal(a.bfloat16(), b) for a, b in pairs)


def changed(handle: HfModel, file: str, change: Callable[[Any], None]) -> HfModel:
    """Open a copy of a checkpoint of which one JSON file was changed."""
    folder = Path(handle.folder)
    place = folder / file
    values = json.loads(place.read_text())
    change(values)
    place.write_text(json.dumps(values))
    return open_hf(str(folder), name="changed", task=TASK, device="cpu")


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", lambda values: values.update(hidden_act="relu")),
        ("config.json", lambda values: values.update(layer_norm_eps=1e-3)),
        ("config.json", lambda values: values.update(num_attention_heads=4)),
        ("tokenizer_config.json", lambda values: values.update(do_lower_case=False)),
        ("tokenizer_config.json", lambda values: values.update(model_max_length=9)),
    ],
)
def test_what_moves_an_output_has_another_name(
    file: str, change: Callable[[Any], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a baseline of another activation, tokenizer or limit taken for this one's.

    None of them moves a weight, its shape or the vocabulary.
    """
    monkeypatch.chdir(tmp_path)
    plain = opened(Path("plain"))
    other = changed(opened(Path("other")), file, change)
    assert random_fingerprint(plain, seed=1) != random_fingerprint(other, seed=1)


def test_what_moves_no_output_has_not(tmp_path: Path) -> None:
    """Guards against a model that is named by its labels, its folder or its last call."""
    plain = opened(tmp_path / "plain")
    other = opened(tmp_path / "other", labels=("good", "bad"))
    other.text.encode(["a b " * 200])  # leaves the length of its cut in the tokenizer
    other.tokenizer(["a", "b b b"], padding=True, truncation=True, max_length=7)
    assert random_fingerprint(plain, seed=1) == random_fingerprint(other, seed=1)
    assert random_fingerprint(plain, seed=1) != random_fingerprint(plain, seed=2)
    twin, weights = random_twin(plain, seed=3), list(plain.model.parameters())
    assert twin.fingerprint != plain.fingerprint
    assert not any(
        torch.equal(ours, theirs)
        for ours, theirs in zip(twin.model.parameters(), weights, strict=True)
        if ours.std() > 0
    )
