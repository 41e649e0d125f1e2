"""Hand-written files: every fault is told with file and key."""

from pathlib import Path

import pytest
from pydantic import Field, field_validator, model_validator

from kdprobe.config.base import Options, parse, read_toml
from kdprobe.errors import ConfigError


class Part(Options):
    size: int = Field(ge=1)

    @model_validator(mode="after")
    def _not_three(self) -> "Part":
        if self.size == 3:
            raise ValueError("three is too many")
        return self


class Whole(Options):
    name: str
    parts: dict[str, Part] = Field(default_factory=dict)
    listed: tuple[Part, ...] = ()

    @field_validator("name")
    @classmethod
    def _short(cls, name: str) -> str:
        if len(name) > 5:
            raise ValueError("a name has 5 letters at most")
        return name

    @model_validator(mode="after")
    def _agree(self) -> "Whole":
        if self.name == "none" and self.parts:
            raise ValueError("none has no parts")
        return self


def test_parse_gives_the_model():
    """A valid table must come through unchanged."""
    whole = parse(Whole, {"name": "a", "parts": {"x": {"size": 2}}}, "f.toml")
    assert whole.parts["x"].size == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"nam": "a"},
            "f.toml: name is missing; Field required",
        ),
        (
            {"name": "a", "prats": {}},
            "f.toml: unknown key 'prats', expected one of name, parts, listed; "
            "did you mean 'parts'?",
        ),
        (
            {"name": "a", "zzzzz": 1},
            "f.toml: unknown key 'zzzzz', expected one of name, parts, listed",
        ),
        (
            {"name": "a", "parts": {"x": {"size": 1, "sise": 2}}},
            "f.toml: unknown key 'parts.x.sise', expected one of size; did you mean 'size'?",
        ),
        (
            {"name": "a", "listed": [{"size": 1, "colour": 2}]},
            "f.toml: unknown key 'listed.0.colour', expected one of size",
        ),
        (
            {"name": "a", "parts": {"x": {"size": 0}}},
            "f.toml: parts.x.size is 0; Input should be greater than or equal to 1",
        ),
        (
            {"name": "abcdef"},
            "f.toml: name is 'abcdef'; a name has 5 letters at most",
        ),
        (
            {"name": "none", "parts": {"x": {"size": 1}}},
            "f.toml: none has no parts",
        ),
        (
            {"name": "a", "parts": {"x": {"size": 3}}},
            "f.toml: parts.x: three is too many",
        ),
    ],
)
def test_parse_tells_the_first_fault(data, message):
    """A typo must not disable a setting in silence, and the hint must be of the right table."""
    with pytest.raises(ConfigError) as caught:
        parse(Whole, data, "f.toml")
    assert str(caught.value) == message


def test_options_are_frozen():
    """Options that change under way would make a report lie about its request."""
    part = Part(size=1)
    with pytest.raises(ValueError, match="frozen"):
        part.size = 2  # type: ignore[misc]


def test_read_toml_gives_the_model(tmp_path: Path):
    """A file is read as UTF-8 whatever the locale."""
    path = tmp_path / "a.toml"
    path.write_bytes('name = "é"\n'.encode())
    assert read_toml(Whole, path).name == "é"


def test_read_toml_names_a_missing_file(tmp_path: Path):
    """A missing file is the user's fault, not a traceback."""
    path = tmp_path / "a.toml"
    with pytest.raises(ConfigError) as caught:
        read_toml(Whole, path)
    assert str(caught.value) == f"{path}: cannot be read (No such file or directory)"


def test_read_toml_names_the_line_that_is_no_toml(tmp_path: Path):
    """The line must be told, as must a file in another encoding."""
    path = tmp_path / "a.toml"
    path.write_text('name = "a"\nparts = \n')
    with pytest.raises(ConfigError, match=r"a\.toml: is not TOML: Invalid value \(at line 2"):
        read_toml(Whole, path)
    path.write_bytes(b'name = "\xe9"\n')
    with pytest.raises(ConfigError, match=r"a\.toml: is not UTF-8 \(byte 8\)"):
        read_toml(Whole, path)
