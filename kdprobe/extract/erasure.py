"""What a model says once a property of sentences is erased from one of its layers.

Does: gather moments of the states of labelled sentences in one pass, make an eraser of each layer
(and erasers of random subspaces of the same size), and run the layers above on erased states. Does
not: judge what that changes.

Where an eraser works. The label belongs to the sentence and the eraser to every token: it is fitted
on the states of tokens, each with the label of its sentence and the weight 1 / (tokens of the
sentence). Then the cross-covariance of the labels with single tokens is that with the mean over
tokens, and as the map is affine the mean of erased states is the erased mean: after it no linear
probe on mean-pooled states, or on single tokens, beats a constant on the training sentences. One
mean alone would leave much of it: where subject and verb carry the number along two directions, it
takes their sum and leaves their difference, which a model reads by where a word stands. So the
eraser of words takes the cross-covariances with the means of each quarter of the words too. Special
tokens have erasers of their own, one for each place ([CLS] before the words, [SEP] after them): a
classifier reads [CLS] alone. Where no token stands after the words, a decoder reads the last of
them, whose cross-covariance is taken as well; of a BiLSTM without a token before the words the
first likewise.

What it is held against. Sentences of a probing set are of another kind than a task's texts, and
along most directions their states lie elsewhere. So both the eraser and the random subspaces are
centred on the mean of the task's own states, which erasing then leaves where it is, and a random
subspace has the rank of the eraser at each place and takes the same variance there from the task's
states: both change the same texts by the same mean squared length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.models.batches import equal_length_batches
from kdprobe.models.hf import HfModel
from kdprobe.models.layer_edits import Clean, EditableLayers
from kdprobe.models.model_inputs import evaluating
from kdprobe.models.tokens import Tokens
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Floats
from kdprobe.stats.erasure import Eraser, Moments, leace, random_eraser, spectrum

ERASURE_VERSION = 1
"""Raised when the same model, sentences and texts would give other numbers."""

_TOKENS = 4096
"""Tokens in one forward pass."""

Advance = Callable[[int], None]


class Spans(NamedTuple):
    """Where a tokenizer puts special tokens: how many before the words and after them."""

    before: int
    after: int

    def places(self, length: int) -> list[slice]:
        """Return the tokens of each place of a text: before the words, the words, after them.

        A text of no word tokens: all there is are words.

        >>> Spans(1, 1).places(5)
        [slice(0, 1, None), slice(1, 4, None), slice(4, 5, None)]
        """
        if length <= self.before + self.after:
            nothing = slice(0, 0)
            return [nothing] * self.before + [slice(0, length)] + [nothing] * self.after
        stop = length - self.after
        ends = [slice(at, at + 1) for at in range(stop, length)]
        return [*(slice(at, at + 1) for at in range(self.before)), slice(self.before, stop), *ends]


PARTS = 4
"""Parts of the words that a linear probe may read apart."""


def parts_of(words: slice) -> list[slice]:
    """Return the quarters of the words of a text; of a short one some are empty.

    >>> parts_of(slice(1, 7))
    [slice(1, 3, None), slice(3, 4, None), slice(4, 6, None), slice(6, 7, None)]
    """
    length = words.stop - words.start
    edges = [words.start + (length * at + PARTS // 2) // PARTS for at in range(PARTS + 1)]
    return [slice(edges[at], edges[at + 1]) for at in range(PARTS)]


def read_apart(words: slice, spans: Spans, *, recurrent: bool) -> list[slice]:
    """Return the words that a linear map may read apart from the others: see above."""
    last = [slice(words.stop - 1, words.stop)] if not spans.after else []
    first = [slice(words.start, words.start + 1)] if recurrent and not spans.before else []
    return [*parts_of(words), *last, *first]


def spans_of(handle: HfModel) -> Spans:
    """Return where a model's tokenizer puts its special tokens."""
    special = handle.tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"]
    words = [at for at, mark in enumerate(special) if not mark]
    return Spans(words[0], len(special) - 1 - words[-1]) if words else Spans(0, 0)


@dataclass
class _Sums:
    """Sums over some tokens of one layer, each sentence of weight 1; without squares: no moments.

    Args:
        width: of the states.
        columns: of the one-hot labels.
        squared: whether their covariance is wanted.
    """

    width: int
    columns: int
    squared: bool
    n: int = 0
    total: Floats = field(init=False)
    squares: Floats = field(init=False)
    labelled: Floats = field(init=False)
    labels: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.total, self.labels = np.zeros(self.width), np.zeros(self.columns)
        self.squares = np.zeros((self.width, self.width) if self.squared else (0, 0))
        self.labelled = np.zeros((self.width, self.columns))

    def add(self, states: Floats, labels: Floats) -> None:
        """Add sentences of one length: states `[B, tokens, width]`, one-hot labels `[B, k]`."""
        if not states.shape[1]:
            return
        means = states.mean(axis=1)
        self.n += len(states)
        self.total += means.sum(axis=0)
        self.labels += labels.sum(axis=0)
        self.labelled += means.T @ labels
        if self.squared:
            flat = states.reshape(-1, self.width)
            self.squares += flat.T @ flat / states.shape[1]

    @property
    def cross(self) -> Floats:
        """The cross-covariance of means over a sentence's tokens with labels, `[d, k]`."""
        n = max(self.n, 1)
        cross: Floats = self.labelled / n - np.outer(self.total / n, self.labels / n)
        return cross

    @property
    def moments(self) -> Moments:
        """The moments about the mean."""
        n = max(self.n, 1)
        mean = self.total / n
        return Moments(n, mean, self.squares / n - np.outer(mean, mean), self.cross)


@dataclass(frozen=True)
class LayerErasers:
    """The erasers of one layer for the texts of a task.

    Args:
        variants: the property's first, then those of random subspaces; of every place each.
        share: of the variance of these texts' states, how much the property's takes.
        control_share: how much those of random subspaces take, in the mean.
    """

    variants: tuple[tuple[Eraser, ...], ...]
    share: float
    control_share: float

    @property
    def rank(self) -> int:
        """The dimensions that it takes, at the place where they are most."""
        return max(one.rank for one in self.variants[0])


class Gathered(NamedTuple):
    """Moments of the states of some texts.

    Args:
        places: layer -> of every place.
        apart: layer -> cross-covariances of the words that may be read apart.
        spans: where the tokenizer puts special tokens.
    """

    places: dict[int, list[Moments]]
    apart: dict[int, list[Floats]]
    spans: Spans


def _batches(
    editor: EditableLayers, tokens: Tokens, rows: int
) -> Iterator[tuple[NDArray[np.int64], dict[str, Tensor]]]:
    """Yield batches of exactly one length, and their inputs: no padding, no mask."""
    text = editor.handle.text
    most = 1 if text.together == "alone" else rows
    for batch in equal_length_batches(tokens.lengths, tokens=_TOKENS, rows=most):
        yield batch, text.padded(tokens.columns, batch.tolist(), side="right")


def _guarded(editor: EditableLayers, inputs: dict[str, Tensor]) -> Clean:
    """Run a batch; what the forward cannot run is a message, as everywhere."""
    text = editor.handle.text
    return text.run(inputs, lambda given: editor.clean(given), lambda parts: parts[0])


def gather(
    editor: EditableLayers, tokens: Tokens, hot: Floats, *, rows: int, advance: Advance
) -> Gathered:
    """Gather the moments of the states of texts, every layer that can be changed in one pass.

    Args:
        editor: the model.
        tokens: of the texts.
        hot: their one-hot labels, float64 `[n, k]`; k is 0 without labels.
        rows: the most texts in a forward pass.
        advance: told of every batch.
    """
    spans = spans_of(editor.handle)
    recurrent = bool(getattr(editor.handle.model.config, "lstm_size", None))
    sums: dict[tuple[int, bool, int], _Sums] = {}
    with evaluating(editor.model), torch.no_grad():
        for batch, inputs in _batches(editor, tokens, rows):
            states = _guarded(editor, inputs).states
            places = spans.places(inputs["input_ids"].shape[1])
            read = read_apart(places[spans.before], spans, recurrent=recurrent)
            for layer in editor.places:
                wide = states[layer].double().cpu().numpy()
                for whole, slices in ((True, places), (False, read)):
                    for at, here in enumerate(slices):
                        empty = _Sums(wide.shape[2], hot.shape[1], whole)
                        sums.setdefault((layer, whole, at), empty).add(wide[:, here], hot[batch])
            advance(len(batch))
    by_layer = {layer: [key for key in sums if key[0] == layer] for layer in editor.places}
    return Gathered(
        {layer: [sums[k].moments for k in keys if k[1]] for layer, keys in by_layer.items()},
        {layer: [sums[k].cross for k in keys if not k[1]] for layer, keys in by_layer.items()},
        spans,
    )


def fit_erasers(gathered: Gathered) -> dict[int, list[Eraser]]:
    """Fit the eraser of every place of every layer on labelled sentences."""
    erasers: dict[int, list[Eraser]] = {}
    for layer, places in gathered.places.items():
        crosses = [one.cross for one in places]
        at = gathered.spans.before
        crosses[at] = np.concatenate([crosses[at], *gathered.apart[layer]], axis=1)
        erasers[layer] = [
            leace(spectrum(one), cross) for one, cross in zip(places, crosses, strict=True)
        ]
    return erasers


def with_controls(
    erasers: dict[int, list[Eraser]], texts: Gathered, *, draws: int, seed: int, name: str
) -> dict[int, LayerErasers]:
    """Centre erasers on a task's texts, and draw the random subspaces they are held against.

    Args:
        erasers: of a property, by layer and place.
        texts: the moments of the task's texts.
        draws: how many subspaces.
        seed: of the comparison.
        name: of the property; draw k of a layer is the same whatever the number of draws.
    """
    ready = {}
    for layer, own in erasers.items():
        variants: list[list[Eraser]] = [[] for _ in range(1 + draws)]
        total, removed = 0.0, np.zeros(1 + draws)
        for at, (eraser, moments) in enumerate(zip(own, texts.places[layer], strict=True)):
            whole = spectrum(moments, shrunk=False)
            centred = eraser._replace(centre=moments.mean)
            taken = centred.removed(moments.covariance)
            generator = derive_generator(seed, "causal use", name, f"layer {layer}", f"place {at}")
            others = [random_eraser(whole, eraser.rank, taken, generator) for _ in range(draws)]
            for variant, one in zip(variants, (centred, *others), strict=True):
                variant.append(one)
            removed += [one.removed(moments.covariance) for one in (centred, *others)]
            total += float(np.trace(moments.covariance))
        shares = removed / total if total > 0 else removed
        ready[layer] = LayerErasers(
            tuple(map(tuple, variants)), float(shares[0]), float(shares[1:].mean())
        )
    return ready


class _OnDevice(NamedTuple):
    """An eraser as tensors."""

    left: Tensor
    right: Tensor
    centre: Tensor


def _placed(erasers: Sequence[Eraser], device: torch.device) -> list[_OnDevice | None]:
    return [
        _OnDevice(*(torch.tensor(part, dtype=torch.float32, device=device)
                    for part in (one.left.T, one.right.T, one.centre)))
        if one.rank
        else None
        for one in erasers
    ]  # fmt: skip


def _erased(states: Tensor, places: Sequence[slice], erasers: Sequence[_OnDevice | None]) -> Tensor:
    """Erase from the states of a batch of one length, float32."""
    result = states.float().clone()
    for place, eraser in zip(places, erasers, strict=True):
        if eraser is not None:
            part = result[:, place]
            result[:, place] = part - ((part - eraser.centre) @ eraser.right) @ eraser.left
    return result


def measure(
    editor: EditableLayers,
    tokens: Tokens,
    erasers: Sequence[dict[int, LayerErasers]],
    *,
    rows: int,
    advance: Advance,
) -> tuple[Floats, list[dict[int, Floats]]]:
    """Run texts with every eraser at every layer; lower layers are run once a batch.

    Args:
        editor: the model.
        tokens: of the texts.
        erasers: of each property, by layer.
        rows: the most texts in a forward pass.
        advance: told of every batch.

    Returns:
        What the model says unchanged, float64 `[n, outputs]` in the task's label order; and for
        each property and layer what it says with the layer erased, `[1 + draws, n, outputs]`.
    """
    columns, device = list(editor.handle.columns), editor.handle.device
    spans, n = spans_of(editor.handle), len(tokens.lengths)
    ready = [
        {layer: [_placed(v, device) for v in one.variants] for layer, one in each.items()}
        for each in erasers
    ]
    own = np.empty((n, len(columns)))
    values = [
        {layer: np.empty((len(v), n, len(columns))) for layer, v in each.items()} for each in ready
    ]
    with evaluating(editor.model), torch.no_grad():
        for batch, inputs in _batches(editor, tokens, rows):
            clean = _guarded(editor, inputs)
            own[batch] = _numbers(clean.logits)[:, columns]
            places = spans.places(inputs["input_ids"].shape[1])
            for each, out in zip(ready, values, strict=True):
                for layer, variants in each.items():
                    for at, variant in enumerate(variants):
                        changed = _erased(clean.states[layer], places, variant)
                        logits = editor.resumed(inputs, clean, layer, changed)
                        out[layer][at, batch] = _numbers(logits)[:, columns]
            advance(len(batch))
    return own, values


def _numbers(logits: Tensor) -> Floats:
    values: Floats = logits.to(device="cpu", dtype=torch.float64).numpy()
    return values
