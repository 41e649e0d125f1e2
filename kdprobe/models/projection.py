"""Students that read with another model's embeddings, through a map that is learned.

Does: put that model's tables and a linear map in place of a student's own. Does not: train them, or
fold them into one table again (`reparametrised_embeddings.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from kdprobe.models.activations import record_activations
from kdprobe.models.architectures import (
    EMBEDDING_TABLES,
    embedding_norm,
    embeddings_of,
    require_parts,
)
from kdprobe.models.bilstm_shape import Mode
from kdprobe.models.channels import Channels
from kdprobe.models.low_rank import principal_directions
from kdprobe.models.reparametrised_embeddings import ProjectedEmbedding

_MODES = {
    "static": "which stay as they are",
    "non-static": "which are trained with it",
    "multichannel": "once as they are and once trained",
}


def learn_projection(
    student: PreTrainedModel,
    source: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    mode: Mode,
) -> str:
    """Let a student read with another model's embeddings through a learned map; say so in a note.

    Definition (Sucik 2020, section 5.1): a student's vector of a token is W e + b with e the other
    model's vector of it, W and b trained with the student; words, positions and segments each have
    a map of their own, where both models have as many. `mode` says whether e is trained too, as for
    a BiLSTM's embeddings. W begins with the principal directions of the sum of the three over the
    tokens of sample texts (the thesis begins at random), or with orthonormal columns in a wider
    student; b with 0. The released code loads the segments though the text says it does not. Saved,
    W e + b is one table of the student's width, and nothing of the other model is left.

    Args:
        student: a model with tables of its own, replaced in place.
        source: the other model; left as it is.
        tokenizer: its tokenizer.
        texts: training texts; up to 512 of them are read.
        mode: `static`, `non-static` or `multichannel`.

    Raises:
        CapabilityError: an architecture whose parts are not known.
    """
    random = "let them start at random: init=random, or bert:L4,H128 without embeddings=teacher"
    require_parts(source, wanted="the embeddings", remedy=random)
    activations = record_activations(
        source, tokenizer, texts, {"embeddings": embedding_norm(source)}
    )
    width, wide = int(student.config.hidden_size), int(source.config.hidden_size)
    if width <= wide:
        start = principal_directions(activations["embeddings"].before, width).T.float()
    else:
        start = nn.init.orthogonal_(torch.empty(width, wide))
    ours, theirs = embeddings_of(student), embeddings_of(source)
    tables = []
    for name in EMBEDDING_TABLES:
        table, other = getattr(ours, name, None), getattr(theirs, name, None)
        if table is None or other is None or table.num_embeddings != other.num_embeddings:
            continue
        setattr(ours, name, _projected(table, other.weight.detach(), start, mode))
        tables.append(name.removesuffix("_embeddings").replace("_", " "))
    return (
        f"reads with the other model's embeddings ({', '.join(tables)}), {_MODES[mode]}, through a "
        f"learned projection of {wide} to {width} columns; all else starts at random"
    )


def _projected(table: nn.Embedding, other: Tensor, start: Tensor, mode: Mode) -> ProjectedEmbedding:
    """Compose table and map; with two channels each begins with half of the map."""
    channels = Channels(*other.shape, mode=mode)
    channels.begin_with(other.float())
    count = len(channels.tables)
    projection = nn.Linear(count * other.shape[1], table.embedding_dim)
    with torch.no_grad():
        projection.weight.copy_(torch.cat([start / count] * count, dim=1))
        projection.bias.zero_()
    return ProjectedEmbedding(channels, projection, padding_idx=table.padding_idx)
