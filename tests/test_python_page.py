"""The page for Python users: its lines, and every row of its table, are run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
ROW = re.compile(r"^\| (?P<have>[^|]+) \| `(?P<write>.+?)` \| `(?P<get>.+?)` \|$", re.MULTILINE)


def rows() -> list[tuple[str, str, str]]:
    text = PAGE.read_text(encoding="utf-8")
    return [(m["have"], m["write"], m["get"]) for m in ROW.finditer(text)]


@pytest.fixture(scope="module")
def namespace(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the lines before the table give, run once, in a folder of their own."""
    folder = tmp_path_factory.mktemp("page")
    names: dict[str, Any] = {}
    block = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    test = doctest.DocTestParser().get_doctest(block, names, "setup", str(PAGE), 0)
    assert len(test.examples) >= 10
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(test, names)
    return names | {"folder": folder}


def run(test: doctest.DocTest, names: dict[str, Any]) -> None:
    """Run examples and keep their names."""
    failures: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    test.globs = names
    runner.run(test, out=failures.append, clear_globs=False)
    assert not failures, "".join(failures)


@pytest.mark.parametrize(("have", "write", "get"), rows(), ids=lambda part: part[:30])
def test_a_row_gives_what_it_says(
    have: str, write: str, get: str, namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page whose lines stopped working, or give something else than it says."""
    monkeypatch.chdir(namespace["folder"])
    run_row(have, write, get, namespace)


def run_row(have: str, write: str, get: str, namespace: dict[str, Any]) -> None:
    """Run what one writes, and hold it against what the page says one gets."""
    kind, _, words = get.partition(": ")
    if kind.endswith("Error"):
        get = f"Traceback (most recent call last):\n    ...\nkdprobe.errors.{kind}: {words}"
    example = doctest.Example(write + "\n", get + "\n", exc_msg=_message(get))
    run(doctest.DocTest([example], {}, have, str(PAGE), 0, None), namespace)


def _message(get: str) -> str | None:
    return get.splitlines()[-1] + "\n" if get.startswith("Traceback") else None


def test_a_row_of_something_else_fails(namespace: dict[str, Any]) -> None:
    """A runner that takes any answer, no error at all, or another error for the one on the page."""
    error = "UnknownNameError: ... did you mean 'accuracy' ..."
    for write, get in (
        ('result.get("agreement").value', "0.7"),
        ('result.get("accuracy", "small").value', error),
        ('result.get("agreement", "smal")', error),
        ('result.get("acuracy", "small")', "0.75"),
    ):
        with pytest.raises(AssertionError, match="Failed example"):
            run_row("broken", write, get, namespace)


def test_the_table_has_the_ten() -> None:
    """A row that the pattern passes over is not run."""
    table = PAGE.read_text(encoding="utf-8").split("| you have |")[1].split("\n\n")[0]
    assert len(rows()) == len(table.splitlines()) - 2 >= 10


def test_what_a_dataframe_of_metrics_says_of_itself() -> None:
    """A repr of an estimate that hides its number among a dozen empty fields."""
    from kdprobe.results.schema import Estimate

    one = Estimate(metric="agreement", model_a="t", model_b="s", value=0.5, n=8)
    assert repr(one) == "Estimate(metric='agreement', model_a='t', model_b='s', value=0.5, n=8)"
    none = Estimate(metric="kappa", model_a="t", undefined="one class only")
    assert repr(none) == "Estimate(metric='kappa', model_a='t', undefined='one class only')"
