"""`kdprobe report`, `list`, `tasks`, `kappa-range`, `cache`, `doctor`, `--config`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.cli.demo import check_learnt
from kdprobe.distillers.objective import OBJECTIVES
from kdprobe.errors import ConfigError, TrainingError
from tests.cli.scene import gold, run, write_predictions, write_task
from tests.cli.test_compare import FAST, refused

COMMANDS = ("compare", "demo", "distill", "doctor", "finetune", "kappa-range", "list", "report",
            "tasks", "cache info", "cache clear")  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(command: str) -> None:
    """A help text without an example sends people to the source."""
    done = run(*command.split(), "--help")
    assert done.code == 0
    assert f"Example: kdprobe {command.split()[0]}" in " ".join(done.out.split())


@pytest.mark.parametrize("group", ["", "cache", "suite", "probes"])
def test_summaries_are_whole_in_a_terminal_of_80_columns(
    group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence that ends in dots tells half of what a command is for."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = run(*group.split(), "--help").out
    summaries = shown.partition("Commands:")[2]
    assert summaries
    assert "..." not in summaries
    assert "…" not in summaries
    lines = summaries.strip().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1].endswith(".")


def test_training_commands_share_their_options() -> None:
    """An option that exists for `finetune` only is typed for `distill` and refused."""
    for command in ("finetune", "distill"):
        shown = run(command, "--help").out
        for option in ("--lr", "--learning-rate", "--epochs", "--batch-size", "--best-by"):
            assert option in shown, (command, option)


def test_report_renders_again_without_torch(tmp_path: Path) -> None:
    """A report that needs the models again cannot be archived."""
    task = write_task(tmp_path)
    model = write_predictions(tmp_path / "t.jsonl", gold(tmp_path), seed=1)
    assert run("compare", model, f"s={model}", "-t", task, "-o", tmp_path / "o", *FAST).code == 0
    code = (
        "import sys; from kdprobe.cli.main import app; "
        f"app(['report', {str(tmp_path / 'o')!r}, '-o', {str(tmp_path / 'again.html')!r}, "
        f"'--figures', {str(tmp_path / 'figures')!r}], standalone_mode=False); "
        "sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first = (tmp_path / "o" / "report.html").read_bytes()
    assert (tmp_path / "again.html").read_bytes() == first
    assert list((tmp_path / "figures").glob("*.svg"))
    refused(run("report", tmp_path / "nothing"), "nothing", "cannot be read")


def test_lists() -> None:
    """A list that imports plug-ins is slow; one that misses a kind hides it."""
    for kind in ("objectives", "recipes", "analyses", "students"):
        done = run("list", kind, "--json")
        assert done.code == 0
        summaries = json.loads(done.out).values()
        assert all(summaries), kind
        assert "from another package" not in summaries  # nothing else is installed
    assert list(json.loads(run("list", "analyses", "--json").out)) == list(ANALYSES.names())
    assert list(json.loads(run("list", "objectives", "--json").out)) == list(OBJECTIVES.names())
    assert "vanilla" in json.loads(run("list", "recipes", "--json").out)
    assert "soft_targets" in run("list", "objectives").out
    assert "gold" in json.loads(run("list", "probes", "--json").out)
    refused(run("list", "analysis"), "did you mean 'analyses'")


def test_tasks(tmp_path: Path) -> None:
    """Where the files were found is the first thing a person with a wrong number asks."""
    task = write_task(tmp_path)
    done = run("tasks", task)
    assert done.code == 0
    assert "dev: 60 examples from" in done.out
    assert "dev.tsv" in done.out
    assert "good" in done.out
    everything = run("tasks")
    assert everything.code == 0
    assert "cola" in everything.out
    assert "grammar" in everything.out
    refused(run("tasks", "colla"), "did you mean 'cola'")


def test_kappa_range() -> None:
    """The published example: 1,043 sentences, 721/322, accuracies .8274 and .8207."""
    words = ("kappa-range", "--accuracy", ".8274", ".8207", "--labels", "721", "322")
    done = run(*words, "--kappa", "-.0003", "--json")
    assert done.code == 0
    found = json.loads(done.out)
    assert found["low"] == pytest.approx(-0.2135, abs=5e-5)
    assert found["high"] == pytest.approx(0.9866, abs=5e-5)
    assert "-0.2135 to 0.9866" in run(*words).out
    refused(run("kappa-range", "--accuracy", "82", ".8", "--labels", "7", "3"), "--accuracy", "82")


def test_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clearing without being asked to would cost hours of forward passes."""
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    assert run("cache", "info").code == 0
    refused(run("cache", "clear"), "nobody is there to be asked", "--yes")
    assert "Deleted 0 entries" in run("cache", "clear", "--yes").out


def test_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package must be named with the command that brings it."""
    done = run("doctor")
    assert done.code == 0
    assert "Everything needed is there." in done.out
    monkeypatch.setattr("kdprobe.cli.doctor._PACKAGES", ("surely-not-installed",))
    missing = run("doctor")
    assert missing.code == 2
    assert "Missing: surely-not-installed" in missing.err


def test_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag before environment before file before default; a typo in the file is told."""
    config = tmp_path / "kdprobe.toml"
    config.write_text("[kappa-range]\naccuracy = [0.9, 0.8]\nlabels = [50, 50]\njson = true\n")
    done = run("--config", config, "kappa-range")
    assert json.loads(done.out)["errors_a"] == 10
    typed = run("--config", config, "kappa-range", "--accuracy", "0.7", "0.8")
    assert json.loads(typed.out)["errors_a"] == 30
    config.write_text("[kappa-range]\nacuracy = [0.9, 0.8]\n")
    refused(run("--config", config, "kappa-range"), "did you mean 'accuracy'")
    config.write_text("[compar]\nseed = 1\n")
    refused(run("--config", config, "kappa-range"), "did you mean 'compare'")
    config.write_text("compare = 1\n")
    refused(run("--config", config, "kappa-range"), "[compare]")
    config.write_text("x")
    refused(run("--config", config, "kappa-range"), "is not TOML")
    refused(run("--config", tmp_path / "none.toml", "kappa-range"), "cannot be read")


def test_version_and_module() -> None:
    """`python -m kdprobe` and `kdprobe` are the same program."""
    done = subprocess.run(
        [sys.executable, "-m", "kdprobe", "--version"], capture_output=True, text=True
    )
    assert done.stdout == run("--version").out
    assert done.stdout.startswith("kdprobe 0.")


def test_the_demo_fails_when_its_teacher_did_not_learn() -> None:
    """A demo of a teacher at chance would show a report full of noise as a success."""
    check_learnt(0.61)
    with pytest.raises(
        TrainingError, match=r"the teacher reached a dev MCC of 0\.60, expected more"
    ):
        check_learnt(0.6)
    with pytest.raises(TrainingError, match="no defined dev MCC"):
        check_learnt(None)


def test_words_of_options() -> None:
    """A word without `=` must not vanish."""
    from kdprobe.cli.words import label_map, pairs

    assert label_map(None) is None
    assert label_map("positional") is not None
    with pytest.raises(ConfigError, match=r"--set: 'a', expected KEY=VALUE"):
        pairs("--set", ["a"])
    with pytest.raises(ConfigError, match="'a' is given twice"):
        pairs("--set", ["a=1", "a=2"])
