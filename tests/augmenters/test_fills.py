"""Tests of what a masked language model would write in the place of a word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.augmenters.fills import Filler
from kdprobe.augmenters.pretrained import open_pretrained
from kdprobe.augmenters.worded import read_words
from tests.augmenters.builders import TEXTS, masked_folder

LONG = "the dog sleeps in the garden because the woman likes that old film and the friend laughs"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A masked language model of each kind of tokenizer."""
    place = tmp_path_factory.mktemp("masked")
    return {arch: str(masked_folder(place / arch, arch=arch)) for arch in ("bert", "roberta")}


def filler(folder: str, *, show_original: bool = True, count: int = 12) -> Filler:
    opened = open_pretrained(folder, kind="masked", offline=True)
    return Filler(opened.model, opened.tokenizer, show_original, count)


def reference(
    filler: Filler, text: str, word: int, *, continues: str, spaced: bool | None
) -> tuple[str, ...]:
    """One text, one word, no batch: the whole vocabulary sorted, the first `count` taken."""
    tokenizer: Any = filler.tokenizer
    words = read_words(text).forms
    masked = tokenizer(text)["input_ids"]
    place = next(
        position
        for position, token in enumerate(masked)
        if tokenizer.decode([token]).strip() == words[word].lower()
    )
    masked[place] = tokenizer.mask_token_id
    tail = tokenizer(text)["input_ids"]
    if continues:  # BERT: [CLS] masked [SEP] text [SEP]
        ids = masked + tail[1:] if filler.show_original else masked
        types = [0] * len(masked) + [1] * (len(ids) - len(masked))
        inputs = {"input_ids": torch.tensor([ids]), "token_type_ids": torch.tensor([types])}
    else:  # RoBERTa: <s> masked </s></s> text </s>
        ids = [*masked, tokenizer.sep_token_id, *tail[1:]] if filler.show_original else masked
        inputs = {"input_ids": torch.tensor([ids])}
    with torch.no_grad():
        logits = filler.model(**inputs).logits[0, place].double().numpy()
    best = np.argsort(-logits, kind="stable")[: filler.count]
    names = tokenizer.convert_ids_to_tokens(best.tolist())
    kept = []
    for name in names:
        if name in tokenizer.all_special_tokens or (continues and name.startswith(continues)):
            continue
        if spaced is not None and name.startswith("\u0120") != spaced:
            continue
        kept.append(name.removeprefix("\u0120"))
    return tuple(word for word in kept if word)


@pytest.mark.parametrize("show_original", [True, False])
def test_top_words(folders: dict[str, str], show_original: bool) -> None:
    """Guards candidates of another place or text: an unbatched pass over each is the oracle."""
    asked = filler(folders["bert"], show_original=show_original)
    texts = ["she likes a funny film", "they saw him", LONG]
    worded = [read_words(text) for text in texts]
    reads = [asked.read(*pair) for pair in zip(texts, worded, strict=True)]
    wanted = [(0, 1), (0, 4), (1, 1), (2, 2)]
    places = [
        (reads[text], next(place for place in reads[text].places if place.word == word))
        for text, word in wanted
    ]
    found = asked.fill(places)
    for (text, word), candidates in zip(wanted, found, strict=True):
        assert candidates == reference(asked, texts[text], word, continues="##", spaced=None)
    assert any(len(candidates) < 12 for candidates in found)  # continuations were left out
    alone = [asked.fill([place])[0] for place in places]
    assert alone == found


def test_words_of_one_piece(folders: dict[str, str]) -> None:
    """Guards words of several pieces being masked by their first one, and unknown ones at all."""
    asked = filler(folders["bert"])
    text = "The dog zebra \u4e16 sleeps."
    read = asked.read(text, read_words(text))
    assert [place.word for place in read.places] == [0, 1, 4, 5]
    ids = read.columns["input_ids"]
    assert [asked.tokenizer.decode([ids[p.position]]) for p in read.places] == [
        "the", "dog", "sleeps", "."
    ]  # fmt: skip
    assert all(ids[place.position] == place.token for place in read.places)
    long = " ".join(["dog"] * 100)
    cut = asked.read(long, read_words(long))
    assert len(cut.columns["input_ids"]) == 64
    assert 0 < len(cut.places) < 64


def test_marks_for_the_blank(folders: dict[str, str]) -> None:
    """Guards parts of words in the place of words, with a byte-level tokenizer."""
    asked = filler(folders["roberta"], count=60)
    text = "a dog is a dog"
    read = asked.read(text, read_words(text))
    first, second = read.places[0], read.places[1]
    assert (first.word, second.word) == (0, 1)
    inside = asked.fill([(read, second)])[0]
    assert inside == reference(asked, text, 1, continues="", spaced=True)
    begins = asked.fill([(read, first)])[0]
    assert begins == reference(asked, text, 0, continues="", spaced=False)
    assert inside
    assert begins


def test_the_mode_and_the_gradients_stay(folders: dict[str, str]) -> None:
    """Guards a model that is left in training mode, or a graph that grows with every batch."""
    asked = filler(folders["bert"])
    read = asked.read(TEXTS[0], read_words(TEXTS[0]))
    asked.fill([(read, place) for place in read.places])
    assert not asked.model.training
    assert all(weight.grad is None for weight in asked.model.parameters())
    assert asked.fill([]) == []
