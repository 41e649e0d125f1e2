"""Tests of the language model: opened, built, and its tokenizer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from kdprobe.augmenters.byte_pairs import END, train_byte_pairs
from kdprobe.augmenters.language import joined, open_language, shape_in, token_rows
from kdprobe.augmenters.pretrained import open_pretrained
from kdprobe.errors import CapabilityError, CheckpointError, ConfigError
from tests.augmenters.builders import TEXTS, causal_folder, masked_folder, split_of
from tests.models.tiny import tiny_checkpoint

TOKENIZER = train_byte_pairs(TEXTS, vocabulary=320)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=20).filter(lambda text: END not in text))
def test_every_text_comes_back(text: str) -> None:
    """Guards letters the tokenizer never saw: a byte-level one writes them all."""
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids, clean_up_tokenization_spaces=False) == text


def test_the_same_tokens_in_every_process() -> None:
    """Guards a resumed run that numbers its tokens otherwise: the fitted weights would be noise."""
    code = (
        "from kdprobe.augmenters.byte_pairs import train_byte_pairs as t; "
        f"print(sorted(t({TEXTS!r}, vocabulary=320).get_vocab().items()))"
    )
    environment = dict(os.environ, PYTHONHASHSEED="7")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == str(sorted(TOKENIZER.get_vocab().items()))


def test_rows() -> None:
    """Guards texts without their end (the model would never stop) and pairs without their tab."""
    split = split_of(["a  dog", "x"], ["the\tcat", "y"])
    assert joined(split) == ("a dog\tthe cat", "x\ty")
    assert joined(split_of(["a\n b"])) == ("a b",)
    end = TOKENIZER.eos_token_id
    (row,) = token_rows(TOKENIZER, ["a dog"], longest=50)
    assert row[-1] == end
    assert TOKENIZER.decode(row[:-1]) == "a dog"
    (cut,) = token_rows(TOKENIZER, ["a dog"], longest=len(row) - 1)
    assert cut == row[:-1]
    assert token_rows(TOKENIZER, [""], longest=5) == []


def test_a_shape() -> None:
    """Guards weights that differ from run to run, and a global generator that was moved."""
    state = torch.get_rng_state()
    one, again, other = (
        open_language("gpt2:L1,H16,A2,V300", TEXTS, seed=seed, longest=40, offline=True)
        for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert one.fresh
    assert len(one.tokenizer) == one.model.config.vocab_size <= 300
    assert one.model.config.n_positions == 40
    assert one.model.config.eos_token_id == one.tokenizer.eos_token_id
    first, second, third = (made.model.transformer.wte.weight for made in (one, again, other))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    with pytest.raises(ConfigError) as caught:
        shape_in("gpt2:L2,H10,A4")
    assert str(caught.value) == (
        "`model=gpt2:L2,H10,A4`: 4 heads for a width of 10, expected heads that divide it"
    )


def test_a_pretrained_one(tmp_path: Path) -> None:
    """Guards a model that is taken for what it is not: each would write nonsense without a word."""
    folder = causal_folder(tmp_path / "lm")
    opened = open_language(str(folder), TEXTS, seed=0, longest=32, offline=True)
    assert not opened.fresh
    with pytest.raises(CapabilityError) as short:
        open_language(str(folder), TEXTS, seed=0, longest=33, offline=True)
    assert str(short.value) == (
        f"`model={folder}`: reads 32 tokens, expected 33; say `settings=longest=32`"
    )
    example = "a causal language model like gpt2, or a shape like gpt2:L4,H256,A4,V8000"
    both = masked_folder(tmp_path / "mlm")
    with pytest.raises(CheckpointError) as caught:
        open_pretrained(str(both), kind="causal", offline=True)
    assert str(caught.value) == (
        f"`model={both}`: reads texts in both directions, so it cannot write them word by word, "
        f"expected {example}"
    )
    with pytest.raises(CheckpointError) as caught:
        open_pretrained(str(tmp_path / "none"), kind="causal", offline=True)
    assert str(caught.value).startswith(f"`model={tmp_path / 'none'}`: no such folder, expected ")
    assert example in str(caught.value)


def test_a_tokenizer_without_its_token(tmp_path: Path) -> None:
    """Guards texts that never end, and a mask that is no token."""
    folder = causal_folder(tmp_path / "lm")
    bare = PreTrainedTokenizerFast(tokenizer_object=TOKENIZER.backend_tokenizer)
    bare.save_pretrained(folder)
    for kind, lacking in (("causal", "end of text"), ("masked", "mask token")):
        place = folder if kind == "causal" else masked_folder(tmp_path / "mlm")
        bare.save_pretrained(place)
        with pytest.raises(CapabilityError) as caught:
            open_pretrained(str(place), kind=kind, offline=True)  # type: ignore[arg-type]
        assert str(caught.value) == f"`model={place}`: its tokenizer has no {lacking}"


def test_an_encoder_without_its_head(tmp_path: Path) -> None:
    """Guards candidates from a head that was never trained: a plain encoder has none."""
    folder = tiny_checkpoint(tmp_path / "encoder", labels=(), head=False)
    with pytest.raises(CheckpointError) as caught:
        open_pretrained(str(folder), kind="masked", offline=True)
    message = str(caught.value)
    assert message.startswith(f"`model={folder}`: the folder holds no weights for cls.predictions.")
    assert message.endswith("expected a masked language model like bert-base-uncased")
    (folder / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(CheckpointError) as caught:
        open_pretrained(str(folder), kind="masked", offline=True)
    assert str(caught.value).startswith(f"`model={folder}`: cannot be opened (")
