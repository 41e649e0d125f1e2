"""Objects on their way from one process to others, through a file that all of them read.

Does: write an object, models with hooks among it, and read it once in each process, to the bit of
what is computed with it. Does not: know what it is.
"""

from __future__ import annotations

import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle

_MOST_TAKEN = 8
"""Objects that a process keeps open."""
_RECORDED = "transformers.utils.output_capturing"
_LINE = 64
"""Bytes that a processor reads at a time."""

_taken: OrderedDict[Path, Any] = OrderedDict()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # of a library without types
    """Sends functions that have no name as their code, and what a module holds as its name.

    Without the second a hook of `transformers` would come with a context variable of its own, and
    the layers that it records with nobody.
    """

    def reducer_override(self, value: Any) -> Any:
        """Return how a value is made again."""
        kind = type(value)
        torch = sys.modules["torch"]
        if kind is torch.Tensor and value.layout is torch.strided and value.device.type == "cpu":
            make, parts, *_ = value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
            return _placed, (make, parts, value.data_ptr() % _LINE)
        recorded = not isinstance(value, type) and hasattr(value, "_can_record_outputs")
        if recorded and hasattr(sys.modules.get(_RECORDED), "_CAN_RECORD_REGISTRY"):
            make, parts, state, *_ = value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
            return make, parts, state, None, None, _with_recorded
        module = sys.modules.get(kind.__module__)
        if module is not None and not isinstance(value, type) and kind.__module__ != "builtins":
            for name, held in list(vars(module).items()):
                if held is value:
                    return getattr, (module, name)
        return super().reducer_override(value)


def _with_recorded(model: Any, state: dict[str, Any]) -> None:
    """Set the state of a model of `transformers`, and say which of its layers can be recorded.

    The library learns that when a model is made, and this one was not made here.
    """
    import importlib

    model.__setstate__(state)
    registry = importlib.import_module(_RECORDED)._CAN_RECORD_REGISTRY
    registry[model] = model._can_record_outputs


def _placed(make: Callable[..., Any], parts: tuple[Any, ...], place: int) -> Any:
    """Make a tensor again that begins where it began within a line of the processor's memory.

    Kernels add numbers in another order when what they read begins elsewhere in a line: the weights
    of a file begin where its header ends, those of `torch.save` with a line.
    """
    import torch

    tensor = make(*parts)
    size = tensor.element_size()
    if not tensor.numel() or tensor.data_ptr() % _LINE == place or place % size:
        return tensor
    span = 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    room = torch.empty(span * size + _LINE, dtype=torch.uint8)
    start = (place - room.data_ptr()) % _LINE
    flat = room[start : start + span * size].view(tensor.dtype)
    placed = flat.as_strided(tensor.shape, tensor.stride(), flat.storage_offset())
    with torch.no_grad():
        placed.copy_(tensor)
    return placed.requires_grad_(tensor.requires_grad)


def give(value: object, file: Path) -> None:
    """Write an object where other processes take it from.

    Raises:
        Exception: whatever pickle raises for what cannot be sent.
    """
    import torch

    pickles = SimpleNamespace(Pickler=_Pickler, __name__=__name__)
    torch.save(value, file, pickle_module=pickles, pickle_protocol=pickle.HIGHEST_PROTOCOL)


def take(file: Path) -> Any:
    """Return the object of a file, read once; the file is one of our own process's parent."""
    import torch

    if file not in _taken:
        _taken[file] = torch.load(file, map_location="cpu", mmap=True, weights_only=False)
        while len(_taken) > _MOST_TAKEN:
            _taken.popitem(last=False)
    _taken.move_to_end(file)
    return _taken[file]
