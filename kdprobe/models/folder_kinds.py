"""What a model folder holds: plain weights, quantised ones, an adapter, or an ONNX graph.

Does: tell from the names of its files, its config and what was asked for. Does not: open or judge
any of them. Loads no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from kdprobe.errors import CheckpointError, UsageError
from kdprobe.models.path_options import PathOptions
from kdprobe.models.weights import ADAPTER, INDEX
from kdprobe.plain_files import read_json

FolderKind = Literal["weights", "quantized", "adapter", "graph"]

TAKES: dict[FolderKind, tuple[str, ...]] = {
    "weights": ("quantize", "dtype", "original"),
    "quantized": ("original",),
    "adapter": ("quantize", "dtype", "original", "base"),
    "graph": ("file", "original"),
}
"""The options of a path that each kind of folder takes; see `path_options.PathOptions`."""

IN_WORDS: dict[FolderKind, str] = {
    "weights": "a model folder",
    "quantized": "a folder of quantised weights",
    "adapter": "an adapter folder",
    "graph": "an ONNX folder",
}


def kind_of_folder(folder: Path, options: PathOptions) -> FolderKind:
    """Return what of a folder is opened.

    Definition: the graph where one is named by `file`; else the weights where there are some, which
    a `quantization_config` in config.json calls quantised; else the adapter where it has a config;
    else the graph where there is one.
    """
    if options.file:
        return "graph"
    if any((folder / name).is_file() for name in ("model.safetensors", INDEX)):
        return "quantized" if _is_quantized(folder) else "weights"
    if (folder / ADAPTER).is_file():
        return "adapter"
    return "graph" if graph_files(folder) else "weights"


def graph_files(folder: Path) -> list[Path]:
    """Return the ONNX graphs of a folder, and of the folder `onnx` in it; `model.onnx` first."""
    files = [*folder.glob("*.onnx"), *folder.glob("onnx/*.onnx")]
    return sorted(files, key=lambda file: (file.name != "model.onnx", file.parent != folder, file))


def _is_quantized(folder: Path) -> bool:
    try:
        config = read_json(folder / "config.json", error=CheckpointError)
    except UsageError:  # whoever opens it says so
        return False
    return isinstance(config, dict) and config.get("quantization_config") is not None
