"""Outputs of the teacher beside its logits, kept for a whole training.

Does: compute in one pass what a recipe reads of the teacher, keep each quantity in the cache under
its content, and check a few rows of what it holds. Does not: keep logits (`teacher_store.py`
does) or choose what is kept (`teacher_quantities.py` does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.cache import Cache, CacheKey
from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.forward import prepare, read
from kdprobe.distillers.objective import LOGITS, Batch, ModelPair, View
from kdprobe.distillers.teacher_quantities import Quantity
from kdprobe.distillers.teacher_store import TeacherFile, checked_rows, close_enough
from kdprobe.models.checkpoint import Loaded
from kdprobe.progress import Progress, ProgressStage
from kdprobe.tasks.task import Split

_BATCH = 64


@dataclass(frozen=True)
class Kept:
    """One quantity of all examples.

    Args:
        values: float32 `[n, H]`, or `[tokens, K]`, the tokens of all examples one after the other.
        starts: int64 `[n + 1]`, the first token of each example; None: one vector an example.
    """

    values: NDArray[np.float32]
    starts: NDArray[np.int64] | None

    def of(self, rows: Sequence[int], *, longest: int, left: bool) -> Tensor:
        """Return a batch: `[B, H]`, or `[B, L, K]` with zeros at padding."""
        if self.starts is None:
            return torch.from_numpy(self.values[list(rows)])
        batch = np.zeros((len(rows), longest, self.values.shape[1]), dtype=np.float32)
        for place, row in enumerate(rows):
            part = self.values[self.starts[row] : self.starts[row + 1]]
            begin = longest - len(part) if left else 0
            batch[place, begin : begin + len(part)] = part
        return torch.from_numpy(batch)


@dataclass(frozen=True)
class CachedTeacher:
    """A teacher whose outputs were all computed before the training.

    Args:
        logits: float32 `[n, C]`, in the task's label order.
        encoded: the examples as the teacher reads them.
        kept: the quantities.
    """

    logits: Tensor
    encoded: Encoded
    kept: Mapping[Quantity, Kept]

    def view(self, rows: Sequence[int], device: torch.device) -> View:
        """Return the stored outputs of these rows."""
        inputs = {name: ids.to(device) for name, ids in self.encoded.batch(rows).items()}
        longest = int(inputs["input_ids"].shape[1])
        values = {LOGITS: self.logits[torch.as_tensor(rows)].to(device)}
        lasting: dict[str, Tensor] = {}
        for quantity, kept in self.kept.items():
            batch = kept.of(rows, longest=longest, left=self.encoded.left).to(device)
            if quantity.need is not None:
                values[quantity.need] = batch
            elif quantity.term is not None:
                lasting[quantity.term.name] = batch.transpose(1, 2)
        return View(values, inputs, lasting=lasting)


@dataclass(frozen=True)
class TeacherCache:
    """Computes what is kept.

    Args:
        loaded: the teacher.
        encoded: the examples as it reads them.
        split: the same with their labels.
        models: the builds of student and teacher.
        file: what the quantities belong to.
    """

    loaded: Loaded
    encoded: Encoded
    split: Split
    models: ModelPair
    file: TeacherFile

    def outputs_of(
        self, quantities: Sequence[Quantity], rows: Sequence[int]
    ) -> list[list[NDArray[Any]]]:
        """Run the teacher on some rows: for each quantity an array an example, unpadded."""
        device = self.file.device
        inputs = {name: ids.to(device) for name, ids in self.encoded.batch(rows).items()}
        columns = torch.tensor(self.loaded.columns, device=device)
        needs = frozenset(q.need for q in quantities if q.need is not None)
        labels = None
        if self.split.labels is not None:
            labels = torch.tensor(self.split.labels[list(rows)], device=device)
        mask = inputs["attention_mask"].bool()
        batch = Batch(mask, labels, models=self.models)
        with torch.no_grad():
            values = read(self.loaded.model, inputs, needs, columns=columns)
        view = View(values, inputs, self.loaded.model, columns)
        outputs: list[list[NDArray[Any]]] = []
        for quantity in quantities:
            if quantity.term is not None:
                objective: Any = quantity.term.objective
                output = objective.lasting(view, batch, quantity.term.options).transpose(1, 2)
            else:
                assert quantity.need is not None
                output = values[quantity.need]
            whole = output.detach().cpu().numpy()
            real = mask.cpu().numpy()
            outputs.append(
                [part if part.ndim == 1 else part[real[at]] for at, part in enumerate(whole)]
            )
        return outputs

    def key(self, quantity: Quantity) -> CacheKey:
        """The key of a quantity in the cache."""
        parts = {**self.file.parts, "quantity": quantity.name}
        if quantity.term is not None:
            parts["layers"] = [list(pair) for pair in self.models.layer_map]
            parts["depths"] = [self.models.student.layers, self._depth]
        return CacheKey("teacher-memory", parts)

    @property
    def _depth(self) -> int:
        return 0 if self.models.teacher is None else self.models.teacher.layers

    def recall(
        self, quantities: Sequence[Quantity], *, cache: Cache, progress: Progress
    ) -> dict[Quantity, Kept]:
        """Return all quantities, from the cache where it holds them, else computed in one pass.

        A stored quantity is trusted only after a few of its rows have been computed again.
        """
        gradients = any(quantity.term is not None for quantity in quantities)
        prepare(self.loaded.model.eval(), frozenset(), gradients=gradients)
        held = {q: self._stored(q, cache, progress) for q in quantities}
        missing = [quantity for quantity, kept in held.items() if kept is None]
        if missing:
            with progress.stage("run the teacher for more", len(self.encoded.lengths)) as stage:
                for quantity, kept in self._compute(missing, stage).items():
                    held[quantity] = kept
                    arrays = {"values": kept.values}
                    described = f"{self.split.task.name} {self.split.name}: {quantity.label}"
                    cache.store(self.key(quantity), arrays, description=described)
        return {quantity: kept for quantity, kept in held.items() if kept is not None}

    def _starts(self, quantity: Quantity) -> NDArray[np.int64] | None:
        if quantity.need is not None and quantity.need.quantity == "first":
            return None
        return np.concatenate(([0], np.cumsum(self.encoded.lengths)))

    def _compute(self, missing: Sequence[Quantity], stage: ProgressStage) -> dict[Quantity, Kept]:
        pieces: list[dict[int, NDArray[Any]]] = [{} for _ in missing]
        for rows in self.encoded.batches(_BATCH):
            for place, parts in enumerate(self.outputs_of(missing, rows)):
                pieces[place] |= dict(zip(rows, parts, strict=True))
            stage.advance(len(rows))
        computed: dict[Quantity, Kept] = {}
        for quantity, by_row in zip(missing, pieces, strict=True):
            starts = self._starts(quantity)
            ordered = [by_row[row] for row in range(len(by_row))]
            values = np.stack(ordered) if starts is None else np.concatenate(ordered)
            computed[quantity] = Kept(values, starts)
        return computed

    def _stored(self, quantity: Quantity, cache: Cache, progress: Progress) -> Kept | None:
        arrays = cache.load(self.key(quantity), say=progress.say)
        if arrays is None:
            return None
        starts = self._starts(quantity)
        kept = Kept(arrays["values"].astype(np.float32), starts)
        count = len(self.encoded.lengths) if starts is None else int(starts[-1])
        rows = checked_rows(len(self.encoded.lengths))
        if len(kept.values) == count:
            (again,) = self.outputs_of([quantity], rows)
            own = [
                kept.values[row] if starts is None else kept.values[starts[row] : starts[row + 1]]
                for row in rows
            ]
            if all(close_enough(a, b) for a, b in zip(own, again, strict=True)):
                return kept
        progress.say(
            f"The stored {quantity.label} is not what the teacher gives now; computed again."
        )
        return None
