"""Tests of drawing from a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import AutoModelForCausalLM
from transformers.utils import ModelOutput

from kdprobe.augmenters.sampling import first_tokens, sample
from tests.augmenters.builders import causal_folder

END = 3
# After 0, 1, 2: the probabilities of 0, 1, 2 and the end.
CHAIN = np.array([[0.1, 0.5, 0.2, 0.2], [0.3, 0.1, 0.1, 0.5], [0.25, 0.25, 0.25, 0.25]])


class Remembered:
    """A cache that knows how many rows are still being written."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these rows."""
        self.rows = len(indices)


class Chain:
    """A language model whose next token depends on the last one, with known probabilities."""

    def forward(
        self, *, input_ids: torch.Tensor, past_key_values: Remembered | None, use_cache: bool
    ) -> dict[str, Any]:
        """Give the logits after the last token; its cache's name is the one before 5.24."""
        assert use_cache
        cache = past_key_values or Remembered(len(input_ids))
        assert cache.rows == len(input_ids)
        shares = torch.from_numpy(CHAIN)[input_ids[:, -1]]
        return ModelOutput(logits=torch.log(shares)[:, None], past_key_values=cache)

    __call__ = forward


class RenamedChain(Chain):
    """The same model with the cache's name since transformers 5.24."""

    def forward(  # type: ignore[override]
        self, *, input_ids: torch.Tensor, cache: Remembered | None, use_cache: bool
    ) -> dict[str, Any]:
        """Give the logits after the last token."""
        out = super().forward(input_ids=input_ids, past_key_values=cache, use_cache=use_cache)
        return ModelOutput(logits=out["logits"], cache=out["past_key_values"])

    __call__ = forward  # type: ignore[assignment]


def test_both_names_of_the_cache() -> None:
    """Guards a cache that is passed by a name the model ignores: every token would be the first."""
    old, new = (
        sample(
            model, np.zeros(40, dtype=np.int64), end=END, longest=9,
            generator=torch.Generator().manual_seed(3),
        )
        for model in cast(Any, (Chain(), RenamedChain()))
    )  # fmt: skip
    assert old == new


def test_draws_follow_the_model() -> None:
    """Guards a sharpened or cut distribution: chi-square of every transition of 4,000 texts."""
    model: Any = Chain()
    rows = sample(
        model,
        np.zeros(4000, dtype=np.int64),
        end=END,
        longest=60,
        generator=torch.Generator().manual_seed(1),
    )
    assert all(row[0] == 0 and END not in row for row in rows)
    counts = np.zeros((3, 4))
    for row in rows:
        for before, after in zip(row, [*row[1:], END], strict=True):
            counts[before, after] += 1
    for before in range(3):
        expected = CHAIN[before] * counts[before].sum()
        assert stats.chisquare(counts[before], expected).pvalue > 0.001
    # The expected length of a text that begins with 0, from the chain itself: (I - Q)^-1 1.
    lengths = np.linalg.solve(np.eye(3) - CHAIN[:, :3], np.ones(3))
    found = np.array([len(row) for row in rows])
    assert abs(found.mean() - lengths[0]) < 4 * found.std() / np.sqrt(len(rows))


def test_ends() -> None:
    """Guards texts longer than allowed, and a first token that is the end itself."""
    model: Any = Chain()
    first = np.array([0, END, 1], dtype=np.int64)
    rows = sample(model, first, end=END, longest=1, generator=torch.Generator())
    assert rows == [[0], [], [1]]
    rows = sample(model, first.repeat(50), end=END, longest=4, generator=torch.Generator())
    assert max(map(len, rows)) == 4
    assert rows[50:100] == [[]] * 50
    assert [row[0] for row in rows[100:]] == [1] * 50


def reference(
    model: Any, prefixes: np.ndarray, *, end: int, longest: int, seed: int
) -> list[list[int]]:
    """The same draws without a cache: every step reads all rows again from their beginning."""
    generator = torch.Generator().manual_seed(seed)
    rows = [[int(token)] for token in prefixes]
    going = list(range(len(rows)))
    while going and len(rows[going[0]]) < longest:
        ids = torch.tensor([rows[row] for row in going])
        with torch.no_grad():
            shares = torch.softmax(model(input_ids=ids).logits[:, -1], dim=-1)
        tokens = torch.multinomial(shares, 1, generator=generator)[:, 0].tolist()
        for row, token in zip(going, tokens, strict=True):
            rows[row].append(token)
        going = [row for row in going if rows[row][-1] != end]
    return [[token for token in row if token != end] for row in rows]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_cache_changes_nothing(tmp_path: Path, seed: int) -> None:
    """Guards rows mixed up when texts that have ended leave the batch with what is cached."""
    model = AutoModelForCausalLM.from_pretrained(causal_folder(tmp_path / "lm", seed=seed)).eval()
    prefixes = np.arange(20, 60, dtype=np.int64)
    # Let a token that is drawn often be the end, so that rows leave at many steps.
    drawn = reference(model, prefixes, end=-1, longest=20, seed=9)
    tokens, counts = np.unique(np.concatenate([row[1:] for row in drawn]), return_counts=True)
    end = int(tokens[counts.argsort()[-3]])
    prefixes = prefixes[prefixes != end]
    generator = torch.Generator().manual_seed(seed)
    found = sample(model, prefixes, end=end, longest=20, generator=generator)
    assert found == reference(model, prefixes, end=end, longest=20, seed=seed)
    assert len({len(row) for row in found}) > 4


def test_first_tokens() -> None:
    """Guards prefixes drawn all alike instead of as often as they begin a training text."""
    tokens, shares = first_tokens([[7, 1], [7], [9, 7], [7]])
    assert tokens.tolist() == [7, 9]
    assert shares.tolist() == [0.75, 0.25]
