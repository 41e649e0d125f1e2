"""Tests of word vectors: every format, what is found, and files that are none."""

from __future__ import annotations

import builtins
import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kdprobe.errors import CheckpointError, MissingExtraError
from kdprobe.models.word_vectors import format_of, read_vectors

WORDS = {"dog": (0.5, -1.0, 2.0), "Paris": (1.5, 0.25, -0.125), ",": (3.0, 4.0, 5.0)}
ASKED = ("dog", "paris", "unheard", ",")


def text_file(folder: Path, *, header: bool) -> Path:
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in WORDS.items()]
    path = folder / ("w2v.txt" if header else "glove.txt")
    path.write_text("\n".join([*(["3 3"] if header else []), *lines]) + "\n", encoding="utf-8")
    return path


def binary_file(folder: Path) -> Path:
    """Written by hand: the layout of word2vec.c, `word`, a blank, then little-endian floats."""
    path = folder / "w2v.bin"
    rows = [word.encode() + b" " + struct.pack("<3f", *row) for word, row in WORDS.items()]
    path.write_bytes(b"3 3\n" + b"\n".join(rows) + b"\n")
    return path


def compressed(folder: Path) -> Path:
    path = folder / "glove.txt.gz"
    path.write_bytes(gzip.compress(text_file(folder, header=False).read_bytes()))
    return path


@pytest.mark.parametrize(
    ("make", "form"),
    [
        (lambda folder: text_file(folder, header=True), "word2vec text"),
        (lambda folder: text_file(folder, header=False), "GloVe text"),
        (binary_file, "word2vec binary"),
        (compressed, "GloVe text"),
    ],
)
def test_formats_give_the_same_vectors(tmp_path: Path, make: Any, form: str) -> None:
    """Guards the header: GloVe's first word read as one would quietly be lost, or a row too many.

    Numbers are those written by hand into each file.
    """
    path = make(tmp_path)
    assert format_of(path) == form
    found = read_vectors(path, ASKED)
    assert (found.form, found.width) == (form, 3)
    assert found.own.tolist() == [True, True, False, True]
    assert not found.composed.any()
    assert np.array_equal(found.values[0], WORDS["dog"])
    assert np.array_equal(found.values[1], WORDS["Paris"])  # vectors keep case, our words do not
    assert np.array_equal(found.values[2], np.zeros(3))
    assert np.array_equal(found.values[3], WORDS[","])


def test_fasttext_composes_unknown_words(tmp_path: Path) -> None:
    """Guards fastText's binary files: own words as stored, others from their parts, both told."""
    from gensim.models import FastText
    from gensim.models.fasttext import save_facebook_model

    texts = [["the", "dog", "sleeps"], ["the", "doghouse", "burns"]] * 5
    model = FastText(texts, vector_size=4, min_count=1, epochs=1, workers=1, bucket=50, seed=1)
    path = tmp_path / "ft.bin"
    save_facebook_model(model, str(path))
    assert format_of(path) == "fastText binary"
    found = read_vectors(path, ("dog", "dogs"))
    assert found.own.tolist() == [True, False]
    assert found.composed.tolist() == [False, True]
    assert found.known.all()
    assert np.allclose(found.values[0], model.wv["dog"], atol=1e-6)
    assert np.allclose(found.values[1], model.wv["dogs"], atol=1e-6)
    model.wv.save_word2vec_format(str(tmp_path / "ft.vec"))
    again = read_vectors(tmp_path / "ft.vec", ("dog", "dogs"))
    assert again.form == "word2vec text"
    assert again.known.tolist() == [True, False]
    assert np.allclose(again.values[0], found.values[0], atol=1e-5)


def test_files_that_are_no_vectors(tmp_path: Path) -> None:
    """Guards every message about a file."""
    missing = tmp_path / "none.txt"
    with pytest.raises(CheckpointError) as caught:
        read_vectors(missing, ASKED)
    assert str(caught.value) == (
        f"{missing}: there is no such file, expected word vectors of word2vec, GloVe or fastText"
    )
    prose = tmp_path / "prose.txt"
    prose.write_text("Call me Ishmael\n")
    with pytest.raises(CheckpointError) as caught:
        read_vectors(prose, ASKED)
    assert str(caught.value) == (
        f"{prose}: these are no word vectors (its first line is b'Call me Ishmael'), expected "
        "word2vec (.bin, .txt), GloVe (.txt) or fastText (.vec, .bin)"
    )
    broken = tmp_path / "x.gz"
    broken.write_bytes(b"no gzip at all")
    with pytest.raises(CheckpointError, match=r"x\.gz: these are no word vectors \(Not a gzipped"):
        read_vectors(broken, ASKED)
    short = binary_file(tmp_path)
    short.write_bytes(short.read_bytes()[:30])
    with pytest.raises(
        CheckpointError, match=r"w2v\.bin: cannot be read as word2vec binary \("
    ) as f:
        read_vectors(short, ASKED)
    assert str(f.value).endswith("expected a whole file; download it again")
    ragged = text_file(tmp_path, header=False)
    ragged.write_text(ragged.read_text() + "cat 1 2\n")
    with pytest.raises(CheckpointError, match=r"glove\.txt: cannot be read as GloVe text \("):
        read_vectors(ragged, ASKED)
    sick = text_file(tmp_path, header=True)
    sick.write_text(sick.read_text().replace("-1.0", "nan"))
    with pytest.raises(CheckpointError, match="the vector of 'dog' is not finite, expected numb"):
        read_vectors(sick, ASKED)


def test_without_gensim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards an install without the extra: the remedy is named, no traceback."""
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith("gensim"):
            raise ImportError(name)
        return real(name, *rest)

    path = text_file(tmp_path, header=False)
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtraError) as caught:
        read_vectors(path, ASKED)
    assert str(caught.value) == (
        f"embeddings={path}: gensim, which reads word vectors, is not installed; pip install "
        "'kdprobe[vectors]'"
    )
