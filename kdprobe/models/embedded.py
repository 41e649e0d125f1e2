"""Word vectors given to a model in place of those it looks up.

Does: lay vectors wherever a model asks its word embeddings for the tokens of the texts it runs,
whatever shape it asks in. Does not: compute or differentiate anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from kdprobe.errors import CapabilityError
from kdprobe.models.channels import Channels
from kdprobe.models.embedding_table import embedding_table


def laid(vectors: Tensor, ids: Tensor, given: Tensor, own: Tensor) -> Tensor | None:
    """Lay vectors where a look-up asks for the texts' tokens; None where it asks for others.

    Known shapes of a look-up: the tokens themselves; time first (XLNet); filled up at the end to a
    window (Longformer); moved right by one, behind a token that a decoder begins with (BART).

    Args:
        vectors: `[n, t, d]`.
        ids: the texts' tokens, int64 `[n, t]`.
        given: the ids that are looked up.
        own: what the table gives for them.

    Returns:
        Of the shape of `own`.

    >>> vectors, ids = torch.tensor([[[-1.0], [-2.0]]]), torch.tensor([[5, 6]])
    >>> moved, own = torch.tensor([[2, 5]]), torch.tensor([[[2.0], [5.0]]])
    >>> laid(vectors, ids, moved, own).tolist()
    [[[2.0], [-1.0]]]
    """
    if given.ndim != 2:
        return None
    length = ids.shape[1]
    if given.shape == ids.shape:
        if torch.equal(given, ids):
            return vectors
        if torch.equal(given[:, 1:], ids[:, :-1]):
            return torch.cat([own[:, :1], vectors[:, :-1]], dim=1)
    if given.shape == ids.T.shape and torch.equal(given, ids.T):
        return vectors.transpose(0, 1)
    filled = given.shape[0] == ids.shape[0] and given.shape[1] > length
    if filled and torch.equal(given[:, :length], ids):
        return torch.cat([vectors, own[:, length:]], dim=1)
    return None


def word_tables(model: torch.nn.Module, name: str, run: Callable[[], object]) -> list[Any]:
    """Return the modules that look a text's tokens up, the one that is asked first at the front.

    Most models have one; an encoder-decoder may ask copies that share its weights and never the
    one it names. All channels of a BiLSTM are one, the frozen one too.

    Args:
        model: a classifier.
        name: what people call it.
        run: runs it on a text.

    Raises:
        CapabilityError: the model does not name its word embeddings.
    """
    for module in model.modules():
        if isinstance(module, Channels):
            return [module]
    named = embedding_table(model)
    if named is None:
        raise CapabilityError(
            name,
            found="does not say which of its parts are the word embeddings",
            expected="get_input_embeddings(), for methods that use gradients",
            remedy="use lime, shap or occlusion",
        )
    weight = getattr(named, "weight", None)
    shared = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.Embedding) and module.weight is weight
    ]
    if len(shared) < 2:
        return [named]
    used: list[Any] = []
    handles = [
        module.register_forward_hook(lambda module, *_: used.append(module)) for module in shared
    ]
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return list(dict.fromkeys(used)) or [named]


@contextlib.contextmanager
def given_vectors(
    tables: Sequence[torch.nn.Module], vectors: Tensor, ids: Tensor, name: str
) -> Iterator[None]:
    """Put these word vectors in place of those that a model looks up, while inside.

    Args:
        tables: its word embeddings; see `word_tables`.
        vectors: `[n, t, d]`.
        ids: the texts' tokens, int64 `[n, t]`.
        name: what people call the model.

    Raises:
        CapabilityError: at the end, if no table was ever asked for the texts' tokens.
    """
    placed = []

    def hook(_: torch.nn.Module, arguments: tuple[Any, ...], own: Tensor) -> Tensor | None:
        # a copy: a model may work on what it looked up in place (CTRL)
        placed_vectors = laid(vectors.clone(), ids, arguments[0], own) if arguments else None
        if placed_vectors is not None:
            placed.append(True)
        return placed_vectors

    handles = [table.register_forward_hook(hook) for table in tables]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    if not placed:
        raise CapabilityError(
            name,
            found="does not look the tokens of a text up in its word embeddings",
            expected="get_input_embeddings() to give what it reads, for methods that use gradients",
            remedy="use lime, shap or occlusion",
        )
