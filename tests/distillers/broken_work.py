"""A program in which the loss of one process is not finite, once; then it goes on.

Arguments: a JSON file with the words of a `kdprobe distill` that breaks, of the same that goes on,
and of any others. Prints a line for each command and process. Started by torchrun in
`test_processes.py`; does not: test anything itself.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import typer.main

from kdprobe.cli.main import app
from kdprobe.distillers.objectives.hard_labels import HardLabels
from kdprobe.distillers.processes import join_processes, process_group

BROKEN = 1  # the process
AT = 0.5  # the share of the steps after which it breaks

whole = HardLabels.loss_sum


def broken(self: HardLabels, *given: Any) -> torch.Tensor:
    """Return the loss, but of the last example of one process."""
    losses = whole(self, *given)
    if process_group().rank == BROKEN and given[2].progress >= AT:
        losses = torch.cat([losses[:-1], losses[-1:] * float("nan")])
    return losses


def run(commands: list[list[str]]) -> None:
    """Run the first command with the fault and the others without."""
    command = typer.main.get_command(app)
    with join_processes() as group:
        for place, words in enumerate(commands):
            setattr(HardLabels, "loss_sum", whole if place else broken)  # noqa: B010 (mypy)
            code = command.main(args=words, standalone_mode=False)
            # In one write: two processes share the stream, and print writes the line's end apart.
            sys.stdout.write(f"command {place} process {group.rank} code {code or 0}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text()))
