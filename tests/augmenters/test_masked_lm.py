"""Tests of exchanging words for those of a masked language model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from kdprobe.augmenters.function_words import is_content
from kdprobe.augmenters.methods.masked_lm import (
    AUGMENTER,
    Choices,
    MaskedLmMaker,
    MaskedLmOptions,
    exchange,
)
from kdprobe.augmenters.worded import read_words
from kdprobe.errors import ConfigError
from kdprobe.seeds import derive_generator
from tests.augmenters.builders import TEXTS, bench, masked_folder, split_of


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A masked language model of two layers."""
    return str(masked_folder(tmp_path_factory.mktemp("mlm") / "bert"))


def test_rates() -> None:
    """Guards a rate that is off, and candidates that are not equally likely: 20,000 words."""
    choices = Choices(read_words("x " * 100 + "fixed"), (*(("a", "b", "c", "d"),) * 100, ()))
    counts: Counter[str] = Counter()
    for row in range(200):
        made = exchange(choices, replace=0.4, generator=derive_generator(0, str(row)))
        counts.update(made.split())
    assert counts.pop("fixed") == 200
    assert counts.total() == 20_000
    stayed = counts.pop("x")
    assert abs(stayed - 12_000) < 4 * np.sqrt(20_000 * 0.24)
    assert stats.chisquare(list(counts.values())).pvalue > 0.001
    always = exchange(choices, replace=1.0, generator=derive_generator(0, "x"))
    never = exchange(choices, replace=0.0, generator=derive_generator(0, "x"))
    assert "x" not in always.split()
    assert never == "x " * 100 + "fixed"


def maker(
    model: str, folder: Path, *, wanted: int | None = None, **changes: object
) -> MaskedLmMaker:
    options = MaskedLmOptions.model_validate({"model": model} | changes)
    return AUGMENTER.open(split_of(), options, bench(folder, wanted=wanted))


def test_which_words_have_candidates(model: str, tmp_path: Path) -> None:
    """Guards words of grammar being exchanged by default, and words of several pieces at random."""
    text = "The zebra quickly read 3 letter, and she saw the old film."
    (found,) = maker(model, tmp_path).choices([text])
    changing = {word for word, c in zip(found.worded.forms, found.candidates, strict=True) if c}
    assert changing == {"read", "letter", "saw", "old", "film"}
    (found,) = maker(model, tmp_path, words="all").choices([text])
    changing = {word for word, c in zip(found.worded.forms, found.candidates, strict=True) if c}
    assert changing == {"The", "read", "3", "letter", ",", "and", "she", "saw", "the", "old",
                        "film", "."}  # fmt: skip
    assert is_content("Zebra")
    vectors = tmp_path / "v.txt"
    vectors.write_text("zebra 1 0\nhorse 1 0.1\nlion 1 1\ncar 0 1\n")
    with_vectors = maker(model, tmp_path, word_vectors=str(vectors), candidates=2)
    (found,) = with_vectors.choices([text])
    assert found.candidates[1] == ("horse", "lion")
    assert found.candidates[2] == ()  # no vector either
    assert with_vectors.facts["words of several pieces"] == "the nearest of 4 words by v.txt"


def test_few_texts_come_from_many_examples(model: str, tmp_path: Path) -> None:
    """Guards a small transfer set that speaks of the first few examples only."""
    few = maker(model, tmp_path, wanted=6)  # 13 examples: one sample each in a pass
    assert few.chunks == 30
    drafts = few.make(0)
    assert len({draft.source for draft in drafts}) == len(drafts) == len(TEXTS)
    assert [draft.source for draft in drafts] != [f"train-{row}" for row in range(len(TEXTS))]
    assert [draft.text for draft in few.make(1)] != [draft.text for draft in drafts]
    whole = maker(model, tmp_path)
    assert (whole.chunks, len(whole.make(0))) == (1, 30 * len(TEXTS))
    uneven = maker(model, tmp_path, wanted=26, samples=7)  # 4 samples, then the remaining 3
    assert [len(uneven.make(chunk)) for chunk in range(uneven.chunks)] == [52, 39]


def test_pairs_change_one_side(model: str, tmp_path: Path) -> None:
    """Guards the code's accident: a changed second text beside a changed first one."""
    pairs = tuple(reversed(TEXTS))
    split = split_of(TEXTS, pairs)
    made = AUGMENTER.open(split, MaskedLmOptions(model=model, samples=2, replace=1.0),
                          bench(tmp_path)).make(0)  # fmt: skip
    assert len(made) == 4 * len(TEXTS)
    for draft in made[::2]:
        assert draft.pair == pairs[int(draft.source.removeprefix("train-"))]
    for draft in made[1::2]:
        assert draft.text == TEXTS[int(draft.source.removeprefix("train-"))]


def test_identity(model: str, tmp_path: Path) -> None:
    """Guards a resumed run with other word vectors, and a file that is not there."""
    vectors = tmp_path / "v.txt"
    vectors.write_text("a 1\n")
    options = MaskedLmOptions(model=model, word_vectors=str(vectors))
    one = AUGMENTER.identity(options, offline=True)
    vectors.write_text("a 2\n")
    other = AUGMENTER.identity(options, offline=True)
    assert one["model"] == other["model"]
    assert one["word vectors"] != other["word vectors"]
    missing = MaskedLmOptions(model=model, word_vectors=str(tmp_path / "no"))
    with pytest.raises(ConfigError) as caught:
        AUGMENTER.identity(missing, offline=True)
    assert str(caught.value) == f"`settings=word_vectors={tmp_path / 'no'}`: no such file"
