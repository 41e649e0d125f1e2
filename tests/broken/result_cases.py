"""Broken results documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.broken.corpus import Case, Words, World


def document(**changes: Any) -> Callable[[World], Words]:
    """Change fields of the document."""

    def words(world: World) -> Words:
        return ["report", world.edited("results/results.json", **changes)]

    return words


def within(change: Callable[[Any], object]) -> Callable[[World], Words]:
    """Change something inside the document."""

    def words(world: World) -> Words:
        place = world / "results/results.json"
        data = json.loads(place.read_text(encoding="utf-8"))
        change(data)
        return ["report", world.text("results/results.json", json.dumps(data))]

    return words


def text(written: str, *, encoding: str = "utf-8") -> Callable[[World], Words]:
    """Put a text in the place of the document."""
    return lambda world: ["report", world.text("results/results.json", written, encoding=encoding)]


def figures_are_a_file(world: World) -> Words:
    return [
        "report", world / "results", "-o", world / "out.html", "--figures",
        world.text("figures", "x"),
    ]  # fmt: skip


def page_is_a_folder(world: World) -> Words:
    (world / "page.html").mkdir()
    return ["report", world / "results", "-o", world / "page.html", "--figures", world / "svg"]


def below_a_file(world: World) -> Words:
    return ["report", world / "results", "-o", world.text("file", "x") / "page.html"]


def with_mark(world: World) -> Words:
    place = world / "results/results.json"
    return ["report", world.text("results/results.json", "\ufeff" + place.read_text("utf-8"))]


def C(name: str, words: Callable[[World], Words], *expected: str, code: int = 2) -> Case:
    return Case("results", name, words, expected, code)


_FILE = "results.json"
CASES = (
    C("--figures is a file", figures_are_a_file, "figures: is a file"),
    C("-o is a folder", page_is_a_folder, "page.html", "is a folder"),
    C("-o is below a file", below_a_file, "page.html", "lies below file, which is a file"),
    C("5000-digit integer", text('{"schema_version": ' + "1" * 5000 + "}"), "5,000 digits"),
    C("nested 100k", text("[" * 100_000), _FILE, "deeper than 100 levels"),
    C(
        "nested 100k inside schema_version 1",
        text('{"schema_version": 1, "a": ' + "[" * 100_000),
        _FILE,
        "deeper than 100 levels",
    ),
    C(
        "nested 200 levels, closed",
        text('{"schema_version": 1, "a": ' + "[" * 200 + "]" * 200 + "}"),
        "deeper than 100 levels",
    ),
    C("no models", document(models=[]), _FILE, "models: 0 of 0 models are the teacher"),
    C(
        "two teachers",
        within(lambda data: [model.update(role="teacher") for model in data["models"]]),
        "models: 2 of 2 models are the teacher",
    ),
    C("NaN", text('{"schema_version": NaN}'), "holds NaN", "a finite number"),
    C("a number beyond floats", text('{"schema_version": 1e999}'), "holds 1e999"),
    C("empty", text(""), f"{_FILE}:1", "is not JSON"),
    C("cut off", text('{"schema_version": 1,\n "models": ['), f"{_FILE}:2", "is not JSON"),
    C("a list", text("[]"), "has no schema_version"),
    C("version of words", document(schema_version="1"), "has no schema_version"),
    C("version true", document(schema_version=True), "has no schema_version"),
    C("version -1", document(schema_version=-1), "has schema version -1", "from 1 on"),
    C("version of the future", document(schema_version=99), "at most 2", "update kdprobe"),
    C("UTF-16", text("{}", encoding="utf-16"), "is not UTF-8"),
    C("byte order mark", with_mark, "Report:", code=0),
    C("analyses are a number", document(analyses=3), "analyses", "edited by hand"),
    C("an unknown field", document(wibble=1), "wibble"),
    C(
        "a sweep without anything",
        text('{"document": "sweep", "schema_version": 1}'),
        "produced_by",
    ),
    C("nothing there", lambda world: ["report", world / "nothing"], "cannot be read"),
    C("a folder without results", lambda world: ["report", world / "T"], "cannot be read"),
    C("a name too long", lambda world: ["report", world / ("x" * 300)], "255"),
    C(
        "a label that the task does not have",
        within(lambda data: data["examples"][0]["predictions"][0].update(label=9)),
        _FILE,
    ),
    C(
        "an estimate of nobody",
        within(lambda data: data["analyses"][0]["estimates"][0].update(metric="wibble")),
        _FILE,
    ),
)
