"""`make bench`: every row that a test measured, in one table at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.rows import BenchRows, as_json, machine, table
from tests.report.conftest import browser, reader

__all__ = ["browser", "reader"]

ROWS = pytest.StashKey[BenchRows]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file that the rows are written to."""
    parser.addoption("--json", metavar="FILE", help="write the rows of make bench to FILE")


@pytest.fixture
def bench_row(request: pytest.FixtureRequest) -> Iterator[BenchRows]:
    """The rows of this session; call it with a name, values and agreement.

    They are written after each test, so that a run of an hour that is ended keeps what it has.
    """
    rows = request.config.stash.setdefault(ROWS, BenchRows())
    yield rows
    to = request.config.getoption("--json")
    if to and rows.rows:
        Path(to).write_text(json.dumps(as_json(rows.rows), indent=1) + "\n", encoding="utf-8")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the rows."""
    rows = config.stash.setdefault(ROWS, BenchRows()).rows
    if not rows:
        return
    terminalreporter.section("rows")
    terminalreporter.line(", ".join(f"{name} {value}" for name, value in machine().items()))
    for line in table(rows):
        terminalreporter.line(line)
