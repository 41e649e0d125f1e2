"""Inputs that cannot be used, as a table: kind, what is given, what the message must hold.

Does: say what a case is, and make the small world in which every case runs. Does not: run them;
`test_corpus.py` does. The cases of each kind stand in a file of their own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.cli.scene import checkpoint, gold, run, write_predictions, write_task

Words = list[object]


@dataclass(frozen=True)
class World:
    """A folder with everything a command needs, all of it whole: a case breaks one thing.

    `toy.toml` is a task, `T` and `S` are checkpoints of it, `t.jsonl` and `s.jsonl` predictions,
    `results` is what a comparison wrote.
    """

    root: Path

    def __truediv__(self, name: str) -> Path:
        return self.root / name

    @property
    def models(self) -> Words:
        """Compare the two checkpoints: a few examples, one cheap analysis."""
        return ["compare", self / "T", self / "S", *self.rest]

    @property
    def files(self) -> Words:
        """Compare the two predictions files."""
        return ["compare", self / "t.jsonl", self / "s.jsonl", *self.rest]

    @property
    def rest(self) -> Words:
        """What both have behind the models."""
        return [
            "-t", self / "toy.toml", "-o", self / "out", "-q", "--only", "agreement",
            "--resamples", 100,
        ]  # fmt: skip

    @property
    def distil(self) -> Words:
        """Check a distillation and train nothing."""
        return [
            "distill",
            self / "T",
            "-t",
            self / "toy.toml",
            "-o",
            self / "out",
            "-q",
            "--dry-run",
        ]

    def text(self, name: str, text: str, *, encoding: str = "utf-8") -> Path:
        """Write a file, folders made, and give its path."""
        place = self / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode(encoding, "surrogatepass"))
        return place

    def edited(self, name: str, **changes: Any) -> Path:
        """Change fields of a JSON file; `...` removes one."""
        data = json.loads((self / name).read_text(encoding="utf-8"))
        for key, value in changes.items():
            if value is ...:
                data.pop(key, None)
            else:
                data[key] = value
        return self.text(name, json.dumps(data))

    def weights(self, change: Callable[[dict[str, Tensor]], Mapping[str, Tensor]]) -> None:
        """Change the weights of `S`."""
        place = self / "S" / "model.safetensors"
        save_file(dict(change(load_file(place))), place, metadata={"format": "pt"})


@dataclass(frozen=True)
class Case:
    """One input.

    Args:
        kind: what is broken: checkpoint, options, results, table or toml.
        name: what is wrong with it.
        words: breaks the world and gives the command.
        expected: what the message (of code 0 and 3: all that is printed) must hold.
        code: the exit code.
        environment: variables that are set.
        writes: whether the command leaves something, as one that ends well does.
    """

    kind: str
    name: str
    words: Callable[[World], Words]
    expected: tuple[str, ...] = ()
    code: int = 2
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """For pytest."""
        return f"{self.kind}: {self.name}"


def make_world(root: Path) -> World:
    """Make everything; a second that all cases share."""
    task = write_task(root)
    rows = gold(root)
    write_predictions(root / "t.jsonl", rows, seed=1)
    write_predictions(root / "s.jsonl", rows, seed=2)
    checkpoint(root / "T")
    checkpoint(root / "S", seed=1)
    done = run(
        "compare", root / "t.jsonl", root / "s.jsonl", "-t", task, "-o", root / "results", "-q",
        "--only", "agreement,task_scores", "--resamples", 100,
    )  # fmt: skip
    assert done.code == 0, done.err
    return World(root)


def copied(world: World, root: Path) -> World:
    """Give a case its own world."""
    shutil.copytree(world.root, root, dirs_exist_ok=True)
    return World(root)
