"""`action.yml`: its shape, and its shell steps run by bash in a repository with a base branch.

GitHub's own part is stood in for: what `${{ … }}` gives is put into each step's environment, `pip`
and `gh` are scripts that note what they were called with.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
N = 60


def test_its_shape() -> None:
    """Guards a file that GitHub refuses, and an input that a shell would run as code."""
    assert ACTION.keys() == {"name", "description", "inputs", "outputs", "runs"}
    assert ACTION["runs"]["using"] == "composite"
    known = {f"inputs.{name}" for name in ACTION["inputs"]}
    for name, given in ACTION["inputs"].items():
        assert given.keys() <= {"description", "required", "default"}, name
        assert given["description"].endswith(".") or "true or false" in given["description"]
        assert given.get("required") is True or "default" in given, name
    used = set()
    for step in STEPS:
        assert (
            {"name", "shell", "run"} <= step.keys() <= {"name", "id", "if", "shell", "env", "run"}
        )
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in a script is code of whoever wrote it"
        for value in step.get("env", {}).values():
            used |= {e for e in EXPRESSION.findall(str(value)) if e.startswith("inputs.")}
    used |= set(re.findall(r"inputs\.[\w-]+", " ".join(str(step.get("if", "")) for step in STEPS)))
    assert used == known
    ids = {step["id"] for step in STEPS if "id" in step}
    for output in ACTION["outputs"].values():
        (place,) = EXPRESSION.findall(output["value"])
        assert place.split(".")[1] in ids
        assert f"{place.split('.')[-1]}=" in STEPS[2]["run"]


def git(folder: Path, *words: str) -> None:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, env=env)


def write_predictions(place: Path, *, right: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    gold = np.random.default_rng(0).integers(0, 2, N)
    rows = []
    for row, label in enumerate(gold):
        said = label if rng.random() < right else 1 - label
        sure = float(rng.uniform(0.6, 0.95))
        shares = [sure, 1 - sure] if said == 0 else [1 - sure, sure]
        rows.append({"text": f"text {row}", "probabilities": shares})
    place.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")


class World:
    """A clone on a branch, the scripts that stand in for GitHub's machine, and its variables."""

    def __init__(self, folder: Path, *, base_student: bool) -> None:
        origin, self.clone = folder / "origin", folder / "clone"
        self.temp, self.bin = folder / "temp", folder / "bin"
        for place in (origin, self.temp, self.bin):
            place.mkdir()
        git(origin, "init", "-q", "-b", "main")
        gold = np.random.default_rng(0).integers(0, 2, N)
        table = [f"text {row},{['bad', 'good'][label]}" for row, label in enumerate(gold)]
        (origin / "data.csv").write_text("\n".join(["text,label", *table]) + "\n")
        write_predictions(origin / "teacher.jsonl", right=0.95, seed=1)
        if base_student:
            write_predictions(origin / "student.jsonl", right=0.6, seed=2)
        git(origin, "add", ".")
        git(origin, "commit", "-q", "-m", "base")
        git(folder, "clone", "-q", str(origin), str(self.clone))
        git(self.clone, "checkout", "-q", "-b", "better")
        write_predictions(self.clone / "student.jsonl", right=0.9, seed=3)
        self.log, self.outputs = folder / "calls.txt", folder / "outputs.txt"
        self.page = folder / "page.md"
        self.outputs.touch()
        self.script("python", 'if [ "$2" = pip ]; then echo "pip $*" >> "$CALLS"; else exec '
                    f'"{sys.executable}" "$@"; fi')  # fmt: skip
        self.script("kdprobe", f'exec "{sys.executable}" -m kdprobe.cli.main "$@"')
        self.script("gh", 'echo "gh $* token=$GH_TOKEN" >> "$CALLS"; '
                    'while [ $# -gt 0 ]; do if [ "$1" = --body-file ]; then cp "$2" "$CALLS.body"; '
                    "fi; shift; done")  # fmt: skip

    def script(self, name: str, line: str) -> None:
        place = self.bin / name
        place.write_text(f"#!/bin/bash\n{line}\n", encoding="utf-8")
        place.chmod(place.stat().st_mode | stat.S_IXUSR)

    def run(self, **inputs: str) -> list[int]:
        """Run every step whose condition holds, as GitHub does; the exit code of each."""
        given = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        known: dict[str, str] = {f"inputs.{name}": value for name, value in given.items()}
        known |= {
            "github.base_ref": "main", "github.event_name": "pull_request", "github.token": "t0k",
            "github.repository": "owner/repo", "github.event.pull_request.number": "7",
            "runner.temp": str(self.temp),
        }  # fmt: skip
        codes = []
        for step in STEPS:
            for line in self.outputs.read_text().splitlines():
                key, _, value = line.partition("=")
                known[f"steps.compare.outputs.{key}"] = value
            if not holds(step.get("if", ""), known):
                continue
            codes.append(self.step(step, known))
            if codes[-1]:
                break
        return codes

    def step(self, step: Mapping[str, Any], known: Mapping[str, str]) -> int:
        def filled(text: str) -> str:
            value = EXPRESSION.sub(lambda match: known[match[1]], text)
            return EXPRESSION.sub(lambda match: known[match[1]], value)

        env = {name: filled(str(value)) for name, value in step.get("env", {}).items()}
        env |= {
            "PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(self.temp),
            "CALLS": str(self.log), "GITHUB_OUTPUT": str(self.outputs), "COLUMNS": "160",
            "GITHUB_STEP_SUMMARY": str(self.page), "PYTHONPATH": str(ROOT),
            "KDPROBE_CACHE": str(self.temp / "cache"), "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.clone, env=env, capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        self.err = done.stdout + done.stderr
        return done.returncode


def holds(condition: str, known: Mapping[str, str]) -> bool:
    """Evaluate the two kinds of conditions that the action has."""
    for part in filter(None, condition.split(" && ")):
        left, sign, right = part.split()
        value = known[left]
        if (value == right.strip("'")) != (sign == "=="):
            return False
    return True


@pytest.mark.slow
def test_its_steps_compare_with_the_base_branch_and_comment(tmp_path: Path) -> None:
    """Guards a step that a shell cannot run, gates that do not fail, and a comment without both."""
    world = World(tmp_path, base_student=True)
    more = {"args": "--resamples 200 --only task_scores,agreement"}
    named = {"teacher": "teacher.jsonl", "student": "student.jsonl", "task": "data.csv", **more}
    codes = world.run(**named, fail_if="kappa<0.2\n", fail_if_change="accuracy_high<0\n")
    assert codes == [0, 0, 0, 0, 0], world.err
    calls = world.log.read_text()
    assert "pip -m pip install --quiet kdprobe" in calls
    assert "gh pr comment 7 --repo owner/repo --edit-last --create-if-none" in calls
    assert "token=t0k" in calls
    body = Path(f"{world.log}.body").read_text()
    assert "# table: teacher and student" in body or "teacher and student" in body
    assert "better" in body
    assert "| Accuracy | student |" in body
    page = world.page.read_text()
    assert page.count("of the examples") >= 1
    assert "| Accuracy | student |" in page
    report = dict(line.split("=", 1) for line in world.outputs.read_text().splitlines())
    assert (world.clone / report["report"]).is_file()
    assert report["code"] == "0"
    world.outputs.write_text("")
    codes = world.run(**named, fail_if_change="accuracy>0.1\nmcc<-1")
    assert codes == [0, 0, 0, 0, 4], world.err
    world.outputs.write_text("")
    codes = world.run(**{**named, "task": "nothing.csv"})
    assert codes == [0, 0, 2]
    assert "Error: nothing.csv" in world.err


@pytest.mark.slow
def test_without_a_student_in_the_base_branch_it_says_so(tmp_path: Path) -> None:
    """Guards the first pull request that adds a student."""
    world = World(tmp_path, base_student=False)
    codes = world.run(
        teacher="teacher.jsonl", student="student.jsonl", task="data.csv", comment="false",
        args="--resamples 200 --only task_scores", fail_if="accuracy<0.99",
    )  # fmt: skip
    assert codes == [0, 0, 0, 4], world.err
    assert not world.log.read_text().count("gh ")
    report = dict(line.split("=", 1) for line in world.outputs.read_text().splitlines())
    text = (world.clone / report["comment"]).read_text()
    assert "The base branch has no student.jsonl to compare with." in text
