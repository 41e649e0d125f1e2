"""Tests of fine-tuning a language model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.augmenters.language import Language, open_language, token_rows
from kdprobe.augmenters.language_fit import LanguageFit, _batch, _loss, fit_language
from kdprobe.errors import TrainingError
from kdprobe.progress import Silent
from tests.augmenters.builders import TEXTS

FIT = LanguageFit(epochs=5, batch_size=4, learning_rate=3e-3)


def tiny(seed: int = 0) -> tuple[Language, list[list[int]]]:
    language = open_language("gpt2:L1,H16,A2,V300", TEXTS, seed=seed, longest=40, offline=True)
    return language, token_rows(language.tokenizer, TEXTS, longest=40)


class Interrupting(Silent):
    """A display that stops its program at a step."""

    def __init__(self, step: int) -> None:
        self.left = step + 1  # the first call tells of the steps of an earlier run

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Interrupting]:
        """Watch the steps."""
        yield self

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        """Count, and stop."""
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def fitted(
    place: Path, *, fit: LanguageFit = FIT, progress: Silent | None = None
) -> tuple[float, Language]:
    language, rows = tiny()
    loss = fit_language(
        language.model, rows, fit, seed=3, device="cpu", place=place, progress=progress or Silent()
    )
    return loss, language


def test_a_killed_run_ends_in_the_same_weights(tmp_path: Path) -> None:
    """Guards moments, dropout or an order that a resumed run begins anew."""
    whole, one = fitted(tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "b", progress=Interrupting(11))
    assert (tmp_path / "b").is_file()
    loss, other = fitted(tmp_path / "b")
    assert loss == whole
    for left, right in zip(one.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(left, right)
    again, finished = fitted(tmp_path / "b")  # nothing is left to do
    assert again == whole
    assert torch.equal(finished.model.lm_head.weight, one.model.lm_head.weight)
    assert not one.model.training


def test_it_learns(tmp_path: Path) -> None:
    """Guards a loop that takes steps and learns nothing, or a rate that never falls."""
    first, _ = fitted(tmp_path / "a", fit=LanguageFit(epochs=1, batch_size=4, learning_rate=3e-3))
    last, _ = fitted(tmp_path / "b", fit=LanguageFit(epochs=30, batch_size=4, learning_rate=3e-3))
    assert last < first / 1.3
    fit = LanguageFit(epochs=1, learning_rate=2.0, warmup=0.25)
    rates = [fit.rate(step, 8) for step in range(8)]
    assert rates == pytest.approx([1, 2, 2, 2 * 5 / 6, 2 * 4 / 6, 1, 2 * 2 / 6, 2 / 6])


def test_the_loss_is_that_of_transformers() -> None:
    """Guards a shift by one token, or padding that counts: transformers' own loss is the oracle."""
    language, rows = tiny()
    model = language.model.eval()
    batch = rows[:5]
    with torch.no_grad():
        found = float(_loss(model, batch, "cpu"))
        losses = []
        for row in batch:
            ids = torch.tensor([row])
            losses.append((float(model(input_ids=ids, labels=ids).loss), len(row) - 1))
    expected = sum(loss * size for loss, size in losses) / sum(size for _, size in losses)
    assert found == pytest.approx(expected, rel=1e-5)


def test_every_row_once_an_epoch() -> None:
    """Guards texts that are never learnt."""
    for epoch in range(2):
        seen = np.concatenate([_batch(10, 3 * epoch + step, 4, seed=0) for step in range(3)])
        assert sorted(seen.tolist()) == list(range(10))
    assert LanguageFit(epochs=1.5, batch_size=4).steps(10) == 5
    assert LanguageFit(epochs=0.1, batch_size=48).steps(1) == 1


def test_a_loss_that_is_no_number(tmp_path: Path) -> None:
    """Guards texts drawn from a ruined model."""
    language, rows = tiny()
    with torch.no_grad():
        next(language.model.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError) as caught:
        fit_language(
            language.model, rows, FIT, seed=0, device="cpu", place=tmp_path / "x", progress=Silent()
        )
    assert str(caught.value) == (
        "`method=language_model`: the loss of step 1 is nan; say `settings=learning_rate=` with a "
        "lower one"
    )
