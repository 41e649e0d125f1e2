"""The weights of a model folder before a model is built: which files, which tensors, what shapes.

Does: find the files, refuse pickles, adapters and what is damaged in one message each, read names
and shapes from the headers. Does not: read a weight. Loads no torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from kdprobe.errors import CheckpointError
from kdprobe.foreign import said
from kdprobe.plain_files import read_json
from kdprobe.plain_text import printable

INDEX = "model.safetensors.index.json"
ADAPTER = "adapter_config.json"
_OTHER_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.onnx", "adapter_*")
_WRAPPERS = {
    "_orig_mod": "torch.compile",
    "module": "DataParallel",
    "_fsdp_wrapped_module": "FSDP",
    "_checkpoint_wrapped_module": "activation checkpointing",
}
"""What a module is called inside one that wraps it -> which wrapper calls it so."""
_WRAPPED = re.compile(rf"^(?:(?:{'|'.join(_WRAPPERS)})\.)+")


def refuse_adapter(folder: Path) -> None:
    """Refuse a folder that holds an adapter, alone or beside weights.

    What `transformers` makes of an adapter beside weights depends on whether `peft` is installed;
    an answer must not.

    Raises:
        CheckpointError: there is one; the message says how to merge it.
    """
    names = sorted(item.name for item in folder.glob("adapter_*") if item.is_file())
    if ADAPTER not in names and not any(name.startswith("adapter_model.") for name in names):
        return
    base = "its base model"
    if ADAPTER in names:
        config = read_json(folder / ADAPTER, error=CheckpointError)
        named = config.get("base_model_name_or_path") if isinstance(config, dict) else None
        base = printable(named, limit=80) if isinstance(named, str) and named else base
    beside = any((folder / name).is_file() for name in ("model.safetensors", INDEX))
    merge = (
        "merge it: PeftModel.from_pretrained(base, adapter).merge_and_unload()"
        ".save_pretrained(new folder)"
    )
    raise CheckpointError(
        str(folder),
        found=f"holds an adapter ({names[0]}) for {base}"
        + (" beside a model's weights" if beside else ", not a whole model"),
        expected="the weights of one model",
        remedy=merge + (", or take adapter_* out to use the weights without it" if beside else ""),
    )


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a folder.

    Raises:
        CheckpointError: there are none, they are pickled, or a piece is missing.
    """
    single, index = folder / "model.safetensors", folder / INDEX
    if single.is_file():
        return [single]
    if index.is_file():
        return _pieces(index)
    refuse_no_file(single)
    others = sorted(
        {item.name for pattern in _OTHER_WEIGHTS for item in folder.glob(pattern)}
        | {item.name for item in folder.glob("*.safetensors")}
    )
    if any(name.endswith((".bin", ".pt", ".pth")) for name in others):
        raise CheckpointError(
            str(folder),
            found=f"its weights are pickled ({others[0]}), and a pickle can run any program",
            expected="model.safetensors",
            remedy="if you trust where it comes from, convert it: python -c 'from transformers "
            "import AutoModelForSequenceClassification as M; "
            f'M.from_pretrained("{folder}", use_safetensors=False).save_pretrained("{folder}")\'',
        )
    raise CheckpointError(
        str(folder),
        found=f"holds no weights (only {', '.join(others[:3])})" if others else "holds no weights",
        expected="model.safetensors",
        remedy="an ONNX graph answers (`compare`, `attribute`, the teacher of `distill`); what is "
        "trained or copied is the folder that it was exported from"
        if any(name.endswith(".onnx") for name in others)
        else "",
    )


def _pieces(index: Path) -> list[Path]:
    data = read_json(index, error=CheckpointError, expected="a weight_map", bare=True)
    weights = data.get("weight_map") if isinstance(data, dict) else None
    if not isinstance(weights, dict) or not weights:
        raise CheckpointError(
            str(index), found="names no weight_map", expected="the index save_pretrained writes"
        )
    if not isinstance(data.get("metadata"), dict):
        raise CheckpointError(
            str(index),
            found="names no metadata",
            expected='a table, like {"total_size": bytes}, which transformers asks for',
            remedy="copy or download the folder again",
        )
    for tensor, name in weights.items():
        if not isinstance(name, str):
            raise CheckpointError(
                str(index),
                found=f"weight_map.{tensor} is {json.dumps(name)[:60]}",
                expected="the name of a file",
                remedy="copy or download the folder again",
            )
    names = sorted(set(weights.values()))
    for name in names:
        if Path(name).name != name or not _is_file(index.parent / name):
            raise CheckpointError(
                str(index.parent),
                found=f"the piece {name[:80]!r} of its weights is missing",
                expected=f"all {len(names)} files that {index.name} names",
                remedy="copy or download the folder again",
            )
    return [index.parent / name for name in names]


def refuse_no_file(place: Path) -> None:
    """Refuse what stands in the place of a file and is none: a folder, a broken link, a pipe.

    Raises:
        CheckpointError: there is such a thing.
    """
    if place.is_symlink() or place.exists():
        kind = "a folder" if place.is_dir() else "no file that can be read"
        raise CheckpointError(
            str(place),
            found=f"is {'a link to ' if place.is_symlink() else ''}{kind}",
            expected="a file",
            remedy="copy or download it again",
        )


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except (OSError, ValueError):  # a name no file system takes
        return False


def read_shapes(files: Iterable[Path], *, whole: bool = False) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor, from the headers alone.

    Args:
        files: safetensors files.
        whole: whether weights may be whole numbers, as quantised ones are.

    Raises:
        CheckpointError: a file is damaged, cut off, holds nothing, or whole or complex numbers.
    """
    from safetensors import SafetensorError, safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        try:
            with safe_open(file, framework="np") as tensors:
                slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118 (no mapping)
                kinds = {name: part.get_dtype() for name, part in slices.items()}
                held = {name: tuple(part.get_shape()) for name, part in slices.items()}
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                str(file),
                found=f"is damaged or cut off ({said(error)})",
                expected="a whole safetensors file",
                remedy="copy or download it again; a git-lfs pointer is not the file itself",
            ) from error
        if not held:
            raise CheckpointError(str(file), found="holds no tensor", expected="a model's weights")
        if not whole:
            _refuse_kinds(file, kinds)
        shapes |= held
    return shapes


def _refuse_kinds(file: Path, kinds: Mapping[str, str]) -> None:
    """Refuse weights that are no floating-point numbers; positions and counters are whole."""
    for name, kind in kinds.items():
        whole = not kind.startswith(("F", "BF", "C"))
        if kind.startswith("C") or (whole and name.endswith(("weight", "bias"))):
            raise CheckpointError(
                str(file),
                found=f"the weight {name} holds numbers of the kind {kind}",
                expected="floating-point numbers",
                remedy="quantized weights are saved as plain ones: "
                "model.dequantize().save_pretrained(new folder)",
            )


def wrapper_of(names: Iterable[str]) -> str:
    """Return what stands before every name because the saved module was wrapped; or nothing.

    >>> wrapper_of(["_orig_mod.bert.a", "_orig_mod.classifier.b"]), wrapper_of(["bert.a"])
    ('_orig_mod.', '')
    >>> wrapper_of(["module._orig_mod.a"]), wrapper_of(["module.a", "b"])
    ('module._orig_mod.', '')
    """
    prefixes = {match[0] if (match := _WRAPPED.match(name)) else "" for name in names}
    return prefixes.pop() if len(prefixes) == 1 else ""


def wrapper_note(prefix: str) -> str:
    """Return what a prefix of `wrapper_of` comes from and that it was left out."""
    makers = " and ".join(_WRAPPERS[part] for part in prefix.strip(".").split("."))
    return f"its weights are named {prefix}… ({makers} saves them so); they were read without it"


def unwrapped(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return shapes by the names the model itself has."""
    prefix = wrapper_of(shapes)
    return {name.removeprefix(prefix): shape for name, shape in shapes.items()}
