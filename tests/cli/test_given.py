"""Properties of what options take: each is known by its signature, whoever gives the value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer

from kdprobe.cli.defaults import read_defaults
from kdprobe.cli.given import check_given, parameters_of
from kdprobe.cli.main import app
from kdprobe.errors import ConfigError, UnknownNameError


def commands() -> list[tuple[str, object]]:
    """Every command with its name, those of groups too."""
    group = typer.main.get_command(app)
    found: list[tuple[str, object]] = []
    waiting = [("", group)]
    while waiting:
        name, held = waiting.pop()
        if hasattr(held, "commands"):
            waiting += [(f"{name} {key}".strip(), each) for key, each in held.commands.items()]
        else:
            found.append((name, held))
    return found


@pytest.mark.parametrize(("name", "command"), commands(), ids=[name for name, _ in commands()])
def test_every_option_is_known(name: str, command: object) -> None:
    """Guards an option of a new kind whose values a configuration file passes unchecked."""
    params = [one for one in command.params if one.name != "help"]  # type: ignore[attr-defined]
    known = parameters_of(command.callback)  # type: ignore[attr-defined]
    assert {one.name for one in params} == set(known)
    for one in params:
        read = known[one.name]
        if one.param_type_name == "option":
            assert read.option in one.opts, (name, one.name)


def example(
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=9)] = 1,
    ratio: Annotated[float | None, typer.Option("--ratio", min=0, max=1)] = None,
    kind: Annotated[Literal["a", "b"], typer.Option("--kind")] = "a",
    place: Annotated[Path | None, typer.Option("--place")] = None,
    many: Annotated[list[str] | None, typer.Option("--many")] = None,
    both: Annotated[tuple[float, float] | None, typer.Option("--both")] = None,
    yes: Annotated[bool, typer.Option("--yes/--no")] = False,
    text: Annotated[str, typer.Argument(metavar="TEXT")] = "x",
) -> None:
    """A command with an option of every kind."""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("number", 0, "--number: is 0, expected at least 1"),
        ("number", 10, "--number: is 10, expected at most 9"),
        ("ratio", float("nan"), "--ratio: is nan, expected a finite number"),
        ("ratio", float("inf"), "--ratio: is inf, expected a finite number"),
        ("ratio", 1.5, "--ratio: is 1.5, expected at most 1"),
        ("place", Path("a") / ("b" * 256), "--place: "),
        ("place", Path("a\0b"), "--place: holds a zero byte"),
        ("many", ["a", " "], "--many: is empty"),
        ("text", "", "TEXT: is empty"),
    ],
)
def test_given_values_are_checked(name: str, value: object, words: str) -> None:
    """Guards a bound that only the parser of one version of typer would keep."""
    with pytest.raises(ConfigError) as caught:
        check_given(example, {name: value})
    assert str(caught.value).startswith(words)


def test_values_that_pass() -> None:
    """Guards a bound that is one off."""
    given = {
        "number": 9, "ratio": 0.0, "kind": "b", "place": Path("a" * 255), "many": ["a"],
        "both": (1.0, 2.0), "yes": True, "text": "é",
    }  # fmt: skip
    check_given(example, given)
    check_given(example, dict.fromkeys(given))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("number", True, "a whole number"),
        ("number", "3", "a whole number"),
        ("number", 3.0, "a whole number"),
        ("ratio", "0.5", "a number"),
        ("kind", "c", "a, b"),
        ("place", 3, "a path in quotes"),
        ("many", ["a", 3], "text in quotes, or several in brackets"),
        ("many", [["a"]], "text in quotes, or several in brackets"),
        ("many", [], "a value"),
        ("both", [1.0], "2 values in brackets"),
        ("both", 1.0, "2 values in brackets"),
        ("yes", 1, "true or false"),
        ("text", {"a": 1}, "text in quotes"),
    ],
)
def test_values_of_a_file_have_their_kind(name: str, value: object, expected: str) -> None:
    """Guards a value of the wrong kind that reaches the code as it stands in the file."""
    with pytest.raises(ConfigError, match=f"f: .*expected {expected}"):
        parameters_of(example)[name].of_toml(value, "f")


def test_values_of_a_file_are_given_on() -> None:
    """Guards a whole number refused where a fraction may stand, and one value of many."""
    known = parameters_of(example)
    assert known["ratio"].of_toml(1, "f") == 1
    assert known["many"].of_toml("a", "f") == ["a"]
    assert known["both"].of_toml([1, 2.5], "f") == [1, 2.5]
    assert known["place"].of_toml("a/b", "f") == "a/b"


def defaults(tmp_path: Path, text: str) -> dict[str, object]:
    place = tmp_path / "kdprobe.toml"
    place.write_text(text, encoding="utf-8")
    return read_defaults(place, app)


def test_an_option_and_its_opposite(tmp_path: Path) -> None:
    """Guards `no-cache = true`, which switched the cache on."""
    assert defaults(tmp_path, "[compare]\nno-cache = true") == {"compare": {"cache": False}}
    assert defaults(tmp_path, "[compare]\ncache = true") == {"compare": {"cache": True}}
    with pytest.raises(ConfigError, match="given twice"):
        defaults(tmp_path, "[compare]\ncache = true\nno_cache = true")


def test_commands_of_groups(tmp_path: Path) -> None:
    """Guards the defaults of `probes build`, for which there was no place."""
    read = defaults(tmp_path, "[probes.build]\nsentences = 40")
    assert read == {"probes": {"build": {"sentences": 40}}}
    with pytest.raises(ConfigError, match=r"\[probes.build\] sentences: is 3, expected at least"):
        defaults(tmp_path, "[probes.build]\nsentences = 3")
    with pytest.raises(UnknownNameError, match="wibble"):
        defaults(tmp_path, "[probes.wibble]\nsentences = 3")
