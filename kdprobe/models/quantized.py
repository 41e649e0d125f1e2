"""Folders whose weights are quantised already (`quantization_config` in config.json).

Does: open one where its package and device are there, and say in one message what is missing
elsewhere. Does not: quantise anything; `precision.py` does.
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForSequenceClassification

from kdprobe.errors import CheckpointError, MissingExtraError
from kdprobe.foreign import said, translated
from kdprobe.models.building import described
from kdprobe.models.checkpoint import (
    Fixed,
    Loaded,
    refuse_untrained,
    settle_labels,
    with_tokenizer,
)
from kdprobe.models.folder import check_folder
from kdprobe.models.handle import Capability
from kdprobe.models.labels import match_outputs
from kdprobe.models.opening import OpenedModel, open_config, open_tokenizer, quiet
from kdprobe.models.weights import weight_files
from kdprobe.tasks.task import Task


class _Package(NamedTuple):
    """What a way of quantising needs: a module, and how it is installed."""

    module: str
    install: str


_EXTRA = "pip install 'kdprobe[quantized]'"
_PACKAGES: Mapping[str, _Package] = {
    "bitsandbytes": _Package("bitsandbytes", _EXTRA),
    "torchao": _Package("torchao", "pip install torchao"),
    "gptq": _Package("gptqmodel", "pip install gptqmodel"),
    "awq": _Package("gptqmodel", "pip install gptqmodel"),
    "compressed-tensors": _Package("compressed_tensors", "pip install compressed-tensors"),
    "hqq": _Package("hqq", "pip install hqq"),
    "quanto": _Package("optimum", "pip install optimum-quanto"),
}
_DEQUANTIZE = "or save a copy where it runs: model.dequantize().save_pretrained(new folder)"


def load_quantized(
    folder: Path,
    path: str,
    *,
    task: Task,
    device: torch.device,
    label_map: Mapping[str, str] | None = None,
) -> Loaded:
    """Open a folder of quantised weights for a task, on a device, in eval mode.

    Args:
        folder: where it lies.
        path: how a person named it, for messages.
        task: what it must speak of.
        device: where it runs; it is not moved afterwards.
        label_map: what the user said of its labels; see `load_classifier`.

    Raises:
        MissingExtraError: the package it was quantised with is not installed.
        CheckpointError: it does not run on this device, or whatever `load_classifier` refuses.
    """
    written = check_folder(folder, kind="quantized")
    method = _method(written)
    _require(method, path)
    config = open_config(folder, path)
    settle_labels(config, written, f"{path}: config.json", label_map)
    opened = _opened(folder, path, config, device, method)
    refuse_untrained(path, opened)
    order = match_outputs(path, config, task, label_map)
    with quiet():
        make = partial(AutoModelForSequenceClassification.from_config, trust_remote_code=False)
        sizes = described(make, config)
    lacks: dict[Capability, str] = {
        "gradients": f"its weights are quantised ({method}), and have no gradients"
    }
    fixed = Fixed(
        "transformers", method, lacks, _version(method), "", None if sizes is None else sizes.total
    )
    loaded = with_tokenizer(path, opened.model, open_tokenizer(folder, path), order, opened.notes)
    return loaded._replace(fixed=fixed, files=tuple(weight_files(folder)))


def _method(written: Mapping[str, object]) -> str:
    """Name the way of quantising that a config tells of."""
    setting = written.get("quantization_config")
    fields = setting if isinstance(setting, dict) else {}
    method = str(fields.get("quant_method") or "an unnamed method")
    for bits in (4, 8):
        if fields.get(f"load_in_{bits}bit") or fields.get("bits") == bits:
            return f"{method} {bits} bit"
    return method


def _require(method: str, path: str) -> None:
    package = _PACKAGES.get(method.partition(" ")[0])
    if package is not None and importlib.util.find_spec(package.module) is None:
        raise MissingExtraError(
            path, found=f"its weights are quantised ({method}), and the package that reads them, "
            f"{package.module}, is not installed",
            remedy=f"{package.install}, {_DEQUANTIZE}",
        )  # fmt: skip


def _version(method: str) -> str:
    """Name the package that computes it, and its version: outputs are its own."""
    package = _PACKAGES.get(method.partition(" ")[0])
    module = package.module if package else ""
    loaded: Any = importlib.import_module(module) if module else None
    return f"{module} {getattr(loaded, '__version__', '')}".strip() or method


def _opened(folder: Path, path: str, config: Any, device: torch.device, method: str) -> OpenedModel:
    def failed(error: Exception) -> CheckpointError:
        return CheckpointError(
            path, found=f"its weights are quantised ({method}) and cannot be opened on {device} "
            f"({said(error)})",
            expected="a device and packages that run them",
            remedy=f"try `device=cuda`, {_DEQUANTIZE}",
        )  # fmt: skip

    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # a line for each linear map
    with quiet(), translated(failed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder, config=config, use_safetensors=True, trust_remote_code=False,
            local_files_only=True, output_loading_info=True, dtype=torch.float32,
            device_map={"": str(device)},
        )  # fmt: skip
        if not getattr(model, "is_quantized", False):  # it opens what it does not know as plain
            raise ValueError("transformers knows no such way of quantising")
    missing = frozenset(info["missing_keys"])
    note = f"its weights are quantised ({method})"
    return OpenedModel(model.eval(), missing, {}, (note,))
