"""The path from texts to outputs: what is measured of a model, what is checked of its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.cache import Cache
from kdprobe.collectors.attributions.methods import usable_methods
from kdprobe.collectors.attributions.plan import ExplanationPlan
from kdprobe.errors import CapabilityError
from kdprobe.extract.attributions import explain_model
from kdprobe.extract.coalitions import ValueFunction
from kdprobe.extract.method import METHODS
from kdprobe.extract.own_outputs import require_own_outputs
from kdprobe.extract.predictions import extract_predictions
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.checkpoint import Loaded, settle_padding
from kdprobe.models.hf import HfModel
from kdprobe.models.reader import Reader
from kdprobe.models.text_model import TextModel
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split
from tests.contracts.families import FAMILIES, SINGLE, build

TEXTS = ("the dog sleeps in the garden today", "a", "she likes films", "a great story")


def handle_of(model: Any, tokenizer: Any, name: str = "m", dtype: Any = torch.float32) -> HfModel:
    return HfModel(
        Loaded(model, tokenizer, (1, 2, 0), ()), name=name, folder=name, fingerprint=name,
        device=torch.device("cpu"), dtype=dtype,
    )  # fmt: skip


def outputs(handle: HfModel, texts: tuple[str, ...] = TEXTS, size: int = 64) -> np.ndarray:
    ids = tuple(str(row) for row in range(len(texts)))
    split = Split(SINGLE, "dev", ids, texts)
    return handle.outputs(split, batch_size=size, advance=lambda done: None).values


def sentence(text: str) -> Sentence:
    return Sentence(text, (text,), split_words(text), 1)


@pytest.mark.parametrize(
    ("name", "together"),
    [("BERT", "right"), ("XLNet", "left"), ("FNet", "equal"), ("GPT-2 left", "right")],
)
def test_how_texts_stand_together_is_measured(name: str, together: str):
    """Guards against a side that a tokenizer names and its model does not bear."""
    model, tokenizer = build(FAMILIES[name])
    model.train()
    text = TextModel(model, tokenizer, name=name)
    assert text.together == together
    assert model.training
    lengths = np.array([7, 8, 8])
    batches = [rows.tolist() for rows in text.batches(lengths, batch_size=8)]
    assert batches == ([[1, 2], [0]] if together == "equal" else [[1, 2, 0]])
    tokens = text.encode(["a dog", "a"])
    if together == "equal":
        with pytest.raises(ValueError, match="texts of several lengths in one batch"):
            text.tensors(tokens.columns, [0, 1])


def test_a_model_without_padding_token_runs_text_by_text():
    """Guards against a refusal, or a traceback, where one text at a time works."""
    model, tokenizer = build(FAMILIES["GPT-2"])
    right = outputs(handle_of(model, tokenizer))
    model, tokenizer = build(FAMILIES["GPT-2"])
    model.config.pad_token_id = tokenizer.pad_token = None
    handle = handle_of(model, tokenizer)
    assert handle.text.together == "alone"
    np.testing.assert_allclose(outputs(handle), right, atol=1e-6)
    reader = Reader(handle)
    rows = [reader.encode((text,))[:2] for text in TEXTS]
    np.testing.assert_allclose(reader.logits(rows), right, atol=1e-6)


def test_methods_that_a_model_does_not_allow_are_left_out_with_the_reason():
    """Guards against one method that fails taking all others, and the report, with it."""
    model, tokenizer = build(FAMILIES["GPT-2"])
    model.config.pad_token_id = tokenizer.pad_token = None
    handle = handle_of(model, tokenizer, "g")
    methods = {name: METHODS.load(name).options() for name in ("integrated_gradients", "occlusion")}
    asked = sentence("a dog sleeps")
    plan = ExplanationPlan(("x",), (asked.words,), np.array([1]), (asked,), (np.ones(3, bool),), {})
    setting, skipped = usable_methods(ExplanationSettings(methods), plan, {"g": [handle]})
    assert list(setting.methods) == ["occlusion"]
    assert [(item.what, item.reason, item.models) for item in skipped] == [
        ("integrated_gradients", "g: its tokenizer has no pad token", ("g",))
    ]


@pytest.mark.parametrize(("held", "kept"), [(None, False), (-1, False), (10**9, False), (2, True)])
def test_the_padding_token_comes_from_the_tokenizer(held: int | None, kept: bool):
    """Guards against heads that look for the last token before padding, and know no padding."""
    model, tokenizer = build(FAMILIES["GPT-2"])
    model.config.pad_token_id = held
    settle_padding(model, tokenizer)
    assert model.config.pad_token_id == (held if kept else tokenizer.pad_token_id)


def test_a_text_of_no_token_is_one_padding_token_everywhere():
    """Guards against an empty row that is NaN in a batch, and a crash alone."""
    model, tokenizer = build(FAMILIES["GPT-2"])
    handle = handle_of(model, tokenizer)
    with torch.no_grad():
        pad = torch.tensor([[tokenizer.pad_token_id]])
        right = model(input_ids=pad, attention_mask=torch.ones_like(pad)).logits[0, [1, 2, 0]]
    for texts in (["", "a dog"], [""]):
        tokens = handle.text.encode(texts)
        row = handle.text.forward(handle.text.tensors(tokens.columns, range(len(texts))))
        np.testing.assert_allclose(row[0, [1, 2, 0]].detach(), right.numpy(), atol=1e-6)
    reader = Reader(handle)
    np.testing.assert_allclose(
        reader.logits([reader.encode(("",))[:2]])[0], right.numpy(), atol=1e-6
    )


def test_outputs_that_move_in_batches_are_found_out_and_run_alone():
    """Guards against numbers that no test of a few words saw move: the first batch is checked."""
    model, tokenizer = build(FAMILIES["FNet"])
    texts = (*TEXTS, "the dog sleeps in the garden")  # one token shorter: a batch with the longest
    right = outputs(handle_of(model, tokenizer), texts)
    handle = handle_of(model, tokenizer)
    handle.text.__dict__["together"] = "right"  # as if the trial had not seen it
    reader = Reader(handle)
    games = [ValueFunction(reader, (text,), split_words(text)) for text in texts[:2]]
    with pytest.raises(CapabilityError, match="is not what the model says of it: outputs differ"):
        require_own_outputs(games)
    np.testing.assert_allclose(outputs(handle, texts), right, atol=1e-6)
    assert handle.notes == (
        "its outputs moved with the other texts of a batch: its texts are run one by one",
    )
    assert not handle.alarms


def test_outputs_that_are_never_the_same_are_an_alarm_and_never_explained(tmp_path: Path):
    """Guards against scores of a function that is not the model's: completeness cannot see it."""
    model, tokenizer = build(FAMILIES["BERT"])
    handle = handle_of(model, tokenizer)
    plain, draws = model.forward, torch.Generator().manual_seed(0)

    def noisy(**inputs: torch.Tensor) -> Any:
        said = plain(**inputs)
        said.logits = said.logits + torch.randn(said.logits.shape, generator=draws)
        return said

    model.forward = noisy
    outputs(handle)
    (alarm,) = handle.alarms
    assert "is not the same twice: two passes differ by" in alarm
    assert not handle.notes
    cache = Cache(tmp_path)
    split = Split(SINGLE, "dev", ("0", "1"), TEXTS[:2])
    extract_predictions(handle, split, cache=cache, batch_size=2, progress=Silent())
    assert cache.info().entries == 0
    setting = ExplanationSettings({"occlusion": METHODS.load("occlusion").options()})
    with pytest.raises(CapabilityError, match="is not what the model says of it: outputs differ"):
        explain_model(handle, [sentence("a dog sleeps")], setting, cache=None, progress=Silent())


def test_half_precision_has_a_wider_tolerance_and_no_false_alarm():
    """Guards against an alarm for rounding, which nobody would read twice."""
    for name in ("BERT", "GPT-2", "XLNet"):
        model, tokenizer = build(FAMILIES[name])
        handle = handle_of(model, tokenizer, dtype=torch.bfloat16)
        outputs(handle)
        assert not handle.alarms
        assert not any("one by one" in note for note in handle.notes)
        reader = Reader(handle)
        require_own_outputs([ValueFunction(reader, (text,), split_words(text)) for text in TEXTS])


def test_a_tokenizer_that_cuts_on_the_left_reads_the_end():
    """Guards against "read 90 of 90" and scores of 0 for words that no model saw."""
    model, tokenizer = build(FAMILIES["BERT"])
    tokenizer.truncation_side = "left"
    reader = Reader(handle_of(model, tokenizer))
    long = " ".join(["dog"] * 60)
    words = split_words(long)
    ((start, end),) = reader.words_read((long,), words)
    assert len(long[start:end].split()) == 38  # 40 less [CLS] and [SEP]
    assert (end, long[start:].startswith("dog")) == (len(long), True)
    tokenizer.truncation_side = "right"
    ((start, end),) = reader.words_read((long,), words)
    assert (start, len(long[:end].split())) == (0, 38)
    both = reader.words_read((long, "a dog"), split_words(long, "a dog"))
    assert both[1] == (0, 5)


def test_a_text_that_its_forward_cannot_run_is_named():
    """Guards against a traceback where a message can name the model and the text."""
    model, tokenizer = build(FAMILIES["BERT"])
    handle = handle_of(model, tokenizer, "fussy")
    plain = model.forward

    def fussy(**inputs: torch.Tensor) -> Any:
        if int(inputs["input_ids"].shape[1]) > 6:
            raise ValueError("too long for me")
        return plain(**inputs)

    model.forward = fussy
    with pytest.raises(CapabilityError) as caught:
        outputs(handle)
    assert "fussy: its forward cannot run the text '[CLS] the dog sleeps" in str(caught.value)
    assert "(too long for me)" in str(caught.value)
