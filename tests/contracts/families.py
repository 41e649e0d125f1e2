"""One tiny model of every family: its own config class, random weights, a tokenizer trained here.

Does: save each as a user's folder is and open it as kdprobe does, with labels in another order than
the task's. Does not: run or judge them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.word_pieces import train_tokenizer
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES

SINGLE = Task("single", 1, "classification", ("bad", "good", "fair"), "accuracy")
PAIRS = Task("pairs", 1, "classification", ("bad", "good", "fair"), "accuracy", True)
OUTPUTS = ("fair", "bad", "good")
LIMIT = 40

_BERT_LIKE = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
    "max_position_embeddings": LIMIT,
}  # fmt: skip
_ROBERTA_LIKE = {
    **_BERT_LIKE, "max_position_embeddings": LIMIT + 2, "pad_token_id": 1, "bos_token_id": 0,
    "eos_token_id": 2,
}  # fmt: skip
_GPT_LIKE = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": LIMIT}
_LLAMA_LIKE = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "num_key_value_heads": 2, "max_position_embeddings": LIMIT,
}  # fmt: skip


class Family(NamedTuple):
    """How one family is made.

    Args:
        config: its config class and sizes.
        tokens: the kind of its tokenizer; see `tokenizer_of`.
        left: whether the tokenizer pads on the left.
        refused: what it cannot give -> words of the reason.
        rounded: how far its gradients lie from those in float64, as a share of the largest.
    """

    config: tuple[str, dict[str, Any]]
    tokens: str
    left: bool = False
    refused: dict[str, str] = {}  # noqa: RUF012 (never written to)
    rounded: float = 1e-5


_CAUSAL = {"cls": "its attention is causal"}
FAMILIES: dict[str, Family] = {
    "BERT": Family(("BertConfig", _BERT_LIKE), "cls-sep"),
    "RoBERTa": Family(("RobertaConfig", {**_ROBERTA_LIKE, "type_vocab_size": 1}), "roberta-types"),
    "XLM-RoBERTa": Family(("XLMRobertaConfig", {**_ROBERTA_LIKE, "type_vocab_size": 1}), "roberta"),
    "DistilBERT": Family(
        ("DistilBertConfig", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48,
                              "max_position_embeddings": LIMIT}), "cls-sep",
    ),
    "ALBERT": Family(("AlbertConfig", {**_BERT_LIKE, "embedding_size": 16}), "cls-sep"),
    "ELECTRA": Family(("ElectraConfig", {**_BERT_LIKE, "embedding_size": 16}), "cls-sep"),
    "DeBERTa-v2": Family(
        ("DebertaV2Config", {**_BERT_LIKE, "relative_attention": True,
                             "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
                             "type_vocab_size": 0,
                             "pooler_hidden_size": 32}), "cls-sep",
    ),
    "DeBERTa": Family(
        ("DebertaConfig", {**_BERT_LIKE, "relative_attention": True,
                           "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
                           "type_vocab_size": 0, "pooler_hidden_size": 32}), "cls-sep",
    ),
    "CamemBERT": Family(("CamembertConfig", {**_ROBERTA_LIKE, "type_vocab_size": 1}), "roberta"),
    "MPNet": Family(("MPNetConfig", _ROBERTA_LIKE), "roberta"),
    "ConvBERT": Family(
        ("ConvBertConfig", {**_BERT_LIKE, "embedding_size": 32, "head_ratio": 1}), "cls-sep"
    ),
    "BigBird": Family(
        ("BigBirdConfig", {**_BERT_LIKE, "block_size": 4, "num_random_blocks": 1}), "cls-sep"
    ),
    "XLNet": Family(
        ("XLNetConfig", {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 48}), "sep-cls",
        left=True, refused={"cls": "its tokenizer puts no token before the words"},
    ),
    "FNet": Family(
        ("FNetConfig", {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 48,
                        "max_position_embeddings": LIMIT}), "cls-sep-no-mask",
    ),
    "ModernBERT": Family(
        ("ModernBertConfig", {**_BERT_LIKE, "num_hidden_layers": 3, "local_attention": 8,
                              "global_attn_every_n_layers": 3, "cls_token_id": 2,
                              "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}),
        "cls-sep",
    ),
    "Longformer": Family(
        ("LongformerConfig", {**_ROBERTA_LIKE, "attention_window": 8, "type_vocab_size": 1,
                              "max_position_embeddings": LIMIT + 10}), "roberta",
    ),
    "Funnel": Family(
        ("FunnelConfig", {"block_sizes": [1, 1], "d_model": 32, "n_head": 2, "d_head": 16,
                          "d_inner": 48, "num_decoder_layers": 1}), "cls-sep",
        refused={"layers": "so that no token has one",
                 "words": "its forward cannot run the text"},
    ),
    "CANINE": Family(
        ("CanineConfig", {**_BERT_LIKE, "max_position_embeddings": 160, "downsampling_rate": 4,
                          "local_transformer_stride": 16, "num_hash_buckets": 64}), "canine",
        refused={"layers": "so that no token has one",
                 "words": "its forward cannot run the text",
                 "gradients": "does not say which of its parts are the word embeddings"},
    ),
    "BART": Family(
        ("BartConfig", {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2,
                        "encoder_attention_heads": 2, "decoder_attention_heads": 2,
                        "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "pad_token_id": 1,
                        "max_position_embeddings": LIMIT, "bos_token_id": 0, "eos_token_id": 2,
                        "decoder_start_token_id": 2, "forced_eos_token_id": 2}), "roberta",
    ),
    "T5": Family(
        ("T5Config", {"d_model": 32, "num_layers": 2, "num_heads": 2, "d_ff": 48, "d_kv": 16,
                      "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}), "eos",
        refused={"cls": "its tokenizer puts no token before the words"},
    ),
    "GPT-2": Family(("GPT2Config", _GPT_LIKE), "bare", refused=_CAUSAL),
    "GPT-2 left": Family(("GPT2Config", _GPT_LIKE), "bare", left=True, refused=_CAUSAL),
    "OPT": Family(
        ("OPTConfig", {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                       "ffn_dim": 48, "max_position_embeddings": LIMIT, "word_embed_proj_dim": 32}),
        "bos", refused=_CAUSAL,
    ),
    "GPT-Neo": Family(
        ("GPTNeoConfig", {"hidden_size": 32, "num_layers": 2, "num_heads": 2,
                          "intermediate_size": 48,
                          "attention_types": [[["global", "local"], 1]], "window_size": 4,
                          "max_position_embeddings": LIMIT}), "bare", refused=_CAUSAL,
    ),
    "GPT-NeoX": Family(
        ("GPTNeoXConfig", {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                           "intermediate_size": 48, "max_position_embeddings": LIMIT}),
        "bare", refused=_CAUSAL,
    ),
    "BLOOM": Family(("BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 2}), "bare",
                    refused=_CAUSAL),
    "Llama": Family(("LlamaConfig", _LLAMA_LIKE), "bos", refused=_CAUSAL),
    "Llama left": Family(("LlamaConfig", _LLAMA_LIKE), "bos", left=True, refused=_CAUSAL),
    "Qwen2": Family(("Qwen2Config", _LLAMA_LIKE), "bare", refused=_CAUSAL),
    "Mistral": Family(("MistralConfig", {**_LLAMA_LIKE, "sliding_window": 6}), "bos",
                      refused=_CAUSAL),
    "Gemma": Family(("GemmaConfig", {**_LLAMA_LIKE, "head_dim": 8}), "bos", refused=_CAUSAL),
    "Gemma 2": Family(("Gemma2Config", {**_LLAMA_LIKE, "head_dim": 8, "sliding_window": 6}), "bos",
                      refused=_CAUSAL),
    "Qwen3 left": Family(("Qwen3Config", {**_LLAMA_LIKE, "head_dim": 8}), "bare", left=True,
                         refused=_CAUSAL),
    "Phi": Family(("PhiConfig", {**_LLAMA_LIKE, "partial_rotary_factor": 0.5}), "bare",
                  refused=_CAUSAL),
    "Falcon": Family(
        ("FalconConfig", {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                          "ffn_hidden_size": 48, "alibi": True}), "bare", refused=_CAUSAL,
    ),
    "CTRL": Family(("CTRLConfig", {**_GPT_LIKE, "dff": 48}), "bare", refused=_CAUSAL),
    "OpenAI GPT": Family(("OpenAIGPTConfig", _GPT_LIKE), "bare", refused=_CAUSAL),
    "RoFormer": Family(("RoFormerConfig", {**_BERT_LIKE, "embedding_size": 32}), "cls-sep"),
    "SqueezeBERT": Family(
        ("SqueezeBertConfig", {**_BERT_LIKE, "embedding_size": 32, "q_groups": 2, "k_groups": 2,
                               "v_groups": 2, "intermediate_groups": 2, "output_groups": 2}),
        "cls-sep",
    ),
    "UMT5": Family(
        ("UMT5Config", {"d_model": 32, "num_layers": 2, "num_heads": 2, "d_ff": 48, "d_kv": 16,
                        "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}), "eos",
        refused={"cls": "its tokenizer puts no token before the words"}, rounded=1e-4,
    ),
    "RoBERTa, padding is 7": Family(
        ("RobertaConfig", {**_ROBERTA_LIKE, "type_vocab_size": 1, "pad_token_id": 7,
                           "max_position_embeddings": LIMIT + 8}), "roberta",
    ),
    "BiLSTM": Family(("", {}), "cls-sep", refused={"cls": "no token of a BiLSTM reads"}),
}  # fmt: skip
HEAVY = (
    "BigBird", "Funnel", "CANINE", "T5", "Longformer", "GPT-NeoX", "Gemma", "ConvBERT", "Gemma 2",
    "Qwen3 left", "Phi", "Falcon", "CTRL", "OpenAI GPT", "RoFormer", "SqueezeBERT", "UMT5",
    "RoBERTa, padding is 7", "DeBERTa", "CamemBERT",
)  # fmt: skip
"""Families of the slow run: the others hold the same properties in the quick one."""


def _byte_pairs(special: list[str]) -> Tokenizer:
    learner = Tokenizer(models.BPE(unk_token="<unk>"))
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    learner.train_from_iterator(SENTENCES * 2, trainer)
    return learner


_TEMPLATES = {
    "roberta": ("<s>:0 $A:0 </s>:0", "<s>:0 $A:0 </s>:0 </s>:0 $B:1 </s>:1"),
    "sep-cls": ("$A:0 <sep>:0 <cls>:2", "$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2"),
    "eos": ("$A:0 </s>:0", "$A:0 </s>:0 $B:0 </s>:0"),
    "bos": ("<s>:0 $A:0", "<s>:0 $A:0 $B:0"),
}


def tokenizer_of(kind: str, *, left: bool = False) -> Any:
    """Train a tokenizer: where special tokens stand, and which columns it sends.

    Args:
        kind: `cls-sep` (BERT; `-no-mask`: FNet), `roberta` (`-types`: it counts segments that the
            model has no rows for), `sep-cls` (XLNet), `eos` (T5), `bos` (Llama), `bare` (GPT-2),
            `canine` (characters).
        left: whether it pads on the left.
    """
    if kind == "canine":
        return hf.CanineTokenizer(model_max_length=128)
    base = kind.removesuffix("-no-mask").removesuffix("-types")
    sent = ["input_ids", "attention_mask"]
    if base in ("cls-sep", "sep-cls") or kind.endswith("-types"):
        sent.append("token_type_ids")
    if kind.endswith("-no-mask"):
        sent.remove("attention_mask")
    settings: dict[str, Any] = {
        "model_max_length": LIMIT, "model_input_names": sent,
        "padding_side": "left" if left else "right",
    }  # fmt: skip
    if base == "cls-sep":
        pieces = train_tokenizer(SENTENCES * 2, vocabulary=200)
        return hf.BertTokenizer(vocab=pieces.get_vocab(), **settings)
    made = _byte_pairs(["<s>", "<pad>", "</s>", "<unk>", "<sep>", "<cls>", "<mask>"])
    settings |= {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>",
                 "eos_token": "</s>"}  # fmt: skip
    if base == "sep-cls":
        settings |= {"cls_token": "<cls>", "sep_token": "<sep>", "pad_token_type_id": 3}
    if base in _TEMPLATES:
        one, two = _TEMPLATES[base]
        names = {part.split(":")[0] for part in f"{one} {two}".split() if not part.startswith("$")}
        made.post_processor = processors.TemplateProcessing(
            single=one, pair=two,
            special_tokens=[(name, made.token_to_id(name)) for name in sorted(names)],
        )  # fmt: skip
    return hf.PreTrainedTokenizerFast(tokenizer_object=made, **settings)


def build(family: Family) -> tuple[Any, Any]:
    """Make a family's model, with weights wide enough that texts differ, and its tokenizer."""
    tokenizer = tokenizer_of(family.tokens, left=family.left)
    labels = {
        "num_labels": len(OUTPUTS),
        "id2label": dict(enumerate(OUTPUTS)),
        "label2id": {name: at for at, name in enumerate(OUTPUTS)},
        "problem_type": "single_label_classification",
    }
    name, sizes = family.config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        if not name:
            model: Any = build_lstm(LstmShape(12, 10, 2), SINGLE, tokenizer=tokenizer)
            model.config.update(labels)
            return model, tokenizer
        settings = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
        if family.tokens == "canine":
            settings = {}
        config = getattr(hf, name)(**{**settings, **sizes, **labels})
        model = hf.AutoModelForSequenceClassification.from_config(config)
        for key, weight in model.named_parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.25)
            elif "bias" in key:
                torch.nn.init.normal_(weight, std=0.05)
    return model.eval(), tokenizer


class Opened:
    """The families, each saved and opened once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.of: Callable[[str], HfModel] = cache(self._open)

    def place(self, name: str) -> Path:
        """Where a family is saved."""
        return self._folder / name.replace(" ", "-")

    def _open(self, name: str) -> HfModel:
        place = self.place(name)
        model, tokenizer = build(FAMILIES[name])
        model.save_pretrained(place)
        tokenizer.save_pretrained(place)
        return open_hf(str(place), name=name, task=SINGLE, device="cpu")
