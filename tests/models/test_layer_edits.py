"""A classifier run on from its layers: against plain hooks on whole runs, and for every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kdprobe.errors import CapabilityError
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.layer_edits import EditableLayers
from kdprobe.models.model_inputs import evaluating
from kdprobe.tasks.task import Task
from tests.contracts.families import FAMILIES, HEAVY, Opened
from tests.models.tiny import SENTENCES, Architecture, tiny_checkpoint
from tests.models.tiny_lstm import tiny_lstm

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
NOT_EVERY_LAYER = {"OPT": {0}}
"""Families with layers that no module gives: OPT adds words and positions outside any."""
UNREADABLE = ("Funnel", "CANINE")


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(tmp_path_factory.mktemp("families"))


def trials(handle: HfModel) -> list[dict[str, Tensor]]:
    """A single text and a pair, as the model is given them."""
    single = handle.text.encode(SENTENCES[:1])
    pair = handle.text.encode(SENTENCES[1:2], SENTENCES[2:3])
    return [handle.text.padded(one.columns, [0], side="right") for one in (single, pair)]


def batch_of(handle: HfModel) -> dict[str, Tensor]:
    """Two different texts of one length: the second is the first with its words turned round."""
    words = SENTENCES[3].split()
    for last in range(len(words), 1, -1):
        tokens = handle.text.encode([" ".join(words[:last]), " ".join(reversed(words[:last]))])
        if tokens.lengths[0] == tokens.lengths[1] and handle.text.together != "alone":
            return handle.text.padded(tokens.columns, [0, 1], side="right")
    return handle.text.padded(handle.text.encode(SENTENCES[3:4]).columns, [0], side="right")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in FAMILIES]
)
def test_every_family_goes_on_from_every_layer(families: Opened, name: str) -> None:
    """Guards a family whose layer is not the one that is read, or whose upper layers read more.

    What it says must be unchanged with its own states, and with changed ones the states read at
    that layer must be those, lower ones must be its own, and the outputs must move.
    """
    handle = families.of(name)
    if name in UNREADABLE:
        with pytest.raises(CapabilityError, match="vectors for"):
            EditableLayers(handle, trials(handle))
        return
    editor = EditableLayers(handle, trials(handle))
    missing = NOT_EVERY_LAYER.get(name, set())
    assert set(editor.reasons) == missing
    assert set(editor.places) == set(range(editor.layers)) - missing
    inputs = batch_of(handle)
    with evaluating(handle.model), torch.no_grad():
        plain = handle.model(**inputs).logits
        clean = editor.clean(inputs)
        torch.testing.assert_close(clean.logits, plain, atol=1e-5, rtol=1e-5)
        for layer in editor.places:
            same = editor.resumed(inputs, clean, layer, clean.states[layer])
            torch.testing.assert_close(same, plain, atol=2e-5, rtol=2e-5)
            other = editor.resumed(inputs, clean, layer, clean.states[layer].flip(0).mul(-1.5))
            assert float((other - plain).abs().max()) > 1e-6
        torch.testing.assert_close(handle.model(**inputs).logits, plain, atol=0, rtol=0)


@pytest.mark.parametrize("arch", ["bert", "roberta"])
def test_going_on_is_a_whole_run_with_a_hook(tmp_path: Path, arch: Architecture) -> None:
    """Holds going on against a plain forward hook on the block and a run of all layers."""
    path = tiny_checkpoint(tmp_path / arch, labels=TASK.labels, arch=arch, layers=3)
    handle = open_hf(str(path), name="m", task=TASK, device="cpu")
    model: Any = handle.model
    body = model.base_model
    modules = [body.embeddings, *body.encoder.layer]
    editor = EditableLayers(handle, trials(handle))
    inputs = batch_of(handle)
    with torch.no_grad():
        clean = editor.clean(inputs)
        for layer, module in enumerate(modules):
            changed = 0.5 * clean.states[layer].roll(1, dims=1) + 0.1
            hook = module.register_forward_hook(lambda *_, given=changed: given)
            expected = model(**inputs).logits
            hook.remove()
            got = editor.resumed(inputs, clean, layer, changed)
            torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-6)


def test_layers_at_and_below_are_not_run_again(tmp_path: Path) -> None:
    """Guards the cost: erasing at the last layer must not pay for all of them."""
    path = tiny_checkpoint(tmp_path / "m", labels=TASK.labels, layers=3)
    handle = open_hf(str(path), name="m", task=TASK, device="cpu")
    model: Any = handle.model
    editor = EditableLayers(handle, trials(handle))
    inputs = batch_of(handle)
    ran: list[int] = []
    for place, block in enumerate(model.base_model.encoder.layer, start=1):
        block.attention.register_forward_hook(lambda *_, place=place: ran.append(place))
    with torch.no_grad():
        clean = editor.clean(inputs)
        for layer in range(4):
            ran.clear()
            editor.resumed(inputs, clean, layer, clean.states[layer])
            assert ran == list(range(layer + 1, 4))


def test_the_model_is_left_as_it_was(tmp_path: Path) -> None:
    """Guards a forward or a hook that stays, also where a run in between fails."""
    path = tiny_checkpoint(tmp_path / "m", labels=TASK.labels)
    handle = open_hf(str(path), name="m", task=TASK, device="cpu")
    inputs = batch_of(handle)
    with torch.no_grad():  # transformers' own hooks are put on once
        handle.model(**inputs, output_hidden_states=True)

    def own() -> list[tuple[bool, int]]:
        return [("forward" in m.__dict__, len(m._forward_hooks)) for m in handle.model.modules()]

    before = own()
    editor = EditableLayers(handle, trials(handle))
    with torch.no_grad():
        clean = editor.clean(inputs)
        with pytest.raises(RuntimeError):
            editor.resumed(inputs, clean, 1, clean.states[1][..., :5])
    assert own() == before


def test_a_bilstm_of_pairs_says_which_layers_cannot_be_changed(tmp_path: Path) -> None:
    """Guards states of two texts that are read apart and added: no module gives their sum."""
    folder = tiny_lstm(tmp_path / "s", labels=TASK.labels, layers=2, pairs=True)
    handle = open_hf(str(folder), name="s", task=TASK, device="cpu")
    editor = EditableLayers(handle, trials(handle))
    assert set(editor.places) == {0}
    assert set(editor.reasons.values()) == {"no module of the model gives the states of this layer"}
