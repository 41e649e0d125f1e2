"""Distilling reads decoders, XLNet and models without masks as their predictions are read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from kdprobe.distillers.data import encode_for
from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.forward import read, shape_of
from kdprobe.distillers.objective import GROUPS, LOGITS, OBJECTIVES, ModelPair, Need
from kdprobe.distillers.teacher import Teacher
from kdprobe.models.checkpoint import Loaded
from kdprobe.models.gradients import attribute
from kdprobe.models.text_model import TextModel
from kdprobe.tasks.task import Split
from tests.contracts.families import FAMILIES, SINGLE, Family, build
from tests.distillers.builders import CPU

SPLIT = Split(SINGLE, "train", ("0", "1", "2"), ("a dog sleeps today", "a", "she likes films"))


def shape(name: str) -> Any:
    model, tokenizer = build(FAMILIES[name])
    return shape_of(model, TextModel(model, tokenizer, name=name))


def skip_reason(objective: str, student: str, teacher: str, **options: Any) -> str:
    pairs = ((0, 0), (1, 1), (2, 2))
    models = ModelPair(SINGLE, shape(student), shape(teacher), pairs, same_tokens=True)
    chosen = OBJECTIVES.load(objective)
    return chosen.skip_reason(models, chosen.options(**options)) or ""


def test_first_tokens_of_causal_models_are_refused():
    """Guards against vectors that are the same for every text, and are matched all the same."""
    assert skip_reason("patience", "BERT", "BERT") == ""
    for student, teacher, which in (("BERT", "GPT-2", "teacher"), ("Llama", "BERT", "student")):
        reason = skip_reason("patience", student, teacher)
        assert f"the first token of the {which} reads nothing of the text" in reason
        assert "recipe vanilla" in reason


def test_models_that_cannot_be_differentiated_are_refused_with_the_reason():
    """Guards against a traceback in the first step, or gradients of padding."""
    for objective in ("attribution", "jacobian"):
        assert skip_reason(objective, "BERT", "GPT-2") == ""
        for name, words in (
            ("XLNet", "its embeddings give (7, 1) vectors"),
            ("BART", "the embeddings it names are run 0 times"),
            ("FNet", "padding moves its outputs"),
        ):
            reason = skip_reason(objective, "BERT", name)
            assert "the teacher cannot be differentiated by its embeddings" in reason
            assert words in reason
            assert "recipe vanilla" in reason
    for name in ("OPT", "Llama", "BLOOM", "GPT-NeoX", "Qwen2"):
        assert skip_reason("attribution", "BERT", name) == ""
    assert "no attention layers" in skip_reason("attribution", "BERT", "GPT-2", layer="first")


def test_gradients_of_a_decoder_are_those_of_its_word_vectors():
    """Guards AD-KD with GPT-2 as teacher against a layer that is not what it reads."""
    model, tokenizer = build(FAMILIES["GPT-2"])
    inputs = tokenizer("a dog sleeps", return_tensors="pt")
    vectors = model.get_input_embeddings()(inputs["input_ids"]).detach().requires_grad_()
    model(inputs_embeds=vectors).logits[0, 2].backward()
    attributed = attribute(
        model, dict(inputs), layer=0, of="logit", picked=torch.tensor([2]), follow=False
    )
    assert vectors.grad is not None
    torch.testing.assert_close(attributed[0].gradient, vectors.grad, atol=1e-6, rtol=1e-4)


def test_a_teacher_that_pads_elsewhere_is_laid_where_the_student_reads():
    """Guards against vectors of one token compared with those of another, or of padding."""
    teacher, tokenizer = build(FAMILIES["XLNet"])
    student, _ = build(Family(FAMILIES["BERT"].config, "sep-cls", left=True))
    encoded: tuple[Encoded, ...] = tuple(
        encode_for(model, tokenizer, SPLIT, max_length=40) for model in (student, teacher)
    )
    assert [part.left for part in encoded] == [False, True]
    opened = Teacher("", Loaded(teacher, tokenizer, (0, 1, 2), ()), "", encoded[1], encoded[1],
                     40, CPU)  # fmt: skip
    assert opened.beside(encoded[1]) is opened
    laid = opened.beside(encoded[0]).train
    batch = laid.batch([0, 1, 2])
    assert GROUPS in batch
    assert torch.equal(batch["attention_mask"], encoded[0].batch([0, 1, 2])["attention_mask"])
    with torch.no_grad():
        values = read(teacher, batch, {Need("hidden", 1), Need("first", 2), LOGITS})
        for row, text in enumerate(SPLIT.texts):
            said = teacher(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
            states = said.hidden_states
            mine = values[Need("hidden", 1)][row]
            real = states[1].shape[1]
            torch.testing.assert_close(mine[:real], states[1][0], atol=1e-5, rtol=1e-4)
            assert not mine[real:].any()
            first = values[Need("first", 2)][row]
            torch.testing.assert_close(first, states[2][0, 0], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(values[LOGITS][row], said.logits[0], atol=1e-5, rtol=1e-4)


def test_texts_that_stand_apart_have_the_gradients_of_each_alone():
    """Guards the training of a model without a mask: a part of a batch would learn nothing."""
    model, tokenizer = build(FAMILIES["FNet"])
    encoded = encode_for(model, tokenizer, SPLIT, max_length=40)
    assert encoded.apart
    weight = model.classifier.weight
    read(model, encoded.batch([0, 1, 2]), frozenset())[LOGITS].square().sum().backward()
    together = weight.grad.clone()
    weight.grad = None
    for text in SPLIT.texts:
        model(**tokenizer(text, return_tensors="pt")).logits.square().sum().backward()
    torch.testing.assert_close(together, weight.grad, atol=1e-5, rtol=1e-4)


def test_single_texts_are_grouped_one_by_one():
    """Guards models whose texts may not share a batch even at equal lengths."""
    model, tokenizer = build(FAMILIES["BERT"])
    encoded = replace(encode_for(model, tokenizer, SPLIT, max_length=40), apart=True, single=True)
    assert encoded.batch([0, 1])[GROUPS].tolist() == [0, 1]
    assert GROUPS not in encoded.batch([2])
    with pytest.raises(ValueError, match="no hidden of layer 9"):
        read(model, encoded.batch([0, 1]), {Need("hidden", 9)})
