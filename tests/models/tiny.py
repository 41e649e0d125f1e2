"""Builders of tiny checkpoints: real architectures, a hundred words, milliseconds to run.

Does: make folders that `from_pretrained` opens, equal bytes for equal arguments, with the global
random state left alone. Does not: train; outputs are those of a seeded random model, with weights
wide enough that sentences differ in their predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    BertConfig,
    BertTokenizer,
    DistilBertConfig,
    DistilBertTokenizer,
    PreTrainedTokenizerBase,
    RobertaConfig,
    RobertaTokenizer,
)

Architecture = Literal["bert", "distilbert", "roberta"]

_TEXT = (
    "the a an this that these those i you he she it we they who what which him her them his my "
    "dog cat child man woman teacher student book letter apple house garden film movie story "
    "actor music friend city river idea plan picture "
    "is are was were has have had do does did will can not never and or but because if when "
    "see sees saw like likes liked read reads give gives gave find finds found sleep sleeps "
    "sing sings sang think thinks thought know knows knew run runs ran laugh laughs "
    "good bad great terrible boring funny old new small big happy sad warm dull bright "
    "in on of to with for from under at by very really often today"
)
WORDS = _TEXT.split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SENTENCES = (
    "the dog sleeps in the garden",
    "she likes a funny film",
    "this movie is terrible and boring",
    "they saw him",
    "the students read these old books because the teacher gave them a new plan today",
    "a great story",
    "he laughs .",
    "who did the woman think that the child saw with the man ?",
)


def word_pieces() -> dict[str, int]:
    """The vocabulary of the WordPiece tokenizers: words, then letters, so that nothing is [UNK]."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *".,!?'-0123456789"]
    pieces += [letter for letter in LETTERS if letter not in pieces]
    pieces += ["##" + letter for letter in LETTERS]
    return {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}


def byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A byte-level BPE: the printable ASCII bytes and the merges of a dozen words."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    symbols = [*special, "\u0120", *(chr(code) for code in range(33, 127))]
    merges: list[tuple[str, str]] = []
    for word in WORDS[:60]:
        left = "\u0120"
        for letter in word:
            if (left, letter) not in merges:
                merges.append((left, letter))
                symbols.append(left + letter)
            left += letter
    return {symbol: index for index, symbol in enumerate(dict.fromkeys(symbols))}, merges


def tiny_tokenizer(arch: Architecture = "bert", *, max_length: int = 64) -> PreTrainedTokenizerBase:
    """The tokenizer that belongs to an architecture of `tiny_checkpoint`."""
    if arch == "roberta":
        vocabulary, merges = byte_pairs()
        return RobertaTokenizer(vocab=vocabulary, merges=merges, model_max_length=max_length)
    kind = DistilBertTokenizer if arch == "distilbert" else BertTokenizer
    return kind(vocab=word_pieces(), model_max_length=max_length)


def _config(arch: Architecture, *, layers: int, width: int, heads: int, size: int, cap: int) -> Any:
    if arch == "distilbert":
        return DistilBertConfig(
            vocab_size=size,
            n_layers=layers,
            dim=width,
            n_heads=heads,
            hidden_dim=2 * width,
            max_position_embeddings=cap,
            initializer_range=0.2,
        )
    kind = RobertaConfig if arch == "roberta" else BertConfig
    return kind(
        vocab_size=size,
        num_hidden_layers=layers,
        hidden_size=width,
        num_attention_heads=heads,
        intermediate_size=2 * width,
        max_position_embeddings=cap + 2 if arch == "roberta" else cap,
        type_vocab_size=1 if arch == "roberta" else 2,
        pad_token_id=1 if arch == "roberta" else 0,
        bos_token_id=0 if arch == "roberta" else None,
        eos_token_id=2 if arch == "roberta" else None,
        initializer_range=0.2,
    )


def tiny_checkpoint(
    folder: Path,
    *,
    labels: Sequence[str],
    seed: int = 0,
    layers: int = 2,
    width: int = 32,
    heads: int = 2,
    arch: Architecture = "bert",
    head: bool = True,
    max_length: int = 64,
) -> Path:
    """Save a tiny seeded model and its tokenizer with `save_pretrained`, and give the folder.

    Args:
        folder: where; made when missing.
        labels: label names in the model's own order; empty for a regression (one output).
        seed: another seed gives another model of the same shape.
        layers: the number of layers.
        width: the hidden size; a multiple of `heads`.
        heads: the number of attention heads.
        arch: the architecture; `roberta` has a byte-level BPE, the others a WordPiece tokenizer.
        head: False saves the bare encoder, as a pretrained model is distributed.
        max_length: the longest input in tokens.
    """
    tokenizer = tiny_tokenizer(arch, max_length=max_length)
    config = _config(
        arch, layers=layers, width=width, heads=heads, size=len(tokenizer), cap=max_length
    )
    if head:
        config.num_labels = len(labels) or 1
        config.problem_type = "single_label_classification" if labels else "regression"
        if labels:
            config.id2label = dict(enumerate(labels))
            config.label2id = {label: index for index, label in enumerate(labels)}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        kind = AutoModelForSequenceClassification if head else AutoModel
        model = kind.from_config(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
