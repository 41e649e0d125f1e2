"""Broken tables of examples."""

from __future__ import annotations

from collections.abc import Callable

from tests.broken.corpus import Case, Words, World

_ROWS = "".join(f"the dog {n}\tgood\n" for n in range(20))


def table(
    text: str, *, name: str = "mine.tsv", encoding: str = "utf-8"
) -> Callable[[World], Words]:
    """Compare the checkpoints on a table of one's own."""

    def words(world: World) -> Words:
        place = world.text(name, text, encoding=encoding)
        return [
            "compare", world / "T", world / "S", "-t", place, "-o", world / "out", "-q",
            "--only", "agreement", "--resamples", 100,
        ]  # fmt: skip

    return words


def predictions(text: str, *, name: str = "mine.jsonl") -> Callable[[World], Words]:
    """Compare with a predictions file of one's own."""

    def words(world: World) -> Words:
        return ["compare", world / "t.jsonl", world.text(name, text), *world.rest]

    return words


def C(name: str, words: Callable[[World], Words], *expected: str, code: int = 2) -> Case:
    return Case("table", name, words, expected, code)


def _named_rows(*ids: int) -> str:
    return "id\ttext\tlabel\n" + "".join(f"{n}\ta dog {row}\tgood\n" for row, n in enumerate(ids))


CASES = (
    C(
        "a column without a name",
        table("text\tlabel\t\n" + "a dog\tgood\tx\n" * 5),
        "mine.tsv:1",
        "column 3 of 3 has no name",
    ),
    C("duplicated ids", table(_named_rows(1, 2, 3, 2)), "mine.tsv:5", "id '2'", "mine.tsv:3"),
    C("empty", table(""), "mine.tsv"),
    C("a header alone", table("text\tlabel\n"), "mine"),
    C("one column, no labels", table("text\n" + "a dog\n" * 5), "no example has a gold", code=0),
    C("a row too long", table("text\tlabel\n" + _ROWS + "a\tgood\tx\n"), "mine.tsv:22"),
    C("a row too short", table("text\tlabel\n" + _ROWS + "a\n"), "mine.tsv:22"),
    C("two columns of one name", table("text\tlabel\tlabel\n" + "a dog\tgood\tbad\n" * 5), "label"),
    C(
        "a folder",
        lambda world: [*world.files[:3], "-t", world.text("d.tsv/x", "x").parent, *world.rest[2:]],
        "d.tsv",
    ),
    C("JSON lines of lists", table("[1]\n", name="mine.jsonl"), "mine.jsonl:1"),
    C("JSON lines nested", table("[" * 100_000, name="mine.jsonl"), "mine.jsonl:1"),
    C(
        "JSON lines of 5000 digits",
        table('{"text": ' + "1" * 5000 + "}\n", name="mine.jsonl"),
        "mine.jsonl:1",
    ),
    C(
        "JSON lines cut off",
        table('{"text": "a", "label": "good"}\n{"text"', name="mine.jsonl"),
        "mine.jsonl:2",
    ),
    C("parquet that is none", table("PAR1", name="mine.parquet"), "mine.parquet"),
    C("predictions of nobody", predictions('{"text": "a", "logits": [1, 2]}\n'), "mine"),
    C(
        "predictions of three classes",
        predictions('{"text": "a", "logits": [1, 2, 3]}\n'),
        "mine.jsonl",
    ),
    C("predictions of words", predictions('{"text": "a", "logits": ["x", "y"]}\n'), "mine.jsonl:1"),
    C(
        "predictions nested",
        predictions('{"text": "a", "logits": ' + "[" * 100_000),
        "mine.jsonl:1",
    ),
)
