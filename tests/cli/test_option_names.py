"""Options have one name outside the command line: the keyword of Python users."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from kdprobe.cli.option_names import with_flags

PACKAGE = Path(__file__).parents[2] / "kdprobe"
FLAG = re.compile(r"(?<![\w(-])--[a-z][a-z-]+")
# What is no message: the name under which a sweep is recorded, and where flags are made.
ALLOWED = {("sweeping/plan.py", "--sweep"), ("config/flags.py", "--no-")}


def test_no_flag_outside_the_command_line() -> None:
    """Guards a message that tells a person in a notebook to say `--batch-size 8`.

    Whole commands between backticks, as on a model card, are what they are.
    """
    faults = []
    for file in sorted(PACKAGE.rglob("*.py")):
        path = file.relative_to(PACKAGE).as_posix()
        if path.startswith("cli/"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = re.sub(r"kdprobe [a-z-]+ [^`]*`|\[?'--[^\n]*\]", "", node.value)
                faults += [
                    f"{path}:{node.lineno} {flag}"
                    for flag in FLAG.findall(text)
                    if (path, flag) not in ALLOWED
                ]
    assert not faults, "\n".join(faults)


def test_short_keywords_are_flags_at_a_terminal() -> None:
    """Guards a line at a terminal that tells a person to say `attribution_gap=200`."""
    told = "add `attribution_gap=200`, `minimal_pairs=DIR` or `pairs_per_phenomenon=9`"
    assert with_flags(told) == (
        "add --attribution-gap 200, --minimal-pairs DIR or --pairs-per-phenomenon 9"
    )
