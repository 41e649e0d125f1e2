"""What trainings read is the model's own answer to each text alone, or nothing begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification

from kdprobe.cache import Cache
from kdprobe.distillation import distill
from kdprobe.distillers import encoding
from kdprobe.distillers.data import encode_for
from kdprobe.distillers.objective import LOGITS, Need, View
from kdprobe.distillers.own_reading import OwnReading
from kdprobe.distillers.teacher_signal import LiveTeacher, StoredTeacher, TeacherSignal
from kdprobe.distillers.teacher_store import all_logits
from kdprobe.errors import CapabilityError
from kdprobe.finetuning import finetune
from kdprobe.models.hf import open_hf
from kdprobe.models.stored_outputs import stored_outputs
from kdprobe.models.text_model import TextModel
from kdprobe.models.tokens import pad_rows
from kdprobe.progress import Silent
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import Split
from tests.contracts.families import FAMILIES, SINGLE, build
from tests.distillers.conftest import Toy

CPU = torch.device("cpu")
MISREAD = "in the batches of the training differ by"
OPTIONS: dict[str, Any] = {
    "epochs": 1, "device": "cpu", "bf16": False, "threads": 1, "offline": True,
}  # fmt: skip


def forget_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trainings, and nothing else, take padding for words."""

    def unmasked(*given: Any, **more: Any) -> dict[str, Any]:
        arrays = pad_rows(*given, **more)
        return {**arrays, "attention_mask": np.ones_like(arrays["attention_mask"])}

    monkeypatch.setattr(encoding, "pad_rows", unmasked)


def misread_wide_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a model read its padding in batches wider than those that kdprobe measures."""
    forward = BertForSequenceClassification.forward

    def wide(self: Any, input_ids: Any = None, attention_mask: Any = None, **more: Any) -> Any:
        if len(input_ids) > 1 and input_ids.shape[1] > 11:
            attention_mask = torch.ones_like(attention_mask)
        return forward(self, input_ids=input_ids, attention_mask=attention_mask, **more)

    monkeypatch.setattr(BertForSequenceClassification, "forward", wide)


@pytest.mark.parametrize("break_it", [forget_masks, misread_wide_batches])
def test_a_misread_batch_teaches_nobody(
    break_it: Any, toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a student trained for hours on what its teacher never said of those texts.

    The teacher's logits are its own even so: they are run along another path than the batches of
    the training, and one by one where a batch moves them.
    """
    cache = tmp_path / "cache"
    monkeypatch.setenv("KDPROBE_CACHE", str(cache))
    out = tmp_path / "out"
    with monkeypatch.context() as broken:
        break_it(broken)
        with pytest.raises(CapabilityError, match=f"^the student: its .* {MISREAD}") as caught:
            distill(toy.teacher, task=toy.task, output=out, student="layers=1", **OPTIONS)
    assert "tolerance" in str(caught.value)
    assert "kdprobe compare" in caught.value.remedy
    assert not out.exists()
    split = load_split(open_task(toy.task), "dev")
    handle = open_hf(toy.teacher, name="teacher", task=split.task, device="cpu")
    kept = stored_outputs(handle, split, cache=Cache(cache), progress=Silent())
    alone = stored_outputs(handle, split, cache=None, progress=Silent(), batch_size=1)
    np.testing.assert_allclose(kept.values, alone.values, atol=1e-5)


@pytest.mark.parametrize("model", ["bert:L1,H16,A2,I32,V100", ""])
def test_a_misread_student_is_not_trained(
    model: str, toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a fine-tuning on other inputs than the finished model will be asked about."""
    forget_masks(monkeypatch)
    out = tmp_path / "out"
    with pytest.raises(CapabilityError, match=MISREAD):
        finetune(model or toy.teacher, task=toy.task, output=out, **OPTIONS)
    assert not out.exists()


def reading(name: str, split: Split, *, longest: int = 40) -> OwnReading:
    model, tokenizer = build(FAMILIES[name])
    encoded = encode_for(model, tokenizer, split, max_length=longest)
    return OwnReading(TextModel(model, tokenizer, name=name), split, encoded, longest, (1, 2, 0))


TEXTS = ("the dog sleeps in the garden", "an", "she likes a funny film", "they saw him there " * 9)
SPLIT = Split(SINGLE, "train", ("0", "1", "2", "3"), TEXTS)
NEEDS = frozenset({Need("hidden", 2), Need("first", 1), Need("query", 1)})


@dataclass(frozen=True)
class Shifted:
    """A teacher of whose quantities one is given as of the next token."""

    inner: TeacherSignal
    need: Need

    def view(self, rows: Any, device: torch.device) -> View:
        view = self.inner.view(rows, device)
        return replace(view, values={**view.values, self.need: view.values[self.need].roll(1, 1)})


def test_every_quantity_of_a_teacher_is_looked_at() -> None:
    """Guards vectors of one token being learnt as those of another, the logits being right."""
    own = reading("BERT", SPLIT)
    live = LiveTeacher(own.text.model, own.encoded, NEEDS, (1, 2, 0))
    own.require_signal(live)
    for need in NEEDS:
        message = f"its {need.quantity} of layer {need.layer} for "
        with pytest.raises(CapabilityError, match=message):
            own.require_signal(Shifted(live, need))
    with pytest.raises(CapabilityError, match="its logits for "):
        own.require_signal(Shifted(live, LOGITS))


def test_attention_is_held_against_its_own() -> None:
    """Guards attention maps of padded texts: both of their axes hold padding."""
    own = reading("BERT", SPLIT)
    own.text.model.set_attn_implementation("eager")
    need = Need("attention", 2)
    live = LiveTeacher(own.text.model, own.encoded, frozenset({need}), (1, 2, 0))
    own.require_signal(live)
    with pytest.raises(CapabilityError, match="attention of layer 2"):
        own.require_signal(Shifted(live, need))


def test_what_lies_on_the_other_side_is_found() -> None:
    """Guards the check itself: a teacher laid where its student reads must pass, shifted not."""
    own = reading("XLNet", SPLIT)
    laid = replace(own, encoded=replace(own.encoded, left=False, apart=True))
    needs = frozenset({Need("hidden", 1)})
    live = LiveTeacher(own.text.model, laid.encoded, needs, (1, 2, 0))
    laid.require_signal(live)
    with pytest.raises(CapabilityError, match="hidden of layer 1"):
        laid.require_signal(Shifted(live, Need("hidden", 1)))


def test_texts_are_cut_where_the_training_cuts_them() -> None:
    """Guards a false alarm for long texts, and logits of a text that was cut elsewhere."""
    own = reading("BERT", SPLIT, longest=8)
    assert own.encoded.truncated
    stored = StoredTeacher(
        torch.from_numpy(
            all_logits(own.text.model, own.encoded, columns=(1, 2, 0), device=CPU, batch_size=4,
                       progress=Silent(), title="")
        )
    )  # fmt: skip
    own.require_signal(stored)
    with pytest.raises(CapabilityError, match="they saw him there"):
        replace(own, longest=9).require_signal(stored)


def test_columns_in_another_order_are_a_difference() -> None:
    """Guards the teacher's labels in the task's order: a swapped head teaches the wrong class."""
    own = reading("BERT", SPLIT)
    logits = torch.from_numpy(
        all_logits(own.text.model, own.encoded, columns=(0, 2, 1), device=CPU, batch_size=4,
                   progress=Silent(), title="")
    )  # fmt: skip
    with pytest.raises(CapabilityError, match="its logits"):
        own.require_signal(StoredTeacher(logits))
    replace(own, columns=(0, 2, 1)).require_signal(StoredTeacher(logits))


def test_rows_hold_the_longest_and_the_shortest() -> None:
    """Guards a check that sees no padding: it stands beside the shortest of a batch."""
    own = reading("BERT", SPLIT)
    lengths = own.encoded.lengths[own.rows]
    assert lengths.max() == own.encoded.lengths.max()
    assert lengths.min() == own.encoded.lengths.min()
    empty = Split(SINGLE, "train", (), ())
    assert replace(own, split=empty, encoded=own.encoded.take([])).rows == []
