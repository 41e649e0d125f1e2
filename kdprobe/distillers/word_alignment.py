"""Find which tokens make which word, for two models that cut texts into different tokens.

Does: match the words of a split with the tokens of one model. Does not: compare anything;
`alignment.py` pools tokens to words.
"""

from __future__ import annotations

from dataclasses import replace

from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.word_shares import WordShares
from kdprobe.models.text_model import TextModel
from kdprobe.models.words import pieces_of, split_words, word_shares
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split


def match_words(
    encoded: Encoded,
    text: TextModel,
    split: Split,
    *,
    max_length: int,
    progress: Progress,
    title: str,
) -> Encoded:
    """Add to a split's tokens which words they make; words are those of `split_words`.

    Args:
        encoded: the split as this model reads it.
        text: the same model, with its tokenizer.
        split: the same examples.
        max_length: as it was encoded with.
        progress: a display.
        title: what it shows.

    Raises:
        CapabilityError: a token that stands nowhere in its text.
    """
    counts, entries = [], []
    with progress.stage(title, len(split)) as stage:
        for row, own in enumerate(split.texts):
            texts = (own,) if split.pairs is None else (own, split.pairs[row])
            encoding = text.encode_one(texts, longest=max_length)
            ids = list(encoding["input_ids"])
            if ids and ids != list(encoded.columns["input_ids"][row]):
                raise ValueError("words matched with other tokens than were encoded")
            words = split_words(*texts)
            pieces = pieces_of(text.tokenizer, texts, encoding) if ids else []
            shares = word_shares(words, pieces)
            counts.append(len(words))
            entries.append(
                tuple((word, token, share) for token, parts in enumerate(shares)
                      for word, share in parts)
            )  # fmt: skip
            stage.advance()
    return replace(encoded, words=WordShares(counts, entries))
