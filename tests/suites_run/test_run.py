"""A suite from empty to its page: interrupted, resumed, changed, failing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kdprobe.cli.main import app
from kdprobe.errors import ConfigError, OutputError
from kdprobe.leftovers import alone_in, locks
from kdprobe.progress import ProgressStage, Silent
from kdprobe.results.suite import read_suite
from kdprobe.suites_run.result import SuiteRun
from kdprobe.suites_run.run import run_suite, suite_status
from kdprobe.suites_run.store import ResultStore
from tests.suites_run.builders import write_suite

CPU: dict[str, Any] = {"device": "cpu", "offline": True}


class Scene:
    """A suite that was made without an interruption."""

    def __init__(self, folder: Path) -> None:
        self.file = write_suite(folder)
        self.folder = folder / "out"
        self.result = run_suite(self.file, output=self.folder, **CPU)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Made once: a dozen seconds."""
    return Scene(tmp_path_factory.mktemp("suite"))


def content(folder: Path) -> dict[str, Any]:
    """What `suite.json` says, timings aside."""
    held: dict[str, Any] = json.loads((folder / "suite.json").read_text(encoding="utf-8"))
    held.pop("timings")
    return held


def test_from_empty_to_page(scene: Scene) -> None:
    """A suite that ends without its files has made nothing."""
    assert {"suite.html", "suite.csv", "suite.json", "pages"} <= {
        path.name for path in scene.folder.iterdir()
    }
    assert scene.result.failed == ()
    assert set(scene.result.made) == {"words/teacher", "words/one", "words/two", "words/both"}
    document = read_suite(scene.folder)
    assert document == scene.result.document
    [page] = document.pages
    assert (scene.folder / page.page).is_file()
    [grid] = document.grids
    assert grid.lines[0].cells[0].value is not None
    assert grid.lines[0].cells[0].value > 60
    assert scene.result.get("task_scores.accuracy", "one").value == grid.lines[1].cells[0].value


def test_the_page(scene: Scene) -> None:
    """Numbers before what differs from the paper would be read as the paper's."""
    page = (scene.folder / "suite.html").read_text(encoding="utf-8")
    differs, tables = page.index("the data are made up"), page.index("paper 80")
    assert page.index('id="scale"') < differs < page.index('id="tables"') < tables
    assert 'href="pages/words-both.html"' in page
    assert "never published" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_the_page_is_rendered_again(scene: Scene, tmp_path: Path) -> None:
    """A page of an older version could be renewed by running the suite alone."""
    page = (scene.folder / "suite.html").read_bytes()
    for named in (scene.folder, scene.folder / "suite.json"):
        words = ["report", str(named), "-o", str(tmp_path / "again.html"), "--figures",
                 str(tmp_path / "figures")]  # fmt: skip
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        renewed = (tmp_path / "again.html").read_text(encoding="utf-8")
        assert 'href="pages/' not in renewed
        assert "<code>pages/words-both.html</code>" in renewed
    assert {file.name for file in (tmp_path / "figures").iterdir()} == {
        "front-both-words.svg", "heat-scores.svg"
    }  # fmt: skip
    done = CliRunner().invoke(app, ["report", str(scene.folder), "--summary", str(tmp_path / "s")])
    assert done.exit_code == 2
    cards = ["report", str(scene.folder), "-o", str(tmp_path / "card.html"), "--card", "model"]
    assert CliRunner().invoke(app, cards).exit_code == 2
    assert not (tmp_path / "card.html").exists()  # nothing half
    (scene.folder / "suite.html").write_text("old", encoding="utf-8")
    assert CliRunner().invoke(app, ["report", str(scene.folder)]).exit_code == 0
    assert (scene.folder / "suite.html").read_bytes() == page


def test_the_spreadsheet(scene: Scene) -> None:
    """A label that begins with = would be calculated."""
    lines = (scene.folder / "suite.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 4 * 2
    assert "scores,'=2," in lines[5]
    assert lines[1].startswith('scores,T,"Accuracy, %",both,words,teacher,,task_scores.accuracy,')


def test_nothing_is_made_twice(scene: Scene) -> None:
    """A second look would cost another hour."""
    before = content(scene.folder)
    again = run_suite(scene.file, output=scene.folder, resume=True, **CPU)
    assert again.made == ()
    assert content(scene.folder) == before


def test_a_folder_in_use_is_refused(scene: Scene, tmp_path: Path) -> None:
    """Another suite's results would be written over."""
    with pytest.raises(OutputError, match="holds a suite"):
        run_suite(scene.file, output=scene.folder, **CPU)
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="is not empty"):
        run_suite(scene.file, output=tmp_path, **CPU)


def test_status(scene: Scene, tmp_path: Path) -> None:
    """Every step would seem to wait."""
    title, rows = suite_status(scene.folder)
    assert title == "small-suite at scale tiny"
    assert {row.state for row in rows} == {"there"}
    assert all(row.seconds for row in rows)
    with pytest.raises(OutputError, match="holds no suite"):
        suite_status(tmp_path)
    for text in ("[]", "{}", '{"steps": [1], "suite": "a", "scale": "b"}', '{"steps": [{}]}', "{"):
        (tmp_path / "plan.json").write_text(text)
        with pytest.raises(OutputError, match=r"plan\.json"):
            suite_status(tmp_path)


def test_a_step_that_runs_again_has_not_failed(scene: Scene, tmp_path: Path) -> None:
    """A step that is made anew after a failure would be called failed all the while."""
    folder = tmp_path / "out"
    shutil.copytree(scene.folder, folder)
    store = ResultStore(folder)
    step = next(one for one in read_suite(folder).steps if one.name == "words/one")
    (store.folder(step.address) / "step.json").unlink()
    store.write_failure(step.address, "no space is left", "")

    def state() -> str:
        return {row.name: row.state for row in suite_status(folder)[1]}["words/one"]

    assert state() == "no space is left"
    with alone_in(store.folder(step.address)):
        assert state() == ("running" if locks is not None else "no space is left")


def test_dry_run(scene: Scene, tmp_path: Path) -> None:
    """A plan that writes would be taken for a run."""
    plan = run_suite(scene.file, output=tmp_path / "new", dry_run=True, **CPU)
    assert not (tmp_path / "new").exists()
    assert [row.state for row in plan.planned] == ["to make"] * 4
    assert all(row.seconds and row.memory for row in plan.planned)
    there = run_suite(scene.file, output=scene.folder, dry_run=True, **CPU)
    assert {row.state for row in there.planned} == {"there"}


def test_a_changed_line_remakes_what_hangs_on_it(scene: Scene, tmp_path: Path) -> None:
    """Everything would be made again, or nothing."""
    import shutil

    folder = tmp_path / "out"
    shutil.copytree(scene.folder, folder)
    changed = write_suite(tmp_path, ('recipe = "limes-logits"', 'recipe = "hard-distillation"'))
    result = run_suite(changed, output=folder, resume=True, **CPU)
    assert set(result.made) == {"words/two", "words/both"}
    assert content(folder) != content(scene.folder)
    back = run_suite(scene.file, output=folder, resume=True, **CPU)
    assert back.made == ()
    assert content(folder) == content(scene.folder)


class Stopping:
    """A display that stops the run, as Ctrl-C does, at a stage whose title holds a word."""

    def __init__(self, word: str) -> None:
        self.word = word

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[ProgressStage]:
        if self.word in title:
            raise KeyboardInterrupt
        yield self

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        """Go on."""

    def say(self, message: str) -> None:
        if self.word in message:
            raise KeyboardInterrupt


def test_interrupted_twice(scene: Scene, tmp_path: Path) -> None:
    """A suite that was interrupted would give other numbers than one that was not."""
    folder = tmp_path / "out"
    for word in ("words/two", "words/both"):
        with pytest.raises(KeyboardInterrupt):
            run_suite(scene.file, output=folder, resume=True, progress=Stopping(word), **CPU)
    result: SuiteRun = run_suite(scene.file, output=folder, resume=True, **CPU)
    assert result.made == ("words/both",)
    assert content(folder) == content(scene.folder)


def states_of(folder: Path) -> dict[str, str]:
    """Return how far each step is, once no process works on one any more."""
    for _ in range(200):
        states = {row.name: row.state for row in suite_status(folder)[1]}
        if "running" not in states.values():
            break
        time.sleep(0.05)
    return states


def killed_when(file: Path, folder: Path, states: dict[str, str]) -> None:
    """Run the command in a process of its own, and kill it as soon as steps are at least so far.

    A step may be done between two looks of a busy machine.
    """
    order = ("running", "there")
    words = ["suite", "run", str(file), "-o", str(folder), "--resume", "-q", "--device", "cpu",
             "--offline", "--jobs", "2"]  # fmt: skip
    with subprocess.Popen([sys.executable, "-m", "kdprobe", *words]) as process:
        try:
            for _ in range(6000):
                if (folder / "plan.json").is_file():
                    now = {row.name: row.state for row in suite_status(folder)[1]}
                    if all(
                        now[name] in order[order.index(least) :] for name, least in states.items()
                    ):
                        break
                assert process.poll() is None, "it ended before it was killed"
                time.sleep(0.05)
            else:
                pytest.fail(f"steps never came to {states}")
        finally:
            process.kill()


@pytest.mark.timeout(900)
def test_killed_twice(scene: Scene, tmp_path: Path) -> None:
    """Half a result would be taken for a whole one, or a worker would write on beside the next."""
    folder = tmp_path / "out"
    killed_when(scene.file, folder, {"words/teacher": "running"})
    begun = ("to go on with", "there")  # a step may be done between the look and the kill
    states = states_of(folder)
    assert states["words/teacher"] in begun
    assert states["words/both"] == "to make"
    there = list(states.values()).count("there")
    done = CliRunner().invoke(app, ["suite", "status", str(folder)])
    assert done.exit_code == 0
    assert f"{there} of 4 steps are there" in done.output
    killed_when(scene.file, folder, {"words/teacher": "there", "words/one": "running"})
    assert states_of(folder)["words/one"] in begun
    result = run_suite(scene.file, output=folder, resume=True, **CPU)
    assert result.failed == ()
    assert "words/both" in result.made
    assert content(folder) == content(scene.folder)


def test_a_step_that_fails(scene: Scene, tmp_path: Path) -> None:
    """One student that cannot be made would hide the others, or go unseen by a script."""
    import shutil

    folder = tmp_path / "out"
    shutil.copytree(scene.folder, folder)
    text = scene.file.read_text().replace('student = "layers=1:last"', 'student = "layers=9"')
    text += (
        '\n[[comparisons]]\nname = "first"\nteacher = "teacher"\nstudents = ["one"]\n'
        '[[tables]]\nname = "of-first"\ntitle = "F"\ncomparison = "first"\nmetric = "accuracy"\n'
        'columns = [{ label = "a" }]\nrows = [{ label = "1", model = "one" }]\n'
    )
    (tmp_path / "suite.toml").write_text(text)
    done = CliRunner().invoke(
        app,
        ["suite", "run", str(tmp_path / "suite.toml"), "-o", str(folder), "--resume", "-q",
         "--device", "cpu", "--offline"],
    )  # fmt: skip
    assert done.exit_code == 3
    document = read_suite(folder)
    states = {step.name: (step.state, step.reason) for step in document.steps}
    assert states["words/two"][0] == "failed"
    assert "9 layers" in states["words/two"][1]
    assert states["words/both"] == ("done", "compared without two")
    assert document.grids[1].lines[0].cells[0].value is not None
    cells = {line.label: line.cells[0] for line in document.grids[0].lines}
    assert cells["1"].value is not None
    assert "9 layers" in cells["=2"].undefined
    assert str(tmp_path) not in (folder / "suite.json").read_text()
    rows = {row.name: row.state for row in suite_status(folder)[1]}
    assert "9 layers" in rows["words/two"]


def test_only_some(scene: Scene, tmp_path: Path) -> None:
    """What nobody asked for would be made, or its absence be taken for a failure."""
    folder = tmp_path / "out"
    words = ["suite", "run", str(scene.file), "-o", str(folder), "--only", "two", "-q",
             "--device", "cpu", "--offline"]  # fmt: skip
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert {row.name: row.state for row in suite_status(folder)[1]} == {
        "words/teacher": "there", "words/two": "there", "words/one": "to make",
        "words/both": "to make",
    }  # fmt: skip
    document = read_suite(folder)
    assert {step.name: step.state for step in document.steps} == {
        "words/teacher": "done", "words/two": "done", "words/one": "left out",
        "words/both": "left out",
    }  # fmt: skip
    assert document.pages == ()
    cell = document.grids[0].lines[1].cells[0]
    assert (cell.value, cell.undefined) == (None, "left out of this run")
    dry = run_suite(scene.file, output=folder, dry_run=True, only=["one"], **CPU)
    assert [(row.name, row.state) for row in dry.planned] == [
        ("words/teacher", "there"), ("words/one", "to make")
    ]  # fmt: skip
    whole = run_suite(scene.file, output=folder, resume=True, **CPU)
    assert whole.made == ("words/one", "words/both")
    assert content(folder) == content(scene.folder)


def test_two_runs_in_one_folder(scene: Scene, tmp_path: Path) -> None:
    """Both would train the same step into the same files, and one would read the other's half."""
    from kdprobe.suites_run.steps import StepJob

    folder = tmp_path / "out"
    shutil.copytree(scene.folder, folder)
    store = ResultStore(folder)
    step = next(one for one in read_suite(folder).steps if one.name == "words/one")
    with alone_in(store.folder(step.address)):
        assert store.state(step.address) == "running"
    before = (store.folder(step.address) / "step.json").read_bytes()
    job = StepJob(step.name, "distill", step.address, str(folder), {}, (), {})
    assert job.run(Silent()) == ""  # it was made meanwhile: nothing is, without any option
    assert (store.folder(step.address) / "step.json").read_bytes() == before


def test_a_url_is_refused(scene: Scene) -> None:
    """A folder called `s3:` would be made here, which no worker elsewhere sees."""
    for place in ("s3://bucket/out", "memory://out", "file:///tmp/out"):
        done = CliRunner().invoke(app, ["suite", "run", str(scene.file), "-o", place])
        assert done.exit_code == 2, done.output
        with pytest.raises(ConfigError, match="is a URL, expected a folder; mount it"):
            run_suite(scene.file, output=place, **CPU)
    assert not Path("s3:").exists()


def test_a_wrong_file_ends_with_two(tmp_path: Path) -> None:
    """A script would take a suite that was never run for one that failed."""
    path = write_suite(tmp_path, ('make = "finetune"', 'make = "fine-tune"'))
    done = CliRunner().invoke(app, ["suite", "run", str(path), "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert not (tmp_path / "out").exists()
    for words in (["--scale", "huge"], ["--value", "x=1"], ["--only", "nothing"], ["--jobs", "0"],
                  ["--executor", "slurm"]):  # fmt: skip
        right = write_suite(tmp_path)
        done = CliRunner().invoke(
            app, ["suite", "run", str(right), "-o", str(tmp_path / "out"), *words]
        )
        assert done.exit_code == 2, words
        assert not (tmp_path / "out").exists()


def test_hostile_words(scene: Scene, tmp_path: Path) -> None:
    """A label could act on the page."""
    import shutil

    folder = tmp_path / "out"
    shutil.copytree(scene.folder, folder)
    nasty = "<script>alert(1)</script>\\u202e"
    path = write_suite(
        tmp_path,
        ('label = "T"', f'label = "{nasty}"'),
        ('title = "Two students"', f'title = "{nasty}"'),
        ('says = "One is nearer than two"', f'says = "{nasty}"'),
        ('why = "a drawing"', f'why = "{nasty}"'),
        ('differs = ["the data are made up"]', f'differs = ["{nasty}"]'),
    )  # fmt: skip
    run_suite(path, output=folder, resume=True, **CPU)
    page = (folder / "suite.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "\u202e" not in page
