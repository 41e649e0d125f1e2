"""What a suite costs beside its steps: planning, walking, reading, tables and the page.

    python -m tests.bench.test_suites FOLDER 10 30 100

makes whole suites of so many students, and prints time, memory and disk of each.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest

from kdprobe import compare_predictions
from kdprobe.extract.fresh_process import resident_peak
from kdprobe.progress import Silent
from kdprobe.results.io import dumps
from kdprobe.suites_run.document import make_document, write_all
from kdprobe.suites_run.run import run_suite
from kdprobe.suites_run.schedule import run_steps
from kdprobe.suites_run.store import ResultStore
from kdprobe.workers.jobs import EndedJob
from tests.bench.rows import BenchRows
from tests.suites_run.builders import plan_of
from tests.suites_run.many import write_many
from tests.suites_run.test_schedule import Recording

GOLD = [0, 1] * 20


@cache
def results() -> str:
    """Return the results of a comparison with one student, as its file has them."""
    document = compare_predictions(
        GOLD, teacher=GOLD, students={"STUDENT": GOLD[1:] + GOLD[:1]}, resamples=100,
        only=["task_scores", "agreement"],
    ).document  # fmt: skip
    return dumps(document)


class Finished(Recording):
    """An executor whose comparisons are those of arrays, so that nothing but a suite takes time."""

    def wait(self) -> list[EndedJob[str]]:
        """Write an empty model, or a comparison of the right names."""
        job = self.running[-1]
        ended = super().wait()
        if job.kind == "compare":
            (_, _), (student, _) = job.inputs
            folder = self.store.result(job.address, job.kind)
            text = results().replace("STUDENT", student)
            (folder / "results.json").write_text(text, encoding="utf-8")
            (folder / "report.html").write_text("a page", encoding="utf-8")
        return ended


def own_seconds(folder: Path, count: int) -> float:
    """Return the CPU seconds of everything but the steps, once all steps are there."""
    folder.mkdir(exist_ok=True)
    store = ResultStore(folder / f"out-{count}")
    path = write_many(folder, count)

    def walked(executor: Recording) -> float:
        started = time.process_time()
        plan = plan_of(path)
        states = run_steps(
            plan, store, executor, chosen=plan.chosen([]), machine={}, progress=Silent()
        )
        document = make_document(plan, states, store, command="", device="cpu")
        write_all(document, plan, store)
        assert len(document.pages) == count
        return time.process_time() - started

    walked(Finished(store))
    second = Recording(store)
    seconds = walked(second)
    assert second.jobs == []
    return seconds


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_a_suite_grows_with_its_students(tmp_path: Path, bench_row: BenchRows) -> None:
    """A plan that is walked once for every step would take hours for thousands of them."""
    own_seconds(tmp_path, 5)  # whatever is imported or read once
    few, many = (min(own_seconds(tmp_path / str(i), n) for i in range(2)) for n in (30, 200))
    row = bench_row(
        "a suite of 200 students beside one of 30, all steps there: seconds a student",
        (many / 200) / (few / 30), unit="points", must=1.5,
        agreement=f"{few:.1f} s for 30, {many:.1f} s for 200",
    )  # fmt: skip
    assert row.holds(row.must)


def measured(folder: Path, count: int) -> dict[str, float]:
    """Make a suite of so many students in this process, and return what it took."""
    output = folder / f"suite-{count}"
    shutil.rmtree(output, ignore_errors=True)
    started = time.process_time()
    result = run_suite(write_many(folder, count), output=output, jobs=1, device="cpu", offline=True)
    assert result.failed == ()
    files = [file.stat().st_size for file in output.rglob("*") if file.is_file()]
    return {
        "students": count,
        "steps": len(result.made),
        "CPU s": round(time.process_time() - started, 1),
        "peak MB": round(resident_peak() / 1e6),
        "disk MB": round(sum(files) / 1e6, 1),
        "page kB": round((output / "suite.html").stat().st_size / 1000),
    }


def main(folder: Path, counts: list[str]) -> None:
    """Print a line for each number of students, each measured in a process of its own."""
    if len(counts) == 1:
        print(json.dumps(measured(folder, int(counts[0]))), flush=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for count in counts:
        subprocess.run([sys.executable, "-m", __spec__.name, str(folder), count], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
