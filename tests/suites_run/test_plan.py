"""What decides an address, and what hangs on what."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from kdprobe.config.base import suites_folder
from kdprobe.config.probing import open_probing_task
from kdprobe.config.recipe import open_recipe
from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.suites_run import addresses
from kdprobe.suites_run.addresses import DataFacts, address_of
from kdprobe.suites_run.estimate import CostEstimator
from kdprobe.suites_run.sizes import ModelSize, public_size
from tests.suites_run.builders import DATA, plan_of, write_suite


def changed(before: Path, after: Path) -> set[str]:
    """The steps whose addresses differ between two files."""
    one, other = plan_of(before), plan_of(after)
    return {n for n, s in other.steps.items() if s.address != one.steps[n].address}


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        ('recipe = "limes-logits"', 'recipe = "vanilla"', {"words/two", "words/both"}),
        ("limit = 160", "limit = 100", {"words/teacher", "words/one", "words/two", "words/both"}),
        ("epochs = 6", "epochs = 7", {"words/teacher", "words/one", "words/two", "words/both"}),
        ("resamples = 100", "resamples = 200", {"words/both"}),
        ("times = 100", "times = 1", set()),
        ('title = "Two students"', 'title = "2"', set()),
        ('name = "one"', 'name = "one"\nabout = "a sentence"', set()),
    ],
)
def test_a_changed_line_moves_what_hangs_on_it(
    tmp_path: Path, old: str, new: str, steps: set[str]
) -> None:
    """An address that forgot an option would show an old result as the new one."""
    before, after = tmp_path / "a", tmp_path / "b"
    before.mkdir()
    after.mkdir()
    assert changed(write_suite(before), write_suite(after, (old, new))) == steps


def test_a_new_version_of_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of code that was wrong would be found again for ever."""
    path = write_suite(tmp_path)
    before = plan_of(path)
    monkeypatch.setattr(addresses, "VERSIONS", {**addresses.VERSIONS, "distill": 99})
    after = plan_of(path)
    same = {n for n, s in after.steps.items() if s.address == before.steps[n].address}
    assert same == {"words/teacher"}


def test_a_folder_counts_by_its_content(tmp_path: Path) -> None:
    """A teacher that was retrained in its folder would keep its students."""
    for name, words in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(f'{{"x": {words}}}')
    one, same, other = (addresses.model_identity(str(tmp_path / n)) for n in "abc")
    assert one == same != other
    assert addresses.model_identity("google/bert") == "google/bert"


def test_a_function_counts_by_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function whose code was changed would be shown with its old answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    name, identities = "python:answers_of_a_plan:ask", []
    for text in ("def ask(texts): return []", "def ask(texts): return [1]"):
        (tmp_path / "answers_of_a_plan.py").write_text(text)
        addresses.forget_contents()
        identities.append(addresses.model_identity(name))
    assert identities[0] != identities[1]
    with pytest.raises(ConfigError, match="no_such_module"):
        addresses.model_identity("python:no_such_module:ask")


def test_what_changes_between_two_plans_is_read_again(tmp_path: Path) -> None:
    """In one notebook a folder that was trained again would keep its students."""
    folder, path = tmp_path / "encoder", write_suite(tmp_path)
    folder.mkdir()
    addressed = []
    for words in ("1", "2"):
        (folder / "config.json").write_text(f'{{"x": {words}}}')
        addressed.append(plan_of(path, encoder=str(folder)).steps["words/teacher"].address)
    assert addressed[0] != addressed[1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('primary_score = "mcc"', 'primary_score = "f1"'),
        ('positive = "great"', 'positive = "terrible"'),
        ('text = "sentence"', 'text = "sentence"\ncluster = "label"'),
    ],
)
def test_a_task_of_ones_own_counts_by_what_it_says(tmp_path: Path, old: str, new: str) -> None:
    """A task file with another score would show results that were chosen by the old one."""
    shutil.copytree(DATA.parent, tmp_path / "data")
    own = tmp_path / "data" / DATA.name
    path = write_suite(tmp_path, (str(DATA), str(own)))
    before = plan_of(path)
    assert before.steps["words/teacher"].address == plan_of(path).steps["words/teacher"].address
    own.write_text(own.read_text().replace(old, new))
    after = plan_of(path)
    assert not [s.failed for s in after.steps.values() if s.failed]
    assert {n for n, s in after.steps.items() if s.address == before.steps[n].address} == set()
    assert plan_of(write_suite(tmp_path)).steps["words/teacher"].data.definition == ""


def test_files_of_evidence_count_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other pairs, or other probing sentences, under the same name would be the old results."""
    asks = 'only = ["task_scores"], minimal_pairs = { folder = "pairs" }, probing = ' \
        '{ tasks = ["sentence_length"], sentences = 50 }'  # fmt: skip
    path = write_suite(
        tmp_path, ('only = ["task_scores", "agreement", "student_differences"]', asks)
    )
    pairs, probing = tmp_path / "pairs", tmp_path / "held" / "senteval"
    pairs.mkdir()
    probing.mkdir(parents=True)
    addressed = []
    for file in (None, pairs / "a.jsonl", probing / open_probing_task("sentence_length").file):
        if file is not None:
            file.write_text("{}")
        step = plan_of(path).steps["words/both"]
        assert step.keywords["minimal_pairs"]["folder"] == str(pairs)
        addressed.append(step.address)
        monkeypatch.setenv("KDPROBE_DATA", str(tmp_path / "held"))
    assert len(set(addressed)) == 3
    assert plan_of(path).steps["words/teacher"].address == plan_of(
        write_suite(tmp_path)
    ).steps["words/teacher"].address  # fmt: skip


def test_a_recipe_beside_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe of one's own would be looked for where the command was typed."""
    own = suites_folder() / "recipes" / "limes-logits.toml"
    (tmp_path / "own.toml").write_bytes(own.read_bytes())
    shipped = plan_of(write_suite(tmp_path))
    monkeypatch.chdir(tmp_path.parent)
    plan = plan_of(write_suite(tmp_path, ('"limes-logits"', '"own.toml"')))
    assert plan.steps["words/two"].keywords["recipe"] == str(tmp_path / "own.toml")
    assert plan.steps["words/two"].address == shipped.steps["words/two"].address


def test_equal_steps_have_one_address(tmp_path: Path) -> None:
    """Two rows of a table that name the same training would train it twice."""
    path = write_suite(tmp_path, ('student = "layers=1:last"\nrecipe = "limes-logits"',
                                  'student = "layers=1"'))  # fmt: skip
    plan = plan_of(path)
    assert plan.steps["words/one"].address == plan.steps["words/two"].address


def test_seeds(tmp_path: Path) -> None:
    """A student of seed 1 would be taught by a teacher that was never trained."""
    plan = plan_of(write_suite(tmp_path, ("differs =", "seeds = [1, 2]\ndiffers =")))
    assert plan.steps["words/one/seed-2"].parents == ("words/teacher/seed-2",)
    assert plan.steps["words/both"].parents == (
        "words/teacher/seed-1", "words/one/seed-1", "words/one/seed-2", "words/two/seed-1",
        "words/two/seed-2",
    )  # fmt: skip


def test_only(tmp_path: Path) -> None:
    """A part without what it hangs on could not be made."""
    plan = plan_of(write_suite(tmp_path))
    assert plan.chosen(["one"]) == {"words/teacher", "words/one"}
    assert plan.chosen(["words/both", "two"]) == plan.chosen(["words"]) == frozenset(plan.steps)
    with pytest.raises(UnknownNameError, match="did you mean 'one'"):
        plan.chosen(["ones"])


def test_what_hangs_on_itself(tmp_path: Path) -> None:
    """A circle would wait for ever."""
    path = write_suite(tmp_path, ('make = "finetune"\nmodel = "${encoder}"',
                                  'make = "distill"\nteacher = "one"'))  # fmt: skip
    with pytest.raises(ConfigError, match="hangs on itself: words/"):
        plan_of(path)


def test_data_that_are_not_there(tmp_path: Path) -> None:
    """One task without data would stop the others."""
    path = write_suite(tmp_path, ('tasks = ["words"]', 'tasks = ["words", "qnli"]'),
                       ("[scales.tiny]", "[scales.tiny]\ntasks.qnli = {}"))  # fmt: skip
    plan = plan_of(path)
    assert not plan.steps["words/teacher"].failed
    assert "qnli" in plan.steps["qnli/teacher"].failed
    assert plan.steps["qnli/one"].failed


def test_what_a_scale_leaves_out(tmp_path: Path) -> None:
    """A comparison would wait for a student that nobody makes."""
    path = write_suite(tmp_path, ("differs = [", 'leave_out = { two = "no time" }\ndiffers = ['))
    plan = plan_of(path)
    assert plan.steps["words/both"].parents == ("words/teacher", "words/one")
    assert plan.absent["two"] == "no time"
    assert "not made, no time: two" in plan.suite.differs


def test_an_address_by_hand() -> None:
    """A digest that depended on the order of keys would change with every Python."""
    import hashlib

    text = '{"a": 1, "b": [2], "kind": "compare", "version": 1}'
    assert address_of("compare", {"b": [2], "a": 1}) == hashlib.sha256(text.encode()).hexdigest()


def test_sizes_by_hand(tmp_path: Path) -> None:
    """An estimate of a thousandth would plan an hour for a week."""
    assert ModelSize(12, 768, 3072, 30522).inner == 84_934_656  # BERT-base: 85 M
    assert ModelSize(2, 4, 8, 10).whole == 2 * (64 + 64) + 40
    plan = plan_of(write_suite(tmp_path))
    estimator = CostEstimator(plan)
    costs = {name: estimator.cost(step) for name, step in plan.steps.items()}
    assert all(cost.seconds and cost.memory for cost in costs.values())
    paper = plan_of(write_suite(tmp_path), "paper")
    teacher = CostEstimator(paper).cost(paper.steps["words/teacher"])
    known = public_size("bert-base-uncased")
    assert known is not None
    # Adam's four numbers of every weight of BERT-base are 1.7 GB, beside half a gigabyte.
    assert known.whole * 16 + 500_000_000 < (teacher.memory or 0) < 3_000_000_000
    other = plan_of(write_suite(tmp_path), "paper", encoder="somebody/bert")
    assert CostEstimator(other).cost(other.steps["words/teacher"]).seconds is None


def test_memory_is_that_of_the_longest_texts(tmp_path: Path) -> None:
    """Two trainings would begin where there is room for one: a batch of long texts takes most."""
    plan = plan_of(write_suite(tmp_path))
    step = plan.steps["words/teacher"]
    assert step.data.longest > step.data.words

    def memory(longest: int) -> int:
        long = replace(step, data=replace(step.data, longest=longest))
        return CostEstimator(plan).cost(long).memory or 0

    batch = open_recipe("vanilla").training.batch_size
    more = memory(110) - memory(10)  # of 2 layers 32 wide, 34 bytes a number: 1.3 tokens a word
    assert abs(more - batch * 100 * 1.3 * 2 * 32 * 34) <= 1
    assert memory(10_000) == memory(1_000)  # an encoder reads 512 tokens


def test_facts_of_data() -> None:
    """Data that cannot be read must not look like empty data."""
    assert DataFacts().failed == ""
