"""Where each family keeps its parts: the one table of architectures.

Does: name the places of layers, embeddings, attention projections and all that is cut for a
narrower student, and find them in a model. Does not: say what a model can do, such as on which side
it may be padded; that is measured (`measured.py`), so that a family that stands nowhere here still
gives predictions, word scores and, where its forward does, hidden states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from torch import nn
from transformers import PreTrainedModel

from kdprobe.errors import CapabilityError

EMBEDDING_TABLES = ("word_embeddings", "position_embeddings", "token_type_embeddings")
"""What a row's `embeddings` holds, each where the family has it."""


class PartNames(NamedTuple):
    """Where an architecture keeps what is cut; of a layer below it, else below the model."""

    query: str
    key: str
    value: str
    joined: str
    attention_norm: str
    inner: str
    outer: str
    norm: str
    dense: str
    output: str


class ProjectionNames(NamedTuple):
    """Where a layer keeps the linear maps of its attention."""

    query: str
    key: str
    value: str


class Architecture(NamedTuple):
    """One family.

    Args:
        layers: its list of layers, below the base model; of ALBERT that of its groups of layers.
        blocks: whether objectives may read what stands inside its layers.
        shared: whether one layer is run again and again (ALBERT).
        per_layer: settings that hold an entry for each layer.
        first: why its first layer can be no other's, empty: it can.
        projections: its attention's linear maps, below a layer; None: they cannot be read.
        parts: everything that a narrower student is cut from; None: it cannot be cut.
        inner: the setting that holds the width of its inner neurons.
        embeddings: what holds `EMBEDDING_TABLES`, below the base model.
        embedding_norm: the normalisation of their sum, below `embeddings`.
        score_bias: the table of what all layers add to the scores of their attention for each
            distance of two positions, below the base model; empty: nothing.
    """

    layers: str
    blocks: bool = False
    shared: bool = False
    per_layer: tuple[str, ...] = ()
    first: str = ""
    projections: ProjectionNames | None = None
    parts: PartNames | None = None
    inner: str = "intermediate_size"
    embeddings: str = "embeddings"
    embedding_norm: str = "LayerNorm"
    score_bias: str = ""


_BERT_MAPS = ProjectionNames("attention.self.query", "attention.self.key", "attention.self.value")
_BERT = PartNames(
    *_BERT_MAPS, "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense",
    "output.dense", "output.LayerNorm", "bert.pooler.dense", "classifier",
)  # fmt: skip
_ROBERTA = _BERT._replace(dense="classifier.dense", output="classifier.out_proj")
_MPNET_MAPS = ProjectionNames("attention.attn.q", "attention.attn.k", "attention.attn.v")
_DISTIL_MAPS = ProjectionNames("attention.q_lin", "attention.k_lin", "attention.v_lin")
_DISTILBERT = PartNames(
    *_DISTIL_MAPS, "attention.out_lin", "sa_layer_norm", "ffn.lin1", "ffn.lin2",
    "output_layer_norm", "pre_classifier", "classifier",
)  # fmt: skip
_KINDS_OF_ATTENTION = ("layer_types",)
ARCHITECTURES: dict[str, Architecture] = {
    "albert": Architecture("encoder.albert_layer_groups", shared=True),
    "bert": Architecture("encoder.layer", True, projections=_BERT_MAPS, parts=_BERT),
    "big_bird": Architecture("encoder.layer"),
    "camembert": Architecture("encoder.layer", True, projections=_BERT_MAPS, parts=_ROBERTA),
    "deberta": Architecture("encoder.layer"),
    "deberta-v2": Architecture("encoder.layer", True),
    "distilbert": Architecture(
        "transformer.layer", True, projections=_DISTIL_MAPS, parts=_DISTILBERT, inner="hidden_dim"
    ),
    "electra": Architecture("encoder.layer", True, projections=_BERT_MAPS),
    "fnet": Architecture("encoder.layer"),
    "gemma": Architecture("layers", per_layer=_KINDS_OF_ATTENTION),
    "gemma2": Architecture("layers", per_layer=_KINDS_OF_ATTENTION),
    "gpt2": Architecture("h"),
    "gpt_neox": Architecture("layers"),
    "llama": Architecture("layers"),
    "longformer": Architecture("encoder.layer", per_layer=("attention_window",)),
    "mistral": Architecture("layers", per_layer=_KINDS_OF_ATTENTION),
    "modernbert": Architecture(
        "layers", per_layer=_KINDS_OF_ATTENTION,
        first="its first layer alone reads the embeddings without a normalisation",
    ),
    "mpnet": Architecture(
        "encoder.layer", True, projections=_MPNET_MAPS,
        score_bias="encoder.relative_attention_bias",
    ),
    "opt": Architecture("decoder.layers"),
    "qwen2": Architecture("layers", per_layer=_KINDS_OF_ATTENTION),
    "qwen3": Architecture("layers", per_layer=_KINDS_OF_ATTENTION),
    "roberta": Architecture("encoder.layer", True, projections=_BERT_MAPS, parts=_ROBERTA),
    "xlm-roberta": Architecture("encoder.layer", True, projections=_BERT_MAPS, parts=_ROBERTA),
    "xlnet": Architecture("layer"),
}  # fmt: skip
"""By `config.model_type`. A family that stands nowhere here still gives predictions, word scores
and hidden states; its layers cannot be copied."""

_UNLISTED = Architecture(layers="")

LAYER_LISTS = {kind: own.layers for kind, own in ARCHITECTURES.items() if own.blocks}
PROJECTIONS = {kind: own.projections for kind, own in ARCHITECTURES.items() if own.projections}
PARTS = {kind: own.parts for kind, own in ARCHITECTURES.items() if own.parts}
LAYER_PARTS = PartNames._fields[:8]


def architecture_of(model: PreTrainedModel) -> Architecture:
    """Return a model's row; for a family without one the usual names, and no layers."""
    return ARCHITECTURES.get(model.config.model_type, _UNLISTED)


def layers_of(model: PreTrainedModel) -> nn.ModuleList:
    """Return the list of a model's layers.

    Raises:
        CapabilityError: an architecture whose layers cannot be taken apart here.
    """
    kind = model.config.model_type
    if kind not in ARCHITECTURES:
        raise CapabilityError(
            type(model).__name__,
            found=f"the layers of the architecture {kind!r} cannot be copied one by one",
            expected="one of " + ", ".join(ARCHITECTURES),
            remedy="start the student from scratch (bert:L4,H128) or from a folder",
        )
    return cast(nn.ModuleList, model.base_model.get_submodule(ARCHITECTURES[kind].layers))


def require_parts(source: PreTrainedModel, *, wanted: str, remedy: str) -> PartNames:
    """Return where an architecture keeps its parts.

    Raises:
        CapabilityError: they are not known.
    """
    names = architecture_of(source).parts
    if names is None:
        raise CapabilityError(
            type(source).__name__,
            found=f"{wanted} of the architecture {source.config.model_type!r} cannot be taken",
            expected="one of " + ", ".join(PARTS),
            remedy=remedy,
        )
    return names


def layer_part(model: PreTrainedModel, place: int, name: str) -> Any:
    """Return a part of a layer, counted from 0."""
    return layers_of(model)[place].get_submodule(name)


def embeddings_of(model: PreTrainedModel) -> Any:
    """Return what holds the tables of words, positions and segments."""
    return model.base_model.get_submodule(architecture_of(model).embeddings)


def embedding_norm(model: PreTrainedModel) -> Any:
    """Return the normalisation of the embeddings."""
    return embeddings_of(model).get_submodule(architecture_of(model).embedding_norm)


def inner_size(config: Any) -> int:
    """Return the number of inner neurons of each layer."""
    return int(getattr(config, ARCHITECTURES.get(config.model_type, _UNLISTED).inner))


def parts_of(
    source: PreTrainedModel, names: PartNames, which: Sequence[int]
) -> dict[str, nn.Module]:
    """Return what a narrower student is cut from, by a name of the student's places.

    Args:
        source: the wide model.
        names: where it keeps its parts.
        which: its layers, from 0, for each of the student's.
    """
    modules: dict[str, nn.Module] = {"embeddings": embedding_norm(source)}
    modules |= {"output": source.get_submodule(names.output)}
    for new, old in enumerate(which):
        for part in LAYER_PARTS:
            modules[f"{new}.{part}"] = layer_part(source, old, getattr(names, part))
    return modules
