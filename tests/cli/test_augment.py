"""`kdprobe augment`."""

import json
import re
from pathlib import Path

from tests.cli.scene import run, write_task
from tests.cli.test_compare import refused
from tests.distillers.conftest import make_toy


def test_a_transfer_set(tmp_path: Path) -> None:
    """Guards options that do not reach the method, and counts that are not shown."""
    task = write_task(tmp_path)
    done = run(
        "augment", task, "-o", tmp_path / "x.jsonl", "--n", 50, "--set", "mask=0.3",
        "--set", "mask_token=<mask>", "--seed", 3, "--offline",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == str(tmp_path / "x.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert len(rows) == 50
    assert any("<mask>" in row["text"] for row in rows)
    for part in ("texts drawn", "leaks: in dev", "kept"):
        assert part in done.out
    assert "parts of speech: the lexicon of textblob" in done.err
    plan = json.loads((tmp_path / "x.jsonl.json").read_text())["plan"]
    assert (plan["seed"], plan["options"]["mask"]) == (3, 0.3)
    quiet = run("augment", task, "-o", tmp_path / "y.tsv", "--n", 5, "--offline", "--quiet")
    assert quiet.out == f"{tmp_path / 'y.tsv'}\n"
    refused(run("augment", task, "-o", tmp_path / "z.csv"), "z.csv", "ends in '.csv'")


def test_it_helps_and_is_listed() -> None:
    """Guards a command nobody finds."""
    done = run("augment", "--help")
    assert "Example: kdprobe augment cola" in " ".join(done.out.split())
    listed = json.loads(run("list", "augmenters", "--json").out)
    assert set(listed) == {"language_model", "masked_lm", "rules"}
    assert "Tang et al. 2019" in listed["rules"]


def test_distill_takes_the_file(tmp_path: Path) -> None:
    """Guards an option that is accepted and not read, or a file that is opened and not learnt."""
    toy, more = make_toy(tmp_path), tmp_path / "more.tsv"
    words = ("distill", toy.teacher, "-t", toy.task, "--student", "layers=1", "--epochs", 1,
             "--set", "objectives.hard_labels.weight=0", "-o", tmp_path / "s", "--dry-run",
             "--device", "cpu", "--threads", 1, "--offline")  # fmt: skip
    refused(run(*words, "--transfer-set", more), "more.tsv", "cannot be read")
    more.write_text("text\n" + "".join(f"a dog {row}\n" for row in range(7)), encoding="utf-8")
    plans = {
        added: run(*words, *flags).out
        for added, flags in (
            ("none", ()), ("more", ("--transfer-set", more)),
            ("alone", ("--transfer-set", more, "--transfer-only")),
        )
    }  # fmt: skip
    learnt = {
        added: re.findall(r"trained on: (.*), no labels", plan) for added, plan in plans.items()
    }
    task = f"{tmp_path.name}/{Path(toy.task).name} (300)"
    assert learnt == {
        "none": [],
        "more": [f"train, 307 examples from {task} and more.tsv (7)"],
        "alone": ["transfer, 7 examples from more.tsv"],
    }
