"""Where each family of encoders keeps its parts: the one table of architectures.

Does: name the places of layers, attention projections and all that is cut for a narrower student.
Does not: say what a model can do; that is measured (`measured.py`). A family that stands nowhere
here still gives predictions, word scores and, where its forward does, hidden states.
"""

from __future__ import annotations

from typing import NamedTuple


class Names(NamedTuple):
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
        layers: its list of layers, below the base model.
        projections: its attention's linear maps, below a layer; None: they cannot be read.
        parts: everything that a narrower student is cut from; None: it cannot be cut.
        inner: the setting that holds the width of its inner neurons.
    """

    layers: str
    projections: ProjectionNames | None = None
    parts: Names | None = None
    inner: str = "intermediate_size"


_BERT_MAPS = ProjectionNames("attention.self.query", "attention.self.key", "attention.self.value")
_BERT = Names(
    *_BERT_MAPS, "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense",
    "output.dense", "output.LayerNorm", "bert.pooler.dense", "classifier",
)  # fmt: skip
_ROBERTA = _BERT._replace(dense="classifier.dense", output="classifier.out_proj")
_DISTIL_MAPS = ProjectionNames("attention.q_lin", "attention.k_lin", "attention.v_lin")
_DISTILBERT = Names(
    *_DISTIL_MAPS, "attention.out_lin", "sa_layer_norm", "ffn.lin1", "ffn.lin2",
    "output_layer_norm", "pre_classifier", "classifier",
)  # fmt: skip
ARCHITECTURES: dict[str, Architecture] = {
    "bert": Architecture("encoder.layer", _BERT_MAPS, _BERT),
    "camembert": Architecture("encoder.layer", _BERT_MAPS, _ROBERTA),
    "deberta-v2": Architecture("encoder.layer"),
    "distilbert": Architecture("transformer.layer", _DISTIL_MAPS, _DISTILBERT, "hidden_dim"),
    "electra": Architecture("encoder.layer", _BERT_MAPS),
    "mpnet": Architecture("encoder.layer"),
    "roberta": Architecture("encoder.layer", _BERT_MAPS, _ROBERTA),
    "xlm-roberta": Architecture("encoder.layer", _BERT_MAPS, _ROBERTA),
}
"""By `config.model_type`. A family whose layers share weights (ALBERT) or differ by position
(ModernBERT) cannot be taken apart layer by layer."""

LAYER_LISTS = {kind: own.layers for kind, own in ARCHITECTURES.items()}
PROJECTIONS = {kind: own.projections for kind, own in ARCHITECTURES.items() if own.projections}
NAMES = {kind: own.parts for kind, own in ARCHITECTURES.items() if own.parts}
LAYER_PARTS = Names._fields[:8]
