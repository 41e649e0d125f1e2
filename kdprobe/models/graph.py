"""An ONNX graph as a classifier: what `transformers` models are asked, answered by onnxruntime.

Does: run a graph on the CPU with as many threads as torch has, check what it asks for and gives,
and tell in which numbers it computes. Does not: read labels or tokenizers; `graph_folder.py` does.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from kdprobe.errors import CheckpointError, MissingExtraError
from kdprobe.foreign import said, translated
from kdprobe.models.model_inputs import COLUMNS

_PRECISIONS = {
    "FLOAT": "float32", "DOUBLE": "float32", "BFLOAT16": "bfloat16", "FLOAT16": "float16",
    "INT8": "int8", "UINT8": "int8", "INT4": "int8", "UINT4": "int8",
}  # fmt: skip
"""Types of ONNX's constants -> the numbers they are, finer ones first."""
_KINDS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_EXPORT = "export it again for sequence classification, with dynamic axes"


class GraphOutput(NamedTuple):
    """What the models of `transformers` give, as far as a graph does."""

    logits: Tensor


class GraphClassifier(nn.Module):
    """A graph that turns tokens into logits.

    Args:
        file: the graph.
        config: the config of the model it was exported from.
        path: how a person named it, for messages.

    Attributes:
        accepted_inputs: the columns that it asks for.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        CheckpointError: no graph, one that asks for more than tokens, or gives no logits.
    """

    def __init__(self, file: Path, config: Any, path: str) -> None:
        super().__init__()
        self.file, self.config, self.path = file, config, path
        self._sessions: dict[int, Any] = {}
        self.register_buffer("place", torch.zeros(0), persistent=False)
        given = {each.name: each for each in self._session.get_inputs()}
        self._kinds = {name: _KINDS.get(each.type) for name, each in given.items()}
        self.accepted_inputs = frozenset(given)
        self._check_inputs(given)
        self._output = self._named_output()

    def parameters(self, recurse: bool = True) -> Any:
        """Return what tells where it runs: a graph's weights are its own affair."""
        return iter((self.place,))

    def forward(self, **columns: Tensor) -> GraphOutput:
        """Run a batch: int64 `[B, L]` each; logits float32 `[B, outputs]`.

        Raises:
            TypeError: it does not take such a column, or setting.
        """
        foreign = columns.keys() - self.accepted_inputs
        if foreign:
            raise TypeError(f"a graph that takes no {', '.join(sorted(foreign))}")
        fed = {
            name: column.numpy().astype(self._kinds[name], copy=False)
            for name, column in columns.items()
        }
        (logits,) = self._session.run([self._output], fed)
        return GraphOutput(torch.from_numpy(np.asarray(logits, dtype=np.float32)))

    @property
    def _session(self) -> Any:
        """The graph, ready to run on as many threads as torch has now."""
        threads = torch.get_num_threads()
        if threads not in self._sessions:
            self._sessions = {threads: _opened(self.file, self.path, threads)}
        return self._sessions[threads]

    def _check_inputs(self, given: dict[str, Any]) -> None:
        foreign = [name for name in given if name not in COLUMNS or self._kinds[name] is None]
        if foreign or "input_ids" not in given:
            raise CheckpointError(
                self.path, found=f"its graph asks for {', '.join(given) or 'nothing'}",
                expected=f"whole numbers of {', '.join(COLUMNS)} alone", remedy=_EXPORT,
            )  # fmt: skip
        rows, tokens = given["input_ids"].shape
        if isinstance(tokens, int) or (isinstance(rows, int) and rows != 1):
            raise CheckpointError(
                self.path, found=f"its graph takes batches of {rows} texts of {tokens} tokens only",
                expected="any number of tokens", remedy=_EXPORT,
            )  # fmt: skip

    def _named_output(self) -> str:
        outputs = {each.name: each.shape for each in self._session.get_outputs()}
        name = "logits" if "logits" in outputs else next(iter(outputs), "")
        wanted, shape = int(self.config.num_labels), outputs.get(name, [])
        known = len(outputs) == 1 or name == "logits"
        if not known or len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != wanted):
            shapes = ", ".join(f"{key} {list(value)}" for key, value in outputs.items())
            raise CheckpointError(
                self.path, found=f"its graph gives {shapes}",
                expected=f"logits of {wanted} labels, as its config.json names",
                remedy=f"{_EXPORT}; a copied config.json may be another model's",
            )  # fmt: skip
        return name


def _missing(name: str, path: str) -> MissingExtraError:
    return MissingExtraError(
        path, found=f"{name}, which ONNX graphs are read with, is not installed",
        remedy="pip install 'kdprobe[onnx]'",
    )  # fmt: skip


def _unreadable(file: Path, path: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path}: {file.name}", found=f"cannot be opened ({said(error)})",
        expected="an ONNX graph that onnxruntime runs", remedy="copy it again, or export it",
    )  # fmt: skip


def _opened(file: Path, path: str, threads: int) -> Any:
    """Open a graph for the CPU."""
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing("onnxruntime", path) from error
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    settings.log_severity_level = 4
    with translated(lambda error: _unreadable(file, path, error)):
        return onnxruntime.InferenceSession(
            str(file), sess_options=settings, providers=["CPUExecutionProvider"]
        )


def weights_beside(file: Path) -> list[Path]:
    """Return a graph with the files that hold its weights: `model.onnx_data`, `model.onnx.data`."""
    return sorted(file.parent.glob(f"{file.name}*"))


class GraphFacts(NamedTuple):
    """What a graph's weights say of it: the numbers it computes in, and how many they are."""

    precision: str
    parameters: int


def facts_of(file: Path, path: str) -> GraphFacts:
    """Read what a graph's weights are, without the files beside it.

    Definition: parameters are the numbers in its constants of a floating or quantised type, single
    numbers (an epsilon, a factor) left out; it computes in the coarsest type of a constant of two
    or more dimensions, and in `int8` where that is a whole number of 8 bits or fewer.

    Args:
        file: the graph.
        path: how a person named it, for messages.

    Raises:
        MissingExtraError: the package `onnx` is not installed.
        CheckpointError: no ONNX file.
    """
    try:
        import onnx
    except ImportError as error:
        raise _missing("onnx", path) from error
    with translated(lambda error: _unreadable(file, path, error)):
        constants = onnx.load(str(file), load_external_data=False).graph.initializer
    names = {kind: name for name, kind in onnx.TensorProto.DataType.items()}
    weights = [(names[each.data_type], tuple(each.dims)) for each in constants]
    kept = [(_PRECISIONS[kind], shape) for kind, shape in weights if kind in _PRECISIONS and shape]
    coarse = [precision for precision, shape in kept if len(shape) > 1]
    return GraphFacts(
        max(coarse, key=tuple(dict.fromkeys(_PRECISIONS.values())).index, default="float32"),
        sum(math.prod(shape) for _, shape in kept),
    )
