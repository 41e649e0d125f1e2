"""Time and memory of inputs that ask for too much, in a process of their own.

Properties: the command ends with 2 within a minute, and takes less than 1.5 GB (torch and
transformers alone take half a gigabyte). Its address space is bounded too, so that a command that
forgot its bounds fails here and does not take the machine with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.broken.corpus import Words, World, copied, make_world

MOST_BYTES = 1_500_000_000
MOST_SECONDS = 60
_RUN = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
from kdprobe.cli.main import app
code = 0
try:
    app(json.loads(sys.argv[1]))
except SystemExit as left:
    code = left.code
unit = 1 if sys.platform == "darwin" else 1024
taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(json.dumps({"code": code, "bytes": taken}))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world that nothing has broken."""
    return make_world(tmp_path_factory.mktemp("whole"))


def student(world: World) -> Words:
    """A student of five billion weights."""
    return ["finetune", "bert:L900,H2048,A4", *world.distil[2:]]


def many_samples(world: World) -> Words:
    """A billion perturbations of every sentence."""
    return [*world.models, "--methods", "lime", "--method-set", "lime.samples=1000000000"]


def wide_config(world: World) -> Words:
    """A checkpoint whose config asks for two billion rows that the file does not hold."""
    place = world / "S" / "model.safetensors"
    held = {name: weight for name, weight in load_file(place).items() if "word_emb" not in name}
    save_file(held, place, metadata={"format": "pt"})
    world.edited("S/config.json", vocab_size=2_000_000_000)
    return world.models


def endless_results(world: World) -> Words:
    """A document that never ends."""
    return ["report", Path("/dev/zero")]


def wide_results(world: World) -> Words:
    """A document of a million brackets beside each other, closed, and of no version."""
    return ["report", world.text("wide.json", "[" + "[]," * 1_000_000 + "[]]")]


def large_index(world: World) -> Words:
    """An index of weights that are not there."""
    weights = {f"layer.{n}": f"piece-{n}.safetensors" for n in range(200_000)}
    (world / "S" / "model.safetensors").unlink()
    world.text("S/model.safetensors.index.json", json.dumps({"weight_map": weights}))
    return world.models


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX")
@pytest.mark.parametrize(
    "words", [student, many_samples, wide_config, endless_results, wide_results, large_index]
)
@pytest.mark.timeout(4 * MOST_SECONDS)
def test_bounds(words: object, whole: World, tmp_path: Path) -> None:
    """Guards a command that eats the memory or the day of whoever mistyped one number."""
    world = copied(whole, tmp_path / "world")
    command = json.dumps([str(word) for word in words(world)])  # type: ignore[operator]
    done = subprocess.run(
        [sys.executable, "-c", _RUN, command],
        capture_output=True, text=True, timeout=MOST_SECONDS * 3, cwd=world.root,
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["code"] == 2, done.stderr
    assert told["bytes"] < MOST_BYTES
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("Error: ")]) == 1
