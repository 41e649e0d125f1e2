"""Which kind of document a person names.

Does: tell the documents of comparisons, sweeps and suites apart by what they say of themselves.
Does not: read or check one; whoever reads it says what is wrong with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from kdprobe.errors import ResultsFormatError
from kdprobe.plain_files import parse_json
from kdprobe.results.io import read_text

DocumentKind = Literal["comparison", "sweep", "suite"]
FILES: dict[str, DocumentKind] = {
    "results.json": "comparison", "sweep.json": "sweep", "suite.json": "suite",
}  # fmt: skip


def kind_of_document(path: Path) -> DocumentKind:
    """Return the kind of a document; of what is none, that of a comparison.

    A folder is what the first of `FILES` in it is; a file says so itself, whatever it is called.

    Raises:
        ResultsFormatError: the file cannot be read.
    """
    if path.is_dir():
        return next((kind for name, kind in FILES.items() if (path / name).is_file()), "comparison")
    text = read_text(path)
    try:
        data = parse_json(text, where=str(path), error=ResultsFormatError)
    except ResultsFormatError:
        return "comparison"
    named = data.get("document") if isinstance(data, dict) else None
    return next((kind for kind in FILES.values() if kind == named), "comparison")
