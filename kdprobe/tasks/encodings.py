"""Which encoding a file that is not UTF-8 most likely has.

Does: weigh the common encodings of the East Asian, Cyrillic, Greek and Latin scripts by what the
file would hold in each. Does not: read files; `decoding.py` tells a person what is found here.

The weights are shares of characters that are frequent in any text of the script: a text of a few
lines has them, a text read in the wrong encoding does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_READ = 1 << 18  # bytes that are looked at; more tell no more


class Encoding(NamedTuple):
    """An encoding: its name for people, Python's codec, and the name `iconv` knows it by."""

    name: str
    codec: str
    iconv: str


def _share(text: str, is_frequent: Callable[[str], bool]) -> float:
    foreign = [char for char in text if char > "\x7f"]
    return sum(map(is_frequent, foreign)) / len(foreign) if foreign else 0.0


def _in_rows(codec: str, low: int, high: int) -> Callable[[str], bool]:
    """Whether a character stands in these rows of a double-byte set, or is its punctuation."""

    def test(char: str) -> bool:
        if "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uff60":
            return True
        encoded = char.encode(codec, "ignore")
        return len(encoded) == 2 and low <= encoded[0] <= high

    return test


def _kana(char: str) -> bool:
    return "\u3041" <= char <= "\u30ff"


def _ideograph(char: str) -> bool:
    return "\u3000" <= char <= "\u303f" or "\u4e00" <= char <= "\u9fff" or "！" <= char <= "～"


def _hangul(char: str) -> bool:
    return "\uac00" <= char <= "\ud7a3"


_GB18030 = Encoding("GB 18030", "gb18030", "GB18030")
# (encoding, frequent characters, the least share of them). Rows B0 to D7 of GB 2312 and A4 to C6 of
# Big5 hold their frequent characters by the standards' own division into levels.
_DOUBLE: tuple[tuple[Encoding, Callable[[str], bool], float], ...] = (
    (Encoding("EUC-KR", "euc_kr", "EUC-KR"), _hangul, 0.9),
    (Encoding("Shift-JIS", "cp932", "CP932"), _kana, 0.2),
    (Encoding("EUC-JP", "euc_jp", "EUC-JP"), _kana, 0.2),
    (_GB18030, _in_rows("gb2312", 0xB0, 0xD7), 0.85),
    (Encoding("Big5", "big5", "BIG5"), _in_rows("big5", 0xA4, 0xC6), 0.85),
)
_CYRILLIC, _GREEK = "оеаинтсрлв", "αοιετσνηυρ"
_SINGLE: tuple[tuple[Encoding, str], ...] = (
    (Encoding("Windows-1251", "cp1251", "CP1251"), _CYRILLIC),
    (Encoding("KOI8-R", "koi8_r", "KOI8-R"), _CYRILLIC),
    (Encoding("ISO 8859-5", "iso8859_5", "ISO-8859-5"), _CYRILLIC),
    (Encoding("CP866", "cp866", "CP866"), _CYRILLIC),
    (Encoding("Windows-1253", "cp1253", "CP1253"), _GREEK),
)
_WESTERN = "àâäáãåæçèéêëìíîïñòóôöõøùúûüßœÿýþð"
_EASTERN = "ąćęłńśźżáčďéěíňóřšťúůýžőűôöüäăâîșțşţđ"
_TURKISH = "çğıöşüâîûi̇"
_MARKS = "\u20ac\u201a\u201e\u2026\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u2122\u2039\u203a"
_MARKS += "\u00a0¡¿©«»®°·´ªº§£"
_OPENING = "\u201a\u201e"
_JOINING = "\u2019\u2018\u2014\u2013·"
_LATIN: tuple[tuple[Encoding, str], ...] = (
    (Encoding("Windows-1252", "cp1252", "CP1252"), _WESTERN),
    (Encoding("Windows-1250", "cp1250", "CP1250"), _EASTERN),
    (Encoding("ISO 8859-2", "iso8859_2", "ISO-8859-2"), _EASTERN),
    (Encoding("Windows-1254", "cp1254", "CP1254"), _TURKISH),
    (Encoding("CP850", "cp850", "CP850"), _WESTERN),
    (Encoding("Mac Roman", "mac_roman", "MACINTOSH"), _WESTERN),
)


def likely_encodings(data: bytes) -> tuple[Encoding, ...]:
    r"""Return the encoding that a file of bytes that are not UTF-8 most likely has.

    Args:
        data: the file's bytes.

    Returns:
        One encoding when one is the likeliest by far; several when they read the bytes
        differently and as well; none when no encoding gives text.

    >>> likely_encodings("caf\u00e9, na\u00efve".encode("cp1252"))[0].name
    'Windows-1252'
    """
    looked_at = data[:_READ]
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", looked_at):  # no text in any of them
        return ()
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", looked_at)]
    for encoding, is_frequent, least in _DOUBLE:
        text = _strict(looked_at, encoding.codec, cut=len(data) > _READ)
        if text is not None and _share(text, is_frequent) >= least:
            return (encoding,)
    if sum(runs) >= 2 * len(runs):  # words of foreign letters, not single ones among ASCII
        scores = {
            encoding: _share(looked_at.decode(encoding.codec, "replace"), set(letters).__contains__)
            for encoding, letters in _SINGLE
        }
        best = max(scores, key=lambda encoding: scores[encoding])
        if scores[best] >= 0.4:
            return (best,)
        rare = _strict(looked_at, _GB18030.codec, cut=len(data) > _READ)
        return (_GB18030,) if rare is not None and _share(rare, _ideograph) == 1 else ()
    return _latin(looked_at)


def _strict(data: bytes, codec: str, *, cut: bool) -> str | None:
    """Decode, or None; the last character of a part may be cut."""
    for drop in range(4 if cut else 1):
        try:
            return data[: len(data) - drop].decode(codec)
        except UnicodeDecodeError:
            continue
    return None


def _latin(data: bytes) -> tuple[Encoding, ...]:
    """Return the encodings in which every byte is a letter or a mark where such a one may stand.

    Of two that read every byte alike the first is named; of two that differ both are, unless one
    of them shows apostrophes in words or quotation marks in pairs.
    """
    fitting: dict[str, Encoding] = {}
    for encoding, letters in _LATIN:
        text = _strict(data, encoding.codec, cut=False)
        if text is not None and _is_written(text, letters):
            fitting.setdefault(text, encoding)
    certain = [one for text, one in fitting.items() if _QUOTED.search(text)]
    return (certain[0],) if certain else tuple(fitting.values())


_QUOTED = re.compile(r"[a-z]\u2019[a-z]|\u201c[^\u201c\u201d\n]+\u201d")


def _is_written(text: str, letters: str) -> bool:
    """Whether letters of the language stand in words and marks stand outside of them."""
    for place, char in enumerate(text):
        if char <= "\x7f":
            continue
        before, after = text[max(place - 1, 0) : place], text[place + 1 : place + 2]
        if char.lower() in letters:
            # A capital after a small letter is another letter misread.
            misread = char.isupper() and before.islower()
        elif char in _OPENING:
            misread = before.isalpha()
        else:
            inside = before.isalpha() and after.isalpha() and char not in _JOINING
            misread = char not in _MARKS or inside
        if misread:
            return False
    return True
