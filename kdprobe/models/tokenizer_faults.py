"""What can be wrong with a model's tokenizer files, said with the file and the field at fault.

Does: find the file that is no JSON, or the field of tokenizer_config.json without which it opens.
Does not: open tokenizers; `opening.py` does. Loads no torch.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdprobe.errors import CheckpointError
from kdprobe.foreign import said
from kdprobe.models.config_faults import fault_of_field, field_at_fault
from kdprobe.plain_files import read_json

SETTINGS = "tokenizer_config.json"
_JSON_FILES = (
    SETTINGS,
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "tokenizer.json",
)
_PACKAGES = ("sentencepiece", "protobuf", "tiktoken")
_WRITTEN = "what save_pretrained writes"


def unreadable(
    folder: Path, path: str, error: Exception, opens: Callable[[Path], object]
) -> CheckpointError:
    """Return why a tokenizer cannot be read; a missing package is named, with how to install it.

    Args:
        folder: the model folder.
        path: how a person named it, for messages.
        error: what was raised.
        opens: opens the tokenizer of a folder, or raises.
    """
    models = sorted(item.name for item in folder.glob("*.model"))
    if any(name in str(error) for name in _PACKAGES) and models:
        return CheckpointError(
            path,
            found=f"its tokenizer ({models[0]}) needs packages that are not installed",
            expected="sentencepiece and protobuf",
            remedy="pip install sentencepiece protobuf",
        )
    for name in _JSON_FILES:
        fault = _fault_of_file(folder / name)
        if fault is not None:
            return fault
    written = _settings(folder)
    field = field_at_fault(written, error, lambda fields: _opens_with(folder, fields, opens))
    if field in written:
        return fault_of_field(f"{path}: {SETTINGS}", written, error, field)
    return CheckpointError(
        path,
        found=f"its tokenizer files cannot be read ({said(error)})",
        expected="those that save_pretrained writes",
        remedy="copy or download the folder again",
    )


def _fault_of_file(place: Path) -> CheckpointError | None:
    """Return what is wrong with a file as JSON; nothing where it is a table or is not there."""
    if not place.is_file():
        return None
    try:
        value = read_json(place, error=CheckpointError, expected=_WRITTEN, bare=True)
    except CheckpointError as fault:
        return fault
    if not isinstance(value, dict):
        return CheckpointError(
            str(place), found=f"holds a {type(value).__name__}", expected="a table of JSON ({…})"
        )
    return None


def _settings(folder: Path) -> dict[str, Any]:
    place = folder / SETTINGS
    return dict(read_json(place, error=CheckpointError)) if place.is_file() else {}


def _opens_with(folder: Path, fields: dict[str, Any], opens: Callable[[Path], object]) -> None:
    """Open a folder's tokenizer with other settings, in a folder of links that is taken away."""
    with tempfile.TemporaryDirectory() as place:
        for file in folder.iterdir():
            if file.is_file() and file.name != SETTINGS and file.suffix != ".safetensors":
                (Path(place) / file.name).symlink_to(file.absolute())
        (Path(place) / SETTINGS).write_text(json.dumps(fields), encoding="utf-8")
        opens(Path(place))
