"""Broken `--config` files: defaults of the commands."""

from __future__ import annotations

from collections.abc import Callable

from tests.broken.corpus import Case, Words, World


def configured(text: str, *, encoding: str = "utf-8") -> Callable[[World], Words]:
    """Compare predictions files with a configuration file."""

    def words(world: World) -> Words:
        return ["--config", world.text("kdprobe.toml", text, encoding=encoding), *world.files[:-2]]

    return words


def C(name: str, words: Callable[[World], Words], *expected: str, code: int = 2) -> Case:
    return Case("options", name, words, expected, code)


_FILE = "kdprobe.toml: [compare] "
CASES = (
    C("config file: 50k brackets", configured("a = " + "[" * 50_000), "deeper than 100 levels"),
    C("config file: 5000 digits", configured("a = " + "1" * 5000), "5000 digits"),
    C(
        "config file: UTF-16",
        configured("[compare]\nseed = 1", encoding="utf-16"),
        code=0,
    ),
    C(
        "config file: UTF-16 without a mark",
        configured("[compare]\nseed = 1", encoding="utf-16-le"),
        "kdprobe.toml: holds a zero byte",
        "save it as UTF-8",
    ),
    C(
        "config file: cp1252",
        configured('[compare]\nsplit = "é"', encoding="cp1252"),
        "kdprobe.toml: is not UTF-8",
        "save it as UTF-8",
    ),
    C(
        "config file: byte order mark",
        configured("\ufeff[compare]\nseed = 1\nresamples = 100"),
        code=0,
    ),
    C(
        "config file: below least",
        configured("[compare]\nresamples = 0"),
        f"{_FILE}resamples",
        "at least 100",
    ),
    C(
        "config file: above most",
        configured("[compare]\nresamples = 1000000000"),
        f"{_FILE}resamples",
        "at most",
    ),
    C(
        "config file: nested arrays",
        configured('[compare]\nskip = [["a"]]'),
        f"{_FILE}skip",
        "text in quotes",
    ),
    C(
        "config file: an empty array",
        configured("[compare]\nskip = []"),
        f"{_FILE}skip",
        "is empty",
    ),
    C(
        "config file: wrong type",
        configured('[compare]\nresamples = "many"'),
        f"{_FILE}resamples",
        "a whole number",
    ),
    C(
        "config file: a fraction",
        configured("[compare]\nresamples = 100.5"),
        f"{_FILE}resamples",
        "a whole number",
    ),
    C(
        "config file: a truth for a number",
        configured("[compare]\nseed = true"),
        f"{_FILE}seed",
        "a whole number",
    ),
    C(
        "config file: a number for text",
        configured("[compare]\ndevice = 3"),
        f"{_FILE}device",
        "text in quotes",
    ),
    C(
        "config file: a number for a flag",
        configured("[compare]\nforce = 1"),
        f"{_FILE}force",
        "true or false",
    ),
    C(
        "config file: a zero byte",
        configured('[compare]\nsplit = "a\\u0000"'),
        f"{_FILE}split",
        "zero byte",
    ),
    C(
        "config file: an empty text",
        configured('[compare]\nsplit = ""'),
        f"{_FILE}split",
        "is empty",
    ),
    C(
        "config file: one option two ways",
        configured("[compare]\ncache = true\nno-cache = true"),
        "given twice",
    ),
    C(
        "config file: an unknown option",
        configured("[compare]\nsead = 1"),
        ".toml: [compare]: no option is called 'sead', expected one of ",
        "'seed'",
    ),
    C(
        "config file: an unknown command",
        configured("[comapre]\na = 1"),
        ".toml: no command is called 'comapre', expected one of ",
        "'compare'",
    ),
    C(
        "config file: an unknown command of a group",
        configured("[cache.claer]\na = 1"),
        ".toml: [cache]: no command is called 'claer', expected one of clear, ",
    ),
    C("config file: no table", configured("compare = 3"), "compare = 3", "[compare]"),
    C("config file: a table in an option", configured("[compare.seed]\na = 1"), f"{_FILE}seed"),
    C(
        "config file: a folder",
        lambda world: ["--config", world / "T", *world.files],
        "cannot be read",
    ),
)
