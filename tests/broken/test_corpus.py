"""Every broken input ends in one message and the right code, and leaves nothing behind.

The table stands in the files beside this one. Properties: exit 2 (or what the case says), one
message that names what is wrong, no traceback, no file or folder that was not there before.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.broken import (
    checkpoints,
    config_cases,
    option_cases,
    result_cases,
    table_cases,
    toml_cases,
)
from tests.broken.corpus import Case, World, copied, make_world
from tests.cli.scene import Outcome, run

CASES = (
    *checkpoints.CASES,
    *option_cases.CASES,
    *config_cases.CASES,
    *result_cases.CASES,
    *table_cases.CASES,
    *toml_cases.CASES,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world that nothing has broken."""
    return make_world(tmp_path_factory.mktemp("whole"))


def message(done: Outcome) -> str:
    """Give the one message of a command that was refused."""
    lines = [line for line in done.err.splitlines() if line.strip()]
    usage = [line for line in lines if line.startswith(("Usage: ", "Try '"))]
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1, done.err
    assert len(lines) == 1 + len(usage), done.err
    return errors[0]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_broken_input(
    case: Case, whole: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a traceback, a silent success, noise, or files that a failed command leaves."""
    world = copied(whole, tmp_path / "world")
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(world.root)
    words = case.words(world)
    before = {place.relative_to(world.root) for place in world.root.rglob("*")}
    done = run(*words)
    assert done.code == case.code, done.out + done.err
    told = message(done) if case.code == 2 else done.out + done.err
    for part in case.expected:
        assert part in told
    if case.code == 2:
        after = {place.relative_to(world.root) for place in world.root.rglob("*")}
        assert after == before
        assert not done.out


def test_each_case_stands_once() -> None:
    """Guards two cases of one name, of which pytest would show one."""
    names = [case.id for case in CASES]
    assert sorted(set(names)) == sorted(names)
