"""Word vectors from files of word2vec, GloVe and fastText, read by gensim.

Does: tell the formats apart by what the file says, read it, and give the vectors of the words that
are asked for. Does not: download vectors or train them. gensim reads a file whole: the 3,000,000
words of GoogleNews take 3.6 GB while it is read.
"""

from __future__ import annotations

import gzip
import struct
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import CheckpointError, MissingExtraError

Format = Literal["word2vec text", "word2vec binary", "GloVe text", "fastText binary"]
_FASTTEXT = 793712314  # the number that begins fastText's binary files
_HEAD = 2**16


class WordVectors(NamedTuple):
    """The vectors of some words.

    Args:
        form: the format of the file.
        width: of every vector.
        own: for each word asked for, whether the file holds a vector of it.
        values: float32 `[words, width]`; zeros where there is none.
        composed: for each word, whether its vector was put together from parts of words (fastText's
            binary files only).
    """

    form: Format
    width: int
    own: NDArray[np.bool_]
    values: NDArray[np.float32]
    composed: NDArray[np.bool_]

    @property
    def known(self) -> NDArray[np.bool_]:
        """For each word, whether it has a vector at all."""
        spelling: NDArray[np.bool_] = self.own | self.composed
        return spelling


def format_of(path: Path) -> Format:
    """Return the format of a file from its first bytes; `.gz` files are looked into.

    Definition: fastText's binary files begin with its magic number; word2vec's with a line of two
    numbers (words, width), followed by text or by bytes that are none; GloVe's text has no such
    line. fastText's `.vec` is word2vec's text.

    Raises:
        CheckpointError: no such file, or bytes that are none of these.
    """
    if not path.is_file():
        raise CheckpointError(
            str(path),
            found="there is no such file",
            expected="word vectors of word2vec, GloVe or fastText",
        )
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise _not_vectors(path, str(error)) from error
    if len(head) >= 4 and struct.unpack("<i", head[:4])[0] == _FASTTEXT:
        return "fastText binary"
    first, _, rest = head.partition(b"\n")
    counts = first.split()
    if len(counts) == 2 and all(part.isdigit() for part in counts):
        line = rest.partition(b"\n")[0].split()
        readable = len(line) > int(counts[1]) and all(_is_number(part) for part in line[-2:])
        return "word2vec text" if readable else "word2vec binary"
    if len(counts) > 2 and all(_is_number(part) for part in counts[1:]):
        return "GloVe text"
    raise _not_vectors(path, f"its first line is {first[:40]!r}")


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def _not_vectors(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        str(path),
        found=f"these are no word vectors ({why})",
        expected="word2vec (.bin, .txt), GloVe (.txt) or fastText (.vec, .bin)",
    )


def read_vectors(path: Path, words: Sequence[str]) -> WordVectors:
    """Return the vectors of words.

    Definition: a word is looked up as it is written, then with a capital, then in capitals, since
    word2vec's published vectors keep case. fastText's binary files put vectors of other words
    together from runs of letters (Bojanowski et al. 2017).

    Args:
        path: the file.
        words: each once.

    Raises:
        MissingExtraError: gensim is not installed.
        CheckpointError: no such file, a broken one, or numbers that are not finite.
    """
    form = format_of(path)
    table = _read(path, form)
    width = int(table.vector_size)
    values = np.zeros((len(words), width), dtype=np.float32)
    own = np.zeros(len(words), dtype=np.bool_)
    composed = np.zeros(len(words), dtype=np.bool_)
    for row, word in enumerate(words):
        spelt = (word, word.capitalize(), word.upper())
        spelling = next((one for one in spelt if one in table.key_to_index), None)
        if spelling is not None:
            values[row], own[row] = table[spelling], True
        elif form == "fastText binary":
            values[row] = table.get_vector(word)
            composed[row] = True
    if not np.isfinite(values).all():
        word = words[int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])]
        raise CheckpointError(
            str(path), found=f"the vector of {word!r} is not finite", expected="numbers"
        )
    return WordVectors(form, width, own, values, composed)


def _read(path: Path, form: Format) -> Any:
    """Read a whole file; gensim's words about what is wrong with it are passed on."""
    try:
        from gensim.models import KeyedVectors
        from gensim.models.fasttext import load_facebook_vectors
    except ImportError as error:
        raise MissingExtraError(
            f"embeddings={path}",
            found="gensim, which reads word vectors, is not installed",
            remedy="pip install 'kdprobe[vectors]'",
        ) from error
    with warnings.catch_warnings():
        # to count GloVe's lines gensim opens the file twice and closes it once
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            if form == "fastText binary":
                return load_facebook_vectors(str(path))
            return KeyedVectors.load_word2vec_format(
                str(path),
                binary=form == "word2vec binary",
                no_header=form == "GloVe text",
                unicode_errors="replace",
            )
        except (ValueError, EOFError, OSError, IndexError, struct.error, AssertionError) as error:
            traceback.clear_frames(error.__traceback__)  # and so does the error hold it open
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise CheckpointError(
                str(path),
                found=f"cannot be read as {form} ({why})",
                expected="a whole file",
                remedy="download it again",
            ) from error
