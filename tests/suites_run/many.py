"""A suite of many students, to see how its time, memory and disk grow with their number."""

from __future__ import annotations

from pathlib import Path

from tests.suites_run.builders import DATA

_HEAD = """
name = "many"
title = "{count} students"
tasks = ["words"]

[scales.paper]
[scales.tiny]
differs = ["made up"]
tasks.words = {{ task = "{data}", limit = 160, eval_limit = 40 }}
finetune = {{ epochs = 6, learning_rate = 3e-3, bf16 = false }}
distill = {{ epochs = 1, learning_rate = 3e-3, bf16 = false }}
compare = {{ resamples = 100, only = ["task_scores", "agreement"] }}

[[models]]
name = "teacher"
make = "finetune"
model = "bert:L2,H32,I64,A2,V120"
"""
_STUDENT = """
[[models]]
name = "{name}"
make = "distill"
teacher = "teacher"
student = "layers=1"
seeds = [{place}]
"""
_COMPARISON = """
[[comparisons]]
name = "of-{name}"
teacher = "teacher"
students = ["{name}"]
"""
_TABLE = """
[[tables]]
name = "scores"
title = "Scores"
columns = [
  {{ label = "accuracy", metric = "accuracy" }},
  {{ label = "kappa", metric = "cohens_kappa" }},
]
rows = [
{rows}
]
"""


def write_many(folder: Path, count: int) -> Path:
    """Write a suite of `count` students that differ in the seed, each with its comparison."""
    names = [f"student-{place}" for place in range(count)]
    parts = [_HEAD.format(count=count, data=DATA)]
    parts += [_STUDENT.format(name=name, place=place) for place, name in enumerate(names)]
    parts += [_COMPARISON.format(name=name) for name in names]
    rows = "\n".join(
        f'  {{ label = "{name}", model = "{name}", comparison = "of-{name}", '
        "published = [0.9, 0.8] },"
        for name in names
    )
    parts.append(_TABLE.format(rows=rows))
    path = folder / f"many-{count}.toml"
    path.write_text("".join(parts), encoding="utf-8")
    return path
