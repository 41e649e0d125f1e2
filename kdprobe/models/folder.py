"""Model folders before anything in them is opened: where they are, what stands in them.

Does: find the folder of a path or hub id, refuse what cannot be opened safely (pickles, custom
code, truncated weights, no tokenizer) in one message each, and fingerprint what a model is made
of. Does not: build a model; `checkpoint.py` does. Loads no torch.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from kdprobe.atomic import EXCHANGE
from kdprobe.errors import CheckpointError
from kdprobe.foreign import debugging, said
from kdprobe.models.folder_kinds import FolderKind
from kdprobe.models.hub_folder import TOKENIZER_FILES, fetched, hub_said
from kdprobe.models.imported import is_imported
from kdprobe.models.weights import (
    INDEX,
    read_shapes,
    refuse_adapter,
    refuse_no_file,
    weight_files,
)
from kdprobe.plain_files import read_json
from kdprobe.plain_text import printable
from kdprobe.tasks.readers import is_table

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_OPTIONS = "what stands behind a ? is read of models that answer, not of those that are trained"
_WRITTEN = "what save_pretrained writes"
_VOCABULARIES = (
    ("tokenizer.json",),
    ("vocab.txt",),
    ("vocab.json", "merges.txt"),
    ("spiece.model",),
    ("spm.model",),
    ("tokenizer.model",),
    ("sentencepiece.bpe.model",),
)
_NO_VOCABULARY = ("ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer")
"""Tokenizers of characters or bytes, which have no vocabulary to keep."""


def locate(path: str, *, offline: bool, graph: str | None = None) -> Path:
    """Return the folder of a model: the path itself, or where the hub's files lie on this disk.

    Args:
        path: a folder, or a hub id (`name` or `owner/name`) when no such path exists.
        offline: True asks the network nothing; a hub model is then taken from its local cache.
        graph: the ONNX graph that is fetched of a hub model; empty: `model.onnx`, where the hub has
            no weights of it; None: none.

    Raises:
        CheckpointError: a file, nothing at all, or a hub model that cannot be reached.
    """
    if is_imported(path):
        raise CheckpointError(
            path, found="is a function, which has no weights", expected="a model folder",
            remedy="`compare` takes it, and `distill` as its teacher",
        )  # fmt: skip
    try:
        place = Path(path).expanduser()
        standing = place.exists()
    except (OSError, ValueError, RuntimeError) as error:  # too long, a zero byte, no such ~user
        raise CheckpointError(
            printable(path, limit=80),
            found=f"is no path ({said(error)})",
            expected="a model folder",
        ) from error
    if place.is_dir():
        return place
    if standing and is_table(place):
        raise CheckpointError(
            path, found="is a predictions file, which has no weights", expected="a model folder",
            remedy="`compare` takes it, and `distill` as its teacher",
        )  # fmt: skip
    if standing:
        raise CheckpointError(
            path,
            found="is a file",
            expected="a folder with config.json, model.safetensors and tokenizer files",
            remedy="give its folder; a predictions file ends in .tsv, .csv, .jsonl or .parquet",
        )
    if not _HUB_ID.fullmatch(path):
        remedy = _OPTIONS if "?" in path else _neighbours(place)
        raise CheckpointError(path, found="no such folder", remedy=remedy)
    try:
        return fetched(path, offline=offline, graph=graph)
    except Exception as error:  # whatever the network, the cache or the hub's library raise
        if debugging():
            raise
        raise CheckpointError(
            path,
            found=f"no such folder, and {hub_said(error, offline=offline)}",
            remedy=_neighbours(place),
        ) from error


def _refuse_unfinished(folder: Path) -> None:
    """Refuse a folder of old and new files, where a training was killed in its last moment."""
    if (folder / EXCHANGE).is_dir():
        raise CheckpointError(
            str(folder),
            found="holds the model of a killed training, whose files are not all in their places",
            expected="a finished model",
            remedy="run that training again with `resume`; it takes no further step",
        )


def check_folder(folder: Path, *, kind: FolderKind = "weights") -> Mapping[str, object]:
    """Refuse a folder whose model cannot be opened safely and wholly; give its config.

    Args:
        folder: where it lies.
        kind: what is opened of it; see `folder_kinds.kind_of_folder`.

    Raises:
        CheckpointError: no config.json or one that is not JSON, custom code, no tokenizer; where
            weights are opened, an adapter, or weights that are missing, pickled or truncated; where
            they are to be plain numbers, quantized ones.
    """
    _refuse_unfinished(folder)
    if kind != "graph":
        refuse_adapter(folder)
    config = _read_config(folder)
    _refuse_custom_code(folder, config)
    if kind == "weights":
        _refuse_quantized(folder, config)
    if kind != "graph":
        read_shapes(weight_files(folder), whole=kind == "quantized")
    check_tokenizer_files(folder)
    return config


def check_tokenizer_files(folder: Path) -> None:
    """Refuse a folder without a tokenizer.

    Raises:
        CheckpointError: there is none.
    """
    if not has_tokenizer(folder):
        raise CheckpointError(
            str(folder),
            found="has no tokenizer files; without them every word would be read as unknown",
            expected="tokenizer.json, vocab.txt, vocab.json with merges.txt, or a .model file",
            remedy="copy the tokenizer of the model it was trained from into the folder",
        )


def has_tokenizer(folder: Path) -> bool:
    """Return whether a folder holds the vocabulary of a tokenizer, or one that needs none."""
    kept = any(all((folder / name).is_file() for name in names) for names in _VOCABULARIES)
    return kept or _reads_characters(folder)


def _reads_characters(folder: Path) -> bool:
    """Return whether a folder's tokenizer is one that needs no vocabulary."""
    place = folder / "tokenizer_config.json"
    if not place.is_file():
        return False
    settings = read_json(place, error=CheckpointError, expected=_WRITTEN)
    return isinstance(settings, dict) and settings.get("tokenizer_class") in _NO_VOCABULARY


def fingerprint(folder: Path) -> str:
    """Return SHA-256 over the bytes of weights, config.json and tokenizer files; never the path.

    Definition: over the sorted names of the files that are there, each name followed by the size
    and the bytes of its file, read in pieces of one mebibyte.

    Raises:
        CheckpointError: the folder holds none of these files.
    """
    names = {"config.json", INDEX, *TOKENIZER_FILES}
    files = [folder / name for name in names if (folder / name).is_file()]
    files += [*folder.glob("model*.safetensors"), *folder.glob("adapter_*")]
    if not files:
        raise CheckpointError(str(folder), found="holds no model", expected="a model folder")
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


def _read_config(folder: Path) -> Mapping[str, object]:
    place = folder / "config.json"
    if not place.is_file():
        refuse_no_file(place)
        names = sorted(item.name for item in folder.iterdir())
        nested = sorted(item.parent.name for item in folder.glob("*/config.json"))
        raise CheckpointError(
            str(folder),
            found="holds no config.json"
            + (f" (it holds {', '.join(names[:5])})" if names else " (it is empty)"),
            expected="a transformers model folder",
            remedy=_did_you_mean(folder, nested[:3]),
        )
    config = read_json(place, error=CheckpointError, expected=_WRITTEN, bare=True)
    if not isinstance(config, dict) or "model_type" not in config:
        raise CheckpointError(
            str(place),
            found="names no model_type",
            expected="the config that save_pretrained writes",
        )
    if not isinstance(config["model_type"], str):
        raise CheckpointError(
            str(place),
            found=f"model_type is {printable(json.dumps(config['model_type']), limit=40)}",
            expected='the name of an architecture, like "bert"',
        )
    return config


def _refuse_custom_code(folder: Path, config: Mapping[str, object]) -> None:
    parts = {"config.json": config}
    tokenizer = folder / "tokenizer_config.json"
    if tokenizer.is_file():
        parts[tokenizer.name] = read_json(
            tokenizer, error=CheckpointError, expected=_WRITTEN, bare=True
        )
    for name, part in parts.items():
        if isinstance(part, dict) and part.get("auto_map"):
            raise CheckpointError(
                str(folder / name),
                found="asks to run code that comes with the model (auto_map)",
                expected="an architecture that transformers knows",
                remedy="kdprobe runs no foreign code; write its predictions to a file and compare "
                "that",
            )


def _refuse_quantized(folder: Path, config: Mapping[str, object]) -> None:
    """Refuse weights whose meaning depends on a package for quantized arithmetic."""
    setting = config.get("quantization_config")
    if setting is None:
        return
    method = setting.get("quant_method") if isinstance(setting, dict) else None
    raise CheckpointError(
        str(folder / "config.json"),
        found=f"its weights are quantized (quantization_config: {method or 'of no named method'})",
        expected="weights that are plain numbers",
        remedy="`compare` and `attribute` take them, and `distill` as its teacher; else save a "
        "copy without: model.dequantize().save_pretrained(new folder)",
    )


def _neighbours(place: Path) -> str:
    parent = place.parent
    if not parent.is_dir():
        return f"there is no folder {parent} either"
    names = sorted(item.name for item in parent.iterdir() if not item.name.startswith("."))
    # Half alike is not near enough here: a cache is no teacher.
    close = difflib.get_close_matches(place.name, names, n=3, cutoff=0.7)
    if close or parent == Path():
        return _did_you_mean(parent, close)
    return f"{parent} holds {', '.join(names[:5])}" if names else f"{parent} is empty"


def _did_you_mean(parent: Path, names: list[str]) -> str:
    return f"did you mean {' or '.join(str(parent / name) for name in names)}?" if names else ""
