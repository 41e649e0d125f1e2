"""A tokenizer of one's own, for models that start from nothing.

Does: learn word pieces from texts, the same ones from the same texts. Does not: read files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST = 512


def train_tokenizer(texts: Iterable[str], *, vocabulary: int) -> PreTrainedTokenizerBase:
    """Train a lower-cased WordPiece tokenizer on texts.

    Args:
        texts: the training texts of a task.
        vocabulary: at most this many pieces, special tokens and letters included.

    Returns:
        A tokenizer with [PAD] (0), [UNK], [CLS], [SEP] and [MASK] that reads up to 512 tokens and
        tells the two texts of a pair apart.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import BertTokenizer

    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.normalizer = normalizers.BertNormalizer(lowercase=True)
    learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    known = list(texts)
    letters = sorted({char for text in known for char in learner.normalizer.normalize_str(text)})
    # The learner meets word-inner letters in the order of a hash table and breaks ties between
    # merges by that order: named first, they have one order, and equal texts give equal pieces.
    inner = [f"##{char}" for char in letters if not char.isspace()]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[*SPECIAL_TOKENS, *inner],
        show_progress=False,
    )
    learner.train_from_iterator(known, trainer)
    return BertTokenizer(vocab=_settled(learner), do_lower_case=True, model_max_length=LONGEST)


def _settled(learner: Any) -> dict[str, int]:
    """Number the pieces so that equal texts give equal ids: special ones, then by length and name.

    The learner numbers letters in the order of a hash table, which differs from run to run.
    """
    pieces = sorted(set(learner.get_vocab()) - set(SPECIAL_TOKENS), key=lambda p: (len(p), p))
    return {piece: index for index, piece in enumerate((*SPECIAL_TOKENS, *pieces))}
