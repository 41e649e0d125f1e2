"""A suite that is made in seconds: a teacher, two students and a control on made-up sentences."""

from __future__ import annotations

from pathlib import Path

from kdprobe.config.base import suites_folder
from kdprobe.config.suite import open_suite
from kdprobe.config.suite_scale import scaled
from kdprobe.suites_run.addresses import DataIndex
from kdprobe.suites_run.plan import SuitePlan
from kdprobe.suites_run.planning import plan_suite

DATA = suites_folder() / "papers" / "tiny" / "single.toml"
SUITE = """
name = "small-suite"
title = "Two students"
citation = "Nobody 2020"
tasks = ["words"]

[scales.paper]
values = { encoder = "bert-base-uncased" }
tasks.words = { task = "DATA" }

[scales.tiny]
title = "seconds"
differs = ["the data are made up"]
values = { encoder = "bert:L2,H32,I64,A2,V120" }
tasks.words = { task = "DATA", limit = 160, eval_limit = 40 }
finetune = { epochs = 6, learning_rate = 3e-3, bf16 = false }
distill = { epochs = 1, learning_rate = 3e-3, bf16 = false }
compare = { resamples = 100, only = ["task_scores", "agreement", "student_differences"] }

[[models]]
name = "teacher"
make = "finetune"
model = "${encoder}"

[[models]]
name = "one"
make = "distill"
teacher = "teacher"
student = "layers=1"

[[models]]
name = "two"
make = "distill"
teacher = "teacher"
student = "layers=1:last"
recipe = "limes-logits"

[[comparisons]]
name = "both"
teacher = "teacher"
students = ["one", "two"]

[[tables]]
name = "scores"
title = "Scores"
source = "Table 1"
columns = [
  { label = "Accuracy, %", metric = "accuracy", times = 100 },
  { label = "kappa", metric = "cohens_kappa" },
]
rows = [
  { label = "T", model = "teacher", published = [90.0, "-"] },
  { label = "1", model = "one", published = [80.0, 0.5] },
  { label = "=2", model = "two" },
  { label = "3", why = "never published" },
]
differences = ["kappa is of labels"]

[[claims]]
says = "One is nearer than two"
model = "one"
other = "two"
metric = "student_differences.agreement"

[[fronts]]
gain = "accuracy"

[[heatmaps]]
table = "scores"

[[not_made]]
what = "Figure 1"
why = "a drawing"
"""


def write_suite(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write the suite with some of its text changed."""
    text = SUITE.replace("DATA", str(DATA))
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "suite.toml"
    path.write_text(text, encoding="utf-8")
    return path


def plan_of(path: Path | str, scale: str = "tiny", **values: str) -> SuitePlan:
    """Plan a suite."""
    held = scaled(open_suite(path), scale, values=values, where=str(path))
    return plan_suite(held, data=DataIndex(data_dir=None, offline=True))
