"""How models are named on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe.errors import ConfigError, UsageError
from kdprobe.models.model_like import specs_of
from kdprobe.models.path_options import NO_OPTIONS, PathOptions, options_of
from kdprobe.models.spec import ModelSpec, parse_spec, parse_specs
from kdprobe.portable import portable_word


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
        ("out/s6?quantize=int8", "s6-int8", ("out/s6",)),
        ("s=out/a?dtype=bf16,out/b?dtype=bf16", "s", ("out/a", "out/b")),
        ("why?=out/a", "why?", ("out/a",)),
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


def test_options_behind_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Guards an option that is read as part of the path, or lost on the way to the opened model."""
    (spec,) = parse_specs(["out/t?file=model_q8.onnx&original=out/t"])
    assert options_of(spec.paths[0]) == PathOptions(file="model_q8.onnx", original="out/t")
    assert options_of(spec.paths[0]).shown == "?file=model_q8.onnx"
    assert spec.name == "t-model_q8.onnx"
    mixed = parse_spec("s=a?dtype=bfloat16,b").paths
    assert [options_of(path).dtype for path in mixed] == ["bf16", ""]
    names = [each.name for each in parse_specs(["a/t", "a/t?quantize=int8", "b/t?quantize=int8"])]
    assert names == ["t", "a/t-int8", "b/t-int8"]
    teacher, student = specs_of("out/t", {"int8": "out/t?quantize=int8"})
    assert (options_of(teacher.paths[0]), student.name) == (NO_OPTIONS, "int8")
    assert options_of(student.paths[0]).quantize == "int8"
    word = "m=/nowhere/a?original=/nowhere/b&file=x.onnx"
    assert portable_word(word) == "m=PATH/TO/a?original=PATH/TO/b&file=x.onnx"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t?dtype=bf16").mkdir()
    assert parse_spec("t?dtype=bf16").paths == ("t?dtype=bf16",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "t?quantise=int8",
            "`?quantise=int8`: no option of a path is called 'quantise', expected one of",
        ),
        ("t?quantize=int4", "`?quantize=int4`: no quantize is called 'int4', expected one of int8"),
        ("t?dtype=float64", "no dtype is called 'float64', expected one of float32, bf16, fp16"),
        ("s=t?dtype=", "model 't?dtype=': the option dtype without a value, expected PATH?"),
        ("t?quantize=int8&quantize=int8", "the option quantize twice"),
        ("t?quantize=int8&dtype=bf16", "both quantize and dtype, expected one of them; int8 is"),
    ],
)
def test_options_that_there_are_not(text: str, words: str):
    """Guards against a model that is compared in another precision than was asked for."""
    with pytest.raises(UsageError) as caught:
        parse_spec(text)
    assert words in str(caught.value)


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
