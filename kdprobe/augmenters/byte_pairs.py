"""A tokenizer for a language model that starts from nothing.

Does: learn byte pairs from texts, the same ones from the same texts; every text can be written with
them and read back letter for letter. Does not: lower-case or normalise, as the word pieces of
`models.word_pieces` do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

END = "<|endoftext|>"


def train_byte_pairs(texts: Iterable[str], *, vocabulary: int) -> PreTrainedTokenizerBase:
    """Train a byte-level BPE tokenizer on texts.

    Args:
        texts: the training texts of a task.
        vocabulary: at most this many tokens, 256 bytes and the end of text included.

    Returns:
        A tokenizer whose end of text is `<|endoftext|>`.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner.train_from_iterator(list(texts), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=learner, eos_token=END, clean_up_tokenization_spaces=False
    )
