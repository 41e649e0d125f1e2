"""How a person names a BiLSTM student: `bilstm:hidden=300,fc=400,layers=1`.

Does: parse the words into a frozen type. Does not: build the model; `bilstm.py` does. Loads no
torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from kdprobe.errors import ConfigError
from kdprobe.models.scaling import lstm_sizes, multipliers
from kdprobe.plain_text import printable
from kdprobe.registry import unknown_name

Mode = Literal["static", "non-static", "multichannel"]
Vectors = Literal["teacher", "random", "file"]
MODES: tuple[Mode, ...] = ("static", "non-static", "multichannel")
VECTORS = ("teacher", "random")
_SIZES = ("hidden", "fc", "layers", "embed")
Sentence = Literal["last", "max"]
SENTENCES: tuple[Sentence, ...] = ("last", "max")
_KEYS = (*_SIZES, "W", "D", "embeddings", "mode", "sentence")


@dataclass(frozen=True)
class LstmShape:
    """A bidirectional LSTM with one fully connected layer below its outputs.

    Args:
        hidden: the width of each direction; the defaults are those of Tang et al. (2019).
        fc: the width of the fully connected layer.
        layers: LSTM layers, each of both directions.
        embed: the width of the embeddings; None: the teacher's, or 300 when they start at random.
        embeddings: where they come from: copied from the `teacher`, `random`, or a `file` of word
            vectors; None: the teacher's where there is one.
        mode: `static` embeddings are never trained, `non-static` ones are, `multichannel` has
            both side by side, from the same start.
        sentence: a text's vector: the `last` state of each direction, or the `max` over tokens.
        file: of word vectors; such a student reads words, not the teacher's tokens.
    """

    hidden: int = 300
    fc: int = 400
    layers: int = 1
    embed: int | None = None
    embeddings: Vectors | None = None
    mode: Mode = "non-static"
    sentence: Sentence = "last"
    file: str | None = None


def parse_lstm(text: str, *, where: str) -> LstmShape:
    """Read what follows `bilstm:`.

    Args:
        text: `hidden=`, `fc=`, `layers=` (or the multipliers `W=`, `D=` of `scaling.py`), `embed=`,
            `embeddings=` (`teacher`, `random` or a file of word vectors), `mode=`, `sentence=`,
            joined by commas; all may be left out.
        where: the option, for messages.

    Raises:
        UnknownNameError: an unknown key, mode or origin of the embeddings.
        ConfigError: a key twice, a size that is no number, or parts that do not fit.

    >>> parse_lstm("hidden=150,mode=multichannel", where="`student`").hidden
    150
    """
    given = _settings(text, where)
    sizes = {key: whole_number(given[key], where, key) for key in _SIZES if key in given}
    others = ("hidden", "fc", "layers")
    scale = multipliers(given, others=others, where=where, spec=f"bilstm:{text}")
    if scale is not None:
        sizes |= lstm_sizes(*scale)._asdict()
    mode, vectors = given.get("mode", "non-static"), given.get("embeddings")
    sentence = given.get("sentence", "last")
    if sentence not in SENTENCES:
        raise unknown_name("sentence vector", sentence, SENTENCES, option="student")
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES, option="student")
    file = None
    if vectors is not None and vectors not in VECTORS:
        if not re.search(r"[./\\]", vectors):
            raise unknown_name(
                "kind of embeddings",
                vectors,
                (*VECTORS, "a file of word vectors"),
                option="student",
            )
        vectors, file = "file", vectors
    if vectors in ("teacher", "file") and "embed" in sizes:
        owner = "the teacher's" if file is None else "the file's"
        raise ConfigError(
            where,
            found=f"embed={sizes['embed']} with embeddings={file or vectors}",
            expected=f"no embed: {owner} embeddings have their width",
        )
    if "embed" in sizes and vectors is None:
        vectors = "random"
    if vectors == "random" and mode != "non-static":
        raise ConfigError(
            where,
            found=f"mode={mode} with random embeddings",
            expected="mode=non-static: what is drawn at random and never trained says nothing",
        )
    return LstmShape(
        sizes.get("hidden", 300),
        sizes.get("fc", 400),
        sizes.get("layers", 1),
        sizes.get("embed"),
        cast("Vectors | None", vectors),
        mode,
        sentence,
        file,
    )


def _settings(text: str, where: str) -> dict[str, str]:
    """Read `key=value,key=value`."""
    given: dict[str, str] = {}
    for part in text.split(",") if text else []:
        key, _, value = part.partition("=")
        if key not in _KEYS:
            raise unknown_name("setting of a student", key, _KEYS, option="student")
        if key in given:
            raise ConfigError(where, found=f"{key} twice in bilstm:{text}", expected="once each")
        given[key] = value
    return given


def whole_number(text: str, where: str, key: str) -> int:
    """Read a size.

    Raises:
        ConfigError: no whole number from 1 below a billion.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise ConfigError(
            where,
            found=f"{key} is {printable(text, limit=40)!r}",
            expected="a whole number from 1"
            + (" below a billion" if text.isdigit() and text.strip("0") else ""),
        )
    return int(text)
