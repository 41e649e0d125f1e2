"""A transfer set as a file, and the record of how it was made.

Does: write tab-separated values, JSON lines or parquet, and a JSON beside it; read the record
again. Does not: read the texts; `distillers/transfer.py` does.

Columns: `id`, `text` (of pairs `text_a` and `text_b`), `source` (the id of the training example it
was made from; empty: of none) and `method`. No label: what a text is called is for the teacher to
say.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from kdprobe.atomic import require_empty_folder, staged_folder, write_bytes, write_text
from kdprobe.augmenters.augmenter import GeneratedText
from kdprobe.errors import OutputError
from kdprobe.plain_files import read_json
from kdprobe.portable import portable_tree
from kdprobe.results.schema import Estimate
from kdprobe.results.shown import ShownResult
from kdprobe.version import __version__

SUFFIXES = (".tsv", ".jsonl", ".parquet")


@dataclass(frozen=True, repr=False)
class TransferSet(ShownResult):
    """What was written.

    Args:
        path: the file; `PATH.json` beside it tells how it was made.
        size: the number of texts, or pairs.
        counts: `drawn` and what became of the rest: `empty` (nothing left, or not readable),
            `known` (stands in the training split), `repeated`, `leaked`; with `kept` they add up.
        leaks: for each split that was checked, how many different texts that were drawn stand in
            it; all were left out.
        facts: how the texts were made, for people.
        notes: what the reader must know.
        seconds: of the run that wrote it.
    """

    path: Path
    size: int
    counts: Mapping[str, int]
    leaks: Mapping[str, int]
    facts: Mapping[str, str]
    notes: tuple[str, ...]
    seconds: float

    def record(self, plan: Mapping[str, Any]) -> dict[str, JsonValue]:
        """Return everything that a program may want to read again."""
        return {
            "record_version": 1,
            "what": f"texts without labels for {plan['task']}, made by {plan['method']}",
            "produced_by": {"kdprobe": __version__},
            "plan": portable_tree(dict(plan)),
            "size": self.size,
            "counts": dict(self.counts),
            "leaks": dict(self.leaks),
            "facts": dict(self.facts),
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }

    @property
    def numbers(self) -> list[tuple[str, Estimate]]:
        """The counts of `counts`, and `leaked` for each split that was checked."""
        counts = [
            Estimate(metric=name, model_a="texts", value=float(count))
            for name, count in {"kept": self.size, **self.counts}.items()
        ]
        leaks = [
            Estimate(metric="leaks", model_a=split, value=float(count))
            for split, count in self.leaks.items()
        ]
        return [("augmentation", each) for each in (*counts, *leaks)]

    @property
    def title(self) -> str:
        """How many texts, and where."""
        return f"kdprobe transfer set: {self.size:,} texts in {self.path.name}"

    @property
    def sentences(self) -> tuple[str, ...]:
        """How the texts were made, and the notes."""
        return (*(f"{name}: {fact}" for name, fact in self.facts.items()), *self.notes)

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Copy the file and its record into a folder, both or none.

        Args:
            folder: a new or empty one.
            force: write into one that is not empty.

        Raises:
            OutputError: the folder is not empty, or cannot be written.
        """
        target = Path(folder)
        require_empty_folder(target, force=force)
        with staged_folder(target) as stage:
            for place in (self.path, record_of(self.path)):
                shutil.copy(place, stage)
        return target

    @classmethod
    def of_record(cls, path: Path, record: Mapping[str, Any]) -> TransferSet:
        """Read what `record` wrote."""
        return cls(
            path=path,
            size=record["size"],
            counts=record["counts"],
            leaks=record["leaks"],
            facts=record["facts"],
            notes=tuple(record["notes"]),
            seconds=record["seconds"],
        )


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
    """Return the file that tells how a transfer set was made: `FILE.json`."""
    return path.with_name(f"{path.name}.json")


def columns_of(
    drafts: Sequence[GeneratedText], *, method: str, has_pairs: bool
) -> dict[str, list[str]]:
    """Return the texts as columns of one length."""
    ids = [f"{method}-{row:06d}" for row in range(1, len(drafts) + 1)]
    texts = {"text_a" if has_pairs else "text": [draft.text for draft in drafts]}
    if has_pairs:
        texts["text_b"] = [draft.pair or "" for draft in drafts]
    origins = {"source": [draft.source for draft in drafts], "method": [method] * len(drafts)}
    return {"id": ids, **texts, **origins}


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
        record = read_json(record_of(path), error=OutputError)
    except OutputError:
        return None
    return record if isinstance(record, dict) else None
