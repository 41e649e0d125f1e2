"""A bidirectional LSTM classifier that is an ordinary `transformers` model.

Does: embed word pieces, run one LSTM a layer in both directions, read a sentence by its last states
(Tang et al. 2019; the 2020 thesis) or the largest value of each unit, classify with one hidden
layer; give hidden states layer by layer. Does not: attend, or start from word vectors.

Importing this module registers the architecture, so that `AutoModelForSequenceClassification` loads
such a folder; `load_classifier` imports it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput


class BiLSTMConfig(PreTrainedConfig):  # type: ignore[misc]
    """The sizes of a BiLSTM classifier.

    Args:
        vocab_size: the number of word pieces.
        embedding_size: the width of their vectors.
        lstm_size: the units of each direction; a layer's output is twice as wide.
        fc_size: the units of the hidden layer before the classes.
        num_hidden_layers: the LSTM layers.
        sentence: `last` (the last state of each direction) or `max` (over the words).
        dropout: the share of units dropped between layers, and before the classes.
    """

    model_type = "kdprobe_bilstm"

    def __init__(
        self,
        vocab_size: int = 30522,
        embedding_size: int = 300,
        lstm_size: int = 300,
        fc_size: int = 400,
        num_hidden_layers: int = 1,
        sentence: str = "last",
        dropout: float = 0.1,
        pad_token_id: int = 0,
        **rest: Any,
    ) -> None:
        super().__init__(pad_token_id=pad_token_id, **rest)
        self.vocab_size, self.embedding_size, self.lstm_size = vocab_size, embedding_size, lstm_size
        self.fc_size, self.num_hidden_layers = fc_size, num_hidden_layers
        self.sentence, self.dropout = sentence, dropout
        self.hidden_size = 2 * lstm_size
        self.num_attention_heads = 0


class BiLSTMForSequenceClassification(PreTrainedModel):  # type: ignore[misc]
    """Embeddings, LSTM layers in both directions, one hidden layer, classes."""

    config_class = BiLSTMConfig
    base_model_prefix = "bilstm"

    def __init__(self, config: BiLSTMConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(
            config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id
        )
        widths = [config.embedding_size] + [config.hidden_size] * (config.num_hidden_layers - 1)
        self.layers = nn.ModuleList(
            nn.LSTM(width, config.lstm_size, batch_first=True, bidirectional=True)
            for width in widths
        )
        self.dropout = nn.Dropout(config.dropout)
        self.dense = nn.Linear(config.hidden_size, config.fc_size)
        self.classifier = nn.Linear(config.fc_size, config.num_labels)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Start every part as torch does; the LSTM's own rule is uniform in 1/sqrt(units)."""
        if isinstance(module, nn.Embedding | nn.Linear | nn.LSTM):
            module.reset_parameters()

    def get_input_embeddings(self) -> nn.Embedding:
        """Give the word-piece vectors."""
        return self.embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the word-piece vectors."""
        self.embeddings = value

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        output_attentions: bool | None = None,
    ) -> SequenceClassifierOutput:
        """Classify a batch; padding stands on the right and changes nothing.

        Args:
            input_ids: int64 `[B, L]`; or
            inputs_embeds: float `[B, L, embedding_size]`.
            attention_mask: `[B, L]`, 1 for words; every row has at least one.
            token_type_ids: not read; [SEP] tells the two texts of a pair apart.
            output_hidden_states: also give `[B, L, d]` of the embeddings and of each layer.
            return_dict: always a dictionary-like output; taken for the sake of callers.
            output_attentions: there are none.
        """
        values = self.embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        if attention_mask is None:
            attention_mask = torch.ones(values.shape[:2], dtype=torch.long, device=values.device)
        lengths = attention_mask.sum(dim=1).cpu()
        states: tuple[Tensor, ...] = (values,)
        final = values[:, 0]
        for layer in self.layers:
            packed = pack_padded_sequence(
                self.dropout(values), lengths, batch_first=True, enforce_sorted=False
            )
            # cuDNN has no backward pass in eval mode, which attributions need.
            with torch.backends.cudnn.flags(enabled=self.training):
                output, (last, _) = layer(packed)
            values, _ = pad_packed_sequence(
                output, batch_first=True, total_length=attention_mask.shape[1]
            )
            # One layer a module: its two rows are the last states of both directions.
            final = torch.cat((last[0], last[1]), dim=1)
            states = (*states, values)
        if self.config.sentence == "max":
            padding = attention_mask[..., None] == 0
            final = values.masked_fill(padding, torch.finfo(values.dtype).min).amax(dim=1)
        logits = self.classifier(self.dropout(torch.relu(self.dense(final))))
        return SequenceClassifierOutput(
            logits=logits, hidden_states=states if output_hidden_states else None
        )


AutoConfig.register(BiLSTMConfig.model_type, BiLSTMConfig, exist_ok=True)
AutoModelForSequenceClassification.register(
    BiLSTMConfig, BiLSTMForSequenceClassification, exist_ok=True
)
