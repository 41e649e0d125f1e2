"""A classifier that is run on from any of its layers, with other states there.

Does: find, by running a text, the module that gives each layer's states; run a batch once and keep
what these modules gave; run the layers above again with changed states. Does not: know what the
states are changed to, or any family's names.

A module that stands at or below the changed layer is not run again: its `forward` is, for that
call, a function that returns what it gave before. So only what lies above costs time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from kdprobe.errors import CapabilityError
from kdprobe.models.hf import HfModel
from kdprobe.models.measured import states_of
from kdprobe.models.model_inputs import evaluating

Inputs = Mapping[str, Tensor]
NOT_GIVEN = "no module of the model gives the states of this layer"
_SAME = 1e-4
"""Of the largest output: a run that goes on from a layer gives what the whole run gave."""


class Call(NamedTuple):
    """One call of a module in a forward pass; shared modules are called several times."""

    module: nn.Module
    number: int


class StatesPlace(NamedTuple):
    """Where a layer's states are given, and how they lie there (see `LAYOUTS`)."""

    call: Call
    layout: str


class Clean(NamedTuple):
    """A batch as the model runs it.

    Args:
        logits: `[B, outputs]`.
        states: of every layer, `[B, L, width]`; copies.
        outputs: what the module of each place gave.
    """

    logits: Tensor
    states: tuple[Tensor, ...]
    outputs: Mapping[Call, Any]


def _packed(given: Any, length: int) -> Tensor | None:
    if not isinstance(given, PackedSequence):
        return None
    return pad_packed_sequence(given, batch_first=True, total_length=length)[0]


def _repacked(given: Any, states: Tensor) -> PackedSequence:
    _, lengths = pad_packed_sequence(given, batch_first=True)
    return pack_padded_sequence(states, lengths, batch_first=True, enforce_sorted=False)


def _plain(given: Any) -> Tensor | None:
    return given if isinstance(given, Tensor) and given.ndim == 3 else None


def _turned(given: Any, first: int = 0) -> Tensor | None:
    return given.transpose(first, first + 1) if _plain(given) is not None else None


LAYOUTS: dict[
    str, tuple[Callable[[Any, int], Tensor | None], Callable[[Any, Tensor], Any]]
] = {
    "batch first": (lambda given, length: _plain(given), lambda given, states: states),
    "time first": (lambda given, length: _turned(given),
                   lambda given, states: states.transpose(0, 1)),
    "filled up": (lambda given, length: None if _plain(given) is None else given[:, :length],
                  lambda given, states: torch.cat([states, given[:, states.shape[1]:]], dim=1)),
    "width before length": (lambda given, length: _turned(given, 1),
                            lambda given, states: states.transpose(1, 2)),
    "packed": (_packed, _repacked),
}  # fmt: skip
"""How states `[B, L, width]` lie in what a module gives: out of it, and into it."""


def _first(output: Any) -> Any:
    """Return what a module gives first: states, before attention and the like."""
    several = isinstance(output, tuple | list) and not isinstance(output, PackedSequence)
    return (output[0] if output else None) if several else output


def _with_first(output: Any, first: Any) -> Any:
    if isinstance(output, tuple | list) and not isinstance(output, PackedSequence):
        return type(output)([first, *output[1:]])
    return first


@contextlib.contextmanager
def _told(modules: Sequence[nn.Module], tell: Callable[[Call, Any], None]) -> Iterator[None]:
    """Tell of every call of these modules, with what it gave, while inside."""
    numbers: dict[nn.Module, int] = {}

    def hook(module: nn.Module, _: tuple[Any, ...], output: Any) -> None:
        number = numbers.get(module, 0)
        numbers[module] = number + 1
        tell(Call(module, number), output)

    hooks = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()


@contextlib.contextmanager
def _answering(outputs: Mapping[Call, Any]) -> Iterator[None]:
    """Let these calls return what is given for them, without running, while inside."""
    before: dict[nn.Module, Any] = {}

    def answer(module: nn.Module, own: Callable[..., Any]) -> Callable[..., Any]:
        numbers = iter(range(1_000_000))

        def forward(*values: Any, **named: Any) -> Any:
            call = Call(module, next(numbers))
            return outputs[call] if call in outputs else own(*values, **named)

        return forward

    try:
        for module in {call.module for call in outputs}:
            before[module] = module.__dict__.get("forward")
            module.forward = answer(module, module.forward)
        yield
    finally:
        for module, own in before.items():
            if own is None:
                del module.forward
            else:
                module.forward = own


class EditableLayers:
    """The layers of a classifier, whose states can be changed.

    Layers are those of `models.hidden.LayerReader`: 0 the embedding output, 1 … L after each block.

    Args:
        handle: an opened model.
        trials: batches of one text each, as the model will be given: every kind of text (single
            ones and pairs) that it is going to run.

    Attributes:
        places: where each layer's states are given.
        reasons: the layers that cannot be changed, and why.
        layers: how many there are, the embedding output counted.

    Raises:
        CapabilityError: the model gives no hidden states.
    """

    def __init__(self, handle: HfModel, trials: Sequence[Inputs]) -> None:
        if "hidden_states" not in handle.capabilities:
            raise CapabilityError(
                handle.name,
                found=handle.lacks.get("hidden_states", "") or "gives no hidden states",
                expected="a checkpoint whose layers can be read",
            )
        self.handle = handle
        self.model: nn.Module = handle.model
        self.places: dict[int, StatesPlace] = {}
        self.reasons: dict[int, str] = {}
        recorded = [self._recorded(inputs) for inputs in trials]
        self.layers = len(recorded[0][1])
        for layer in range(self.layers):
            for place in self._candidates(layer, recorded):
                self.places[layer] = place
                if all(self._works(inputs, layer) for inputs in trials):
                    break
                del self.places[layer]
            else:
                self.reasons[layer] = NOT_GIVEN

    def clean(self, inputs: Inputs) -> Clean:
        """Run a batch, and keep the states of every layer and what is needed to go on from each."""
        outputs: dict[Call, Any] = {}
        wanted = {place.call: place.layout for place in self.places.values()}

        def keep(call: Call, output: Any) -> None:
            if call in wanted:  # a copy: a model may work on its states in place
                outputs[call] = _with_first(output, _copied(_first(output)))

        modules = list(dict.fromkeys(call.module for call in wanted))
        with _told(modules, keep):
            logits, states = self._run(inputs)
        return Clean(logits, tuple(state.clone() for state in states), outputs)

    def resumed(self, inputs: Inputs, clean: Clean, layer: int, states: Tensor) -> Tensor:
        """Return the logits `[B, outputs]` of a batch whose states after a layer are others.

        Args:
            inputs: the batch.
            clean: what `clean` gave for it.
            layer: one of `places`.
            states: `[B, L, width]`.
        """
        with _answering(self._answers(clean, layer, states)):
            logits: Tensor = self.model(**inputs).logits
        return logits

    def _answers(self, clean: Clean, layer: int, states: Tensor) -> dict[Call, Any]:
        answers = {}
        for below, place in self.places.items():
            output = clean.outputs[place.call]
            if below < layer:
                answers[place.call] = _with_first(output, _copied(_first(output)))
            elif below == layer:
                laid = LAYOUTS[place.layout][1](_first(output), states.to(_dtype(_first(output))))
                answers[place.call] = _with_first(output, laid)
        return answers

    def _run(self, inputs: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
        output = self.model(**inputs, output_hidden_states=True)
        states = states_of(output)
        if states is None:
            raise ValueError(f"{self.handle.name}: a model that gives no hidden states was read")
        return output.logits, states

    def _recorded(self, inputs: Inputs) -> tuple[list[tuple[Call, Any]], tuple[Tensor, ...]]:
        """Run a text and return every call of every module, in order, and the states."""
        calls: list[tuple[Call, Any]] = []
        with (
            evaluating(self.model),
            torch.no_grad(),
            _told(
                list(self.model.modules()),
                lambda call, output: calls.append((call, _copied(_first(output)))),
            ),
        ):
            _, states = self._run(inputs)
        return calls, states

    def _candidates(
        self, layer: int, recorded: Sequence[tuple[list[tuple[Call, Any]], tuple[Tensor, ...]]]
    ) -> list[StatesPlace]:
        """Return the calls that gave a layer's states in every trial, the last of them first."""
        kept: list[StatesPlace] | None = None
        for calls, states in recorded:
            state = states[layer]
            here = [
                StatesPlace(call, name)
                for call, first in reversed(calls)
                for name, (out, _) in LAYOUTS.items()
                if (given := out(first, state.shape[1])) is not None
                and given.shape == state.shape
                and torch.equal(given, state)
            ]
            kept = here if kept is None else [place for place in kept if place in here]
        return kept or []

    def _works(self, inputs: Inputs, layer: int) -> bool:
        """Return whether going on from a layer gives the same, and changed states are read."""
        with evaluating(self.model), torch.no_grad():
            clean = self.clean(inputs)
            same = self.resumed(inputs, clean, layer, clean.states[layer])
            allowed = _SAME * max(1.0, float(clean.logits.abs().max()))
            if not float((same - clean.logits).abs().max()) <= allowed:
                return False
            changed = 1 - 2 * clean.states[layer]
            with _answering(self._answers(clean, layer, changed)):
                logits, states = self._run(inputs)
        if len(states) != self.layers:  # the module that tells the states stands inside this one
            return False
        above = states[layer + 1] if layer + 1 < len(states) else logits
        was = clean.states[layer + 1] if layer + 1 < len(states) else clean.logits
        return torch.equal(states[layer], changed) and not torch.equal(above, was)


def _copied(given: Any) -> Any:
    if isinstance(given, PackedSequence):
        return given._replace(data=given.data.clone())
    return given.clone() if isinstance(given, Tensor) else given


def _dtype(given: Any) -> torch.dtype:
    dtype: torch.dtype = (given.data if isinstance(given, PackedSequence) else given).dtype
    return dtype
