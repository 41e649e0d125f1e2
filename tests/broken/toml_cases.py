"""Broken TOML: recipes, tasks and probing tasks."""

from __future__ import annotations

from collections.abc import Callable

from tests.broken.corpus import Case, Words, World

_OBJECTIVE = '[[objectives]]\nname = "soft_targets"\n'


def recipe(text: str, *, encoding: str = "utf-8") -> Callable[[World], Words]:
    """Check a distillation by a recipe of one's own."""

    def words(world: World) -> Words:
        return [*world.distil, "--recipe", world.text("mine.toml", text, encoding=encoding)]

    return words


def task(change: Callable[[str], str], *, encoding: str = "utf-8") -> Callable[[World], Words]:
    """Compare on the toy task, changed."""

    def words(world: World) -> Words:
        written = (world / "toy.toml").read_text(encoding="utf-8")
        world.text("toy.toml", change(written), encoding=encoding)
        return world.files

    return words


def probing(text: str) -> Callable[[World], Words]:
    """Probe by a task of one's own."""
    return lambda world: [*world.models, "--probe-tasks", world.text("mine.toml", text)]


def C(name: str, words: Callable[[World], Words], *expected: str, code: int = 2) -> Case:
    return Case("toml", name, words, expected, code)


def _stages(count: int) -> str:
    return 'name = "r"\n' + "".join(
        f'[[stages]]\nname = "s{n}"\n[[stages.objectives]]\nname = "soft_targets"\n'
        for n in range(count)
    )


_DEEP = "[" * 50_000
_READ = "expected a teacher that has learnt the task"  # the world's knows nothing
CASES = (
    C("recipe: 50k brackets", recipe(f"name = {_DEEP}"), "mine.toml", "deeper than 100 levels"),
    C("recipe: 5000 digits", recipe(f"name = {'1' * 5000}"), "mine.toml", "5000 digits"),
    C("recipe: a number beyond 64 bits", recipe(f"name = {'1' * 30}"), "30 digits", "64 bits"),
    C(
        "recipe: options temperature 1e300",
        recipe(f'name = "r"\n{_OBJECTIVE}options = {{ temperature = 1e300 }}'),
        "temperature is 1e+300",
    ),
    C(
        "recipe: temperature of nothing",
        recipe(f'name = "r"\n{_OBJECTIVE}options = {{ temperature = nan }}'),
        "temperature is nan",
    ),
    C("recipe: two hundred stages", recipe(_stages(200)), "200 stages", "20"),
    C(
        "recipe: a weight below zero",
        recipe(f'name = "r"\n{_OBJECTIVE}weight = -1'),
        "weight is -1",
    ),
    C(
        "recipe: epochs of 1e300",
        recipe(f'name = "r"\n{_OBJECTIVE}[training]\nepochs = 1e300'),
        "epochs is 1e+300",
    ),
    C(
        "recipe: batches of 10^12",
        recipe(f'name = "r"\n{_OBJECTIVE}[training]\nbatch_size = 1000000000000'),
        "batch_size",
    ),
    C("recipe: UTF-16", recipe(f'name = "r"\n{_OBJECTIVE}', encoding="utf-16"), _READ),
    C("recipe: byte order mark", recipe(f'\ufeffname = "r"\n{_OBJECTIVE}'), _READ),
    C(
        "recipe: UTF-16 without a mark",
        recipe('name = "r"', encoding="utf-16-be"),
        "mine.toml: holds a zero byte",
    ),
    C("recipe: empty", recipe(""), "mine.toml", "name is missing"),
    C("recipe: cut off", recipe('name = "r'), "mine.toml", "is not TOML", "Unterminated"),
    C("recipe: a key twice", recipe('name = "r"\nname = "s"'), "mine.toml", "is not TOML"),
    C("recipe: a date for a name", recipe("name = 2020-01-01"), "name is"),
    C(
        "recipe: an objective nobody knows",
        recipe('name = "r"\n[[objectives]]\nname = "wibble"'),
        "wibble",
    ),
    C(
        "recipe: a stage that teaches itself",
        recipe(_stages(2).replace('"s1"\n', '"s1"\nteacher = "s1"\n')),
        "teacher 's1'",
    ),
    C("recipe: five megabytes", recipe("# " + "x" * 5_000_000), "is longer than"),
    C(
        "recipe: a folder",
        lambda world: [*world.distil, "--recipe", world / "T/"],
        "cannot be read",
    ),
    C(
        "task: 5000-digit integer",
        task(lambda text: f"version = {'1' * 5000}\n{text}"),
        "5000 digits",
    ),
    C(
        "task: 50k brackets",
        task(lambda text: f"labels = {_DEEP}"),
        "toy.toml",
        "deeper than 100 levels",
    ),
    C(
        "task: 5000 dotted keys",
        task(lambda text: ".".join("a" * 5000) + " = 1"),
        "deeper than 100 levels",
    ),
    C(
        "task: one label",
        task(lambda text: text.replace('["bad", "good"]', '["bad"]')),
        "two labels or more",
    ),
    C(
        "task: labels in labels",
        task(lambda text: text.replace('["bad", "good"]', '[["bad"], "good"]')),
        "labels",
    ),
    C("task: an unknown key", task(lambda text: f"wibble = 1\n{text}"), "unknown key 'wibble'"),
    C("task: UTF-16", task(lambda text: text, encoding="utf-16"), code=0),
    C("task: byte order mark", task(lambda text: f"\ufeff{text}"), code=0),
    C(
        "task: a file of a long name",
        task(lambda text: text.replace("dev.tsv", "x" * 300)),
        "x" * 20,
    ),
    C("probing task: 50k brackets", probing(f"name = {_DEEP}"), "deeper than 100 levels"),
    C("probing task: empty", probing(""), "is missing"),
)
