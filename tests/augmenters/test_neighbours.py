"""Tests of word vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from kdprobe.augmenters.neighbours import read_vectors
from kdprobe.errors import ConfigError


def test_by_hand(tmp_path: Path) -> None:
    """Guards nearness by length instead of direction, a word near itself, and zero vectors."""
    path = tmp_path / "v.txt"
    path.write_text("dog 1 0\ncat 9 1\ncar 0 2\nnull 0 0\nDog 0 1\ndog 0 1\nanti -1 0\n")
    near = read_vectors(path)
    assert near.words == ("dog", "cat", "car", "Dog", "anti")
    assert near.near("dog", 2) == ("cat", "car")
    assert near.near("DOG", 1) == ("cat",)
    assert near.near("Dog", 1) == ("car",)
    assert near.near("dog", 99) == ("cat", "car", "Dog", "anti")
    assert near.near("null", 3) == ()


def test_against_sklearn(tmp_path: Path) -> None:
    """Guards a wrong cosine: scikit-learn's neighbours by cosine distance are the oracle."""
    vectors = np.random.default_rng(0).normal(size=(60, 8))
    path = tmp_path / "v.vec"
    lines = [
        f"w{row} " + " ".join(f"{x:.6f}" for x in vector) for row, vector in enumerate(vectors)
    ]
    path.write_text("60 8\n" + "\n".join(lines) + "\n")
    near = read_vectors(path)
    oracle = NearestNeighbors(n_neighbors=6, metric="cosine").fit(vectors)
    found = oracle.kneighbors(vectors, return_distance=False)
    for row in range(60):
        assert near.near(f"w{row}", 5) == tuple(f"w{other}" for other in found[row, 1:])


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("dog 1 2\ncat 1\n", ":2", "1 values behind 'cat', expected 2 finite numbers"),
        ("dog one two\n", ":1", "2 values behind 'dog', expected a word and its numbers"),
        ("dog 1 nan\n", ":1", "2 values behind 'dog', expected 2 finite numbers"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, where: str, message: str) -> None:
    """Guards vectors cut off in the middle."""
    path = tmp_path / "v.txt"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_vectors(path)
    assert str(caught.value) == (
        f"`settings=word_vectors={path}{where}`: {message}; only the text format of GloVe and "
        "word2vec is read"
    )


def test_no_vector(tmp_path: Path) -> None:
    """Guards a file of nothing but its header."""
    path = tmp_path / "v.txt"
    path.write_text("0 8\n")
    with pytest.raises(ConfigError) as caught:
        read_vectors(path)
    assert str(caught.value) == f"`settings=word_vectors={path}`: holds no vector"
