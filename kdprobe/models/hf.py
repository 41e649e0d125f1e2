"""A `transformers` classifier that answers as a `ModelHandle`.

Does: tokenise once, run batches of nearly one length with as little padding as they allow, and give
float64 outputs in the task's label order; leave modes, gradients and random state as they were.
Does not: read folders; `checkpoint.py` does.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.checkpoint import Loaded, describe, load_classifier, quiet
from kdprobe.models.folder import fingerprint, locate
from kdprobe.models.handle import Capability, Outputs, ProgressCall
from kdprobe.tasks.task import Split, Task

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "bf16": torch.bfloat16}
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_NO_LIMIT = 1_000_000
"""Tokenizers without a limit of their own name an absurd one (1e30)."""


def resolve_device(device: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda`, `cuda:N` or `mps` into a device that is there.

    `auto` is the first CUDA device, else Apple's, else the CPU.

    Raises:
        ConfigError: an unknown name, or a device this machine does not have.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(
            f"--device {device}", found="no such device", expected="auto, cpu, cuda, cuda:N or mps"
        ) from error
    present = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }
    if (found.index or 0) >= present.get(found.type, 0):
        raise ConfigError(
            f"--device {device}",
            found="this machine, or this build of torch, does not have it",
            expected="auto, cpu, cuda, cuda:N or mps",
            remedy="use --device auto to take what is there",
        )
    return found


def resolve_dtype(dtype: str) -> torch.dtype:
    """Turn `float32`, `bfloat16` or `bf16` into the type the weights are run in.

    Raises:
        ConfigError: another name; float16 overflows in many encoders and is ignored on a CPU.
    """
    if dtype not in _DTYPES:
        raise ConfigError(
            f"--dtype {dtype}", found="not a type kdprobe runs models in", expected="float32, bf16"
        )
    return _DTYPES[dtype]


class _Encoded(NamedTuple):
    """Token ids of every example, row by row, and which examples were cut."""

    inputs: dict[str, list[list[int]]]
    lengths: NDArray[np.int64]
    truncated: NDArray[np.bool_]


class HfModel:
    """A loaded classifier and its tokenizer; see `models.handle.ModelHandle` for the properties."""

    source: Literal["transformers"] = "transformers"
    capabilities: frozenset[Capability] = frozenset(
        {"logits", "hidden_states", "embeddings", "gradients"}
    )

    def __init__(
        self,
        loaded: Loaded,
        *,
        name: str,
        folder: str,
        fingerprint: str,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.name, self.folder, self.fingerprint = name, folder, fingerprint
        self.device = device
        self.model: PreTrainedModel = loaded.model.to(device=device, dtype=dtype)
        self.tokenizer: PreTrainedTokenizerBase = loaded.tokenizer
        self.columns = loaded.columns
        self.notes: tuple[str, ...] = loaded.notes
        if dtype is not torch.float32:
            self.notes += ("its weights were run in bfloat16, which moves logits by about 1 %",)
        self.architecture: str = describe(loaded.model)
        self.parameters: int | None = sum(weight.numel() for weight in loaded.model.parameters())
        config = loaded.model.config
        self.labels: tuple[str, ...] = (
            ()
            if config.num_labels == 1
            else tuple(str(config.id2label[index]) for index in range(config.num_labels))
        )
        columns = ",".join(map(str, loaded.columns))
        self.reading: str = f"{str(dtype).removeprefix('torch.')} {device.type} columns {columns}"

    def outputs(self, split: Split, *, batch_size: int, seen: ProgressCall) -> Outputs:
        """Ask for the outputs of every example.

        Args:
            split: the examples, at least one; those longer than the model takes are cut and marked.
            batch_size: the most examples in one forward pass.
            seen: told the number of examples after every pass.

        Returns:
            float64 `[n, c]` in the task's label order (a regression: scores `[n, 1]`); equal to
            1e-6 whatever the batch size and the order of the examples.

        Raises:
            CapabilityError: the device's memory is too small for a batch.
        """
        encoded = self._encode(split)
        values = np.empty((len(split), len(self.columns)), dtype=np.float64)
        with evaluating(self.model), torch.no_grad():
            for rows in near_equal_batches(encoded.lengths, batch_size=batch_size):
                values[rows] = self._forward(encoded.inputs, rows)[:, self.columns]
                seen(len(rows))
        scale: Literal["scores", "logits"] = (
            "scores" if split.task.kind == "regression" else "logits"
        )
        return Outputs(values, scale, encoded.truncated)

    def _encode(self, split: Split) -> _Encoded:
        """Tokenise every example once; those too long a second time, cut."""
        limit = token_limit(self.model, self.tokenizer)
        accepted = set(inspect.signature(self.model.forward).parameters) & set(_INPUTS)
        if getattr(self.model.config, "type_vocab_size", 2) < 2:
            accepted.discard("token_type_ids")
        texts, pairs = list(split.texts), None if split.pairs is None else list(split.pairs)
        with quiet():  # the tokenizer's own warning about long texts is told by `truncated`
            whole = self.tokenizer(texts, pairs)
            inputs = {key: list(whole[key]) for key in whole if key in accepted}
            long = [row for row, ids in enumerate(inputs["input_ids"]) if len(ids) > limit]
            if long:
                cut = self.tokenizer(
                    [texts[row] for row in long],
                    None if pairs is None else [pairs[row] for row in long],
                    truncation=True,
                    max_length=limit,
                )
                for key, column in inputs.items():
                    for place, row in enumerate(long):
                        column[row] = cut[key][place]
        lengths = np.array([len(ids) for ids in inputs["input_ids"]], dtype=np.int64)
        truncated = np.zeros(len(lengths), dtype=np.bool_)
        truncated[long] = True
        return _Encoded(inputs, lengths, truncated)

    def _forward(
        self, inputs: Mapping[str, Sequence[Sequence[int]]], rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        batch = self.tokenizer.pad(
            {key: [column[row] for row in rows] for key, column in inputs.items()},
            return_tensors="pt",
        )
        tensors = {key: value.to(self.device) for key, value in batch.items()}
        try:
            logits = self.model(**tensors).logits
        except torch.OutOfMemoryError as error:
            raise CapabilityError(
                self.name,
                found=f"{len(rows)} examples of up to {tensors['input_ids'].shape[1]} tokens do "
                f"not fit into the memory of {self.device}",
                remedy="use a smaller --batch-size, or --device cpu",
            ) from error
        values: NDArray[np.float64] = logits.to(device="cpu", dtype=torch.float64).numpy()
        return values


def open_hf(
    path: str,
    *,
    name: str,
    task: Task,
    device: str = "auto",
    dtype: str = "float32",
    offline: bool = True,
    label_map: Mapping[str, str] | None = None,
) -> HfModel:
    """Open a folder or hub id whose head was trained for the task; see `load_classifier`."""
    place, kind = resolve_device(device), resolve_dtype(dtype)
    loaded = load_classifier(path, task=task, offline=offline, label_map=label_map)
    folder = locate(path, offline=offline)
    shown = folder.resolve().name if folder.parent.name != "snapshots" else path
    return HfModel(
        loaded, name=name, folder=shown, fingerprint=fingerprint(folder), device=place, dtype=kind
    )


def token_limit(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Give the most tokens the model reads, special tokens counted.

    Definition: the tokenizer's own limit, and the rows of the position embedding less those that a
    padding index reserves (RoBERTa's 514 rows hold 512 tokens).
    """
    limits = [int(tokenizer.model_max_length)] if tokenizer.model_max_length < _NO_LIMIT else []
    tables = [
        module
        for name, module in model.named_modules()
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding)
    ]
    for table in tables:
        reserved = 0 if table.padding_idx is None else table.padding_idx + 1
        limits.append(table.num_embeddings - reserved)
    configured = getattr(model.config, "max_position_embeddings", None)
    if not tables and isinstance(configured, int) and configured > 0:
        limits.append(configured)
    return min(limits, default=_NO_LIMIT)


def near_equal_batches(
    lengths: NDArray[np.int64], *, batch_size: int
) -> Iterator[NDArray[np.int64]]:
    """Give the rows of each batch, longest first, so that padding stays below an eighth.

    Definition: rows sorted by length; a batch ends when it holds `batch_size` rows or when the next
    row is shorter than seven eighths of its longest. The longest come first, so that a machine too
    small for them says so at once.

    >>> [rows.tolist() for rows in near_equal_batches(np.array([4, 16, 15, 4]), batch_size=8)]
    [[1, 2], [0, 3]]
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        stop = start + 1
        while (
            stop < min(len(order), start + batch_size) and 8 * lengths[order[stop]] >= 7 * longest
        ):
            stop += 1
        yield order[start:stop]
        start = stop


@contextlib.contextmanager
def evaluating(model: PreTrainedModel) -> Iterator[None]:
    """Put every module into eval mode and give each its own mode back, also on an error."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
