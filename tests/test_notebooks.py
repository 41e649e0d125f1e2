"""The notebooks of docs/notebooks: valid, clean, and every cell runs in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
FIELDS = {
    "code": {"cell_type", "execution_count", "id", "metadata", "outputs", "source"},
    "markdown": {"cell_type", "id", "metadata", "source"},
}
"""Of nbformat 4.5, the schema of https://nbformat.readthedocs.io."""


def test_there_is_one_for_each_use() -> None:
    """A notebook that was moved is no longer run, and nobody notices."""
    assert [file.stem for file in NOTEBOOKS] == [
        "compare_arrays", "compare_folders", "distil_and_look", "write_a_plug_in",
    ]  # fmt: skip


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_valid_and_holds_no_output(file: Path) -> None:
    """Outputs of somebody's machine, or a file that Jupyter mends at first sight."""
    book = json.loads(file.read_text(encoding="utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert book["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in book["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in book["cells"]:
        assert set(cell) == FIELDS[cell["cell_type"]]
        assert all(isinstance(line, str) for line in cell["source"])
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert book["cells"][0]["source"][0].startswith("# ")


@pytest.mark.slow
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs(file: Path, tmp_path: Path) -> None:
    """A cell that stopped working, warns, or shows nothing where it is to show a result."""
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", ROOT / "tests" / "run_notebook.py", file],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "KDPROBE_CACHE": str(tmp_path)},
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    shown = done.stdout.split()
    assert shown.count("html") >= 2
    assert not {"broken", "empty"} & set(shown)
    assert any((tmp_path / name / "report.html").is_file() for name in ("report", "arrays")) or (
        (tmp_path / "student" / "training.html").is_file()
    )
