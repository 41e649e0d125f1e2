"""How a person names a BiLSTM: `bilstm:hidden=300,fc=400,layers=1`.

Does: parse the words and build the model with random weights. Does not: define the network;
`bilstm.py` does, and loads torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kdprobe.errors import ConfigError
from kdprobe.registry import unknown_name

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

KEYS = ("hidden", "fc", "layers", "embed", "vocab", "sentence")
SENTENCES = ("last", "max")


@dataclass(frozen=True)
class BiLSTMShape:
    """A BiLSTM that starts from random weights.

    Args:
        hidden: units of each direction.
        fc: units of the hidden layer before the classes.
        layers: LSTM layers.
        embed: width of the word-piece vectors.
        vocabulary: word pieces when a tokenizer is trained for it; None: 8,000.
        sentence: how a sentence is read, `last` or `max`; see `bilstm.BiLSTMConfig`.
    """

    hidden: int = 300
    fc: int = 400
    layers: int = 1
    embed: int = 300
    vocabulary: int | None = None
    sentence: str = "last"


def parse_bilstm(text: str, where: str) -> BiLSTMShape:
    """Read what stands behind `bilstm:`; every key may be left out.

    Raises:
        UnknownNameError: an unknown key.
        ConfigError: a key twice, or a value that is no size.

    >>> parse_bilstm("hidden=64,sentence=max", "--student").hidden
    64
    """
    sizes: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        key, _, value = part.partition("=")
        if key not in KEYS:
            raise unknown_name("student", key, KEYS)
        name = "vocabulary" if key == "vocab" else key
        if name in sizes:
            raise ConfigError(where, found=f"{key} twice in bilstm:{text}", expected="once each")
        if key == "sentence":
            if value not in SENTENCES:
                raise unknown_name("student", value, SENTENCES)
            sizes[name] = value
            continue
        if not value.isascii() or not value.isdigit() or int(value) < 1:
            raise ConfigError(where, found=f"{key} is {value!r}", expected="a whole number from 1")
        sizes[name] = int(value)
    return BiLSTMShape(**sizes)


def build_bilstm(
    shape: BiLSTMShape, labels: dict[str, Any], *, tokenizer: PreTrainedTokenizerBase
) -> PreTrainedModel:
    """Build the classifier with random weights, drawn from torch's global generator.

    Args:
        shape: its sizes.
        labels: config entries that name the labels; see `shapes.label_settings`.
        tokenizer: whose pieces it embeds.
    """
    from kdprobe.models.bilstm import BiLSTMConfig, BiLSTMForSequenceClassification

    config = BiLSTMConfig(
        vocab_size=len(tokenizer),
        embedding_size=shape.embed,
        lstm_size=shape.hidden,
        fc_size=shape.fc,
        num_hidden_layers=shape.layers,
        sentence=shape.sentence,
        pad_token_id=tokenizer.pad_token_id,
        **labels,
    )
    model: PreTrainedModel = BiLSTMForSequenceClassification(config)
    return model
