"""What can be wrong with a model's config, said with the field that is at fault.

Does: find the field that a library's words or key speak of, and refuse sizes no tensor has. Does
not: open configs; `opening.py` does. Loads no torch.
"""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from kdprobe.errors import CheckpointError
from kdprobe.foreign import said
from kdprobe.models.capacity import check_layers
from kdprobe.plain_text import printable

_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
)
_LARGEST = 2**31
_MOST_FIELDS = 200
_FIELD = re.compile(r"[Ff]ield '(\w+)'")
_WANTED = re.compile(r"expected (\w+), got|any type in \((.*?)\)\.")
_COPY_AGAIN = "copy or download the folder again"


def field_at_fault(
    written: Mapping[str, Any], error: Exception, opens: Callable[[dict[str, Any]], object]
) -> str | None:
    """Find the field of a config that a library stumbled over.

    Definition: the one that its words name; else the one whose text is the key it did not find;
    else the first without which it opens.

    Args:
        written: the config as its file holds it.
        error: what the library raised.
        opens: does again what failed, with other fields; raises where it fails.

    >>> int_of = lambda fields: int(fields.get("dropout", "0"))
    >>> field_at_fault({"size": "3", "dropout": "x"}, ValueError("x is no number"), int_of)
    'dropout'
    """
    named = _FIELD.search(str(error))
    if named:
        return named[1]
    return field_with_value(written, error) or _without_which_it_opens(written, opens)


def fault_of_field(
    where: str, written: Mapping[str, Any], error: Exception, field: str | None
) -> CheckpointError:
    """Return which field of a config a library stumbled over, and what it wants there.

    Args:
        where: the file, for the message.
        written: the config as its file holds it.
        error: what the library raised.
        field: what `field_at_fault` gave.
    """
    words = str(error)
    if field is None or field not in written:
        of_type = "model type" in words
        return CheckpointError(
            where,
            found=f"is not understood ({said(error)})",
            expected="a model type that this version of transformers knows"
            if of_type
            else "what save_pretrained writes",
            remedy="a newer transformers may know it" if of_type else "",
        )
    wanted = _WANTED.search(words)
    kinds = (wanted[1] or wanted[2]) if wanted else ""
    kinds = re.sub(r"<class '(\w+)'>", r"\1", kinds).replace("NoneType", "null").rstrip(",")
    return CheckpointError(
        where,
        found=f"{field} is {printable(json.dumps(written[field]), limit=60)}",
        expected=kinds.replace(", ", " or ") or "what transformers takes there",
        remedy="" if kinds else f"it says: {said(error)}",
    )


def _without_which_it_opens(
    written: Mapping[str, Any], opens: Callable[[dict[str, Any]], object]
) -> str | None:
    """Find the one field without which a config opens; None where it opens with all of them."""
    if len(written) > _MOST_FIELDS:
        return None
    fields = copy.deepcopy(dict(written))
    with contextlib.suppress(Exception):
        opens(fields)
        return None
    for name in written:
        if name == "model_type":
            continue
        try:
            opens(copy.deepcopy({key: value for key, value in written.items() if key != name}))
        except Exception:
            continue
        return name
    return None


def field_with_value(written: Mapping[str, Any], error: Exception) -> str | None:
    """Find the field whose text is the key that a library did not find.

    >>> field_with_value({"model_type": "bert", "hidden_act": "gelo"}, KeyError("gelo"))
    'hidden_act'
    """
    if not isinstance(error, KeyError) or not error.args:
        return None
    return next((name for name, value in written.items() if value == error.args[0]), None)


def check_config_sizes(where: str, written: Mapping[str, Any], config: Any) -> None:
    """Refuse sizes that no tensor has; the standard names and the family's own are looked at.

    Raises:
        CheckpointError: a size below one or beyond two billion, more layers than anybody trains, or
            a padding token outside of the vocabulary.
    """
    own = dict(getattr(config, "attribute_map", {}))
    sizes = {}
    for standard in _SIZES:
        name = next((one for one in (standard, own.get(standard)) if one in written), None)
        value = written[name] if name else None
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        sizes[standard] = value
        if not 1 <= value < _LARGEST:
            raise CheckpointError(
                where, found=f"{name} is {f'{value:.3g}' if value >= _LARGEST else value}",
                expected="a size from 1 to two billion", remedy=_COPY_AGAIN,
            )  # fmt: skip
    check_layers(sizes.get("num_hidden_layers", 1), where=where, error=CheckpointError)
    pad, rows = written.get("pad_token_id"), sizes.get("vocab_size")
    if isinstance(pad, int) and rows is not None and not -rows <= pad < rows:
        raise CheckpointError(
            where, found=f"pad_token_id is {pad}", expected=f"one of the {rows:,} tokens, from 0",
            remedy="set it to the tokenizer's padding token",
        )  # fmt: skip
