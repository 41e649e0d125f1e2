"""What one token of a tokenizer stands for: letters, bytes, marks, a blank, or nothing known.

Does: read it off the token's name and what the tokenizer decodes it to. Does not: know where in a
text it stands; `words.py` finds the place.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any, Literal, NamedTuple

_BYTE = re.compile("<0x([0-9A-Fa-f]{2})>")
"""A byte as SentencePiece's byte fallback writes it."""
_METASPACE = "\u2581"


def fold(text: str) -> str:
    """Return what tokenizers agree on: lower case, without marks, blanks and format characters.

    >>> fold("Café ")
    'cafe'
    """
    return "".join(
        char
        for char in unicodedata.normalize("NFKD", text).lower()
        if not char.isspace() and unicodedata.category(char) not in ("Mn", "Cf", "Cc")
    )


class TokenText(NamedTuple):
    """What a token stands for.

    `letters` are folded; `raw` are bytes that other tokens may complete; `marks` have no letter.
    """

    kind: Literal["letters", "bytes", "marks", "blank", "unknown"]
    letters: str = ""
    raw: bytes = b""


def token_text(tokenizer: Any, token: int) -> TokenText:
    """Return what a token stands for, by its name and by what the tokenizer makes of it alone."""
    name = tokenizer.convert_ids_to_tokens(token)
    if token == tokenizer.unk_token_id:
        return TokenText("unknown")
    byte = _BYTE.fullmatch(name)
    if byte is not None:
        return TokenText("bytes", raw=bytes.fromhex(byte[1]))
    if not name.strip(_METASPACE):
        return TokenText("blank")
    shown: str = name[2:] if name.startswith("##") else tokenizer.decode([token])
    if "\ufffd" in shown or (not shown and name):
        raw = _bytes_of(name)
        return TokenText("unknown") if raw is None else TokenText("bytes", raw=raw)
    letters = fold(shown)
    if letters:
        return TokenText("letters", letters)
    return TokenText("blank" if not shown or shown.isspace() else "marks")


def _bytes_of(name: str) -> bytes | None:
    """Read the name of a token of bytes: GPT-2's letters, or one character for one byte."""
    table = _byte_letters()
    if all(char in table for char in name):
        return bytes(table[char] for char in name)
    return bytes([ord(name)]) if len(name) == 1 and ord(name) < 256 else None


@functools.cache
def _byte_letters() -> dict[str, int]:
    """Return the letters that byte-level tokenizers write for bytes.

    Definition (Radford et al. 2019, GPT-2): bytes that print stand for themselves, the others for
    the characters from U+0100 on, in order.

    >>> _byte_letters()["\u0120"], _byte_letters()["a"]
    (32, 97)
    """
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(b): b for b in shown} | {chr(256 + n): b for n, b in enumerate(hidden)}
