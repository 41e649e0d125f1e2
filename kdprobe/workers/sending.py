"""Objects on their way from one process to others, through a file that all of them read.

Does: write an object, models with hooks among it, and read it once in each process, tensors as
pages of the file that all processes share. Does not: know what it is.
"""

from __future__ import annotations

import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle

_MOST_TAKEN = 8
"""Objects that a process keeps open."""

_taken: OrderedDict[Path, Any] = OrderedDict()


class _Pickler(cloudpickle.Pickler):
    """Sends functions that have no name as their code, and what a module holds as its name.

    Without the second a hook of `transformers` would come with a context variable of its own, and
    the layers that it records with nobody.
    """

    def reducer_override(self, value: Any) -> Any:
        """Return how a value is made again."""
        kind = type(value)
        module = sys.modules.get(kind.__module__)
        if module is not None and not isinstance(value, type) and kind.__module__ != "builtins":
            for name, held in list(vars(module).items()):
                if held is value:
                    return getattr, (module, name)
        return super().reducer_override(value)


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
