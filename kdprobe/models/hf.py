"""A `transformers` classifier that answers as a `ModelHandle`.

Does: run a split's texts along the one path of `text_model.py`, give float64 outputs in the task's
label order, and hold a few of them against the model's own forward of one text; leave modes,
gradients and random state as they were. Does not: read folders; `checkpoint.py` does.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from kdprobe.errors import CapabilityError
from kdprobe.models.checkpoint import Fixed, Loaded, describe, load_classifier
from kdprobe.models.deviation import Deviation
from kdprobe.models.devices import device_of_int8, resolve_device
from kdprobe.models.folder import fingerprint, locate
from kdprobe.models.folder_kinds import IN_WORDS, TAKES, kind_of_folder
from kdprobe.models.graph_folder import load_graph
from kdprobe.models.handle import Capability, Outputs, ProgressCall
from kdprobe.models.measured import Together, hidden_obstacle
from kdprobe.models.model_inputs import padding_note
from kdprobe.models.path_options import NO_OPTIONS, PathOptions, refuse_options
from kdprobe.models.precision import (
    GRADIENTS,
    INT8,
    kind_of,
    quantized,
    resolve_dtype,
    rounding_note,
)
from kdprobe.models.quantized import load_quantized
from kdprobe.models.shared_outputs import hold, shared_outputs
from kdprobe.models.text_model import TEXT_VERSION, TextModel
from kdprobe.models.tokens import Tokens
from kdprobe.observations.predictions import scale_of
from kdprobe.results.schema import ModelSource
from kdprobe.tasks.task import Split, Task
from kdprobe.workers.pieces import Held
from kdprobe.workers.pool import ALONE, Workers

_CAPABILITIES: frozenset[Capability] = frozenset(
    {
        "logits",
        "tokens",
        "texts",
        "hidden_states",
        "attentions",
        "embeddings",
        "gradients",
        "operations",
    }
)

_UNCOUNTED = "torch does not count what other kernels than its own multiply"


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
        quantize: bool = False,
        together: Together | None = None,
    ) -> None:
        self.name, self.folder, self.fingerprint = name, folder, fingerprint
        self.device = device
        self.tokenizer: PreTrainedTokenizerBase = loaded.tokenizer
        self.text = TextModel(loaded.model, loaded.tokenizer, name=name, together=together)
        _ = self.text.together  # measured before weights are rounded to another type
        self.lacks: dict[Capability, str] = _lacks(self.text)
        self.alarms: tuple[str, ...] = ()
        self._checked = False
        self._held: Held[TextModel] | None = None
        self.columns = loaded.columns
        sizes = [file.stat().st_size for file in loaded.files]
        self.disk_bytes: int | None = sum(sizes) if sizes else None
        self.notes: tuple[str, ...] = loaded.notes + padding_note(loaded.model, loaded.tokenizer)
        self.architecture: str = describe(loaded.model)
        self.parameters: int | None = sum(weight.numel() for weight in loaded.model.parameters())
        self.precision: str = kind_of(dtype)
        kind = self.precision
        if loaded.fixed is not None:
            kind = self._take_as_opened(loaded.fixed)
        elif quantize:
            kind = self._quantize()
        else:
            loaded.model.to(device=device, dtype=dtype)
            self.notes += rounding_note(dtype)
        self.model: PreTrainedModel = loaded.model
        if self.precision != "float32":
            self.architecture += f", {self.precision}"
        self.capabilities: frozenset[Capability] = _CAPABILITIES - self.lacks.keys()
        config = loaded.model.config
        self.labels: tuple[str, ...] = (
            ()
            if config.num_labels == 1
            else tuple(str(config.id2label[index]) for index in range(config.num_labels))
        )
        columns = ",".join(map(str, loaded.columns))
        self.reading: str = f"{kind} {device.type} columns {columns} text {TEXT_VERSION}"

    def _take_as_opened(self, fixed: Fixed) -> str:
        """Take over what is known of a model that is neither moved nor cast; its cache kind."""
        self.source, self.precision = fixed.source, fixed.precision
        self.lacks |= {"operations": _UNCOUNTED, **fixed.lacks}
        self.architecture = fixed.architecture or self.architecture
        self.parameters = fixed.parameters or self.parameters
        return f"{fixed.precision} {fixed.package}"

    def _quantize(self) -> str:
        """Run its linear maps in 8-bit whole numbers from now on; the name of that for caches."""
        _, engine, note = quantized(self.text.model, name=self.name)
        self.precision = INT8
        self.lacks |= {"gradients": GRADIENTS}
        self.notes += (note,)
        self.text.run_alone()
        try:
            self.text.own_logits(("a b",))
        except CapabilityError as error:
            raise CapabilityError(
                self.name, found=f"cannot be run with 8-bit linear maps ({error.found})",
                expected="an architecture whose forward calls its linear maps",
                remedy="compare its folder without `?quantize=int8`",
            ) from error  # fmt: skip
        return f"{INT8} {engine}"

    def limited(self, longest: int) -> HfModel:
        """Return the same model, on its weights, that reads at most so many tokens of a text."""
        if longest >= self.text.limit:
            return self
        other = copy.copy(self)
        other.text = copy.copy(self.text)
        other.text.limit = longest
        other.reading += f" longest {longest}"
        return other

    def outputs(
        self,
        split: Split,
        *,
        batch_size: int,
        advance: ProgressCall,
        workers: Workers = ALONE,
    ) -> Outputs:
        """Ask for the outputs of every example.

        Args:
            split: the examples, at least one; those longer than the model takes are cut and marked.
            batch_size: the most examples in one forward pass.
            advance: told the number of examples after every few passes.
            workers: the processes that share the batches.

        Returns:
            float64 `[n, c]` in the task's label order (a regression: scores `[n, 1]`); equal to
            1e-6 whatever the batch size and the order of the examples.

        Raises:
            CapabilityError: the device's memory is too small for a batch.
        """
        tokens = self.text.encode(split.texts, split.pairs)
        values = self._run(tokens, batch_size, advance, workers)
        if not self._checked:
            values = self._check(split, tokens, values, batch_size, workers)
            self._checked = True
        return Outputs(values[:, self.columns], scale_of(split.task), tokens.truncated)

    def _check(
        self,
        split: Split,
        tokens: Tokens,
        values: NDArray[np.float64],
        batch_size: int,
        workers: Workers,
    ) -> NDArray[np.float64]:
        """Return outputs that are the model's own of that one text, or raise an alarm.

        Where the first batches moved them, all texts are run alone.
        """
        if self._deviates(split, tokens, values, batch_size) is None:
            return values
        self.text.run_alone()
        if self._held is not None:  # what others were sent runs texts together
            self._held.forget()
        values = self._run(tokens, batch_size, lambda done: None, workers)
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

    def _run(
        self, tokens: Tokens, batch_size: int, advance: ProgressCall, workers: Workers
    ) -> NDArray[np.float64]:
        """Run every text; all outputs, in the model's order."""
        if self._held is None:
            self._held = hold(self.text, self.name, self.text)
        return shared_outputs(self._held, tokens, batch_size, advance=advance, workers=workers)

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
    options: PathOptions = NO_OPTIONS,
) -> HfModel:
    """Open a folder or hub id whose head was trained for the task; see `load_classifier`.

    Raises:
        CapabilityError: `quantize` on another device than the CPU, or as `precision.quantized`.
    """
    place, kind = resolve_device(device), resolve_dtype(options.dtype or dtype)
    if options.quantize:
        place, kind = device_of_int8(place, device, name), torch.float32
    folder = locate(path, offline=offline, graph=options.file)
    held = kind_of_folder(folder, options)
    refuse_options(path, options, what=IN_WORDS[held], takes=TAKES[held])
    if held == "graph":
        place = torch.device("cpu")
        loaded = load_graph(folder, path, task=task, options=options, label_map=label_map)
    elif held == "quantized":
        loaded = load_quantized(folder, path, task=task, device=place, label_map=label_map)
    else:
        loaded = load_classifier(
            path, task=task, offline=offline, label_map=label_map, base=options.base
        )
    shown = folder.resolve().name if folder.parent.name != "snapshots" else path
    return HfModel(
        loaded, name=name, folder=shown + options.shown,
        fingerprint=loaded.fingerprint or fingerprint(folder),
        device=place, dtype=kind, quantize=bool(options.quantize),
    )  # fmt: skip
