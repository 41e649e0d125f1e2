"""Training where some examples have no gold label: they are left out and counted, or not needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kdprobe.distillation import distill
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import TaskError
from kdprobe.finetuning import finetune
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from tests.distillers.conftest import Toy, make_toy

OPTIONS: dict[str, Any] = {"epochs": 1, "device": "cpu", "bf16": False, "threads": 1}
OPTIONS |= {"offline": True}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("toy"))


def with_holes(task: str, folder: Path, *, written: str = "", drop: bool = False) -> str:
    """Copy a task; every fourth row of each split has no label, or does not stand there."""
    folder.mkdir()
    toml = Path(task)
    text = toml.read_text(encoding="utf-8")
    (folder / toml.name).write_text(text, encoding="utf-8")
    for path in toml.parent.glob("*.tsv"):
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        label = head.split("\t").index("label")
        kept = [head]
        for number, row in enumerate(rows):
            cells = row.split("\t")
            if number % 4 == 0:
                cells[label] = written
            if number % 4 or not drop:
                kept.append("\t".join(cells))
        (folder / path.name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    return str(folder / toml.name)


def facts(result: TrainingResult) -> dict[str, str]:
    assert result.preflight is not None
    return dict(result.preflight.facts)


def test_finetune_learns_from_what_has_a_label(toy: Toy, tmp_path: Path):
    """A missing label learnt as the last class (index -1) is a wrong label for every such row."""
    holes = with_holes(toy.task, tmp_path / "holes", written="-")
    dropped = with_holes(toy.task, tmp_path / "dropped", drop=True)
    first, second = (
        finetune("bert:L1,H16,A2,V150", task=task, output=tmp_path / name, **OPTIONS)
        for task, name in ((holes, "a"), (dropped, "b"))
    )
    assert first.scores == second.scores
    assert [row.get("loss") for row in first.history] == [row.get("loss") for row in second.history]
    n = len(load_split(open_task(holes), "train"))
    told = f"{n // 4} of {n} examples have no gold label (written '-')"
    assert f"({told}: left out)" in facts(first)["trained on"]
    assert f"{told}: not learnt from" in (first.preflight.notes if first.preflight else ())
    assert "no gold label (written '-'): left out)" in facts(first)["scored on"]


def test_distill_leaves_out_only_where_gold_is_read(toy: Toy, tmp_path: Path):
    """Soft targets need no gold: throwing away a quarter of the texts would be a loss unsaid."""
    holes = with_holes(toy.task, tmp_path / "holes")
    n = len(load_split(open_task(holes), "train"))
    notes, steps = {}, {}
    for name, weight in (("both", "1"), ("soft", "0")):
        result = distill(
            toy.teacher, task=holes, output=tmp_path / name, student="layers=1", dry_run=True,
            settings={"hard_labels.weight": weight, "training.batch_size": "1"}, **OPTIONS,
        )  # fmt: skip
        assert result.preflight is not None
        notes[name] = result.preflight.notes
        steps[name] = int(facts(result)["steps"].split()[0].replace(",", ""))
    told = f"{n // 4} of {n} examples have no gold label (written as an empty field)"
    assert f"{told}: not learnt from" in notes["both"]
    assert not any("gold label" in note for note in notes["soft"])
    assert (steps["both"], steps["soft"]) == (n - n // 4, n)


def test_a_table_without_labels_is_no_training(toy: Toy, tmp_path: Path):
    """A training on nothing would end in a traceback, or in a model of nothing."""
    path = tmp_path / "rows.tsv"
    path.write_text("text\n" + "".join(f"row {number}\n" for number in range(40)))
    with pytest.raises(TaskError, match="`task=rows`: it shows no labels, expected two classes or"):
        finetune("bert:L1,H16,A2,V150", task=str(path), output=tmp_path / "a", **OPTIONS)
    with pytest.raises(TaskError, match="rows dev: has no gold labels, expected a split with"):
        finetune(
            "bert:L1,H16,A2,V150", task=str(path), output=tmp_path / "a", labels=("a", "b"),
            **OPTIONS,
        )  # fmt: skip
    assert not (tmp_path / "a").exists()
