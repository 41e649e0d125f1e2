"""The commands that README.md and docs/ show are those of the command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from kdprobe.cli.main import app
from tests.cli.scene import run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^(kdprobe [a-z][^#\n]*)", re.MULTILINE)
INLINE = re.compile(r"`(kdprobe [a-z][^`\n]*)`")
NEW = ("--cluster", "--control", "--with-control", "--similarity", "--attention", "--causal-use")


def calls(page: Path) -> list[list[str]]:
    text = page.read_text(encoding="utf-8")
    lines = [line for block in BLOCK.findall(text) for line in LINE.findall(block)]
    return [shlex.split(call) for call in (*lines, *INLINE.findall(BLOCK.sub("", text)))]


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that words call, and the words that are its own."""
    held: Any = typer.main.get_command(app)
    while words and hasattr(held, "commands"):
        held, words = held.commands[words[0]], words[1:]
    return held, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_flag_of_a_line_is_one_of_its_command(page: Path) -> None:
    """A line that is copied from a page and ends in `no such option`."""
    for call in calls(page):
        command, words = command_of(call[1:])
        known = {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)}
        flags = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert flags <= known, call


@pytest.mark.parametrize("flag", NEW)
def test_each_new_flag_has_a_line_and_a_help(flag: str) -> None:
    """A flag that nobody finds: not in the page of all calls, or not in `--help`."""
    lines = [call for call in calls(ROOT / "docs" / "using.md") if flag in call]
    assert len(lines) == 1
    assert flag in run(lines[0][1], "--help").out
