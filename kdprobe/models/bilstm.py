"""A bidirectional LSTM classifier as a `transformers` model.

Does: give logits and hidden states like any encoder, save and load as a plain folder, and register
itself, so that `AutoModelForSequenceClassification` opens such folders after
`import kdprobe.models.bilstm` (`load_classifier` has imported it; `import kdprobe` alone loads no
torch and cannot). Does not: read words; it has the tokenizer of its teacher, or one of its own.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.modeling_outputs import BaseModelOutputWithPooling, SequenceClassifierOutput

from kdprobe.models.bilstm_shape import LstmShape, Mode
from kdprobe.models.building import build_fresh
from kdprobe.models.channels import Channels
from kdprobe.models.mixed_precision import run_recurrent, without_autocast
from kdprobe.models.shapes import label_settings
from kdprobe.tasks.task import Task

MODEL_TYPE = "kdprobe_bilstm"
_RANDOM_WIDTH = 300


class BiLstmConfig(PreTrainedConfig):  # type: ignore[misc]  # transformers is untyped
    """Sizes of a BiLSTM; `hidden_size` is the width of its hidden states, both directions.

    Args:
        vocab_size: rows of the embedding.
        embedding_size: width of one channel of the embeddings.
        lstm_size: width of one direction.
        num_layers: LSTM layers.
        fc_size: width of the fully connected layer.
        dropout: after that layer, in training.
        mode: `static`, `non-static` or `multichannel`; see `bilstm_shape.LstmShape`.
        siamese: read the two texts of a pair one by one and compare their vectors.
        sentence: a text's vector: `last` state of each direction, or `max` over its tokens.
        pad_token_id: as in `transformers`.
        settings: what every configuration of `transformers` takes.
    """

    model_type = MODEL_TYPE

    def __init__(
        self,
        vocab_size: int = 30522,
        embedding_size: int = 300,
        lstm_size: int = 300,
        num_layers: int = 1,
        fc_size: int = 400,
        dropout: float = 0.1,
        mode: str = "non-static",
        siamese: bool = False,
        sentence: str = "last",
        pad_token_id: int = 0,
        **settings: Any,
    ) -> None:
        super().__init__(pad_token_id=pad_token_id, **settings)
        self.vocab_size, self.embedding_size, self.mode = vocab_size, embedding_size, mode
        self.lstm_size, self.hidden_size = lstm_size, 2 * lstm_size
        self.num_layers = self.num_hidden_layers = num_layers
        self.fc_size, self.dropout, self.siamese = fc_size, dropout, siamese
        self.sentence = sentence


class BiLstmPreTrained(PreTrainedModel):  # type: ignore[misc]  # transformers is untyped
    """What both classes below share."""

    config_class = BiLstmConfig
    base_model_prefix = "bilstm"

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            # Narrow vectors (U[-.25, .25], as for the unknown words of Kim 2014) learn the embedded
            # grammar to a dev MCC of .58 where these reach .81 (one run each, 10 epochs).
            nn.init.normal_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=5**0.5)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LSTM):
            bound = module.hidden_size**-0.5
            for weight in module.parameters():
                nn.init.uniform_(weight, -bound, bound)


class BiLstmModel(BiLstmPreTrained):
    """Embeddings and LSTM layers; each layer a module of its own, so that all states are seen."""

    def __init__(self, config: BiLstmConfig) -> None:
        super().__init__(config)
        self.embeddings = Channels(
            config.vocab_size, config.embedding_size, mode=cast(Mode, config.mode)
        )
        channels = 2 if config.mode == "multichannel" else 1
        widths = [channels * config.embedding_size]
        widths += [config.hidden_size] * (config.num_layers - 1)
        self.layers = nn.ModuleList(
            nn.LSTM(width, config.lstm_size, batch_first=True, bidirectional=True)
            for width in widths
        )
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """The channel that is trained, or the only one."""
        return self.embeddings.table

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace that channel."""
        if self.embeddings.tuned is not None:
            self.embeddings.tuned = value
        else:
            self.embeddings.frozen = value

    def read(self, embedded: Tensor, mask: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Run the layers over the real tokens, wherever padding stands.

        Args:
            embedded: `[B, L, E]`.
            mask: bool `[B, L]`.

        Returns:
            The text's vector `[B, H]`, by `config.sentence` (zeros without tokens), and the
            states of each layer `[B, L, H]`, zeros at padding.
        """
        length = mask.shape[1]
        order = (~mask).to(torch.uint8).argsort(dim=1, stable=True)  # real tokens first
        back = order.argsort(dim=1)
        counts = mask.sum(1)
        states, gathered = _taken(embedded, order), []
        for layer in self.layers:
            packed = pack_padded_sequence(
                states, counts.clamp_min(1).cpu(), batch_first=True, enforce_sorted=False
            )
            states, _ = pad_packed_sequence(
                run_recurrent(cast(nn.LSTM, layer), packed)[0],
                batch_first=True,
                total_length=length,
            )
            gathered.append(_taken(states, back) * mask[:, :, None])
        if self.config.sentence == "max":
            known = gathered[-1].masked_fill(~mask[:, :, None], torch.finfo(states.dtype).min)
            ends = known.amax(dim=1)
        else:
            half = self.config.lstm_size
            last = states[torch.arange(len(states), device=states.device), counts.clamp_min(1) - 1]
            ends = torch.cat([last[:, :half], states[:, 0, half:]], dim=-1)
        kept = embedded.dtype  # layers run in float32 also where weights are kept in bfloat16
        return (ends * (counts > 0)[:, None]).to(kept), [one.to(kept) for one in gathered]

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        output_hidden_states: bool | None = None,
        inputs_embeds: Tensor | None = None,
        **rest: Any,
    ) -> BaseModelOutputWithPooling:
        """Read a batch; `pooler_output` holds the last states, of pairs `[a; b; |a - b|; a b]`."""
        embedded = self.embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        mask = embedded.new_ones(embedded.shape[:2]) if attention_mask is None else attention_mask
        real = mask.bool()
        if self.config.siamese and token_type_ids is not None:
            first, upper = self.read(embedded, real & (token_type_ids == 0))
            second, lower = self.read(embedded, real & (token_type_ids == 1))
            ends = torch.cat([first, second, (first - second).abs(), first * second], dim=-1)
            states = [one + other for one, other in zip(upper, lower, strict=True)]
        else:
            ends, states = self.read(embedded, real)
        shown = (embedded, *states) if output_hidden_states else None
        return BaseModelOutputWithPooling(
            last_hidden_state=states[-1], pooler_output=ends, hidden_states=shown
        )


def _taken(states: Tensor, order: Tensor) -> Tensor:
    return states.gather(1, order[:, :, None].expand(-1, -1, states.shape[-1]))


class BiLstmForSequenceClassification(BiLstmPreTrained):
    """The classifier of Tang et al. (2019): last states, a layer with ReLU, dropout, outputs.

    Under autocast all of it runs in float32: with the fully connected layer in bfloat16 students
    lost up to 7 points of MCC and no time was saved (`distillers.precision.EVIDENCE`).
    """

    whole_in_float32 = True

    def __init__(self, config: BiLstmConfig) -> None:
        super().__init__(config)
        self.bilstm = BiLstmModel(config)
        width = config.hidden_size * (4 if config.siamese else 1)
        self.fc = nn.Linear(width, config.fc_size)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.fc_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        output_hidden_states: bool | None = None,
        inputs_embeds: Tensor | None = None,
        **rest: Any,
    ) -> SequenceClassifierOutput:
        """Return a batch's logits, and with `output_hidden_states` the states of all layers."""
        encoded = self.bilstm(
            input_ids,
            attention_mask,
            token_type_ids,
            output_hidden_states=output_hidden_states,
            inputs_embeds=inputs_embeds,
        )
        with without_autocast():
            ends = encoded.pooler_output.to(self.fc.weight.dtype)
            hidden = self.dropout(functional.relu(self.fc(ends)))
            logits = self.classifier(hidden)
        return SequenceClassifierOutput(logits=logits, hidden_states=encoded.hidden_states)


def build_lstm(
    shape: LstmShape,
    task: Task,
    *,
    tokenizer: PreTrainedTokenizerBase,
    vectors: Tensor | None = None,
    pairs: bool = False,
) -> PreTrainedModel:
    """Build a BiLSTM classifier; weights that are not given come from torch's global generator.

    Args:
        shape: its sizes.
        task: gives its labels.
        tokenizer: what it reads with.
        vectors: float `[rows, width]`, the embeddings it starts from; None: random ones.
        pairs: whether texts come in pairs, and the tokenizer tells them apart.
    """
    width = (shape.embed or _RANDOM_WIDTH) if vectors is None else vectors.shape[1]
    config = BiLstmConfig(
        vocab_size=len(tokenizer) if vectors is None else vectors.shape[0],
        embedding_size=width,
        lstm_size=shape.hidden,
        num_layers=shape.layers,
        fc_size=shape.fc,
        mode=shape.mode,
        sentence=shape.sentence,
        siamese=pairs and "token_type_ids" in tokenizer.model_input_names,
        pad_token_id=tokenizer.pad_token_id,
        **label_settings(task),
    )
    model = build_fresh(
        BiLstmForSequenceClassification, config, where=f"bilstm:hidden={shape.hidden}"
    )
    if vectors is not None:
        model.bilstm.embeddings.begin_with(vectors)
    return model.eval()


AutoConfig.register(MODEL_TYPE, BiLstmConfig, exist_ok=True)
AutoModel.register(BiLstmConfig, BiLstmModel, exist_ok=True)
AutoModelForSequenceClassification.register(
    BiLstmConfig, BiLstmForSequenceClassification, exist_ok=True
)
