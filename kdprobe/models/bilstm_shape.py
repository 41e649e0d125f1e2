"""How a person names a BiLSTM student: `bilstm:hidden=300,fc=400,layers=1`.

Does: parse the words into a frozen type. Does not: build the model; `bilstm.py` does. Loads no
torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from kdprobe.errors import ConfigError
from kdprobe.registry import unknown_name

Mode = Literal["static", "non-static", "multichannel"]
Vectors = Literal["teacher", "random"]
MODES: tuple[Mode, ...] = ("static", "non-static", "multichannel")
VECTORS: tuple[Vectors, ...] = ("teacher", "random")
_SIZES = ("hidden", "fc", "layers", "embed")
Sentence = Literal["last", "max"]
SENTENCES: tuple[Sentence, ...] = ("last", "max")
_KEYS = (*_SIZES, "embeddings", "mode", "sentence")


@dataclass(frozen=True)
class LstmShape:
    """A bidirectional LSTM with one fully connected layer below its outputs.

    Args:
        hidden: the width of each direction; the defaults are those of Tang et al. (2019).
        fc: the width of the fully connected layer.
        layers: LSTM layers, each of both directions.
        embed: the width of the embeddings; None: the teacher's, or 300 when they start at random.
        embeddings: where they come from: copied from the `teacher`, or `random`; None: the
            teacher's where there is one.
        mode: `static` embeddings are never trained, `non-static` ones are, `multichannel` has
            both side by side, from the same start.
        sentence: a text's vector: the `last` state of each direction, or the `max` over tokens.
    """

    hidden: int = 300
    fc: int = 400
    layers: int = 1
    embed: int | None = None
    embeddings: Vectors | None = None
    mode: Mode = "non-static"
    sentence: Sentence = "last"


def parse_lstm(text: str, *, where: str) -> LstmShape:
    """Read what follows `bilstm:`.

    Args:
        text: `hidden=`, `fc=`, `layers=`, `embed=`, `embeddings=`, `mode=`, `sentence=`, joined by
            commas; all may be left out.
        where: the option, for messages.

    Raises:
        UnknownNameError: an unknown key, mode or origin of the embeddings.
        ConfigError: a key twice, a size that is no number, or parts that do not fit.

    >>> parse_lstm("hidden=150,mode=multichannel", where="--student").hidden
    150
    """
    given: dict[str, str] = {}
    for part in text.split(",") if text else []:
        key, _, value = part.partition("=")
        if key not in _KEYS:
            raise unknown_name("student", key, _KEYS)
        if key in given:
            raise ConfigError(where, found=f"{key} twice in bilstm:{text}", expected="once each")
        given[key] = value
    sizes = {key: _number(given[key], where, key) for key in _SIZES if key in given}
    mode, vectors = given.get("mode", "non-static"), given.get("embeddings")
    sentence = given.get("sentence", "last")
    if sentence not in SENTENCES:
        raise unknown_name("sentence", sentence, SENTENCES)
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)
    if vectors is not None and vectors not in VECTORS:
        raise unknown_name("embeddings", vectors, VECTORS)
    if vectors == "teacher" and "embed" in sizes:
        raise ConfigError(
            where,
            found=f"embed={sizes['embed']} with embeddings=teacher",
            expected="no embed: the teacher's embeddings have their width",
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
    )


def _number(text: str, where: str, key: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ConfigError(where, found=f"{key} is {text!r}", expected="a whole number from 1")
    return int(text)
