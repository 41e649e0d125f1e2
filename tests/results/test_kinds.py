"""Which kind of document a person names."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe.errors import ResultsFormatError
from kdprobe.results.io import dumps
from kdprobe.results.kinds import kind_of_document
from tests.report import swept


def test_a_file_says_what_it_is(tmp_path: Path) -> None:
    """A page of the wrong kind, or a traceback for what is no document."""
    file = tmp_path / "mine.json"
    for text, kind in (
        (dumps(swept.document()), "sweep"), ('{"document": "suite"}', "suite"),
        ('{"schema_version": 1}', "comparison"), ('{"document": ["suite"]}', "comparison"),
        ("[]", "comparison"), ("no json", "comparison"),
    ):  # fmt: skip
        file.write_text(text)
        assert kind_of_document(file) == kind
    with pytest.raises(ResultsFormatError, match="cannot be read"):
        kind_of_document(tmp_path / "none.json")


def test_a_folder_is_what_it_holds(tmp_path: Path) -> None:
    """A comparison in the folder of a sweep would never be rendered again."""
    assert kind_of_document(tmp_path) == "comparison"
    for name, kind in (("suite.json", "suite"), ("sweep.json", "sweep"),
                       ("results.json", "comparison")):  # fmt: skip
        (tmp_path / name).write_text("{}")
        assert kind_of_document(tmp_path) == kind
