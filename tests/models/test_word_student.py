"""Tests of BiLSTMs that read words: vocabulary, tokenizer, coverage, start and round trip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.errors import CheckpointError
from kdprobe.models.bilstm_shape import LstmShape, parse_lstm
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.word_student import (
    SPECIAL_WORDS,
    build_word_student,
    count_words,
    word_tokenizer,
)
from kdprobe.tasks.task import Task

TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")
TEXTS = ("The dog sleeps.", "A dog, a Dog!", "the cat sleeps", "once upon", "")
COUNTS = {"dog": 3, "the": 2, "a": 2, "sleeps": 2, ".": 1, ",": 1, "!": 1, "cat": 1,
          "once": 1, "upon": 1}  # fmt: skip


def glove(folder: Path, words: str = "dog cat once purple") -> str:
    rng = np.random.default_rng(0)
    lines = [f"{word} {' '.join(map(str, rng.normal(0, 0.3, 5)))}" for word in words.split()]
    path = folder / "glove.5d.txt"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def built(folder: Path, mode: str = "non-static", *, pairs: bool = False, **more: Any) -> Any:
    torch.manual_seed(0)
    shape = parse_lstm(f"hidden=6,fc=7,mode={mode},embeddings={glove(folder)}", where="`student`")
    return build_word_student(shape, TASK, texts=TEXTS, pairs=pairs, **more)


def test_words_by_hand() -> None:
    """Guards the cut: case and punctuation decide which words have a vector."""
    assert count_words(TEXTS) == COUNTS


def test_vocabulary_and_coverage(tmp_path: Path) -> None:
    """Guards the vocabulary, by hand: 3 of 10 words and 5 of 15 tokens have a vector.

    Words that occur once without one (. , ! upon) must become [UNK], or [UNK] is never trained.
    """
    student = built(tmp_path)
    kept = ["dog", "a", "sleeps", "the", "cat", "once"]
    assert student.tokenizer.convert_ids_to_tokens(list(range(10))) == [*SPECIAL_WORDS, *kept]
    assert student.note == (
        "reads words (non-static), its vectors from glove.5d.txt (GloVe text, 5 wide): 3 of 10 "
        "words (30.0%), 33.3% of the training texts, are in it; the rest starts at random"
    )
    ids = student.tokenizer("The CAT, upon dogs")["input_ids"]
    assert student.tokenizer.convert_ids_to_tokens(ids) == [
        "the", "cat", "[UNK]", "[UNK]", "[UNK]", "[SEP]"
    ]  # fmt: skip


def test_start(tmp_path: Path) -> None:
    """Guards the first weights: found words exact, [PAD] zero, the rest as wide and seeded."""
    student, again = built(tmp_path), built(tmp_path)
    rows = student.model.bilstm.embeddings.tuned.weight.detach().numpy()
    file = {
        line.split()[0]: np.array(line.split()[1:], dtype=np.float32)
        for line in Path(glove(tmp_path)).read_text().splitlines()
    }
    ids = student.tokenizer.get_vocab()
    for word in ("dog", "cat", "once"):
        assert np.allclose(rows[ids[word]], file[word])
    assert not rows[0].any()
    found = np.stack([file[word] for word in ("dog", "cat", "once")])
    random = rows[[1, 2, 3, ids["a"], ids["the"], ids["sleeps"]]]
    bound = np.sqrt(3 * found.var())
    assert np.abs(random).max() <= bound
    assert np.abs(random).max() > 0.8 * bound
    assert all(
        torch.equal(a, b)
        for a, b in zip(student.model.parameters(), again.model.parameters(), strict=True)
    )


@pytest.mark.parametrize("mode", ["static", "non-static", "multichannel"])
def test_modes_and_round_trip(tmp_path: Path, mode: str) -> None:
    """Guards the folder that is written: opened again it reads the same words the same way."""
    student = built(tmp_path, mode)
    channels = student.model.bilstm.embeddings
    assert (channels.frozen is not None) == (mode != "non-static")
    assert (channels.tuned is not None) == (mode != "static")
    student.model.save_pretrained(tmp_path / "s")
    student.tokenizer.save_pretrained(tmp_path / "s")
    loaded = load_classifier(str(tmp_path / "s"), task=TASK)
    texts = ["the dog sleeps", "", "a zebra"]
    logits = []
    for model, tokenizer in ((student.model, student.tokenizer), loaded[:2]):
        with torch.no_grad():
            logits.append(model(**tokenizer(texts, padding=True, return_tensors="pt")).logits)
    assert torch.equal(*logits)
    assert torch.isfinite(logits[0]).all()


def test_pairs_are_told_apart(tmp_path: Path) -> None:
    """Guards siamese students: without segment ids both texts would be read as one."""
    student = built(tmp_path, pairs=True)
    assert student.model.config.siamese
    pair = student.tokenizer("the dog", "a cat")
    assert pair["token_type_ids"] == [0, 0, 0, 1, 1, 1]
    assert word_tokenizer(("x",))("x x")["input_ids"] == [4, 4, 2]


def test_vectors_of_another_language(tmp_path: Path) -> None:
    """Guards a file that knows no word: training on noise for hours."""
    path = glove(tmp_path, "zwei drei")
    shape = LstmShape(embeddings="file", file=path)
    with pytest.raises(CheckpointError) as caught:
        build_word_student(shape, TASK, texts=TEXTS, pairs=False)
    assert str(caught.value) == (
        f"{path}: holds none of the 10 words of the training texts, expected vectors of the "
        "language of the task"
    )
    with pytest.raises(ValueError, match="a student of words without its vectors"):
        build_word_student(LstmShape(), TASK, texts=TEXTS, pairs=False)
