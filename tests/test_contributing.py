"""The worked examples of CONTRIBUTING.md, as somebody would add them."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import kdprobe
from kdprobe.analysis.protocol import ANALYSES
from kdprobe.collectors.protocol import COLLECTORS
from kdprobe.config.recipe import open_recipe
from kdprobe.distillers.objective import LOGITS, OBJECTIVES, Batch, View
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from tests.cli.scene import gold, write_predictions, write_task

DOCUMENT = Path(__file__).parents[1] / "CONTRIBUTING.md"
POINTS = {
    "kdprobe.analyses": ("both_wrong=both_wrong:ANALYSIS",
                         "length_of_disagreement=text_lengths:ANALYSIS"),
    "kdprobe.collectors": ("text_lengths=text_lengths:COLLECTOR",),
    "kdprobe.objectives": ("logit_mae=logit_mae:OBJECTIVE",),
}  # fmt: skip


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the document, installed as another package's plug-ins."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    text = DOCUMENT.read_text(encoding="utf-8")
    for body in re.findall(r"```(?:python|toml)\n(# [\w.]+.*?)```", text, re.DOTALL):
        name = body.split("\n")[0].removeprefix("# ").split(":")[0]
        (folder / name).write_text(body, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    real = importlib.metadata.entry_points

    def entry_points(*, group: str) -> list[importlib.metadata.EntryPoint]:
        ours = (point.split("=") for point in POINTS.get(group, ()))
        added = [importlib.metadata.EntryPoint(name, place, group) for name, place in ours]
        return [*real(group=group), *added]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    for name in ("both_wrong", "text_lengths", "logit_mae"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


def test_analyses_and_collectors(examples: Path, tmp_path: Path) -> None:
    """A recipe that worked two versions ago costs a newcomer a day."""
    assert {"both_wrong", "length_of_disagreement"} <= set(ANALYSES.names())
    assert "text_lengths" in COLLECTORS.names()
    task, rows = write_task(tmp_path), gold(tmp_path)
    files = [str(write_predictions(tmp_path / f"{name}.jsonl", rows, seed=seed, skill=0.6))
             for seed, name in enumerate("ts", 1)]  # fmt: skip
    result = kdprobe.compare(
        files[0], files[1], task=str(task), only=["both_wrong", "length_of_disagreement"],
        resamples=100, output=tmp_path / "out",
    )  # fmt: skip
    document = result.document
    both = document.find("both_wrong", "both_wrong", "t", "s")
    apart = document.find("length_of_disagreement", "words_apart", "t", "s")
    assert both is not None
    assert both.value is not None
    scores = kdprobe.compare(files[0], files[1], task=str(task), resamples=100).document
    wrong = scores.find("overlap", "both_wrong", "t", "s")
    assert 0 < both.value < 1
    if wrong is not None:
        assert wrong.value == pytest.approx(both.value)
    assert apart is not None
    assert apart.value == 0.0  # every text of that task has seven words
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Mistakes that were passed on, or made alike." in page


def test_an_objective_and_its_recipe(examples: Path) -> None:
    """An example whose names are those of an older protocol."""
    objective = OBJECTIVES.load("logit_mae")
    student = View({LOGITS: torch.tensor([[1.0, 0.0]], requires_grad=True)})
    teacher = View({LOGITS: torch.tensor([[3.0, 1.0]])})
    batch = Batch(mask=torch.ones(1, 3, dtype=torch.bool))
    loss = objective.loss_sum(student, teacher, batch, objective.options())
    assert loss.tolist() == [1.5]  # (2 + 1) / 2
    assert objective.loss_count(batch, objective.options()).tolist() == [1.0]
    recipe = open_recipe(examples / "absolute.toml")
    assert [term.name for term in recipe.all_objectives] == ["logit_mae"]


def test_a_task(examples: Path) -> None:
    """A task file whose keys were renamed."""
    (examples / "dev.tsv").write_text("body\tclass\nit burns\turgent\nhello\tlater\n")
    split = load_split(open_task(str(examples / "tickets.toml")), "dev", data_dir=examples)
    assert split.texts == ("it burns", "hello")
    assert np.asarray(split.labels).tolist() == [1, 0]
