"""How models are named on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe.errors import ConfigError
from kdprobe.models.spec import ModelSpec, parse_spec, parse_specs


@pytest.mark.parametrize(
    ("text", "name", "paths"),
    [
        ("out/s6", "s6", ("out/s6",)),
        ("out/s6/", "s6", ("out/s6/",)),
        ("out/v1.5", "v1.5", ("out/v1.5",)),
        ("owner/model", "model", ("owner/model",)),
        ("out/p.jsonl", "p", ("out/p.jsonl",)),
        (" s = out/a , out/b ", "s", ("out/a", "out/b")),
        ("s=out/lr=3", "s", ("out/lr=3",)),
    ],
)
def test_names_and_paths(text: str, name: str, paths: tuple[str, ...]):
    """Guards against a version number cut off as if it were an ending."""
    assert parse_spec(text) == ModelSpec(name, paths)


def test_a_path_that_exists_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Guards against a folder called `lr=3` read as a model named `lr`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=3").mkdir()
    (tmp_path / "a,b").mkdir()
    assert parse_spec("lr=3") == ModelSpec("lr=3", ("lr=3",))
    assert parse_spec("s=a,b") == ModelSpec("s", ("a,b",))
    assert parse_spec(".").name == tmp_path.name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "model '': names no path, expected PATH, NAME=PATH or NAME=PATH,PATH"),
        ("=a", "model '=a': the name '', expected 1 to 60 printable characters before the ="),
        ("s=", "model 's=': an empty path, expected PATH, NAME=PATH or NAME=PATH,PATH"),
        ("s=a,,b", "model 's=a,,b': an empty path, expected PATH, NAME=PATH or NAME=PATH,PATH"),
        (
            "s=a,a",
            "model 's=a,a': one path twice, expected another checkpoint for each seed; runs that "
            "are the same checkpoint would look like no variation at all",
        ),
    ],
)
def test_what_cannot_be_read_is_told(text: str, message: str):
    """Guards against a slip of the keyboard becoming a model."""
    with pytest.raises(ConfigError) as caught:
        parse_spec(text)
    assert str(caught.value) == message
    with pytest.raises(ConfigError, match="printable characters before the ="):
        parse_spec("a\x1b[31m=b")


def test_names_are_unique():
    """Guards against two models drawn as one row of every table."""
    names = [spec.name for spec in parse_specs(["t/final", "s/final", "other"])]
    assert names == ["t/final", "s/final", "other"]
    with pytest.raises(ConfigError) as caught:
        parse_specs(["x=a", "x=b"])
    assert str(caught.value) == (
        "models a and b: both go by the name 'x', expected a name of its own for each; name one: "
        "other-name=b"
    )
