"""A transfer set as a file, and the record of how it was made.

Does: write tab-separated values, JSON lines or parquet, and a JSON beside it; read the record
again. Does not: read the texts; `distillers/transfer.py` does.

Columns: `id`, `text` (of pairs `text_a` and `text_b`), `source` (the id of the training example it
was made from; empty: of none) and `method`. No label: what a text is called is the teacher's to say.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from kdprobe.atomic import write_bytes, write_text
from kdprobe.augmenters.augmenter import Draft
from kdprobe.errors import OutputError

SUFFIXES = (".tsv", ".jsonl", ".parquet")


def check_suffix(path: Path) -> None:
    """Refuse a file that would be written in no format.

    Raises:
        OutputError: it does not end in .tsv, .jsonl or .parquet.
    """
    if path.suffix not in SUFFIXES:
        raise OutputError(
            str(path),
            found=f"ends in {path.suffix!r}" if path.suffix else "has no ending",
            expected="one of " + ", ".join(SUFFIXES),
        )


def record_of(path: Path) -> Path:
    """Name the file that tells how a transfer set was made: `FILE.json`."""
    return path.with_name(f"{path.name}.json")


def columns_of(drafts: Sequence[Draft], *, method: str, has_pairs: bool) -> dict[str, list[str]]:
    """Give the texts as columns of one length."""
    ids = [f"{method}-{row:06d}" for row in range(1, len(drafts) + 1)]
    texts = {"text_a" if has_pairs else "text": [draft.text for draft in drafts]}
    if has_pairs:
        texts["text_b"] = [draft.pair or "" for draft in drafts]
    told = {"source": [draft.source for draft in drafts], "method": [method] * len(drafts)}
    return {"id": ids, **texts, **told}


def write_set(
    path: Path, columns: Mapping[str, Sequence[str]], record: Mapping[str, JsonValue]
) -> None:
    """Write the record, then the texts: where the texts stand, their record stands too.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(record_of(path), text)
    if path.suffix == ".parquet":
        write_bytes(path, _parquet(columns))
        return
    rows = list(zip(*columns.values(), strict=True))
    if path.suffix == ".tsv":
        lines = ["\t".join(columns), *("\t".join(row) for row in rows)]
    else:
        named = (dict(zip(columns, row, strict=True)) for row in rows)
        lines = [json.dumps(row, ensure_ascii=False) for row in named]
    write_text(path, "\n".join(lines) + "\n")


def _parquet(columns: Mapping[str, Sequence[str]]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    data = io.BytesIO()
    pyarrow.parquet.write_table(
        pyarrow.table({name: list(cells) for name, cells in columns.items()}), data
    )
    return data.getvalue()


def read_record(path: Path) -> dict[str, Any] | None:
    """Read how a transfer set was made; None when no such file can be read."""
    try:
        record = json.loads(record_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
