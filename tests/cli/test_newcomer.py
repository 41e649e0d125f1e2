"""What a newcomer types: forgotten tasks, other cases, misspelt gates, files without labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.augmenters.augmenter import AUGMENTERS
from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.comparison.task_choice import TableColumns, choose_task
from kdprobe.config.probing import open_probing_tasks
from kdprobe.config.recipe import open_recipe
from kdprobe.distillers.objective import OBJECTIVES
from kdprobe.errors import CheckpointError, ConfigError
from kdprobe.extract.method import METHODS
from kdprobe.extract.probes.fits import check_probe
from kdprobe.models.hidden import check_poolings
from kdprobe.models.spec import parse_specs
from kdprobe.results.io import read_document
from kdprobe.tasks.open import open_task
from tests.cli.scene import gold, run, write_predictions, write_task
from tests.cli.test_compare import refused

FAST = ("--resamples", "100", "--quiet")
COMMANDS = (
    "compare", "finetune", "distill", "augment", "attribute", "report", "tasks", "list",
    "kappa-range", "doctor", "demo", "cache", "probes",
)  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Two predictions files of the toy task, whose data lie beside them."""
    write_task(tmp_path)
    teacher = write_predictions(tmp_path / "teacher.jsonl", gold(tmp_path), seed=1)
    return teacher, write_predictions(tmp_path / "student.jsonl", gold(tmp_path), seed=2, skill=0.7)


def unlabelled(path: Path, every: int = 1) -> Path:
    """Take the gold label away from each `every`-th row, and name the outputs by their labels."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        row["logit:bad"], row["logit:good"] = row.pop("logits")
        if number % every == 0:
            row["label"] = None
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def test_each_command_knows_h() -> None:
    """Guards the first thing that people type ending in an error."""
    for command in (*COMMANDS, ""):
        done = run(*filter(None, (command, "-h")))
        assert done.code == 0, command
        assert "Usage:" in done.out


def test_names_in_any_case_and_by_alias() -> None:
    """Guards an hour of search for a name whose only fault is its case or its dash."""
    assert open_task("CoLA").name == "cola"
    assert open_task("SST-2").name == "sst2"
    assert open_recipe("KD").name == "vanilla"
    assert open_recipe("TinyBERT").name == "tinybert"
    assert open_probing_tasks(("Bigram-Shift",))[0].name == "bigram_shift"
    assert check_poolings(("CLS", "mean")) == ("cls", "mean")
    assert check_probe("Logistic") == "logistic"
    request = AttributionRequest(methods=("IG", "grad×input", "SHAP"))
    assert request.methods == ("integrated_gradients", "gradient_x_input", "shap")
    assert ANALYSES.find("Task-Scores") == "task_scores"
    assert ANALYSES.find("losses") == "student_gaps"


def test_aliases_are_names_of_one_plugin() -> None:
    """Guards an alias that two plug-ins claim, or that hides another's name."""
    for plugins in (ANALYSES, METHODS, AUGMENTERS, OBJECTIVES):
        aliases = plugins.aliases()
        assert set(aliases.values()) <= set(plugins.names())
        assert not set(aliases) & set(plugins.names())
    assert METHODS.aliases()["ig"] == "integrated_gradients"


def test_two_files_without_a_task(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Guards `--task` asked of files that hold texts and labels themselves."""
    for path in files:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for row in rows:
            row["logit:bad"], row["logit:good"] = row.pop("logits")
        path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    done = run("compare", *files, "-o", tmp_path / "out", *FAST)
    assert done.code == 0, done.err
    document = read_document(tmp_path / "out")
    assert document.task.labels == ("bad", "good")
    score = document.find("task_scores", "accuracy", "student")
    assert score is not None
    assert score.n == 60
    assert any(notice.code == "task-from-predictions" for notice in document.warnings)


def test_production_traffic(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Guards a comparison refused, or scored, because nobody labelled what users typed."""
    for path in files:
        unlabelled(path)
    done = run("compare", *files, "-o", tmp_path / "out", "--fail-if", "accuracy<.5", *FAST)
    assert done.code == 4
    assert "accuracy was not measured (the split has no gold labels" in done.err
    assert "agrees with the teacher on" in done.out
    assert "no example has a gold label, so nothing is scored" in done.out
    document = read_document(tmp_path / "out")
    assert any(notice.code == "no-gold" for notice in document.warnings)
    kappa = document.find("agreement", "cohens_kappa", "teacher", "student")
    assert kappa is not None
    assert kappa.n == 60
    assert kappa.value is not None
    assert document.analysis("task_scores") is None
    assert {example.label for example in document.examples} == {None}


def test_some_rows_without_a_label(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Guards a missing label that counts as a class, or as a mistake of every model."""
    for path in files:
        unlabelled(path, every=3)
    done = run("compare", *files, "-o", tmp_path / "out", *FAST)
    assert done.code == 0, done.err
    document = read_document(tmp_path / "out")
    score = document.find("task_scores", "accuracy", "teacher")
    kappa = document.find("agreement", "cohens_kappa", "teacher", "student")
    assert score is not None
    assert kappa is not None
    assert (score.n, kappa.n) == (40, 60)
    assert sum(document.task.label_counts.values()) == 40
    (notice,) = [one for one in document.warnings if one.code == "missing-gold"]
    assert notice.message.startswith("20 of 60 examples have no gold label")
    assert sum(example.label is None for example in document.examples) == 20


def trained(folder: Path, task: str) -> str:
    folder.mkdir()
    (folder / "kdprobe.json").write_text(json.dumps({"task": task}), encoding="utf-8")
    return str(folder)


def test_the_task_of_the_checkpoints(tmp_path: Path) -> None:
    """Guards a task asked for that both checkpoints name, or taken where they name two."""
    cola, other = trained(tmp_path / "a", "cola"), trained(tmp_path / "b", "cola")
    chosen = choose_task(None, parse_specs([cola, other]), TableColumns())
    assert chosen.task_file.name == "cola"
    assert [notice.code for notice in chosen.notices] == ["task-from-record"]
    sst2, own = trained(tmp_path / "c", "sst2"), trained(tmp_path / "d", "my table")
    bare = tmp_path / "e"
    bare.mkdir()
    for models, words in (
        ([cola, sst2], r"trained for different tasks \(cola: a; sst2: c\)"),
        ([str(bare), str(bare.parent)], "no checkpoint says what it was trained for"),
        ([own, str(bare)], "trained for 'my table', a task of your own"),
    ):
        with pytest.raises(ConfigError, match=f"`task`: is missing, and .*{words}"):
            choose_task(None, parse_specs(models), TableColumns())
    with pytest.raises(CheckpointError, match="nowhere: no such folder"):
        choose_task(None, parse_specs([str(bare), str(tmp_path / "nowhere")]), TableColumns())


def test_what_is_wrong_is_told_before_anything_is_made(
    tmp_path: Path, files: tuple[Path, Path]
) -> None:
    """Guards an hour's run whose gate is misspelt, and a folder called report.html."""
    out = tmp_path / "out"
    common = ("compare", *files, "-t", tmp_path / "toy.toml", *FAST)
    refused(run(*common, "-o", out, "--fail-if", "kapa<0.9"), "'kapa'", "did you mean 'kappa'")
    refused(run(*common, "-o", out, "--fail-if", "stdent:kappa<0.9"), "'stdent'", "student")
    refused(run(*common, "-o", out, "--fail-if", "mcc<1", "--only", "agreement"), "not run")
    refused(run(*common, "-o", out / "report.html"), "named like a file", f"say -o {out}")
    refused(run("report", out / "report.html"), "is a page", "results.json")
    assert not out.exists()


def test_asked_for_and_not_possible(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Guards word scores and probes that were asked for and are silently not there."""
    done = run(
        "compare", *files, "-t", tmp_path / "toy.toml", "-o", tmp_path / "out", *FAST,
        "--methods", "ig", "--probe-tasks", "bigram_shift",
    )  # fmt: skip
    assert done.code == 3
    lines = [line for line in done.err.splitlines() if "asked for, not possible" in line]
    assert len(lines) == len(set(lines))
    assert any("attribution agreement, faithfulness" in line for line in lines)
    assert any("probing" in line for line in lines)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "asked for, not possible" in page


def test_json_has_losses_and_warnings(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Guards a program that reads numbers without the warning beside them, to sixteen digits."""
    done = run(
        "compare", *files, "-t", tmp_path / "toy.toml", "-o", tmp_path / "out", "--json", *FAST
    )
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert {"notices", "skipped", "students"} <= set(told)
    assert "lost" in told["students"]["student"]
    value = told["students"]["student"]["agreement"]["value"]
    assert value == float(f"{value:.6g}")
