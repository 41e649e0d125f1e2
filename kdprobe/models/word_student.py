"""A BiLSTM that reads words: its vocabulary, its tokenizer and the vectors it starts from.

Does: make a word-level tokenizer from training texts, look its words up in a file of vectors, and
build the model. Does not: read the file (`word_vectors.py`) or define the model (`bilstm.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kdprobe.errors import CheckpointError
from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.word_pieces import LONGEST
from kdprobe.models.word_vectors import WordVectors, read_vectors
from kdprobe.tasks.task import Task

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SPECIAL_WORDS = ("[PAD]", "[UNK]", "[SEP]", "[MASK]")


class WordStudent(NamedTuple):
    """A student that reads words; `note` tells how many of its words the file knows."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    note: str


def count_words(texts: Sequence[str]) -> Counter[str]:
    """Count the words of texts: in lower case, cut at blanks and punctuation as BERT cuts.

    >>> count_words(["The dog's dog."])["dog"]
    2
    """
    cutter = _cutter({})
    cut = (cutter.pre_tokenizer.pre_tokenize_str(cutter.normalizer.normalize_str(t)) for t in texts)
    return Counter(word for words in cut for word, _ in words)


def word_tokenizer(words: Sequence[str]) -> PreTrainedTokenizerBase:
    """Make a tokenizer of whole words.

    Definition: [PAD] (0), [UNK], [SEP] and [MASK], then the words as given; a text ends with [SEP],
    so that an empty one has a token too; segment ids tell the texts of a pair apart.
    """
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: row for row, word in enumerate((*SPECIAL_WORDS, *words))}
    cutter = _cutter(vocabulary)
    cutter.post_processor = processors.TemplateProcessing(
        single="$A:0 [SEP]:0",
        pair="$A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[SEP]", vocabulary["[SEP]"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=cutter,
        unk_token="[UNK]",
        pad_token="[PAD]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        model_max_length=LONGEST,
    )


def _cutter(vocabulary: dict[str, int]) -> Tokenizer:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    cutter = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    cutter.normalizer = normalizers.BertNormalizer(lowercase=True)
    cutter.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return cutter


def build_word_student(
    shape: LstmShape, task: Task, *, texts: Sequence[str], pairs: bool
) -> WordStudent:
    """Build a BiLSTM that reads words, from a file of word vectors.

    Definition: its vocabulary are the words of the training texts, the most frequent first; a word
    that occurs once and has no vector is left out, so that [UNK] learns what unknown words are
    like. Words with a vector start from it; [PAD] is zero; every other row is drawn from U[-a, a]
    with a such that its variance is that of the vectors found (Kim 2014), from torch's global
    generator.

    Args:
        shape: its sizes and the file.
        task: gives its labels.
        texts: the training texts, of pairs both.
        pairs: whether texts come in pairs.

    Raises:
        CheckpointError: a file that cannot be read, or knows none of the words.
        MissingExtraError: gensim is not installed.
    """
    if shape.file is None:
        raise ValueError("a student of words without its vectors")
    counts = count_words(texts)
    order = sorted(counts, key=lambda word: (-counts[word], word))
    table = read_vectors(Path(shape.file), order)
    if not table.known.any():
        raise CheckpointError(
            shape.file,
            found=f"holds none of the {len(order):,} words of the training texts",
            expected="vectors of the language of the task",
        )
    kept = [row for row, word in enumerate(order) if table.known[row] or counts[word] > 1]
    tokenizer = word_tokenizer([order[row] for row in kept])
    vectors = _start(table, kept)
    model = build_lstm(shape, task, tokenizer=tokenizer, vectors=vectors, pairs=pairs)
    return WordStudent(model, tokenizer, _told(shape, table, counts, order))


def _start(vectors: WordVectors, kept: Sequence[int]) -> Tensor:
    """Return the embeddings: special tokens first, then the words that were kept."""
    known, values = torch.from_numpy(vectors.known[kept]), torch.from_numpy(vectors.values[kept])
    bound = (3 * float(vectors.values[vectors.known].var())) ** 0.5
    rows = torch.empty(len(SPECIAL_WORDS) + len(kept), vectors.width).uniform_(-bound, bound)
    rows[0] = 0.0
    rows[len(SPECIAL_WORDS) :][known] = values[known]
    return rows


def _told(shape: LstmShape, table: WordVectors, counts: Counter[str], order: Sequence[str]) -> str:
    """Return how much of the texts the vectors cover."""
    running = np.array([counts[word] for word in order])
    tokens = float(running[table.own].sum() / running.sum())
    composed = int(table.composed.sum())
    parts = f", {composed:,} more are put together from parts of words" if composed else ""
    return (
        f"reads words ({shape.mode}), its vectors from {Path(str(shape.file)).name} ({table.form}, "
        f"{table.width} wide): {int(table.own.sum()):,} of {len(order):,} words "
        f"({table.own.mean():.1%}), {tokens:.1%} of the training texts, are in it{parts}; the rest "
        "starts at random"
    )
