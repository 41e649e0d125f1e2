"""The word embeddings that a model names as its own.

Does: ask `get_input_embeddings`, whatever way an architecture has of not answering. Does not: look
for a table by other names.
"""

from __future__ import annotations

from typing import Any

from torch import nn


def embedding_table(model: Any) -> nn.Module | None:
    """Return the module that turns token ids into vectors; None for a model that names none.

    Args:
        model: of `transformers`; those without such a table raise NotImplementedError (a base
            class) or AttributeError (CANINE), or give another thing than a module.
    """
    try:
        table = model.get_input_embeddings()
    except (NotImplementedError, AttributeError):
        return None
    return table if isinstance(table, nn.Module) else None
