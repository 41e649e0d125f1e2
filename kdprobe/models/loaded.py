"""A classifier that is in memory already, with its tokenizer, as a `ModelHandle`.

Does: run modules of its own on the very weights, so that modes, gradients, hooks, device and type
of the model that was handed over stay what they are; name it by the content of weights, config and
tokenizer. Does not: read folders, but for a tokenizer that was not given.
"""

from __future__ import annotations

import copy
import hashlib
import tempfile
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from kdprobe.errors import CheckpointError
from kdprobe.foreign import said, translated
from kdprobe.models.checkpoint import settle_labels, with_tokenizer
from kdprobe.models.devices import resolve_device
from kdprobe.models.folder import fingerprint, locate
from kdprobe.models.hf import HfModel
from kdprobe.models.labels import match_outputs
from kdprobe.models.model_like import loaded_parts, what_it_is
from kdprobe.models.opening import open_tokenizer, outputs_by_name, quiet
from kdprobe.models.precision import resolve_dtype
from kdprobe.models.text_model import TextModel
from kdprobe.plain_files import parse_json
from kdprobe.tasks.task import Task

_SAVE = "save it with save_pretrained(folder) and compare the folder"
_FUNCTION = "compare a function that gives its probabilities for a list of texts"
_TEXT = "a text of a few words"
_PACKAGES = ("torch", "transformers", "kdprobe")
"""Whose classes compute the same as long as the weights are the same."""


def open_loaded(
    given: Any,
    *,
    name: str,
    task: Task,
    device: str = "auto",
    dtype: str = "float32",
    label_map: Mapping[str, str] | None = None,
) -> HfModel:
    """Open a loaded model for a task; its numbers are those of the folder it would be saved in.

    Args:
        given: a model with its tokenizer, a pipeline, or a model alone.
        name: the name people gave it.
        task: what it must speak of.
        device: where it runs: `auto` where it is, another one on a copy.
        dtype: the type it runs in, on a copy where that is not its own.
        label_map: what the user said of its labels; see `load_classifier`.

    Raises:
        CheckpointError: a model that cannot be run apart from its caller, that is no classifier of
            the task, or whose tokenizer is not at hand.
        ConfigError: no such device or type.
    """
    parts = loaded_parts(given)
    assert parts is not None  # `open_model` has looked
    where = f"{name} ({what_it_is(given)})"
    model: Any = parts.model
    _refuse(model, where)
    tokenizer = _own_tokenizer(model, where) if parts.tokenizer is None else parts.tokenizer
    place = model.device if device == "auto" else resolve_device(device)
    kind = resolve_dtype(dtype)
    notes = _notes(model, place)
    mine, reader = _on_its_weights(model, where), _copied(tokenizer)
    hashed = _fingerprint(mine, reader)
    config = mine.config
    outputs_by_name(config)
    mine = mine.to(torch.float32)
    _check_logits(mine, reader, where)
    written = written_config(mine, where)
    settle_labels(config, written, where, label_map)
    order = match_outputs(where, config, task, label_map)
    loaded = with_tokenizer(where, mine, reader, order, notes)
    handle = HfModel(
        loaded, name=name, folder=what_it_is(given), fingerprint=hashed, device=place, dtype=kind
    )
    handle.source = "loaded model"
    handle.repeats = not _is_altered(model)
    return handle


def written_config(given: Any, where: str) -> Any:
    """Return the config of a loaded model as `save_pretrained` writes it."""
    parts = loaded_parts(given)
    config: Any = given.config if parts is None else parts.model.config
    return parse_json(config.to_json_string(), where=where, error=CheckpointError)


def _refuse(model: Any, where: str) -> None:
    """Refuse what other modules on the same weights would compute otherwise."""
    if getattr(model, "is_quantized", False) or getattr(model, "hf_quantizer", None) is not None:
        raise CheckpointError(
            where, found="its weights are quantized", expected="weights that are plain numbers",
            remedy=f"dequantize() a copy of it, or {_FUNCTION}",
        )  # fmt: skip
    for inner, module in model.named_modules():
        if "forward" in vars(module):
            raise CheckpointError(
                where, found=f"the forward of {inner or 'the model'} was replaced",
                expected="a model that computes what its class does", remedy=_FUNCTION,
            )  # fmt: skip
    tensors = list(chain(model.parameters(), model.buffers()))
    if any(tensor.is_meta for tensor in tensors) or len({each.device for each in tensors}) > 1:
        raise CheckpointError(
            where, found="its weights are not all in the memory of one device",
            expected="a model on one device", remedy=f"load it on one, or {_FUNCTION}",
        )  # fmt: skip


def _own_tokenizer(model: Any, where: str) -> PreTrainedTokenizerBase:
    """Open the tokenizer that lies where a model says it comes from."""
    path = str(model.name_or_path or "")
    try:
        if path:
            return open_tokenizer(locate(path, offline=True), path)
    except CheckpointError as error:
        raise _no_tokenizer(where, f"cannot be opened from {Path(path).name}") from error
    raise _no_tokenizer(where, "is not at hand: the model names no place it comes from")


def _no_tokenizer(where: str, problem: str) -> CheckpointError:
    return CheckpointError(
        where, found=f"its tokenizer {problem}", expected="a model with its tokenizer",
        remedy="hand over both: (model, tokenizer)",
    )  # fmt: skip


def _notes(model: Any, place: torch.device) -> tuple[str, ...]:
    """Return where and how the model that runs is another than the one handed over."""
    notes = []
    if model.dtype is not torch.float32:
        kind = str(model.dtype).removeprefix("torch.")
        notes.append(f"its weights are {kind} in memory; a float32 copy of them was run")
    if (model.device.type, model.device.index or 0) != (place.type, place.index or 0):
        notes.append(f"it is on {model.device}; a copy of it was run on {place}")
    return tuple(notes)


def _on_its_weights(model: Any, where: str) -> Any:
    """Return other modules on the same weights.

    Modes, hooks, config and the flags of gradients are theirs; moving them or giving them another
    type leaves the model alone, and only that takes memory.
    """
    memo: dict[int, object] = {}
    for weight in model.parameters():
        # As a folder's are: torch chooses other kernels for weights that want no gradient.
        wanted = weight.is_floating_point()
        memo[id(weight)] = torch.nn.Parameter(weight.detach(), requires_grad=wanted)
    for module in model.modules():
        held = chain(module.buffers(recurse=False), vars(module).values())
        for tensor in (each for each in held if isinstance(each, Tensor)):
            memo.setdefault(id(tensor), tensor.detach())

    def failed(error: Exception) -> CheckpointError:
        return CheckpointError(
            where, found=f"cannot be copied ({said(error)})",
            expected="a model that can be run apart from its caller", remedy=_SAVE,
        )  # fmt: skip

    with translated(failed):
        return copy.deepcopy(model, memo).eval()


def _copied(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """Return another tokenizer of the same rules; the last call's cutting and padding are none."""
    reader: Any = copy.deepcopy(tokenizer)
    if reader.is_fast:
        reader.backend_tokenizer.no_truncation()
        reader.backend_tokenizer.no_padding()
    copied: PreTrainedTokenizerBase = reader
    return copied


def _fingerprint(model: Any, tokenizer: PreTrainedTokenizerBase) -> str:
    """Return SHA-256 over what the outputs of a loaded model depend on.

    Definition: over its class, the config and tokenizer files that `save_pretrained` writes (by
    `folder.fingerprint`), its attention implementation, and name, type, shape and bytes of every
    weight and buffer, in the order of their names.
    """
    with tempfile.TemporaryDirectory(prefix="kdprobe-") as folder, quiet():
        model.config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        files = fingerprint(Path(folder))
    kind, attention = type(model), getattr(model.config, "_attn_implementation", None)
    digest = hashlib.sha256(f"{kind.__module__}.{kind.__qualname__} {attention} {files}".encode())
    tensors = chain(
        model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)
    )
    for name, tensor in sorted(tensors, key=lambda each: each[0]):
        digest.update(f"\0{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _is_altered(model: Any) -> bool:
    """Return whether more than its weights decide its outputs: hooks, or a class of its caller."""
    for module in model.modules():
        if module._forward_hooks or module._forward_pre_hooks:
            return True
        if type(module).__module__.partition(".")[0] not in _PACKAGES:
            return True
    return False


def _check_logits(model: Any, tokenizer: Any, where: str) -> None:
    """Refuse a model that gives no logits for a text, one for each label it names."""
    wanted = int(model.config.num_labels)

    def failed(error: Exception) -> CheckpointError:
        return CheckpointError(where, found=f"its forward cannot run a text ({said(error)})")

    with translated(failed), torch.no_grad():
        inputs = TextModel(model, tokenizer, name=where).own_inputs((_TEXT,))
        logits = getattr(model(**inputs), "logits", None)
    if logits is None or tuple(logits.shape) != (1, wanted):
        shape = "no logits" if logits is None else f"logits of shape {tuple(logits.shape)}"
        raise CheckpointError(
            where, found=f"gives {shape} for one text",
            expected=f"a classifier that gives [1, {wanted}]",
            remedy="load it with AutoModelForSequenceClassification",
        )  # fmt: skip
