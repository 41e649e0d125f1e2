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

from kdprobe.errors import CheckpointError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_INDEX = "model.safetensors.index.json"
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "spiece.model",
    "spm.model",
    "tokenizer.model",
    "sentencepiece.bpe.model",
)
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
_OTHER_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.onnx", "adapter_*")


def locate(path: str, *, offline: bool) -> Path:
    """Give the folder of a model: the path itself, or where the hub's files lie on this disk.

    Args:
        path: a folder, or a hub id (`name` or `owner/name`) when no such path exists.
        offline: True asks the network nothing; a hub model is then taken from its local cache.

    Raises:
        CheckpointError: a file, nothing at all, or a hub model that cannot be reached.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        return place
    if place.exists():
        raise CheckpointError(
            path,
            found="is a file",
            expected="a folder with config.json, model.safetensors and tokenizer files",
            remedy="give its folder; a predictions file ends in .tsv, .csv, .jsonl or .parquet",
        )
    if not _HUB_ID.fullmatch(path):
        raise CheckpointError(path, found="no such folder", remedy=_neighbours(place))
    from huggingface_hub import snapshot_download

    patterns = ["config.json", "*.safetensors", _INDEX, *_TOKENIZER_FILES]
    try:
        found = snapshot_download(path, allow_patterns=patterns, local_files_only=offline)
    except (OSError, ValueError) as error:
        reason = "and, working offline, no hub model of that name is in the local cache"
        if not offline:
            reason = f"and the hub could not be asked for it ({first_line(error)})"
        raise CheckpointError(
            path, found=f"no such folder, {reason}", remedy=_neighbours(place)
        ) from error
    return Path(found)


def check_folder(folder: Path) -> Mapping[str, object]:
    """Refuse a folder whose model cannot be opened safely and wholly; give its config.

    Raises:
        CheckpointError: no config.json or one that is not JSON, custom code, weights that are
            missing, pickled or truncated, or no tokenizer.
    """
    config = _read_config(folder)
    _refuse_custom_code(folder, config)
    for weights in _weight_files(folder):
        _check_weights(weights)
    kept = any(all((folder / name).is_file() for name in names) for names in _VOCABULARIES)
    if not kept and not _reads_characters(folder):
        raise CheckpointError(
            str(folder),
            found="has no tokenizer files; without them every word would be read as unknown",
            expected="tokenizer.json, vocab.txt, vocab.json with merges.txt, or a .model file",
            remedy="copy the tokenizer of the model it was trained from into the folder",
        )
    return config


def _reads_characters(folder: Path) -> bool:
    """Say whether a folder's tokenizer is one that needs no vocabulary."""
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(settings, dict) and settings.get("tokenizer_class") in _NO_VOCABULARY


def fingerprint(folder: Path) -> str:
    """Give SHA-256 over the bytes of weights, config.json and tokenizer files; never the path.

    Definition: over the sorted names of the files that are there, each name followed by the size
    and the bytes of its file, read in pieces of one mebibyte.

    Raises:
        CheckpointError: the folder holds none of these files.
    """
    names = {"config.json", _INDEX, *_TOKENIZER_FILES}
    files = [folder / name for name in names if (folder / name).is_file()]
    files += folder.glob("model*.safetensors")
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
        standing = sorted(item.name for item in folder.iterdir())
        nested = sorted(item.parent.name for item in folder.glob("*/config.json"))
        raise CheckpointError(
            str(folder),
            found="holds no config.json"
            + (f" (it holds {', '.join(standing[:5])})" if standing else " (it is empty)"),
            expected="a transformers model folder",
            remedy=_did_you_mean(folder, nested[:3]),
        )
    try:
        config = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(str(place), found=f"is not JSON ({first_line(error)})") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise CheckpointError(
            str(place),
            found="names no model_type",
            expected="the config that save_pretrained writes",
        )
    return config


def _refuse_custom_code(folder: Path, config: Mapping[str, object]) -> None:
    parts = {"config.json": config}
    tokenizer = folder / "tokenizer_config.json"
    if tokenizer.is_file():
        try:
            parts["tokenizer_config.json"] = json.loads(tokenizer.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(
                str(tokenizer), found=f"is not JSON ({first_line(error)})"
            ) from error
    for name, part in parts.items():
        if isinstance(part, dict) and part.get("auto_map"):
            raise CheckpointError(
                str(folder / name),
                found="asks to run code that comes with the model (auto_map)",
                expected="an architecture that transformers knows",
                remedy="kdprobe runs no foreign code; write its predictions to a file and compare "
                "that",
            )


def _weight_files(folder: Path) -> list[Path]:
    single, index = folder / "model.safetensors", folder / _INDEX
    if single.is_file():
        return [single]
    if index.is_file():
        return _shards(index)
    pickled = sorted(
        {item.name for pattern in _OTHER_WEIGHTS for item in folder.glob(pattern)}
        | {item.name for item in folder.glob("*.safetensors")}
    )
    if any(name.endswith((".bin", ".pt", ".pth")) for name in pickled):
        raise CheckpointError(
            str(folder),
            found=f"its weights are pickled ({pickled[0]}), and a pickle can run any program",
            expected="model.safetensors",
            remedy="if you trust where it comes from, convert it: python -c 'from transformers "
            "import AutoModelForSequenceClassification as M; "
            f'M.from_pretrained("{folder}", use_safetensors=False).save_pretrained("{folder}")\'',
        )
    raise CheckpointError(
        str(folder),
        found=f"holds no weights (only {', '.join(pickled[:3])})"
        if pickled
        else "holds no weights",
        expected="model.safetensors",
    )


def _shards(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            str(index), found=f"cannot be read ({first_line(error)})", expected="a weight_map"
        ) from error
    for name in names:
        if Path(name).name != name or not (index.parent / name).is_file():
            raise CheckpointError(
                str(index.parent),
                found=f"the piece {name!r} of its weights is missing",
                expected=f"all {len(names)} files that {index.name} names",
                remedy="copy or download the folder again",
            )
    return [index.parent / name for name in names]


def _check_weights(place: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(place, framework="np") as tensors:
            empty = not list(tensors.keys())
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            str(place),
            found=f"is damaged or cut off ({first_line(error)})",
            expected="a whole safetensors file",
            remedy="copy or download it again; a git-lfs pointer is not the file itself",
        ) from error
    if empty:
        raise CheckpointError(str(place), found="holds no tensor", expected="a model's weights")


def _neighbours(place: Path) -> str:
    parent = place.parent
    if not parent.is_dir():
        return f"there is no folder {parent} either"
    names = sorted(item.name for item in parent.iterdir() if not item.name.startswith("."))
    close = difflib.get_close_matches(place.name, names, n=3, cutoff=0.5)
    if close or parent == Path():
        return _did_you_mean(parent, close)
    return f"{parent} holds {', '.join(names[:5])}" if names else f"{parent} is empty"


def _did_you_mean(parent: Path, names: list[str]) -> str:
    return f"did you mean {' or '.join(str(parent / name) for name in names)}?" if names else ""


def first_line(error: BaseException) -> str:
    """Give the first line of what a library said, short enough to quote in a message."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]
