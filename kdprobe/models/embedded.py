"""Word vectors given to a model in place of those it looks up.

Does: lay vectors wherever a model asks its word embeddings for the tokens of the texts it runs,
whatever shape it asks in. Does not: compute or differentiate anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from kdprobe.errors import CapabilityError


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


@contextlib.contextmanager
def given_vectors(
    table: torch.nn.Module, vectors: Tensor, ids: Tensor, name: str
) -> Iterator[None]:
    """Give a model these word vectors in place of those it looks up, while inside.

    Args:
        table: its word embeddings.
        vectors: `[n, t, d]`.
        ids: the texts' tokens, int64 `[n, t]`.
        name: what people call the model.

    Raises:
        CapabilityError: at the end, if the table was never asked for the texts' tokens.
    """
    placed = []

    def hook(_: torch.nn.Module, arguments: tuple[Any, ...], own: Tensor) -> Tensor | None:
        found = laid(vectors, ids, arguments[0], own) if arguments else None
        if found is not None:
            placed.append(True)
        return found

    handle = table.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
    if not placed:
        raise CapabilityError(
            name,
            found="does not look the tokens of a text up in its word embeddings",
            expected="get_input_embeddings() to give what it reads, for methods that use gradients",
            remedy="use lime, shap or occlusion",
        )
