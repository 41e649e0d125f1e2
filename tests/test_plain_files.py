"""Properties of the one door for JSON and TOML: whatever the text, a value or one message."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe import plain_files
from kdprobe.errors import ConfigError, OutputError, UsageError

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_json_is_read_as_python_reads_it(value: object) -> None:
    """Guards a bound that changes values it should let through."""
    text = json.dumps(value)
    assert plain_files.parse_json(text, where="x") == json.loads(text)


@given(st.text() | st.text(alphabet='[]{}",:0123456789.eE-"\\tfn'))
def test_any_text_gives_a_value_or_one_message(text: str) -> None:
    """Guards a kind of broken text that ends in another exception, many lines, or no place."""
    for read in (plain_files.parse_json, plain_files.parse_toml, plain_files.toml_value):
        try:
            read(text, where="place")
        except UsageError as error:
            (line,) = str(error).splitlines()
            assert re.match(r"place(:\d+)?: \S", line)


@given(st.text(alphabet="[]=.'\"01 \nab"))
def test_toml_is_read_as_python_reads_it(text: str) -> None:
    """Guards a bound that changes values it should let through."""
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(ConfigError):
            plain_files.parse_toml(text, where="x")
    else:
        assert plain_files.parse_toml(text, where="x") == expected


@pytest.mark.parametrize("levels", [1, plain_files.DEEPEST - 1, plain_files.DEEPEST])
def test_depth_is_counted(levels: int) -> None:
    """Guards a bound that is one off, or that a mixture of lists and tables passes by."""
    for opening, closing in (("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")):
        count = levels // len(closing) if len(closing) > 1 else levels
        inner = "1" if opening.endswith(":") else ""
        text = opening * count + inner + closing * count
        plain_files.parse_json(text, where="x")
    text = "[" * (plain_files.DEEPEST + 1) + "]" * (plain_files.DEEPEST + 1)
    with pytest.raises(ConfigError, match="deeper than 100 levels"):
        plain_files.parse_json(text, where="x")


@pytest.mark.parametrize("digits", [400, 401])
def test_digits_are_counted(digits: int) -> None:
    """Guards a bound that is one off, also before a sign."""
    for sign in ("", "-"):
        text = sign + "1" * digits
        if digits <= plain_files.MOST_DIGITS:
            assert plain_files.parse_json(text, where="x") == int(text)
        else:
            with pytest.raises(ConfigError, match=f"{digits} digits"):
                plain_files.parse_json(text, where="x")


def test_numbers_that_are_not_finite() -> None:
    """Guards NaN in a document that is to hold none, and configs that may hold it refused."""
    assert plain_files.parse_json("[Infinity, 1e999]", where="x") == [float("inf")] * 2
    for text in ("[NaN]", "[Infinity]", "[-Infinity]", "[1e999]"):
        with pytest.raises(ConfigError, match="a finite number"):
            plain_files.parse_json(text, where="x", finite=True)


def test_files(tmp_path: Path) -> None:
    """Guards what a file system can be: no file, a folder, an endless device, an encoding."""
    place = tmp_path / "a.json"
    place.write_bytes(b"\xef\xbb\xbf[1]")
    assert plain_files.read_json(place) == [1]
    for path, words in (
        (tmp_path / "none", "cannot be read"),
        (tmp_path, "cannot be read"),
        (tmp_path / ("x" * 300), "File name too long"),
        (Path("/dev/zero"), "longer than 1,000 bytes"),
        (Path("a\0b"), "is no file name"),
    ):
        with pytest.raises(OutputError, match=words):
            plain_files.read_json(path, error=OutputError, largest=1000)
    place.write_bytes("é".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"is not UTF-8 \(byte 0\)"):
        plain_files.read_json(place)


def test_values_typed_on_the_command_line() -> None:
    """Guards text that looks like TOML being changed, and two settings smuggled in as one."""
    values = ("3", "3.5", "true", "[1, 2]", '"a"', "a b", "1\nb = 2", "layers=3", "")
    expected = [3, 3.5, True, [1, 2], "a", "a b", "1\nb = 2", "layers=3", ""]
    assert [plain_files.toml_value(value) for value in values] == expected
