"""Encodings: what is read, and which advice is given where a file is not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.errors import TaskError
from kdprobe.tasks.decoding import decode
from kdprobe.tasks.encodings import likely_encodings

SAMPLES = {
    "fr": "text,label\nUn café très agréable à Noël,pos\nJe n’ai pas aimé ça,neg\n",
    "one": "text,label\ncafé,pos\nok,neg\n",
    "curly": "text,label\nhe said “no” – it’s bad…,neg\n",
    "de": "text,label\nSchöne Grüße aus München,pos\nÜble Straße,neg\n",
    "es": "text,label\n¡Qué niño más pequeño! ¿Sí?,pos\n",
    "sv": "text,label\nEn jättebra film på bio,pos\nDålig å ä ö,neg\n",
    "pl": "text,label\nZażółć gęślą jaźń dziękuję bardzo,pos\nświetny łabędź,neg\n",
    "cz": "text,label\nPříliš žluťoučký kůň úpěl ďábelské ódy,pos\n",
    "tr": "text,label\nÇok güzel bir şarkı ığdır İstanbul,pos\n",
    "ru": "text,label\nОчень хороший фильм и актёры тоже,хорошо\nПлохая игра,плохо\n",
    "el": "text,label\nΑυτή είναι μια πολύ καλή ταινία,pos\nδεν μου άρεσε,neg\n",
    "zh": "text,label\n这部电影非常好看,正面\n演员的表演很差,负面\n",
    "tw": "text,label\n這部電影非常好看,正面\n演員的表演很差,負面\n",
    "ja": "text,label\nこの映画はとても面白かった,良い\n俳優の演技が悪い,悪い\n",
    "ko": "text,label\n이 영화는 정말 재미있었다,긍정\n연기가 나빴다,부정\n",
}
CERTAIN = [
    ("fr", "cp1252"), ("fr", "mac_roman"), ("one", "cp1252"), ("one", "latin-1"),
    ("one", "cp850"), ("one", "mac_roman"), ("curly", "cp1252"), ("de", "cp1252"),
    ("de", "cp850"), ("de", "mac_roman"), ("es", "cp850"), ("sv", "cp1252"), ("sv", "cp850"),
    ("pl", "cp1250"), ("pl", "iso8859_2"), ("cz", "cp1250"), ("cz", "iso8859_2"),
    ("ru", "cp1251"), ("ru", "koi8_r"), ("ru", "cp866"), ("ru", "iso8859_5"), ("el", "cp1253"),
    ("zh", "gb18030"), ("zh", "gb2312"), ("tw", "big5"), ("tw", "gb18030"), ("ja", "cp932"),
    ("ja", "euc_jp"), ("ko", "euc_kr"), ("ko", "cp949"),
]  # fmt: skip
UNSURE = [("es", "cp1252"), ("tr", "cp1254"), ("sv", "mac_roman")]


def fault(data: bytes) -> str:
    with pytest.raises(TaskError) as caught:
        decode(data, Path("a.csv"))
    return str(caught.value)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_unicode_is_read_with_and_without_a_mark(sample: str, codec: str):
    """Excel's "Unicode text" is UTF-16; refused, its owner would convert it to rubbish."""
    assert decode(SAMPLES[sample].encode(codec), Path("a")) == SAMPLES[sample]


def test_utf32_and_a_big_endian_mark():
    """The mark of UTF-32 begins with that of UTF-16, which would give a zero after each letter."""
    for codec, mark in (("utf-32-le", b"\xff\xfe\0\0"), ("utf-16-be", b"\xfe\xff")):
        assert decode(mark + SAMPLES["fr"].encode(codec), Path("a")) == SAMPLES["fr"]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff")))
def test_every_text_in_utf8_is_itself(text: str):
    """A guess at UTF-16 must never fall on a file in UTF-8."""
    assert decode(text.encode(), Path("a")) == text


@pytest.mark.parametrize(("sample", "codec"), CERTAIN)
def test_the_advice_makes_the_text_right(sample: str, codec: str):
    """A wrong `iconv` makes rubbish of every foreign word, and no later step can tell."""
    data = SAMPLES[sample].encode(codec)
    (likely,) = likely_encodings(data)
    assert data.decode(likely.codec) == SAMPLES[sample]
    told = fault(data)
    assert f"iconv -f {likely.iconv} -t UTF-8 'a.csv' > 'utf8-a.csv'" in told
    assert f"in {likely.name} it reads '" in told


@pytest.mark.parametrize(("sample", "codec"), UNSURE)
def test_where_several_fit_none_is_advised(sample: str, codec: str):
    """The reader sees each reading and decides; a coin toss is no advice."""
    data = SAMPLES[sample].encode(codec)
    likely = likely_encodings(data)
    assert SAMPLES[sample] in [data.decode(one.codec, "replace") for one in likely]
    told = fault(data)
    assert "iconv" not in told
    assert all(f"in {one.name} it reads '" in told for one in likely)


def test_a_damaged_line_is_not_another_encoding():
    """Converting a UTF-8 file for one stray byte would break every other line."""
    data = ("café über naïve\n" * 3).encode() + b"caf\xe9\n"
    assert fault(data) == (
        "a.csv:4: byte 0xe9 is not UTF-8 (9 other characters of the file are, 1 are not), expected "
        "a file in UTF-8; correct the line: it is damaged, or came from a file of another encoding"
    )


def test_bytes_of_no_text():
    """A file of another kind must lead to no conversion."""
    told = fault(bytes(range(128, 256)) * 3)
    assert "iconv" not in told
    assert "save it as UTF-8 in the program that wrote it" in told


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"PK\x03\x04", "a zip archive (as every .xlsx is)"),
        (b"\x1f\x8b", "packed with gzip"),
        (b"PAR1", "a parquet file"),
    ],
)
def test_files_of_other_kinds_are_named(beginning: bytes, kind: str):
    """A spreadsheet renamed to .csv has no encoding that one could convert it from."""
    assert fault(beginning + b"\x14\0\xff text") == (
        f"a.csv: is {kind}, whatever its name ends in, expected a text file; unpack it, or save "
        "the table as .csv or .tsv in UTF-8"
    )


def test_zero_bytes_are_named():
    """A zero byte in a sentence is cut off or passed on by one tokenizer or another."""
    assert fault(b"text,label\na,0\nb\0c,1\n").startswith(
        "a.csv:3: holds a zero byte, expected a text file; is it damaged"
    )


def test_a_cut_utf16_file_is_named():
    """Half a character at the end is a download that broke."""
    told = fault("text,label\na,0\n".encode("utf-16")[:-1])
    assert told.startswith("a.csv: begins with the byte order mark of UTF-16 and is none (")
