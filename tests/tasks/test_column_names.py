"""The names of columns, of long files from their beginning."""

from pathlib import Path

import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks import readers


@pytest.mark.parametrize("rest", ["a,1\n", '"a\nb",1\n', "a,1,2\n"])
def test_names_of_a_long_file_are_those_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: str
) -> None:
    """Guards against a header cut in two, and a field that goes on beyond the beginning."""
    file = tmp_path / "t.csv"
    for size in range(12, 40):
        monkeypatch.setattr(readers, "_BEGINNING", size)
        file.write_text('text,"la\nbel"\n' + "a,1\n" * 3 + rest, encoding="utf-8")
        if rest == "a,1,2\n" and size < 20:
            continue  # the header alone is in the beginning, the fault is found when it is read
        try:
            assert readers.column_names(file) == ("text", "la\nbel")
        except TaskError:
            assert rest == "a,1,2\n"
