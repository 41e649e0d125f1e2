"""A `transformers` classifier that answers as a `ModelHandle`.

Does: run a split's texts along the one path of `text_model.py`, give float64 outputs in the task's
label order, and hold a few of them against the model's own forward of one text; leave modes,
gradients and random state as they were. Does not: read folders; `checkpoint.py` does.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from kdprobe.errors import ConfigError
from kdprobe.models.checkpoint import Loaded, describe, load_classifier
from kdprobe.models.deviation import Deviation
from kdprobe.models.folder import fingerprint, locate
from kdprobe.models.handle import Capability, Outputs, ProgressCall
from kdprobe.models.measured import hidden_obstacle
from kdprobe.models.model_inputs import evaluating
from kdprobe.models.text_model import TEXT_VERSION, TextModel
from kdprobe.models.tokens import Tokens
from kdprobe.models.weights import weight_bytes
from kdprobe.results.schema import ModelSource
from kdprobe.tasks.task import Split, Task

_CAPABILITIES: frozenset[Capability] = frozenset(
    {"logits", "hidden_states", "attentions", "embeddings", "gradients", "texts", "operations"}
)
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "bf16": torch.bfloat16}


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
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(
            f"`device={device}`", found="no such device", expected="auto, cpu, cuda, cuda:N or mps"
        ) from error
    present = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }
    if (chosen.index or 0) >= present.get(chosen.type, 0):
        raise ConfigError(
            f"`device={device}`",
            found="this machine, or this build of torch, does not have it",
            expected="auto, cpu, cuda, cuda:N or mps",
            remedy="use `device=auto` to take what is there",
        )
    return chosen


def resolve_dtype(dtype: str) -> torch.dtype:
    """Turn `float32`, `bfloat16` or `bf16` into the type the weights are run in.

    Raises:
        ConfigError: another name; float16 overflows in many encoders and is ignored on a CPU.
    """
    if dtype not in _DTYPES:
        raise ConfigError(
            f"`dtype={dtype}`", found="not a type kdprobe runs models in", expected="float32, bf16"
        )
    return _DTYPES[dtype]


class HfModel:
    """A loaded classifier and its tokenizer; see `models.handle.ModelHandle` for the properties."""

    source: ModelSource = "transformers"
    repeats: bool = True

    def __init__(
        self,
        loaded: Loaded,
        *,
        name: str,
        folder: str,
        fingerprint: str,
        device: torch.device,
        dtype: torch.dtype,
        disk_bytes: int | None = None,
    ) -> None:
        self.name, self.folder, self.fingerprint = name, folder, fingerprint
        self.disk_bytes = disk_bytes
        self.device = device
        self.tokenizer: PreTrainedTokenizerBase = loaded.tokenizer
        self.text = TextModel(loaded.model, loaded.tokenizer, name=name)
        _ = self.text.together  # measured before weights are rounded to another type
        self.lacks: dict[Capability, str] = _lacks(self.text)
        self.capabilities: frozenset[Capability] = _CAPABILITIES - self.lacks.keys()
        self.alarms: tuple[str, ...] = ()
        self._checked = False
        self.model: PreTrainedModel = loaded.model.to(device=device, dtype=dtype)
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
        kind = str(dtype).removeprefix("torch.")
        self.reading: str = f"{kind} {device.type} columns {columns} text {TEXT_VERSION}"

    def limited(self, longest: int) -> HfModel:
        """Return the same model, on its weights, that reads at most so many tokens of a text."""
        if longest >= self.text.limit:
            return self
        other = copy.copy(self)
        other.text = copy.copy(self.text)
        other.text.limit = longest
        other.reading += f" longest {longest}"
        return other

    def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
        """Ask for the outputs of every example.

        Args:
            split: the examples, at least one; those longer than the model takes are cut and marked.
            batch_size: the most examples in one forward pass.
            advance: told the number of examples after every pass.

        Returns:
            float64 `[n, c]` in the task's label order (a regression: scores `[n, 1]`); equal to
            1e-6 whatever the batch size and the order of the examples.

        Raises:
            CapabilityError: the device's memory is too small for a batch.
        """
        tokens = self.text.encode(split.texts, split.pairs)
        values = self._run(tokens, batch_size, advance)
        if not self._checked:
            values = self._check(split, tokens, values, batch_size)
            self._checked = True
        scale: Literal["scores", "logits"] = (
            "scores" if split.task.kind == "regression" else "logits"
        )
        return Outputs(values[:, self.columns], scale, tokens.truncated)

    def _check(
        self, split: Split, tokens: Tokens, values: NDArray[np.float64], batch_size: int
    ) -> NDArray[np.float64]:
        """Return outputs that are the model's own of that one text, or raise an alarm.

        Where the first batches moved them, all texts are run alone.
        """
        if self._deviates(split, tokens, values, batch_size) is None:
            return values
        self.text.run_alone()
        values = self._run(tokens, batch_size, lambda done: None)
        left = self._deviates(split, tokens, values, batch_size)
        if left is None:
            self.notes += (
                "its outputs moved with the other texts of a batch: its texts are run one by one",
            )
        else:
            self.alarms = (
                f"its output for {left.text!r} is not the same twice: two passes differ by "
                f"{left.size:.2g} (tolerance {left.tolerance:.2g})",
            )
        return values

    def _run(self, tokens: Tokens, batch_size: int, advance: ProgressCall) -> NDArray[np.float64]:
        """Run every text; all outputs, in the model's order."""
        values = np.empty((len(tokens.lengths), int(self.model.config.num_labels)))
        with evaluating(self.model), torch.no_grad():
            for rows in self.text.batches(tokens.lengths, batch_size=batch_size):
                inputs = self.text.tensors(tokens.columns, rows.tolist())
                logits = self.text.forward(inputs)
                values[rows] = logits.to(device="cpu", dtype=torch.float64).numpy()
                advance(len(rows))
        return values

    def _deviates(
        self, split: Split, tokens: Tokens, values: NDArray[np.float64], batch_size: int
    ) -> Deviation | None:
        """Hold a few texts against the model's own forward of that one text.

        The longest, the shortest, and the one beside the most padding.
        """
        lengths = tokens.lengths
        rows = {int(lengths.argmax()), int(lengths.argmin())}
        most = 0
        for batch in self.text.batches(lengths, batch_size=batch_size):
            padding = int(lengths[batch[0]] - lengths[batch[-1]])
            if padding > most:
                most, padded = padding, int(batch[-1])
                rows = {int(lengths.argmax()), int(lengths.argmin()), padded}
        order = sorted(rows)
        samples = [
            (split.texts[row],) if split.pairs is None else (split.texts[row], split.pairs[row])
            for row in order
        ]
        return self.text.deviation(samples, values[order])


def _lacks(text: TextModel) -> dict[Capability, str]:
    """Return what a model cannot give, each with the reason."""
    lacks: dict[Capability, str] = {}
    hidden = hidden_obstacle(text)
    if hidden:
        lacks["hidden_states"] = hidden
    if not getattr(text.model.config, "num_attention_heads", 0):
        lacks["attentions"] = "it has no attention heads"
    return lacks


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
        loaded, name=name, folder=shown, fingerprint=fingerprint(folder), device=place, dtype=kind,
        disk_bytes=weight_bytes(folder),
    )  # fmt: skip
