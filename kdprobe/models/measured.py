"""What a classifier can do, measured on texts of a few words instead of read off its name.

Does: find out on which side padding moves no output, whether texts of one length may share a batch,
whether the layers can be read, and whether a first token reads what follows it. Does not: run
anyone's texts.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from kdprobe.models.checkpoint import quiet
from kdprobe.models.model_inputs import begun_anew, depends_on_width, evaluating
from kdprobe.models.text_inputs import Side, TextInputs
from kdprobe.models.tokens import Tokens

Together = Literal["right", "left", "equal", "alone"]
"""How texts may share a batch: padded on a side, of equal length only, or not at all."""

_SHORT, _LONG, _OTHER = "a", "a b a b a b a b", "b a b a b a b a"
_SAME, _LEAST = 2e-5, 0.1
"""Outputs are the same within this share of the largest of them, taken as at least `_LEAST`."""


def states_of(output: Any) -> tuple[Tensor, ...] | None:
    """Return the hidden states of a model's output, of an encoder-decoder those of the encoder."""
    for name in ("hidden_states", "encoder_hidden_states"):
        states = getattr(output, name, None)
        if states:
            return tuple(states)
    return None


def _evaluated(text: TextInputs, inputs: dict[str, Tensor]) -> Any:
    """Run the model for its hidden states where it gives them, in eval mode, without gradients."""
    with evaluating(text.model), quiet(), torch.no_grad(), begun_anew(text.model):
        try:
            return text.model(**inputs, output_hidden_states=True)
        except TypeError:  # a module that gives logits alone
            return text.model(**inputs)


def _outputs(
    text: TextInputs, tokens: Tokens, rows: list[int], side: Side
) -> list[list[Tensor]] | None:
    """Return each row's logits and real tokens' states; None where the forward fails."""
    inputs = text.padded(tokens.columns, rows, side=side)
    lengths = [int(tokens.lengths[row]) for row in rows]
    width = max(lengths)
    try:
        output = _evaluated(text, inputs)
        states = [s for s in states_of(output) or () if tuple(s.shape[:2]) == (len(rows), width)]
        outputs = []
        for place, length in enumerate(lengths):
            inside = slice(0, length) if side == "right" else slice(width - length, width)
            outputs.append([output.logits[place], *(state[place, inside] for state in states)])
    except Exception:  # whatever an architecture raises: it cannot run these rows together
        return None
    return outputs


def _same(ours: list[Tensor], theirs: list[Tensor]) -> bool:
    if len(ours) != len(theirs):
        return False
    for left, right in zip(ours, theirs, strict=True):
        allowed = _SAME * max(_LEAST, float(right.abs().max()))
        if left.shape != right.shape or not float((left - right).abs().max()) <= allowed:
            return False
    return True


def measure_together(text: TextInputs) -> Together:
    """Return how texts may share a batch without moving an output.

    Definition: the logits, and the hidden states of real tokens, of a short and a long text padded
    together on the right (else on the left) are those of each alone, within 2e-5 of the largest of
    them. Else those of two texts of equal length are: `equal`, also for a model that chooses its
    attention by the width of a batch. Else `alone`.
    """
    tokens = text.encode([_SHORT, _LONG, _OTHER])
    short, long, other = tokens.lengths
    alone = [_outputs(text, tokens, [row], "right") for row in range(3)]
    if any(outputs is None for outputs in alone):
        return "alone"
    own = [outputs[0] for outputs in alone if outputs is not None]
    sides: tuple[Side, ...] = () if depends_on_width(text.model) else ("right", "left")
    for side in sides:
        both = _outputs(text, tokens, [0, 1], side) if short < long else None
        if both is not None and _same(both[0], own[0]) and _same(both[1], own[1]):
            return side
    equal = _outputs(text, tokens, [1, 2], "right") if long == other else None
    if equal is not None and _same(equal[0], own[1]) and _same(equal[1], own[2]):
        return "equal"
    return "alone"


def hidden_obstacle(text: TextInputs) -> str:
    """Return why the layers of a model cannot be read token by token; empty: they can."""
    tokens = text.encode([_LONG])
    try:
        output = _evaluated(text, text.padded(tokens.columns, [0], side="right"))
    except Exception:  # it cannot run the trial; its own texts will say why
        return ""
    states = states_of(output)
    if states is None:
        return "it gives no hidden states"
    for layer, state in enumerate(states):
        if state.ndim != 3 or state.shape[1] != int(tokens.lengths[0]):
            return (
                f"its layer {layer} holds {state.shape[1]} vectors for {int(tokens.lengths[0])} "
                "tokens, so that no token has one"
            )
    return ""


def first_token_reads(text: TextInputs) -> bool:
    """Return whether the last state of a text's first token depends on the tokens after it.

    False for causal models: a first token that reads only itself is the same for every text.
    """
    tokens = text.encode([_LONG])
    changed = [list(row) for row in tokens.columns["input_ids"]]
    place = len(changed[0]) // 2
    if not place:
        return True
    special = set(text.tokenizer.all_special_ids) | {changed[0][place]}
    rows = len(text.tokenizer)
    changed[0][place] = next((token for token in range(rows) if token not in special), 0)
    states = []
    for ids in (tokens.columns["input_ids"], changed):
        columns = {**tokens.columns, "input_ids": ids}
        try:
            hidden = states_of(_evaluated(text, text.padded(columns, [0], side="right")))
        except Exception:  # it cannot run the trial; its own texts will say why
            return True
        if hidden is None:
            return True
        states.append(hidden[-1][0, 0].float())
    return bool((states[0] - states[1]).abs().max() > _SAME * states[0].abs().max())
