"""The order of steps, one run an address, and what becomes of what hangs on a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe.progress import Silent
from kdprobe.suites_run.plan import SuitePlan
from kdprobe.suites_run.schedule import StepState, as_run, run_steps
from kdprobe.suites_run.steps import StepJob
from kdprobe.suites_run.store import ResultStore
from kdprobe.workers.jobs import EndedJob, Job
from tests.suites_run.builders import plan_of, write_suite


class Recording:
    """An executor that makes empty results, and fails the steps it is told to."""

    def __init__(self, store: ResultStore, *, slots: int = 2, fails: tuple[str, ...] = ()) -> None:
        self.slots, self.fails, self.store = slots, fails, store
        self.jobs: list[StepJob] = []
        self.running: list[StepJob] = []
        self.most = 0

    def submit(self, job: Job[str]) -> None:
        assert isinstance(job, StepJob)
        self.jobs.append(job)
        self.running.append(job)
        self.most = max(self.most, len(self.running))

    def wait(self) -> list[EndedJob[str]]:
        job = self.running.pop()
        if job.name in self.fails:
            return [EndedJob(job.name, "no luck")]
        self.store.result(job.address, job.kind).mkdir(parents=True)
        self.store.write_record(job.address, job.kind, job.name, 1.0)
        return [EndedJob(job.name, "")]

    def close(self) -> None:
        """Do nothing."""


def walk(
    plan: SuitePlan, executor: Recording, *, only: tuple[str, ...] = ()
) -> dict[str, StepState]:
    return run_steps(
        plan, executor.store, executor, chosen=plan.chosen(only), machine={"threads": 1},
        progress=Silent(),
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "out")


def test_parents_come_first(tmp_path: Path, store: ResultStore) -> None:
    """A student would be distilled from a folder that does not exist yet."""
    executor = Recording(store)
    states = walk(plan_of(write_suite(tmp_path)), executor)
    names = [job.name for job in executor.jobs]
    assert names[0] == "words/teacher"
    assert names[-1] == "words/both"
    assert executor.most == 2
    assert {state.state for state in states.values()} == {"done"}
    assert all(state.made for state in states.values())
    students = dict(executor.jobs[-1].inputs)
    assert [Path(place).name for place in students["one"]] == ["model"]


def test_what_is_there_is_not_made_again(tmp_path: Path, store: ResultStore) -> None:
    """A resumed suite would take as long as the first time."""
    plan = plan_of(write_suite(tmp_path))
    walk(plan, Recording(store), only=("one",))
    second = Recording(store)
    states = walk(plan, second)
    assert [job.name for job in second.jobs] == ["words/two", "words/both"]
    assert [name for name, state in states.items() if state.made] == ["words/two", "words/both"]


def test_the_rest_goes_on(tmp_path: Path, store: ResultStore) -> None:
    """One student that cannot be made would cost the others, with all their comparisons.

    The comparison of the others lies elsewhere than that of all, which is made once the student is.
    """
    plan = plan_of(write_suite(tmp_path))
    executor = Recording(store, fails=("words/one",))
    states = walk(plan, executor)
    assert states["words/one"] == StepState("failed", "no luck")
    assert states["words/two"].state == "done"
    assert (states["words/both"].state, states["words/both"].reason) == (
        "done", "compared without one"
    )  # fmt: skip
    job = next(job for job in executor.jobs if job.name == "words/both")
    assert [role for role, _ in job.inputs] == ["teacher", "two"]
    assert as_run(plan, states).steps["words/both"].address == job.address
    assert job.address != plan.steps["words/both"].address
    mended = Recording(store)
    states = walk(plan, mended)
    assert [job.name for job in mended.jobs] == ["words/one", "words/both"]
    assert states["words/both"] == StepState("done", made=True)


def test_a_comparison_of_nobody_waits(tmp_path: Path, store: ResultStore) -> None:
    """A teacher beside no student would be a page that says nothing."""
    executor = Recording(store, fails=("words/one", "words/two"))
    states = walk(plan_of(write_suite(tmp_path)), executor)
    assert states["words/both"] == StepState("waits", "hangs on words/one, which failed")


def test_the_first_failure_is_named(tmp_path: Path, store: ResultStore) -> None:
    """The reason of a comparison would name a student that was never tried."""
    states = walk(plan_of(write_suite(tmp_path)), Recording(store, fails=("words/teacher",)))
    assert states["words/both"].reason == "hangs on words/teacher, which failed"


def test_left_out(tmp_path: Path, store: ResultStore) -> None:
    """What `only` leaves out must not look failed: the command would exit 3."""
    states = walk(plan_of(write_suite(tmp_path)), Recording(store), only=("one",))
    assert states["words/both"] == StepState("left out", "left out of this run")


def test_one_address_is_run_once(tmp_path: Path, store: ResultStore) -> None:
    """Two processes would write one folder."""
    path = write_suite(tmp_path, ('student = "layers=1:last"\nrecipe = "limes-logits"',
                                  'student = "layers=1"'))  # fmt: skip
    executor = Recording(store)
    states = walk(plan_of(path), executor)
    assert [job.name for job in executor.jobs] == ["words/teacher", "words/one", "words/both"]
    assert states["words/two"].state == "done"
    assert [n for n, s in states.items() if s.made].count("words/two") == 0


def test_one_slot(tmp_path: Path, store: ResultStore) -> None:
    """More steps than slots at once would fill the memory."""
    executor = Recording(store, slots=1)
    walk(plan_of(write_suite(tmp_path)), executor)
    assert executor.most == 1


def test_a_record_without_a_result(tmp_path: Path, store: ResultStore) -> None:
    """A folder that somebody emptied would be taken for a result."""
    address = "a" * 64
    store.write_record(address, "compare", "x", 1.0)
    assert store.record(address) is None
    store.result(address, "compare").mkdir(parents=True)
    assert store.record(address) is not None
    assert store.record("a" * 16 + "b" * 48) is None  # another address in the same folder
    (store.folder(address) / "step.json").write_text("{", encoding="utf-8")
    assert store.record(address) is None


def test_a_failure_is_kept_until_it_is_mended(store: ResultStore) -> None:
    """`status` would show a step that goes well as failed."""
    address = "c" * 64
    store.write_failure(address, "no luck", "trace")
    assert store.failure(address) == "no luck"
    store.write_record(address, "compare", "x", 1.0)
    assert store.failure(address) == ""
