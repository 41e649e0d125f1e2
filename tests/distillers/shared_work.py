"""A program that runs `kdprobe distill` once for each set of words, in one group of processes.

Arguments: a JSON file with a list of lists of words. Started by torchrun in
`test_processes.py`; does not: test anything itself.
"""

import json
import sys
from pathlib import Path

import typer.main

from kdprobe.cli.main import app
from kdprobe.distillers.processes import join_processes


def run(commands: list[list[str]]) -> None:
    """Run each command in this process."""
    command = typer.main.get_command(app)
    with join_processes():
        for words in commands:
            command.main(args=words, standalone_mode=False)


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text()))
