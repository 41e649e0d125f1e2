"""The shipped suites at their smallest, from empty to page."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe.config.suite import suite_names
from kdprobe.suites_run.run import run_suite


@pytest.mark.timeout(1200)  # sixty trainings, on a machine that does other things too
@pytest.mark.parametrize("name", suite_names())
def test_from_empty_to_page(name: str, tmp_path: Path) -> None:
    """A step that fails at every size would be found after hours at the paper's."""
    result = run_suite(name, output=tmp_path / "out", device="cpu", offline=True)
    assert result.failed == ()
    assert result.document is not None
    assert (tmp_path / "out" / "suite.html").is_file()
    cells = [
        cell
        for grid in result.document.all_grids
        for line in grid.lines
        for cell in line.cells
        if not line.why
    ]
    assert any(cell.value is not None for cell in cells)
    assert all(cell.value is not None or cell.words or cell.undefined for cell in cells)
    reasons = [cell.undefined for cell in (*cells, *(one.cell for one in result.document.answers))]
    # Such a reason is a typing error in the suite: no size of it would have a number.
    assert not [one for one in reasons if "is called" in one or "go by it" in one]
