"""A function from texts to outputs, as a `ModelHandle`.

Does: call it in batches, check what it gives each time, and ask it about a few texts again. Does
not: know what is inside: it has no layers and no gradients.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.foreign import said, translated
from kdprobe.models.handle import Capability, Outputs, ProgressCall
from kdprobe.models.imported import ImportedFunction
from kdprobe.models.labels import LabelOrder, match_labels
from kdprobe.models.predictions.array_outputs import ArrayOutputs, read_outputs
from kdprobe.observations.predictions import Scale
from kdprobe.plain_text import printable
from kdprobe.results.schema import ModelSource
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.task import Split, Task

SAME = 1e-4
"""How far two outputs for one text may differ and still be the same, as probabilities."""

_SHOWN = 60
_LACKS: Mapping[Capability, str] = {
    "hidden_states": "a function of texts has no layers that can be read",
    "attentions": "a function of texts has no attentions that can be read",
    "embeddings": "a function of texts has no embeddings that can be read",
    "gradients": "a function of texts has no gradients",
    "operations": "what a function of texts computes cannot be counted",
}
_NOT_KEPT = (
    "its answers were not kept for another run: nothing says when they change (an attribute "
    "cache_key; on the command line ?version=TEXT)"
)
_ONLY_LABELS = "it gives labels and no probabilities, which move only where the label does"

Texts = tuple[str, ...]


class TextFunction:
    """A function of texts, as a model; see `models.handle.ModelHandle` for the properties.

    Definition: it is called with a list of at most `batch_size` texts (of a task of pairs: of pairs
    of texts, as tuples) and gives for each a row of probabilities in the order of the task's
    labels, or a label by name or index; in a regression a number. Where it names labels of its own
    (see `own_labels`), columns and indices are in their order, and they are matched to the task's
    by name as those of any model. Its outputs are not kept, unless it has an attribute `cache_key`:
    a text that is another one whenever its outputs are others.

    Args:
        function: the function.
        name: the name people gave it.
        task: what it speaks of.
        label_map: what the user said of its own labels; see `labels.match_labels`.

    Raises:
        ConfigError: a `cache_key` that is no text, or labels that are no list of texts, or not as
            many as the task has.
        CheckpointError: labels of its own that are not the task's.

    >>> from kdprobe.tasks.task import Split, Task
    >>> task = Task("t", 1, "classification", ("bad", "good"), "accuracy")
    >>> model = TextFunction(lambda texts: [[0.25, 0.75] for _ in texts], name="f", task=task)
    >>> split = Split(task, "dev", ("1",), ("a fine day",))
    >>> values = model.outputs(split, batch_size=8, advance=lambda done: None).values
    >>> np.exp(values).round(6).tolist()
    [[0.25, 0.75]]
    """

    source: ModelSource = "function"
    architecture: str = ""
    parameters: int | None = None
    disk_bytes: int | None = None

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        name: str,
        task: Task,
        label_map: Mapping[str, str] | None = None,
    ) -> None:
        own = own_labels(function, name)
        order = LabelOrder(tuple(range(task.outputs)), ())
        if own:
            order = _matched(own, name, task, label_map)
        self.name, self.labels, self.task = name, own or task.labels, task
        self._columns = np.array(order.columns, dtype=np.int64)
        self.folder = f"the function {function_name(function)}"
        self._function = function
        key = getattr(function, "cache_key", None)
        if key is not None and not (isinstance(key, str) and key.strip()):
            raise ConfigError(
                f"`{name}`", found=f"its cache_key is {printable(repr(key), limit=60)}",
                expected="a text, another one whenever its outputs are others",
            )  # fmt: skip
        self.fingerprint = "" if key is None else hashlib.sha256(key.encode()).hexdigest()
        self.reading = f"function, labels {self.labels} columns {order.columns}"
        self.repeats = key is not None
        self.capabilities: frozenset[Capability] = frozenset({"logits", "texts"})
        self.lacks: Mapping[Capability, str] = _LACKS
        imported = function.notes if isinstance(function, ImportedFunction) else ()
        self.notes: tuple[str, ...] = (
            *order.notes, *imported, *(() if self.repeats else (_NOT_KEPT,))
        )  # fmt: skip
        self.alarms: tuple[str, ...] = ()
        self._scale: Scale | None = None
        self._checked = False

    def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
        """Ask for the outputs of every example; the first time for a few of them twice.

        Raises:
            UsageError: the function fails, or gives something else than a row a text.
        """
        seconds: Sequence[str | None] = split.pairs or [None] * len(split)
        texts = [
            (text,) if second is None else (text, second)
            for text, second in zip(split.texts, seconds, strict=True)
        ]
        values = self.values(texts, batch_size=batch_size, advance=advance)
        if not self._checked:
            self._checked = True
            lengths = [sum(map(len, each)) for each in texts]
            rows = sorted({int(np.argmin(lengths)), int(np.argmax(lengths))})
            alarm = self.deviation([texts[row] for row in rows], values[rows])
            self.alarms = () if alarm is None else (alarm,)
        assert self._scale is not None  # a split has an example
        return Outputs(values, self._scale, np.zeros(len(split), dtype=np.bool_))

    def values(
        self,
        texts: Sequence[Texts],
        *,
        batch_size: int,
        advance: ProgressCall = lambda done: None,
    ) -> Floats:
        """Ask about any texts; float64 `[n, c]`, see `Outputs`."""
        parts = []
        for start in range(0, len(texts), batch_size):
            piece = texts[start : start + batch_size]
            parts.append(self._call(piece))
            advance(len(piece))
        return np.concatenate(parts)

    def deviation(self, texts: Iterable[Texts], values: Floats) -> str | None:
        """Return how a text's output differs when it is asked alone and again; None: it does not.

        Differences are those of probabilities, or of scores relative to their size above 1.
        """
        for each, value in zip(texts, values, strict=True):
            again = self._call([each])[0]
            if self._scale == "scores":
                size = float(np.abs(again - value).max() / max(1.0, np.abs(value).max()))
            elif self._scale in ("labels", "label sets"):
                size = float((again != value).any())
            elif self._scale == "label logits":
                size = float(np.abs(np.tanh(again / 2) - np.tanh(value / 2)).max() / 2)
            else:
                size = float(np.abs(np.exp(again) - np.exp(value)).max())
            if size > SAME:
                return (
                    f"its output for {_shown(each)!r} is not the same twice: two calls differ by "
                    f"{size:.2g} (tolerance {SAME:g})"
                )
        return None

    def _call(self, texts: Sequence[Texts]) -> Floats:
        def row_name(row: int) -> str:
            return f"row {row + 1} (of {_shown(texts[row])!r})"

        answer = call_function(self._function, texts, name=self.name)
        where = f"`{self.name}`, of {len(texts)} texts from {_shown(texts[0])!r} on"
        own_task = replace(self.task, labels=self.labels)
        read = read_outputs(answer, own_task, len(texts), where, logits=False, row_name=row_name)
        bad = ~np.isfinite(read.values).all(axis=1)
        if bad.any():
            raise ConfigError(
                where, found=f"{row_name(int(np.argmax(bad)))} is not finite",
                expected="finite numbers",
            )  # fmt: skip
        self._note(read, where)
        if read.scale == "labels":
            return np.argsort(self._columns)[read.values.astype(np.int64)].astype(np.float64)
        return read.values[:, self._columns]

    def _note(self, read: ArrayOutputs, where: str) -> None:
        """Hold the kind of its outputs against that of its first."""
        if self._scale is None:
            self._scale = read.scale
            if read.scale in ("labels", "label sets"):
                self.notes, self.repeats = (*self.notes, *read.notes), False
                self.capabilities = frozenset({"texts"})
                self.lacks = {**_LACKS, "logits": _ONLY_LABELS}
        if read.scale != self._scale:
            raise ConfigError(
                where, found=f"gives {read.scale}", expected=f"{self._scale}, as it gave before"
            )


def _shown(texts: Texts) -> str:
    return printable(" | ".join(texts), limit=_SHOWN)


def call_function(function: Callable[[Any], Any], texts: Sequence[Texts], *, name: str) -> Any:
    """Return what a function gives for texts, or for pairs of texts.

    Raises:
        CapabilityError: whatever the function itself raises.
    """

    def failed(error: Exception) -> CapabilityError:
        return CapabilityError(
            name,
            found=f"the function {function_name(function)} failed for {len(texts)} texts, the "
            f"first is {_shown(texts[0])!r} ({said(error)})",
            expected="outputs of a list of texts",
        )

    with translated(failed):
        return function([each[0] if len(each) == 1 else each for each in texts])


def own_labels(function: Any, name: str) -> tuple[str, ...]:
    """Return the labels that a function names for its columns, in their order; empty: none.

    Definition: its attribute `labels`; else, of a method of scikit-learn, the `classes_` of its
    estimator, where these are names and not the indices 0 to n - 1.

    Raises:
        ConfigError: `labels` that is no list of texts, each once.

    >>> own_labels(len, "f")
    ()
    """
    if isinstance(function, ImportedFunction):
        return own_labels(function.function, name)
    inner = getattr(function, "func", function)  # of a functools.partial
    labels = getattr(function, "labels", None)
    if labels is None:
        classes = np.asarray(getattr(getattr(inner, "__self__", None), "classes_", ()))
        indices = classes.dtype.kind in "biuf" and (classes == np.arange(len(classes))).all()
        return () if classes.ndim != 1 or indices else tuple(map(str, classes.tolist()))
    names = labels if isinstance(labels, list | tuple) else ()
    if all(isinstance(label, str) for label in names) and len(set(names)) == len(names) > 1:
        return tuple(names)
    raise ConfigError(
        f"`{name}`", found=f"its labels are {printable(repr(labels), limit=60)}",
        expected="a list of the names of its columns, each once",
    )  # fmt: skip


def _matched(
    names: tuple[str, ...], name: str, task: Task, label_map: Mapping[str, str] | None
) -> LabelOrder:
    """Return a function's column of each label of the task."""
    if len(names) != len(task.labels):
        raise ConfigError(
            f"`{name}`", found=f"its labels are {', '.join(names[:5])}",
            expected=f"{len(task.labels)}, as {task.name} has",
        )  # fmt: skip
    return match_labels(name, names, task.labels, label_map)


def function_name(function: Any) -> str:
    """Return what a function is called; of what has no name, its class.

    >>> import functools
    >>> function_name(len), function_name(functools.partial(len)), function_name(lambda texts: 0)
    ('len', 'len', 'lambda')
    """
    inner = getattr(function, "func", function)  # of a functools.partial
    name = getattr(inner, "__name__", "") or type(inner).__name__
    return printable(str(name).strip("<>"), limit=_SHOWN)
